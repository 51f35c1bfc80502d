//! Reading history.

use defacto_model::{EntityId, EventId, Sequence};
use defacto_ports::layout::EntityLayout;
use defacto_ports::{Error, HistoryQuery, HistoryRecord, HistoryRow, Realm};
use sqlx::postgres::PgRow;

use crate::history_write::shared_columns;
use crate::session::Session;
use crate::wire::{Args, Columns, Kind, Rows};

/// Columns before the shared ones: entity, end, winner, id of the event.
const FIRST: usize = 4;
/// Columns before the properties.
const BEFORE_PROPERTIES: usize = FIRST + 6;

impl Session {
    /// Both tables are walked in the order of ids; the first rows of the two walks together hold the page.
    pub(crate) async fn history(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        query: &HistoryQuery,
    ) -> Result<Vec<HistoryRecord>, Error> {
        let info = self.realm(realm).await?;
        let entity = info.layout.entity(entity_type)?;
        let mut found = Vec::new();
        for open in [false, true] {
            if query.current && !open {
                continue;
            }
            let table = info.table(entity, if open { "open" } else { "closed" });
            // A full page of closed rows bounds what the open ones can add.
            let full = open && found.len() >= query.limit;
            let last = found.last().filter(|_| full).map(|record: &HistoryRecord| record.entity_id);
            let (sql, args) = select(&table, open, entity, query, last);
            for row in self.rows("reading history", sql, args).await? {
                found.push(record(&row, entity)?);
            }
        }
        found.sort_by_key(|record| (record.entity_id, record.row.valid_from));
        found.truncate(query.limit);
        Ok(found)
    }

    pub(crate) async fn visitors(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        states: &[String],
    ) -> Result<Vec<EntityId>, Error> {
        let info = self.realm(realm).await?;
        let entity = info.layout.entity(entity_type)?;
        let mut names = Rows::new(&[Kind::Text]);
        for state in states {
            names.row().text(state);
        }
        let (open, closed, names_of) =
            (info.table(entity, "open"), info.table(entity, "closed"), names.unnest(1));
        let mut args = Args::new();
        args.rows(&names);
        let sql = format!(
            "SELECT entity FROM {open} WHERE state IN (SELECT * FROM {names_of}) UNION \
             SELECT entity FROM {closed} WHERE state IN (SELECT * FROM {names_of}) ORDER BY entity"
        );
        let rows = self.rows("reading history", sql, args).await?;
        rows.iter().map(|row| row.id(0)).collect()
    }
}

fn record(row: &PgRow, entity: &EntityLayout) -> Result<HistoryRecord, Error> {
    let sequence = row.maybe_int(FIRST + 5)?;
    let event_id = row.maybe_bytes(3)?.map(|_| row.array(3).map(EventId)).transpose()?;
    let mut properties = Vec::with_capacity(entity.properties.len());
    for (index, (_, declared)) in (BEFORE_PROPERTIES..).zip(&entity.properties) {
        properties.push(row.property(index, *declared)?);
    }
    Ok(HistoryRecord {
        entity_id: row.id(0)?,
        row: HistoryRow {
            valid_from: row.time(FIRST)?,
            state: row.text(FIRST + 1)?,
            last_event: row.maybe_time(FIRST + 2)?,
            entered: row.time(FIRST + 3)?,
            created: row.time(FIRST + 4)?,
            event: sequence.map(Sequence).zip(event_id),
            properties,
        },
        valid_to: row.maybe_time(1)?,
        merged_into: row.maybe_id(2)?,
    })
}

fn select(
    table: &str,
    open: bool,
    entity: &EntityLayout,
    query: &HistoryQuery,
    last: Option<EntityId>,
) -> (String, Args) {
    let ends = if open { "NULL::TIMESTAMPTZ, NULL::UUID" } else { "h.valid_to, h.merged_into" };
    let mut sql = format!(
        "SELECT h.entity, {ends}, l.event_id, {} FROM {table} h \
         LEFT JOIN ledger l ON l.sequence = h.event_sequence WHERE true",
        shared_columns("h.", &entity.properties)
    );
    let mut args = Args::new();
    args.limit(query.limit);
    let mut place = 1;
    let mut next = || {
        place += 1;
        place
    };
    if let Some(id) = query.entity_id {
        sql.push_str(&format!(" AND h.entity = ${}", next()));
        args.id(id);
    }
    if let Some(id) = last {
        sql.push_str(&format!(" AND h.entity <= ${}", next()));
        args.id(id);
    }
    if let Some((id, from)) = query.after {
        sql.push_str(&format!(" AND (h.entity, h.valid_from) > (${}, ${})", next(), next()));
        args.id(id).time(from);
    }
    if let Some(at) = query.as_of {
        let place = next();
        sql.push_str(&format!(" AND h.valid_from <= ${place}"));
        if !open {
            sql.push_str(&format!(" AND h.valid_to > ${place}"));
        }
        args.time(at);
    }
    if !open && !query.merged {
        sql.push_str(" AND h.merged_into IS NULL");
    }
    sql.push_str(" ORDER BY h.entity, h.valid_from LIMIT $1");
    (sql, args)
}
