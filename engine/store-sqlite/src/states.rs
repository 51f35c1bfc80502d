//! Durable states of entities.

use defacto_model::{EntityId, Timestamp};
use defacto_ports::{EntityStateRow, Error, Realm};

use crate::columns::{Args, Columns};
use crate::error::damaged;
use crate::session::{DueList, Parts, Session};
use defacto_ports::codec::{decode_state, encode_state};

/// Entities due that are kept sorted from page to page.
const DUE_MAX: usize = 262_144;

impl Session {
    pub(crate) async fn save_states(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        rows: &[EntityStateRow],
    ) -> Result<(), Error> {
        let info = self.realm(realm).await?;
        let table = info.table(info.layout.entity(entity_type)?, "state");
        let ids: Vec<EntityId> = rows.iter().map(|row| row.entity_id).collect();
        let keys = self.keys_of(entity_type, &ids).await?;
        let bound: Vec<(i64, &EntityStateRow)> = keys.into_iter().zip(rows).collect();
        let before = format!("INSERT OR REPLACE INTO {table}(entity, next_due, ghost, content) ");
        let parts = Parts { before: &before, columns: 4, after: "" };
        self.run_many("storing states", parts, &bound, |args, (key, row)| {
            args.int(*key).maybe_time(row.record.next_due);
            args.maybe_int((!row.record.exists).then_some(1)).blob(encode_state(row));
            Ok(())
        })
        .await
        .map(drop)
    }

    pub(crate) async fn delete_states(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        ids: &[EntityId],
    ) -> Result<(), Error> {
        let info = self.realm(realm).await?;
        let entity = info.layout.entity(entity_type)?;
        let keys = self.known_keys(ids).await?;
        for table in [info.table(entity, "state"), info.table(entity, "past")] {
            let mut args = Args::new();
            args.text(&keys);
            let sql =
                format!("DELETE FROM {table} WHERE entity IN (SELECT value FROM json_each(?))");
            self.run("deleting states", sql, args).await?;
        }
        Ok(())
    }

    pub(crate) async fn load_states(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        ids: &[EntityId],
    ) -> Result<Vec<Option<EntityStateRow>>, Error> {
        let info = self.realm(realm).await?;
        let table = info.table(info.layout.entity(entity_type)?, "state");
        let mut slots = std::collections::HashMap::new();
        let mut known = Vec::new();
        for (place, key) in self.find_keys(ids).await?.into_iter().enumerate() {
            if let Some(key) = key {
                slots.entry(key).or_insert_with(Vec::new).push(place);
                known.push(key);
            }
        }
        let mut args = Args::new();
        args.owned_text(crate::session::json_list(known));
        let sql = format!(
            "SELECT s.entity, s.content FROM json_each(?) j \
             CROSS JOIN {table} s ON s.entity = j.value"
        );
        let mut found = vec![None; ids.len()];
        for row in self.rows("reading states", sql, args).await? {
            for place in slots.get(&row.int(0)?).into_iter().flatten() {
                if let (Some(slot), Some(id)) = (found.get_mut(*place), ids.get(*place)) {
                    *slot = Some(decode_state(*id, row.blob(1)?)?);
                }
            }
        }
        Ok(found)
    }

    /// Sorted once and then served page by page. Asking again from the start, or about another
    /// instant, reads anew; in between, only entities already served may have changed.
    pub(crate) async fn due(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        before: Timestamp,
        after: Option<EntityId>,
        limit: usize,
    ) -> Result<Vec<EntityId>, Error> {
        let key = (realm.clone(), entity_type.to_owned(), before);
        if let Some(after) = after
            && let Some(list) = self.due.as_ref().filter(|list| list.key == key)
        {
            let start = list.ids.partition_point(|id| *id <= after);
            let page: Vec<EntityId> = list.ids.iter().skip(start).take(limit).copied().collect();
            if page.len() == limit || !list.more {
                return Ok(page);
            }
        }
        let info = self.realm(realm).await?;
        let entity = info.layout.entity(entity_type)?;
        let (table, index) = (info.table(entity, "state"), info.table(entity, "due"));
        let mut args = Args::new();
        args.time(before).blob(after.map_or(Vec::new(), |id| id.0.to_vec()));
        args.int(crate::replay::limit_of(DUE_MAX.max(limit)));
        let sql = format!(
            "SELECT e.id FROM {table} s INDEXED BY {index} CROSS JOIN entities e \
             ON e.key = s.entity WHERE s.next_due < ? AND e.id > ? ORDER BY e.id LIMIT ?"
        );
        let mut ids = Vec::new();
        for row in self.rows("reading entities due", sql, args).await? {
            ids.push(EntityId(row.blob(0)?.try_into().map_err(|_| damaged("an entity id"))?));
        }
        let page = ids.iter().take(limit).copied().collect();
        let more = ids.len() >= DUE_MAX.max(limit);
        self.due = Some(DueList { key, ids, more });
        Ok(page)
    }

    pub(crate) async fn count_entities(
        &mut self,
        realm: &Realm,
        entity_type: &str,
    ) -> Result<u64, Error> {
        let info = self.realm(realm).await?;
        let table = info.table(info.layout.entity(entity_type)?, "state");
        let sql = format!(
            "SELECT (SELECT count(*) FROM {table}) \
             - (SELECT count(*) FROM {table} WHERE ghost IS NOT NULL)"
        );
        let row = self.row("counting entities", sql, Args::new()).await?;
        let count = row.map_or(Ok(0), |row| row.int(0))?;
        u64::try_from(count).map_err(|_| damaged("the number of entities"))
    }
}
