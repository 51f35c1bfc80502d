//! Durable states of entities.

use std::collections::{BTreeSet, HashMap};

use defacto_model::{EntityId, Timestamp};
use defacto_ports::codec::{decode_state, encode_state};
use defacto_ports::{EntityStateRow, Error, Realm};

use crate::session::Session;
use crate::wire::{Args, Columns, Kind, Rows};

impl Session {
    pub(crate) async fn save_states(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        rows: &[EntityStateRow],
    ) -> Result<(), Error> {
        let info = self.realm(realm).await?;
        let table = info.table(info.layout.entity(entity_type)?, "state");
        let mut new = Rows::new(&[Kind::Uuid, Kind::Time, Kind::Bool, Kind::Bytes]);
        for row in rows {
            new.row().id(row.entity_id).maybe_time(row.record.next_due);
            new.bool(!row.record.exists).bytes(&encode_state(row));
        }
        let mut args = Args::new();
        args.rows(&new);
        let sql = format!(
            "INSERT INTO {table}(entity, next_due, ghost, content) SELECT * FROM {} \
             ON CONFLICT(entity) DO UPDATE SET next_due = excluded.next_due, \
             ghost = excluded.ghost, content = excluded.content",
            new.unnest(1)
        );
        self.later("storing states", sql, args)
    }

    pub(crate) async fn delete_states(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        ids: &[EntityId],
    ) -> Result<(), Error> {
        let info = self.realm(realm).await?;
        let table = info.table(info.layout.entity(entity_type)?, "state");
        let mut args = Args::new();
        args.ids(ids);
        let sql = format!("DELETE FROM {table} WHERE entity = ANY($1)");
        self.later("deleting states", sql, args)
    }

    pub(crate) async fn load_states(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        ids: &[EntityId],
    ) -> Result<Vec<Option<EntityStateRow>>, Error> {
        let info = self.realm(realm).await?;
        let table = info.table(info.layout.entity(entity_type)?, "state");
        let distinct: BTreeSet<EntityId> = ids.iter().copied().collect();
        let mut args = Args::new();
        args.ids(&distinct);
        let sql = format!("SELECT s.entity, s.content FROM {table} s WHERE s.entity = ANY($1)");
        let mut found = HashMap::new();
        for row in self.ask("reading states", sql, args).await? {
            let id = row.id(0)?;
            found.insert(id, decode_state(id, row.bytes(1)?)?);
        }
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }

    pub(crate) async fn due(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        before: Timestamp,
        after: Option<EntityId>,
        limit: usize,
    ) -> Result<Vec<EntityId>, Error> {
        let info = self.realm(realm).await?;
        let table = info.table(info.layout.entity(entity_type)?, "state");
        let mut args = Args::new();
        args.time(before).limit(limit);
        let filter = if let Some(after) = after {
            args.id(after);
            " WHERE d.entity > $3"
        } else {
            ""
        };
        // The index on time finds them; without the fence the order would make the planner walk all entities instead.
        let sql = format!(
            "WITH d AS MATERIALIZED (SELECT s.entity FROM {table} s WHERE s.next_due < $1) \
             SELECT d.entity FROM d{filter} ORDER BY d.entity LIMIT $2"
        );
        let rows = self.rows("reading entities due", sql, args).await?;
        rows.iter().map(|row| row.id(0)).collect()
    }

    pub(crate) async fn count_entities(
        &mut self,
        realm: &Realm,
        entity_type: &str,
    ) -> Result<u64, Error> {
        let info = self.realm(realm).await?;
        let table = info.table(info.layout.entity(entity_type)?, "state");
        let sql = format!(
            "SELECT (SELECT count(*) FROM {table}) - (SELECT count(*) FROM {table} WHERE ghost)"
        );
        let row = self.row("counting entities", sql, Args::new()).await?;
        row.map_or(Ok(0), |row| row.count(0))
    }
}
