//! Writing history.
//!
//! A row that is still valid lies in `open`, one per entity; a row that has ended lies in `closed`.
//! A change therefore moves the entity's open row over, appends what began and ended within the
//! change, and puts its last row into `open`: pages touched are those of the small table and the
//! end of the large one. `lasted` and the `since_…` columns are distances from `valid_from`,
//! which are mostly zero and then take no space.

use std::sync::Arc;

use defacto_model::{EntityId, Timestamp};
use defacto_ports::{Error, HistoryChange, HistoryRow, Realm};

use crate::columns::Args;
use crate::error::damaged;
use crate::realms::RealmInfo;
use crate::realms::property_column;
use crate::session::{Parts, Session, json_list, json_map};
use defacto_ports::layout::{EntityLayout, Property};

const OPERATION: &str = "writing history";

/// A row on its way into a table.
struct Placed<'a> {
    entity: i64,
    state: i64,
    row: &'a HistoryRow,
    /// `None` while open.
    valid_to: Option<Timestamp>,
}

/// What the rows of a call become.
#[derive(Default)]
struct Work<'a> {
    /// Entity and instant at which its open row ends.
    ends: Vec<(i64, i64)>,
    opened: Vec<Placed<'a>>,
    closed: Vec<Placed<'a>>,
    /// Loser, instant of its end, winner.
    merged: Vec<(i64, i64, i64)>,
    /// Entity and the instant from which its rows go.
    replaced: Vec<(i64, i64)>,
}

/// Columns that `open` and `closed` share, after `entity`.
pub(crate) fn shared_columns(properties: &[Property]) -> String {
    let mut sql = String::from(
        "valid_from, state, since_event, since_entered, since_created, event_sequence",
    );
    for (name, _) in properties {
        sql.push_str(", ");
        sql.push_str(&property_column(name));
    }
    sql
}

fn bind_shared(args: &mut Args, placed: &Placed<'_>, properties: &[Property]) -> Result<(), Error> {
    let row = placed.row;
    let since = |at: Timestamp| row.valid_from.as_micros() - at.as_micros();
    args.time(row.valid_from).int(placed.state).maybe_int(row.last_event.map(since));
    args.int(since(row.entered)).int(since(row.created));
    args.maybe_int(row.event.as_ref().map(|(sequence, _)| sequence.0));
    if row.properties.len() != properties.len() {
        return Err(Error::Inconsistent {
            message: format!(
                "a history row has {} properties where the type has {}",
                row.properties.len(),
                properties.len()
            ),
        });
    }
    for ((name, declared), value) in properties.iter().zip(&row.properties) {
        args.property(name, *declared, value)?;
    }
    Ok(())
}

impl Session {
    pub(crate) async fn write_history(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        changes: &[HistoryChange],
    ) -> Result<(), Error> {
        let ids: Vec<EntityId> = changes.iter().map(|change| change.entity_id).collect();
        let keys = self.keys_of(entity_type, &ids).await?;
        let mut work = Work::default();
        for (entity, change) in keys.into_iter().zip(changes) {
            self.place(entity, entity_type, change, &mut work).await?;
        }
        let info = if work.replaced.is_empty() && work.merged.is_empty() {
            self.realm(realm).await?
        } else {
            self.index_realm(realm).await?
        };
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

    /// Decides where the rows of one change go.
    async fn place<'a>(
        &mut self,
        entity: i64,
        entity_type: &str,
        change: &'a HistoryChange,
        work: &mut Work<'a>,
    ) -> Result<(), Error> {
        if let Some(from) = change.replace_from {
            work.replaced.push((entity, from.as_micros()));
        }
        let end = change.ended.map(|(end, _)| end);
        let mut rows = change.rows.iter().filter(|row| end.is_none_or(|end| row.valid_from < end));
        let mut current = rows.next();
        if let Some(instant) = current.map(|row| row.valid_from).or(end) {
            work.ends.push((entity, instant.as_micros()));
        }
        while let Some(row) = current {
            current = rows.next();
            let valid_to = current.map(|next| next.valid_from).or(end);
            let state = self.name(&row.state).await?;
            let placed = Placed { entity, state, row, valid_to };
            match valid_to {
                None => work.opened.push(placed),
                Some(end) if row.valid_from < end => work.closed.push(placed),
                Some(end) if row.valid_from == end => {}
                Some(_) => {
                    return Err(Error::Inconsistent {
                        message: "history rows are not in order of time".to_owned(),
                    });
                }
            }
        }
        if let Some((end, winner)) = change.ended {
            work.merged.push((entity, end.as_micros(), self.key_of(entity_type, winner).await?));
        }
        Ok(())
    }

    /// Deletes rows from an instant on; the row before becomes the open one again.
    async fn delete_replaced(
        &mut self,
        info: &Arc<RealmInfo>,
        entity: &EntityLayout,
        replaced: &[(i64, i64)],
    ) -> Result<(), Error> {
        let (open, closed) = (info.table(entity, "open"), info.table(entity, "closed"));
        let columns = shared_columns(&entity.properties);
        let from = json_map(replaced.iter().copied());
        let keys = json_list(replaced.iter().map(|(entity, _)| *entity));
        // The latest closed row of each entity without an open one.
        let latest = format!(
            "SELECT (SELECT c.rowid FROM {closed} c WHERE c.entity = j.value \
             ORDER BY c.valid_from DESC LIMIT 1) FROM json_each(?) j \
             WHERE NOT EXISTS (SELECT 1 FROM {open} o WHERE o.entity = j.value)"
        );
        let steps = [
            (
                format!(
                    "DELETE FROM {open} WHERE entity IN (SELECT o.entity FROM json_each(?) j \
                     CROSS JOIN {open} o ON o.entity = CAST(j.key AS INTEGER) \
                     AND o.valid_from >= j.value)"
                ),
                &from,
            ),
            (
                format!(
                    "DELETE FROM {closed} WHERE rowid IN (SELECT c.rowid FROM json_each(?) j \
                     CROSS JOIN {closed} c ON c.entity = CAST(j.key AS INTEGER) \
                     AND c.valid_from >= j.value)"
                ),
                &from,
            ),
            (
                format!(
                    "UPDATE {closed} SET merged_into = NULL WHERE rowid IN (SELECT m.rowid \
                     FROM {closed} l CROSS JOIN {closed} m ON m.entity = l.entity \
                     WHERE l.rowid IN ({latest}) AND l.merged_into IS NOT NULL)"
                ),
                &keys,
            ),
            (
                format!(
                    "INSERT INTO {open}(entity, {columns}) SELECT entity, {columns} \
                     FROM {closed} WHERE rowid IN ({latest})"
                ),
                &keys,
            ),
            (
                format!(
                    "DELETE FROM {closed} WHERE rowid IN (SELECT c.rowid FROM json_each(?) j \
                     CROSS JOIN {open} o ON o.entity = j.value \
                     CROSS JOIN {closed} c ON c.entity = o.entity \
                     AND c.valid_from = o.valid_from)"
                ),
                &keys,
            ),
        ];
        for (sql, list) in steps {
            let mut args = Args::new();
            args.text(list);
            self.run(OPERATION, sql, args).await?;
        }
        Ok(())
    }

    /// Moves open rows that end to the closed ones.
    async fn end_open(
        &mut self,
        info: &Arc<RealmInfo>,
        entity: &EntityLayout,
        work: &Work<'_>,
    ) -> Result<(), Error> {
        if work.ends.is_empty() {
            return Ok(());
        }
        let (open, closed) = (info.table(entity, "open"), info.table(entity, "closed"));
        let columns = shared_columns(&entity.properties);
        let shared = columns.replace("valid_from, state", "o.valid_from, o.state");
        let mut args = Args::new();
        args.owned_text(json_map(work.ends.iter().copied()));
        let sql = format!(
            "INSERT OR FAIL INTO {closed}(entity, lasted, {columns}) \
             SELECT o.entity, j.value - o.valid_from, {shared} FROM json_each(?) j \
             CROSS JOIN {open} o ON o.entity = CAST(j.key AS INTEGER) \
             WHERE o.valid_from < j.value"
        );
        self.run(OPERATION, sql, args).await?;
        if work.merged.is_empty() {
            return Ok(());
        }
        let mut args = Args::new();
        args.owned_text(json_list(work.merged.iter().map(|(loser, ..)| *loser)));
        let sql = format!("DELETE FROM {open} WHERE entity IN (SELECT value FROM json_each(?))");
        self.run(OPERATION, sql, args).await.map(drop)
    }

    async fn insert_rows(
        &mut self,
        info: &Arc<RealmInfo>,
        entity: &EntityLayout,
        work: &Work<'_>,
    ) -> Result<(), Error> {
        let properties = &entity.properties;
        let columns = shared_columns(properties);
        let before = format!(
            "INSERT OR FAIL INTO {}(entity, lasted, {columns}) ",
            info.table(entity, "closed")
        );
        let parts = Parts { before: &before, columns: 8 + properties.len(), after: "" };
        self.run_many(OPERATION, parts, &work.closed, |args, placed| {
            let lasted = placed
                .valid_to
                .map(|end| end.as_micros() - placed.row.valid_from.as_micros())
                .ok_or_else(|| damaged("a history row"))?;
            args.int(placed.entity).int(lasted);
            bind_shared(args, placed, properties)
        })
        .await?;
        let before =
            format!("INSERT OR REPLACE INTO {}(entity, {columns}) ", info.table(entity, "open"));
        let parts = Parts { before: &before, columns: 7 + properties.len(), after: "" };
        self.run_many(OPERATION, parts, &work.opened, |args, placed| {
            args.int(placed.entity);
            bind_shared(args, placed, properties)
        })
        .await
        .map(drop)
    }

    async fn mark_merged(
        &mut self,
        info: &Arc<RealmInfo>,
        entity: &EntityLayout,
        merged: &[(i64, i64, i64)],
    ) -> Result<(), Error> {
        let (closed, index) = (info.table(entity, "closed"), info.table(entity, "intervals"));
        for (loser, end, winner) in merged {
            let mut args = Args::new();
            args.int(*winner).int(*end).int(*end).int(*end).int(*loser);
            let sql = format!(
                "UPDATE {closed} INDEXED BY {index} SET merged_into = ?, \
                 lasted = CASE WHEN valid_from < ? AND valid_from + lasted > ? \
                 THEN ? - valid_from ELSE lasted END WHERE entity = ?"
            );
            self.run(OPERATION, sql, args).await?;
        }
        Ok(())
    }

    pub(crate) async fn delete_history(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        ids: &[EntityId],
    ) -> Result<(), Error> {
        let keys = self.known_keys(ids).await?;
        let info = self.index_realm(realm).await?;
        let entity = info.layout.entity(entity_type)?;
        for part in ["open", "closed"] {
            let mut args = Args::new();
            args.text(&keys);
            let sql = format!(
                "DELETE FROM {} WHERE entity IN (SELECT value FROM json_each(?))",
                info.table(entity, part)
            );
            self.run("deleting history", sql, args).await?;
        }
        Ok(())
    }
}
