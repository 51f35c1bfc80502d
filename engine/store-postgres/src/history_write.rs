//! Writing history.
//!
//! A row that is still valid lies in `open`, one per entity; a row that has ended lies in `closed`. A change copies the
//! entity's open row over, appends what began and ended within the change, and overwrites the open row with its last.

use defacto_model::{EntityId, Timestamp};
use defacto_ports::layout::{EntityLayout, Property};
use defacto_ports::{Error, HistoryChange, HistoryRow, Realm};

use crate::error::damaged;
use crate::realms::{RealmInfo, property_columns};
use crate::session::Session;
use crate::wire::{Args, Kind, Rows};

const OPERATION: &str = "writing history";

/// Columns that `open` and `closed` share, after `entity`; the properties follow.
const SHARED: [(&str, Kind); 6] = [
    ("valid_from", Kind::Time),
    ("state", Kind::Text),
    ("last_event_time", Kind::Time),
    ("state_entered_time", Kind::Time),
    ("created_time", Kind::Time),
    ("event_sequence", Kind::Int),
];

/// A row on its way into a table.
struct Placed<'a> {
    entity: EntityId,
    row: &'a HistoryRow,
    /// `None` while open.
    valid_to: Option<Timestamp>,
}

/// What the rows of a call become.
#[derive(Default)]
struct Work<'a> {
    /// Entity and instant at which its open row ends.
    ends: Vec<(EntityId, Timestamp)>,
    opened: Vec<Placed<'a>>,
    closed: Vec<Placed<'a>>,
    /// Loser, instant of its end, winner.
    merged: Vec<(EntityId, Timestamp, EntityId)>,
    /// Entity and the instant from which its rows go.
    replaced: Vec<(EntityId, Timestamp)>,
}

/// The shared columns of a table, separated by commas.
pub(crate) fn shared_columns(table: &str, properties: &[Property]) -> String {
    let columns: Vec<String> = SHARED.iter().map(|(name, _)| format!("{table}{name}")).collect();
    format!("{}{}", columns.join(", "), property_columns(table, properties))
}

fn kinds(first: &[Kind], entity: &EntityLayout) -> Vec<Kind> {
    let shared = SHARED.iter().map(|(_, kind)| *kind);
    let properties = entity.properties.iter().map(|(_, declared)| Kind::of(*declared));
    first.iter().copied().chain(shared).chain(properties).collect()
}

fn put_shared(rows: &mut Rows, row: &HistoryRow, entity: &EntityLayout) -> Result<(), Error> {
    rows.time(row.valid_from).text(&row.state).maybe_time(row.last_event);
    rows.time(row.entered).time(row.created);
    rows.maybe_int(row.event.as_ref().map(|(sequence, _)| sequence.0));
    if row.properties.len() != entity.properties.len() {
        return Err(Error::Inconsistent {
            message: format!(
                "a history row has {} properties where the type has {}",
                row.properties.len(),
                entity.properties.len()
            ),
        });
    }
    for ((name, declared), value) in entity.properties.iter().zip(&row.properties) {
        rows.property(name, *declared, value)?;
    }
    Ok(())
}

/// Entities with an instant each, as a table of parameters.
fn instants(pairs: &[(EntityId, Timestamp)]) -> Rows {
    let mut rows = Rows::new(&[Kind::Uuid, Kind::Time]);
    for (entity, at) in pairs {
        rows.row().id(*entity).time(*at);
    }
    rows
}

impl<'a> Work<'a> {
    /// Decides where the rows of one change go.
    fn place(&mut self, change: &'a HistoryChange) -> Result<(), Error> {
        let entity = change.entity_id;
        if let Some(from) = change.replace_from {
            self.replaced.push((entity, from));
        }
        let end = change.ended.map(|(end, _)| end);
        let mut rows = change.rows.iter().filter(|row| end.is_none_or(|end| row.valid_from < end));
        let mut current = rows.next();
        if let Some(instant) = current.map(|row| row.valid_from).or(end) {
            self.ends.push((entity, instant));
        }
        while let Some(row) = current {
            current = rows.next();
            let valid_to = current.map(|next| next.valid_from).or(end);
            let placed = Placed { entity, row, valid_to };
            match valid_to {
                None => self.opened.push(placed),
                Some(end) if row.valid_from < end => self.closed.push(placed),
                Some(end) if row.valid_from == end => {}
                Some(_) => {
                    return Err(Error::Inconsistent {
                        message: "history rows are not in order of time".to_owned(),
                    });
                }
            }
        }
        if let Some((end, winner)) = change.ended {
            self.merged.push((entity, end, winner));
        }
        Ok(())
    }
}

impl Session {
    pub(crate) async fn write_history(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        changes: &[HistoryChange],
    ) -> Result<(), Error> {
        let mut work = Work::default();
        for change in changes {
            work.place(change)?;
        }
        let info = self.realm(realm).await?;
        let entity = info.layout.entity(entity_type)?;
        if !work.replaced.is_empty() {
            self.delete_replaced(&info, entity, &work.replaced).await?;
        }
        self.end_open(&info, entity, &work).await?;
        self.insert_rows(&info, entity, &work).await?;
        if !work.merged.is_empty() {
            self.mark_merged(&info, entity, &work.merged).await?;
        }
        Ok(())
    }

    /// Deletes rows from an instant on; the row before becomes the open one again.
    async fn delete_replaced(
        &mut self,
        info: &RealmInfo,
        entity: &EntityLayout,
        replaced: &[(EntityId, Timestamp)],
    ) -> Result<(), Error> {
        let (open, closed) = (info.table(entity, "open"), info.table(entity, "closed"));
        let from = instants(replaced);
        for table in [&open, &closed] {
            let mut args = Args::new();
            args.rows(&from);
            let sql = format!(
                "DELETE FROM {table} t USING {} AS n(entity, start) \
                 WHERE t.entity = n.entity AND t.valid_from >= n.start",
                from.unnest(1)
            );
            self.later(OPERATION, sql, args)?;
        }
        let columns = shared_columns("", &entity.properties);
        let old = shared_columns("c.", &entity.properties);
        let mut args = Args::new();
        args.ids(replaced.iter().map(|(entity, _)| entity));
        // The latest closed row of each entity without an open one moves back; what it says of a merge is void.
        let sql = format!(
            "WITH latest AS MATERIALIZED (SELECT n.entity, l.valid_from, l.merged_into \
             FROM unnest($1::UUID[]) AS n(entity) CROSS JOIN LATERAL \
             (SELECT c.valid_from, c.merged_into FROM {closed} c WHERE c.entity = n.entity \
             ORDER BY c.valid_from DESC LIMIT 1) l \
             WHERE NOT EXISTS (SELECT 1 FROM {open} o WHERE o.entity = n.entity)), \
             returned AS (UPDATE {closed} c SET merged_into = NULL FROM latest l \
             WHERE l.merged_into IS NOT NULL AND c.entity = l.entity \
             AND c.valid_from <> l.valid_from), \
             moved AS (DELETE FROM {closed} c USING latest l \
             WHERE c.entity = l.entity AND c.valid_from = l.valid_from \
             RETURNING c.entity, {old}) \
             INSERT INTO {open}(entity, {columns}) SELECT * FROM moved"
        );
        self.later(OPERATION, sql, args)
    }

    /// Copies open rows that end to the closed ones.
    async fn end_open(
        &mut self,
        info: &RealmInfo,
        entity: &EntityLayout,
        work: &Work<'_>,
    ) -> Result<(), Error> {
        if work.ends.is_empty() {
            return Ok(());
        }
        let (open, closed) = (info.table(entity, "open"), info.table(entity, "closed"));
        let ends = instants(&work.ends);
        let mut args = Args::new();
        args.rows(&ends);
        let sql = format!(
            "INSERT INTO {closed}(entity, valid_to, {}) SELECT o.entity, n.ends, {} \
             FROM {} AS n(entity, ends) JOIN {open} o ON o.entity = n.entity \
             WHERE o.valid_from < n.ends",
            shared_columns("", &entity.properties),
            shared_columns("o.", &entity.properties),
            ends.unnest(1)
        );
        self.later(OPERATION, sql, args)?;
        if work.merged.is_empty() {
            return Ok(());
        }
        let mut args = Args::new();
        args.ids(work.merged.iter().map(|(loser, ..)| loser));
        let sql = format!("DELETE FROM {open} WHERE entity = ANY($1)");
        self.later(OPERATION, sql, args)
    }

    async fn insert_rows(
        &mut self,
        info: &RealmInfo,
        entity: &EntityLayout,
        work: &Work<'_>,
    ) -> Result<(), Error> {
        let columns = shared_columns("", &entity.properties);
        let mut closed = Rows::new(&kinds(&[Kind::Uuid, Kind::Time], entity));
        for placed in &work.closed {
            let end = placed.valid_to.ok_or_else(|| damaged("a history row"))?;
            closed.row().id(placed.entity).time(end);
            put_shared(&mut closed, placed.row, entity)?;
        }
        let table = info.table(entity, "closed");
        self.insert(OPERATION, &table, &format!("entity, valid_to, {columns}"), &closed)?;
        if work.opened.is_empty() {
            return Ok(());
        }
        let mut opened = Rows::new(&kinds(&[Kind::Uuid], entity));
        for placed in &work.opened {
            opened.row().id(placed.entity);
            put_shared(&mut opened, placed.row, entity)?;
        }
        let mut args = Args::new();
        args.rows(&opened);
        let sql = format!(
            "INSERT INTO {}(entity, {columns}) SELECT * FROM {} \
             ON CONFLICT(entity) DO UPDATE SET ({columns}) = ROW({})",
            info.table(entity, "open"),
            opened.unnest(1),
            shared_columns("excluded.", &entity.properties)
        );
        self.later(OPERATION, sql, args)
    }

    async fn mark_merged(
        &mut self,
        info: &RealmInfo,
        entity: &EntityLayout,
        merged: &[(EntityId, Timestamp, EntityId)],
    ) -> Result<(), Error> {
        let mut rows = Rows::new(&[Kind::Uuid, Kind::Time, Kind::Uuid]);
        for (loser, end, winner) in merged {
            rows.row().id(*loser).time(*end).id(*winner);
        }
        let mut args = Args::new();
        args.rows(&rows);
        let sql = format!(
            "UPDATE {} c SET merged_into = n.winner, \
             valid_to = CASE WHEN c.valid_from < n.ends AND c.valid_to > n.ends \
             THEN n.ends ELSE c.valid_to END \
             FROM {} AS n(loser, ends, winner) WHERE c.entity = n.loser",
            info.table(entity, "closed"),
            rows.unnest(1)
        );
        self.later(OPERATION, sql, args)
    }

    pub(crate) async fn delete_history(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        ids: &[EntityId],
    ) -> Result<(), Error> {
        let info = self.realm(realm).await?;
        let entity = info.layout.entity(entity_type)?;
        for part in ["open", "closed"] {
            let mut args = Args::new();
            args.ids(ids);
            let sql = format!("DELETE FROM {} WHERE entity = ANY($1)", info.table(entity, part));
            self.later("deleting history", sql, args)?;
        }
        Ok(())
    }
}
