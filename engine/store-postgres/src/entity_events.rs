//! Which events belong to which entity.

use std::collections::{BTreeSet, HashMap};

use defacto_model::{EntityId, Sequence, Timestamp};
use defacto_ports::{EntityEventRow, Error, LedgerRow, OrderKey};
use sqlx::postgres::PgRow;

use crate::error::damaged;
use crate::ledger::{EVENT_COLUMNS, ledger_row};
use crate::session::{COPY_MIN, Session};
use crate::wire::{Args, Columns, Kind, Rows};

const OPERATION: &str = "recording entities of events";
const READ: &str = "reading entities of events";
/// What [`owner`] reads.
const COLUMNS: &str = "e.sequence, e.entity, e.entity_type, e.origin, e.targets";
/// Number of those.
const OWNER_COLUMNS: usize = 5;
/// Bytes of a target: whether there is one, and its id.
const TARGET_BYTES: usize = 17;

impl Session {
    pub(crate) async fn add_entity_events(&mut self, rows: &[EntityEventRow]) -> Result<(), Error> {
        if rows.len() >= COPY_MIN && self.all_new(rows).await? {
            return self.copy_entity_events(rows).await;
        }
        let mut new = Rows::new(&[Kind::Int, Kind::Uuid, Kind::Text, Kind::Uuid, Kind::Bytes]);
        for row in rows {
            put_owner(&mut new, row);
        }
        let mut args = Args::new();
        args.rows(&new);
        let sql = format!(
            "INSERT INTO event_entities(sequence, entity, entity_type, origin, targets, \"time\") \
             SELECT n.sequence, n.entity, n.entity_type, n.origin, n.targets, l.\"timestamp\" \
             FROM {} AS n(sequence, entity, entity_type, origin, targets) \
             JOIN ledger l ON l.sequence = n.sequence \
             ON CONFLICT(sequence, entity) DO UPDATE SET entity_type = excluded.entity_type, \
             origin = excluded.origin, targets = excluded.targets, \"time\" = excluded.\"time\"",
            new.unnest(1)
        );
        let count = u64::try_from(rows.len()).ok();
        self.later_rows(OPERATION, sql, args, count)
    }

    /// Whether no event of these can have an entity yet: resolution goes in the order of the ledger.
    async fn all_new(&mut self, rows: &[EntityEventRow]) -> Result<bool, Error> {
        let sql = "SELECT coalesce(max(sequence), 0) FROM event_entities";
        let last = self.row(OPERATION, sql, Args::new()).await?.map_or(Ok(0), |row| row.int(0))?;
        Ok(rows.iter().all(|row| row.sequence.0 > last))
    }

    async fn copy_entity_events(&mut self, rows: &[EntityEventRow]) -> Result<(), Error> {
        let sequences: BTreeSet<i64> = rows.iter().map(|row| row.sequence.0).collect();
        let mut args = Args::new();
        args.ints(sequences);
        let sql = "SELECT sequence, \"timestamp\" FROM ledger WHERE sequence = ANY($1)";
        let mut times = HashMap::new();
        for row in self.rows(OPERATION, sql, args).await? {
            times.insert(row.int(0)?, row.time(1)?);
        }
        let kinds = [Kind::Int, Kind::Uuid, Kind::Text, Kind::Uuid, Kind::Bytes, Kind::Time];
        let mut new = Rows::new(&kinds);
        for row in rows {
            put_owner(&mut new, row);
            new.time(times.get(&row.sequence.0).copied().ok_or_else(missing)?);
        }
        let columns = "sequence, entity, entity_type, origin, targets, \"time\"";
        self.insert(OPERATION, "event_entities", columns, &new)
    }

    pub(crate) async fn move_entity_events(
        &mut self,
        from: EntityId,
        into: EntityId,
    ) -> Result<u64, Error> {
        let mut args = Args::new();
        args.id(into).id(from);
        let sql = "UPDATE event_entities SET entity = $1, \
                   origin = nullif(coalesce(origin, entity), $1) WHERE entity = $2";
        self.run("moving events of a merge", sql, args).await
    }

    pub(crate) async fn clear_entity_events(
        &mut self,
        sequences: Option<&[Sequence]>,
    ) -> Result<(), Error> {
        let mut args = Args::new();
        let sql = match sequences {
            None => "DELETE FROM event_entities",
            Some(sequences) => {
                args.ints(sequences.iter().map(|sequence| sequence.0));
                "DELETE FROM event_entities WHERE sequence = ANY($1)"
            }
        };
        self.later("clearing entities of events", sql, args)
    }

    pub(crate) async fn entity_events(
        &mut self,
        sequences: &[Sequence],
    ) -> Result<Vec<EntityEventRow>, Error> {
        let mut args = Args::new();
        args.ints(sequences.iter().map(|sequence| sequence.0));
        let sql = format!(
            "SELECT {COLUMNS} FROM event_entities e WHERE e.sequence = ANY($1) \
             ORDER BY e.sequence, e.entity_type, e.entity"
        );
        self.rows(READ, sql, args).await?.iter().map(owner).collect()
    }

    pub(crate) async fn events_of(
        &mut self,
        ids: &[EntityId],
        from: Option<OrderKey>,
    ) -> Result<Vec<(EntityEventRow, LedgerRow)>, Error> {
        let mut places = HashMap::new();
        for (place, id) in ids.iter().enumerate() {
            places.entry(*id).or_insert(place);
        }
        let distinct: BTreeSet<EntityId> = ids.iter().copied().collect();
        let (time, sequence) =
            from.map_or((Timestamp::MIN, 0), |key| (key.timestamp, key.sequence.0));
        let mut args = Args::new();
        args.ids(&distinct).time(time).int(sequence);
        let sql = format!(
            "SELECT {COLUMNS}, {EVENT_COLUMNS} FROM unnest($1::UUID[]) AS n(entity) \
             JOIN event_entities e ON e.entity = n.entity \
             JOIN ledger l ON l.sequence = e.sequence \
             WHERE (e.\"time\", e.sequence) >= ($2, $3) AND l.duplicate_of IS NULL"
        );
        let mut found = with_events(&self.rows("reading events of entities", sql, args).await?)?;
        found.sort_by_key(|(row, event)| {
            (places.get(&row.entity_id).copied(), event.event.timestamp, row.sequence)
        });
        Ok(found)
    }

    pub(crate) async fn events_by_origin(
        &mut self,
        ids: &[EntityId],
    ) -> Result<Vec<(EntityEventRow, LedgerRow)>, Error> {
        let distinct: BTreeSet<EntityId> = ids.iter().copied().collect();
        let mut args = Args::new();
        args.ids(&distinct);
        let sql = format!(
            "WITH found AS MATERIALIZED (\
             SELECT e.* FROM unnest($1::UUID[]) AS n(entity) \
             JOIN event_entities e ON e.entity = n.entity AND e.origin IS NULL \
             UNION ALL SELECT e.* FROM unnest($1::UUID[]) AS n(entity) \
             JOIN event_entities e ON e.origin = n.entity) \
             SELECT {COLUMNS}, {EVENT_COLUMNS} FROM found e \
             JOIN ledger l ON l.sequence = e.sequence WHERE l.duplicate_of IS NULL"
        );
        let mut found = with_events(&self.rows("reading events of entities", sql, args).await?)?;
        found.sort_by_key(|(row, event)| (row.origin_id, event.event.timestamp, row.sequence));
        Ok(found)
    }

    pub(crate) async fn events_relating(
        &mut self,
        ids: &[EntityId],
    ) -> Result<Vec<(EntityEventRow, LedgerRow)>, Error> {
        let mut args = Args::new();
        args.ids(ids);
        let sql = format!(
            "SELECT {COLUMNS}, {EVENT_COLUMNS} FROM event_entities e \
             JOIN ledger l ON l.sequence = e.sequence \
             WHERE e.targets IS NOT NULL AND l.duplicate_of IS NULL AND EXISTS (\
             SELECT FROM unnest($1::UUID[]) AS n(id) \
             WHERE position(uuid_send(n.id) IN e.targets) > 0)"
        );
        let mut found = with_events(&self.rows("reading events that relate", sql, args).await?)?;
        found.retain(|(row, _)| row.targets.iter().flatten().any(|id| ids.contains(id)));
        found.sort_by_key(|(row, _)| (row.sequence, row.entity_id));
        Ok(found)
    }
}

/// Starts a row: all but the time.
fn put_owner(rows: &mut Rows, row: &EntityEventRow) {
    rows.row().int(row.sequence.0).id(row.entity_id).text(&row.entity_type);
    rows.maybe_id((row.origin_id != row.entity_id).then_some(row.origin_id));
    rows.maybe_bytes(targets_bytes(&row.targets).as_deref());
}

fn missing() -> Error {
    Error::Inconsistent {
        message: "an event that an entity was given is not in the ledger".to_owned(),
    }
}

fn owner(row: &PgRow) -> Result<EntityEventRow, Error> {
    let entity_id = row.id(1)?;
    Ok(EntityEventRow {
        sequence: Sequence(row.int(0)?),
        entity_type: row.text(2)?,
        origin_id: row.maybe_id(3)?.unwrap_or(entity_id),
        entity_id,
        targets: row.maybe_bytes(4)?.map_or(Ok(Vec::new()), targets_from)?,
    })
}

fn with_events(rows: &[PgRow]) -> Result<Vec<(EntityEventRow, LedgerRow)>, Error> {
    rows.iter().map(|row| Ok((owner(row)?, ledger_row(row, OWNER_COLUMNS)?))).collect()
}

fn targets_bytes(targets: &[Option<EntityId>]) -> Option<Vec<u8>> {
    if targets.is_empty() {
        return None;
    }
    let mut bytes = Vec::with_capacity(TARGET_BYTES * targets.len());
    for target in targets {
        bytes.push(u8::from(target.is_some()));
        bytes.extend_from_slice(&target.map_or([0; 16], |id| id.0));
    }
    Some(bytes)
}

fn targets_from(bytes: &[u8]) -> Result<Vec<Option<EntityId>>, Error> {
    let bad = || damaged("the targets of an event");
    bytes
        .chunks(TARGET_BYTES)
        .map(|chunk| {
            let (known, id) = chunk.split_first().ok_or_else(bad)?;
            let id = EntityId(id.try_into().map_err(|_| bad())?);
            Ok((*known != 0).then_some(id))
        })
        .collect()
}
