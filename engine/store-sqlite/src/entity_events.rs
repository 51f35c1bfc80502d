//! Which events belong to which entity.

use std::collections::HashMap;

use defacto_model::{EntityId, Sequence};
use defacto_ports::{EntityEventRow, Error, LedgerRow, OrderKey};
use sqlx::sqlite::SqliteRow;

use crate::columns::{Args, Columns};
use crate::keys::{decode_keys, encode_keys};
use crate::ledger::EVENT_COLUMNS;
use crate::packed::Packed;
use crate::session::{Parts, Session, json_list};

const OPERATION: &str = "recording entities of events";
const READ: &str = "reading entities of events";

/// A row of `event_entities`.
struct OwnerKeys {
    sequence: i64,
    entity: i64,
    origin: i64,
    targets: Vec<Option<i64>>,
}

impl Session {
    pub(crate) async fn add_entity_events(&mut self, rows: &[EntityEventRow]) -> Result<(), Error> {
        let mut bound = Vec::with_capacity(rows.len());
        // Runs of one type share a look-up; rows of a batch come in few runs.
        for run in rows.chunk_by(|a, b| a.entity_type == b.entity_type) {
            let Some(first) = run.first() else { continue };
            let ids: Vec<EntityId> =
                run.iter().flat_map(|row| [row.entity_id, row.origin_id]).collect();
            let keys = self.keys_of(&first.entity_type, &ids).await?;
            for (row, keys) in run.iter().zip(keys.chunks_exact(2)) {
                if let [entity, origin] = keys {
                    let targets = self.target_keys(&row.targets).await?;
                    let origin = (origin != entity).then_some(*origin);
                    bound.push((row.sequence.0, *entity, origin, targets));
                }
            }
        }
        let parts = Parts {
            before: "WITH new(sequence, entity, origin, targets) AS (",
            columns: 4,
            after: ") INSERT OR REPLACE INTO event_entities(sequence, entity, origin, \
                    time, targets) SELECT new.sequence, new.entity, new.origin, l.time, \
                    new.targets FROM new \
                    CROSS JOIN ledger l ON l.sequence = new.sequence",
        };
        let stored = self
            .run_many(OPERATION, parts, &bound, |args, (sequence, entity, origin, targets)| {
                args.int(*sequence).int(*entity).maybe_int(*origin).maybe_blob(targets.clone());
                Ok(())
            })
            .await?;
        if usize::try_from(stored) == Ok(rows.len()) {
            Ok(())
        } else {
            Err(Error::Inconsistent {
                message: "an event that an entity was given is not in the ledger".to_owned(),
            })
        }
    }

    /// Targets as keys; `None` when there are none.
    async fn target_keys(&mut self, ids: &[Option<EntityId>]) -> Result<Option<Vec<u8>>, Error> {
        if ids.is_empty() {
            return Ok(None);
        }
        let known: Vec<EntityId> = ids.iter().flatten().copied().collect();
        let mut keys = self.keys_of_any(&known).await?.into_iter();
        let keys: Vec<Option<i64>> = ids.iter().map(|id| id.and_then(|_| keys.next())).collect();
        Ok(Some(encode_keys(&keys)))
    }

    pub(crate) async fn move_entity_events(
        &mut self,
        from: EntityId,
        into: EntityId,
    ) -> Result<u64, Error> {
        let Some((loser, winner)) = self.pair_of(from, into).await? else { return Ok(0) };
        self.index_entity_events().await?;
        let mut args = Args::new();
        args.int(winner).int(winner).int(loser);
        let sql = "UPDATE event_entities SET entity = ?, \
                   origin = nullif(coalesce(origin, entity), ?) WHERE entity = ?";
        self.run("moving events of a merge", sql, args).await
    }

    /// Whether the index by entity exists; a writing transaction makes it.
    async fn index_entity_events(&mut self) -> Result<bool, Error> {
        const OPERATION: &str = "indexing events by entity";
        let sql = "SELECT 1 FROM sqlite_schema WHERE name = 'event_entities_entity'";
        let exists = self.row(OPERATION, sql, Args::new()).await?.is_some();
        if !exists && self.writing {
            let sql = "CREATE INDEX event_entities_entity \
                       ON event_entities(entity, time, sequence)";
            self.run(OPERATION, sql, Args::new()).await?;
        }
        Ok(exists || self.writing)
    }

    /// Keys of the two sides of a move; nothing can move from an entity that was never stored.
    pub(crate) async fn pair_of(
        &mut self,
        from: EntityId,
        into: EntityId,
    ) -> Result<Option<(i64, i64)>, Error> {
        let keys = self.find_keys(&[from]).await?;
        let Some(loser) = keys.first().copied().flatten() else { return Ok(None) };
        self.learn_keys(&[loser]).await?;
        let entity_type = self.entity(loser)?.entity_type.clone();
        Ok(Some((loser, self.key_of(&entity_type, into).await?)))
    }

    pub(crate) async fn clear_entity_events(
        &mut self,
        sequences: Option<&[Sequence]>,
    ) -> Result<(), Error> {
        let mut args = Args::new();
        let sql = match sequences {
            None => "DELETE FROM event_entities",
            Some(sequences) => {
                args.owned_text(json_list(sequences.iter().map(|sequence| sequence.0)));
                "DELETE FROM event_entities WHERE sequence IN (SELECT value FROM json_each(?))"
            }
        };
        self.run("clearing entities of events", sql, args).await.map(drop)
    }

    /// In the order of the sequences given, and by entity type within one.
    pub(crate) async fn entity_events(
        &mut self,
        sequences: &[Sequence],
    ) -> Result<Vec<EntityEventRow>, Error> {
        let mut args = Args::new();
        args.owned_text(json_list(sequences.iter().map(|sequence| sequence.0)));
        let sql = "SELECT group_concat(concat(e.sequence, ' ', e.entity, ' ', \
                   coalesce(e.origin, e.entity), ' ', hex(e.targets), ' '), '') \
                   FROM json_each(?) j CROSS JOIN event_entities e ON e.sequence = j.value";
        let mut keys = Vec::with_capacity(sequences.len());
        for row in self.rows(READ, sql, args).await? {
            let mut packed = Packed(row.maybe_text(0)?.unwrap_or(""));
            while !packed.is_empty() {
                keys.push(OwnerKeys {
                    sequence: packed.int()?,
                    entity: packed.int()?,
                    origin: packed.int()?,
                    targets: decode_keys(&packed.bytes()?)?,
                });
            }
        }
        let mut found = self.owners(keys).await?;
        for run in found.chunk_by_mut(|a, b| a.sequence == b.sequence) {
            run.sort_by(|a, b| a.entity_type.cmp(&b.entity_type));
        }
        Ok(found)
    }

    /// Rows that start with sequence, entity, origin and targets.
    async fn entity_event_rows(
        &mut self,
        rows: &[SqliteRow],
    ) -> Result<Vec<EntityEventRow>, Error> {
        let mut keys = Vec::with_capacity(rows.len());
        for row in rows {
            let entity = row.int(1)?;
            keys.push(OwnerKeys {
                sequence: row.int(0)?,
                entity,
                origin: row.maybe_int(2)?.unwrap_or(entity),
                targets: decode_keys(row.maybe_blob(3)?.unwrap_or(&[]))?,
            });
        }
        self.owners(keys).await
    }

    async fn owners(&mut self, keys: Vec<OwnerKeys>) -> Result<Vec<EntityEventRow>, Error> {
        let mut needed = Vec::with_capacity(2 * keys.len());
        for row in &keys {
            needed.extend([row.entity, row.origin]);
            needed.extend(row.targets.iter().flatten());
        }
        self.learn_keys(&needed).await?;
        keys.into_iter()
            .map(|row| {
                let id_of =
                    |key: Option<i64>| key.map(|k| self.entity(k).map(|e| e.id)).transpose();
                let entity = self.entity(row.entity)?;
                Ok(EntityEventRow {
                    sequence: Sequence(row.sequence),
                    entity_type: entity.entity_type.as_ref().to_owned(),
                    origin_id: self.entity(row.origin)?.id,
                    entity_id: entity.id,
                    targets: row.targets.into_iter().map(id_of).collect::<Result<_, Error>>()?,
                })
            })
            .collect()
    }

    pub(crate) async fn events_of(
        &mut self,
        ids: &[EntityId],
        from: Option<OrderKey>,
    ) -> Result<Vec<(EntityEventRow, LedgerRow)>, Error> {
        let mut places = HashMap::new();
        for (place, key) in self.find_keys(ids).await?.into_iter().enumerate() {
            if let Some(key) = key {
                places.entry(key).or_insert(place);
            }
        }
        let mut args = Args::new();
        args.owned_text(self.known_keys(ids).await?);
        let (time, sequence) =
            from.map_or((i64::MIN, 0), |key| (key.timestamp.as_micros(), key.sequence.0));
        args.int(time).int(sequence);
        let (owners, wanted) = if self.index_entity_events().await? {
            (
                "json_each(?) j CROSS JOIN event_entities e \
                 INDEXED BY event_entities_entity ON e.entity = j.value",
                "",
            )
        } else {
            ("event_entities e", "e.entity IN (SELECT value FROM json_each(?)) AND ")
        };
        let sql = format!(
            "SELECT e.sequence, e.entity, e.origin, e.targets, {EVENT_COLUMNS} FROM {owners} \
             CROSS JOIN ledger l ON l.sequence = e.sequence \
             WHERE {wanted}(e.time, e.sequence) >= (?, ?) AND l.duplicate_of IS NULL"
        );
        let mut rows = Vec::new();
        for row in self.rows("reading events of entities", sql, args).await? {
            rows.push((places.get(&row.int(1)?).copied(), row));
        }
        rows.sort_by_key(|(place, _)| *place);
        let rows: Vec<SqliteRow> = rows.into_iter().map(|(_, row)| row).collect();
        let mut found = self.with_events(&rows).await?;
        for run in found.chunk_by_mut(|a, b| a.0.entity_id == b.0.entity_id) {
            run.sort_by_key(|(_, row)| (row.event.timestamp, row.sequence));
        }
        Ok(found)
    }

    pub(crate) async fn events_by_origin(
        &mut self,
        ids: &[EntityId],
    ) -> Result<Vec<(EntityEventRow, LedgerRow)>, Error> {
        let keys = self.known_keys(ids).await?;
        let mut args = Args::new();
        let found = if self.index_entity_events().await? {
            args.text(&keys).text(&keys);
            "SELECT e.* FROM json_each(?) j CROSS JOIN event_entities e \
             INDEXED BY event_entities_entity ON e.entity = j.value AND e.origin IS NULL \
             UNION ALL SELECT e.* FROM json_each(?) j CROSS JOIN event_entities e \
             INDEXED BY event_entities_origin ON e.origin = j.value"
        } else {
            args.text(&keys);
            "SELECT e.* FROM event_entities e \
             WHERE coalesce(e.origin, e.entity) IN (SELECT value FROM json_each(?))"
        };
        let sql = format!(
            "WITH found AS ({found}) \
             SELECT f.sequence, f.entity, f.origin, f.targets, {EVENT_COLUMNS} FROM found f \
             CROSS JOIN ledger l ON l.sequence = f.sequence AND l.duplicate_of IS NULL"
        );
        let rows = self.rows("reading events of entities", sql, args).await?;
        let mut found = self.with_events(&rows).await?;
        found.sort_by_key(|(row, event)| (row.origin_id, event.event.timestamp, row.sequence));
        Ok(found)
    }

    pub(crate) async fn events_relating(
        &mut self,
        ids: &[EntityId],
    ) -> Result<Vec<(EntityEventRow, LedgerRow)>, Error> {
        let keys: Vec<String> = (self.find_keys(ids).await?.into_iter().flatten())
            .map(|key| format!("\"{}\"", hex::encode(encode_keys(&[Some(key)]))))
            .collect();
        let mut args = Args::new();
        args.owned_text(format!("[{}]", keys.join(",")));
        // What is found may be a part of another key.
        let sql = format!(
            "SELECT e.sequence, e.entity, e.origin, e.targets, {EVENT_COLUMNS} \
             FROM event_entities e CROSS JOIN ledger l ON l.sequence = e.sequence \
             WHERE e.targets IS NOT NULL AND l.duplicate_of IS NULL AND EXISTS (\
             SELECT 1 FROM json_each(?) j WHERE instr(e.targets, unhex(j.value)) > 0)"
        );
        let rows = self.rows("reading events that relate", sql, args).await?;
        let mut found = self.with_events(&rows).await?;
        found.retain(|(row, _)| row.targets.iter().flatten().any(|id| ids.contains(id)));
        found.sort_by_key(|(row, _)| (row.sequence, row.entity_id));
        Ok(found)
    }

    async fn with_events(
        &mut self,
        rows: &[SqliteRow],
    ) -> Result<Vec<(EntityEventRow, LedgerRow)>, Error> {
        let owners = self.entity_event_rows(rows).await?;
        let mut found = Vec::with_capacity(rows.len());
        for (owner, row) in owners.into_iter().zip(rows) {
            found.push((owner, self.ledger_row(row, 4).await?));
        }
        Ok(found)
    }
}
