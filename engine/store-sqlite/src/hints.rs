//! The identity map.

use defacto_model::EntityId;
use defacto_ports::{Error, HintKey, HintRow};
use sqlx::sqlite::SqliteRow;

use crate::columns::{Args, Columns};
use crate::replay::limit_of;
use crate::session::{Parts, Session};

const READ: &str = "reading the identity map";
const COLUMNS: &str = "i.type, i.space, i.value, i.field, i.entity";

/// Sorts before every (type, space).
const BEFORE_SPACES: (i64, i64) = (i64::MIN, i64::MIN);

impl Session {
    pub(crate) async fn find_hints(
        &mut self,
        keys: &[HintKey],
    ) -> Result<Vec<Option<EntityId>>, Error> {
        let mut bound = Vec::with_capacity(keys.len());
        for (index, key) in (0_i64..).zip(keys) {
            let kind = self.find_name(&key.entity_type).await?;
            let space = self.find_name(&key.space).await?;
            if let (Some(kind), Some(space)) = (kind, space) {
                bound.push((index, kind, space, key.value.as_str()));
            }
        }
        let parts = Parts {
            before: "WITH asked(place, type, space, value) AS (",
            columns: 4,
            after: ") SELECT a.place, i.entity FROM asked a CROSS JOIN identity i \
                    ON i.type = a.type AND i.space = a.space AND i.value = a.value",
        };
        let rows = self
            .rows_many(READ, parts, &bound, |args, (place, kind, space, value)| {
                args.int(*place).int(*kind).int(*space).text(value);
                Ok(())
            })
            .await?;
        let mut entities = Vec::with_capacity(rows.len());
        for row in &rows {
            entities.push(row.int(1)?);
        }
        self.learn_keys(&entities).await?;
        let mut found = vec![None; keys.len()];
        for (row, entity) in rows.iter().zip(entities) {
            let place = usize::try_from(row.int(0)?).unwrap_or(usize::MAX);
            if let Some(slot) = found.get_mut(place) {
                *slot = Some(self.entity(entity)?.id);
            }
        }
        Ok(found)
    }

    pub(crate) async fn add_hints(&mut self, rows: &[HintRow]) -> Result<(), Error> {
        let mut bound = Vec::with_capacity(rows.len());
        for run in rows.chunk_by(|a, b| a.key.entity_type == b.key.entity_type) {
            let Some(first) = run.first() else { continue };
            let kind = self.name(&first.key.entity_type).await?;
            let ids: Vec<EntityId> = run.iter().map(|row| row.entity_id).collect();
            let keys = self.keys_of(&first.key.entity_type, &ids).await?;
            for (row, key) in run.iter().zip(keys) {
                let space = self.name(&row.key.space).await?;
                let field = self.name(&row.field).await?;
                bound.push((kind, space, row.key.value.as_str(), field, key));
            }
        }
        // In key order, rows of one page meet.
        bound.sort_unstable();
        let parts = Parts {
            before: "INSERT OR FAIL INTO identity(type, space, value, field, entity) ",
            columns: 5,
            after: "",
        };
        self.run_many("storing hints", parts, &bound, |args, (kind, space, value, field, key)| {
            args.int(*kind).int(*space).text(value).int(*field).int(*key);
            Ok(())
        })
        .await
        .map(drop)
    }

    pub(crate) async fn move_hints(
        &mut self,
        from: EntityId,
        into: EntityId,
    ) -> Result<u64, Error> {
        let Some((loser, winner)) = self.pair_of(from, into).await? else { return Ok(0) };
        let mut args = Args::new();
        args.int(winner).int(loser);
        let sql = "UPDATE identity SET entity = ? WHERE entity = ?";
        self.run("moving hints of a merge", sql, args).await
    }

    pub(crate) async fn clear_hints(&mut self, ids: Option<&[EntityId]>) -> Result<(), Error> {
        let mut args = Args::new();
        let sql = match ids {
            None => "DELETE FROM identity",
            Some(ids) => {
                args.owned_text(self.known_keys(ids).await?);
                "DELETE FROM identity WHERE entity IN (SELECT value FROM json_each(?))"
            }
        };
        self.run("clearing hints", sql, args).await.map(drop)
    }

    /// Looks into each value space in turn: their number is that of the definitions' fields.
    pub(crate) async fn find_hint_text(&mut self, value: &str) -> Result<Vec<HintRow>, Error> {
        let mut found = Vec::new();
        let mut last = BEFORE_SPACES;
        while let Some(next) = self.space_after(last).await? {
            last = next;
            let mut args = Args::new();
            args.int(last.0).int(last.1).text(value);
            let sql = format!(
                "SELECT {COLUMNS} FROM identity i \
                 WHERE i.type = ? AND i.space = ? AND i.value = ?"
            );
            found.append(&mut self.rows(READ, sql, args).await?);
        }
        let mut found = self.hint_rows(&found).await?;
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    pub(crate) async fn hints_of(&mut self, ids: &[EntityId]) -> Result<Vec<HintRow>, Error> {
        let mut args = Args::new();
        args.owned_text(self.known_keys(ids).await?);
        let sql = format!(
            "SELECT {COLUMNS} FROM json_each(?) j \
             CROSS JOIN identity i INDEXED BY identity_entity ON i.entity = j.value"
        );
        let rows = self.rows(READ, sql, args).await?;
        let mut found = self.hint_rows(&rows).await?;
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    pub(crate) async fn some_hints(
        &mut self,
        id: EntityId,
        limit: usize,
    ) -> Result<Vec<HintRow>, Error> {
        let Some(entity) = self.find_keys(&[id]).await?.first().copied().flatten() else {
            return Ok(Vec::new());
        };
        let mut args = Args::new();
        args.int(entity).int(limit_of(limit));
        let sql = format!(
            "SELECT {COLUMNS} FROM (SELECT *, row_number() OVER (PARTITION BY type, space \
             ORDER BY value) AS place FROM identity INDEXED BY identity_entity \
             WHERE entity = ?) i WHERE i.place <= ?"
        );
        let rows = self.rows(READ, sql, args).await?;
        let mut found = self.hint_rows(&rows).await?;
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    /// Types and spaces are walked by name; within a space the index has the order.
    pub(crate) async fn list_hints(
        &mut self,
        after: Option<&HintKey>,
        limit: usize,
    ) -> Result<Vec<HintRow>, Error> {
        let mut found = Vec::new();
        for (entity_type, space, ids) in self.spaces().await? {
            let name = (entity_type.as_str(), space.as_str());
            let value = match after {
                Some(key) if name < (key.entity_type.as_str(), key.space.as_str()) => continue,
                Some(key) if name == (key.entity_type.as_str(), key.space.as_str()) => {
                    Some(key.value.as_str())
                }
                _ => None,
            };
            let mut args = Args::new();
            args.int(ids.0).int(ids.1);
            let bound = if let Some(value) = value {
                args.text(value);
                "AND i.value > ? "
            } else {
                ""
            };
            args.int(limit_of(limit.saturating_sub(found.len())));
            let sql = format!(
                "SELECT {COLUMNS} FROM identity i WHERE i.type = ? AND i.space = ? {bound}\
                 ORDER BY i.value LIMIT ?"
            );
            let rows = self.rows(READ, sql, args).await?;
            found.append(&mut self.hint_rows(&rows).await?);
            if found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }

    /// The next (type, space) with a hint, in the order of their integers.
    async fn space_after(&mut self, last: (i64, i64)) -> Result<Option<(i64, i64)>, Error> {
        let mut args = Args::new();
        args.int(last.0).int(last.1);
        let sql = "SELECT type, space FROM identity WHERE (type, space) > (?, ?) \
                   ORDER BY type, space LIMIT 1";
        match self.row(READ, sql, args).await? {
            Some(row) => Ok(Some((row.int(0)?, row.int(1)?))),
            None => Ok(None),
        }
    }

    /// Every (type, space) with a hint, by name, with its integers.
    async fn spaces(&mut self) -> Result<Vec<(String, String, (i64, i64))>, Error> {
        let mut spaces = Vec::new();
        let mut last = BEFORE_SPACES;
        while let Some(next) = self.space_after(last).await? {
            last = next;
            let entity_type = self.name_text(last.0).await?.as_ref().to_owned();
            let space = self.name_text(last.1).await?.as_ref().to_owned();
            spaces.push((entity_type, space, last));
        }
        spaces.sort();
        Ok(spaces)
    }

    async fn hint_rows(&mut self, rows: &[SqliteRow]) -> Result<Vec<HintRow>, Error> {
        let mut entities = Vec::with_capacity(rows.len());
        for row in rows {
            entities.push(row.int(4)?);
        }
        self.learn_keys(&entities).await?;
        let mut found = Vec::with_capacity(rows.len());
        for (row, entity) in rows.iter().zip(entities) {
            let entity_type = self.name_text(row.int(0)?).await?;
            let space = self.name_text(row.int(1)?).await?;
            let field = self.name_text(row.int(3)?).await?;
            found.push(HintRow {
                key: HintKey {
                    entity_type: entity_type.as_ref().to_owned(),
                    space: space.as_ref().to_owned(),
                    value: row.text(2)?.to_owned(),
                },
                field: field.as_ref().to_owned(),
                entity_id: self.entity(entity)?.id,
            });
        }
        Ok(found)
    }

    pub(crate) async fn erased_generation(&mut self, digest: &str) -> Result<u32, Error> {
        let mut args = Args::new();
        args.text(digest);
        let sql = "SELECT generation FROM erased_hints WHERE digest = ?";
        let row = self.row("reading erased hints", sql, args).await?;
        let generation = row.map_or(Ok(0), |row| row.int(0))?;
        u32::try_from(generation).map_err(|_| crate::error::damaged("an erased hint"))
    }

    pub(crate) async fn add_erased_hint(&mut self, digest: &str) -> Result<u32, Error> {
        let mut args = Args::new();
        args.text(digest);
        let sql = "INSERT INTO erased_hints(digest, generation) VALUES (?, 1) \
                   ON CONFLICT(digest) DO UPDATE SET generation = generation + 1";
        self.run("recording an erased hint", sql, args).await?;
        self.erased_generation(digest).await
    }
}
