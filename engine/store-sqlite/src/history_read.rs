//! Reading history.

use defacto_model::{EntityId, Sequence};
use defacto_ports::{Error, HistoryQuery, HistoryRecord, HistoryRow, Realm};
use sqlx::sqlite::SqliteRow;

use crate::columns::{Args, Columns, instant};
use crate::error::damaged;
use crate::layout::{Property, property_column};
use crate::ledger::event_id;
use crate::replay::limit_of;
use crate::session::Session;

impl Session {
    /// Both tables are walked in the order of ids; the first rows of the two walks together hold
    /// the page.
    pub(crate) async fn history(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        query: &HistoryQuery,
    ) -> Result<Vec<HistoryRecord>, Error> {
        let info = self.realm(realm).await?;
        let entity = info.layout.entity(entity_type)?;
        let Some(kind) = self.find_name(entity_type).await? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for open in [false, true] {
            if query.current && !open {
                continue;
            }
            let table = info.table(entity, if open { "open" } else { "closed" });
            let (sql, args) = select(&table, open, kind, &entity.properties, query);
            for row in self.rows("reading history", sql, args).await? {
                found.push(self.record(&row, open, &entity.properties).await?);
            }
        }
        found.sort_by_key(|record| (record.entity_id, record.row.valid_from));
        found.truncate(query.limit);
        Ok(found)
    }

    async fn record(
        &mut self,
        row: &SqliteRow,
        open: bool,
        properties: &[Property],
    ) -> Result<HistoryRecord, Error> {
        let valid_from = row.time(1)?;
        let since = |distance: i64| instant(valid_from.as_micros() - distance);
        let state = self.name_text(row.int(2)?).await?;
        let event = match (row.maybe_int(6)?, row.maybe_int(7)?) {
            (Some(sequence), Some(head)) => {
                Some((Sequence(sequence), event_id(head, row.blob(8)?)?))
            }
            _ => None,
        };
        let mut values = Vec::with_capacity(properties.len());
        for (index, (_, declared)) in (9..).zip(properties) {
            values.push(row.property(index, *declared)?);
        }
        let id = |bytes: &[u8]| bytes.try_into().map(EntityId).map_err(|_| damaged("an entity id"));
        let at = 9 + properties.len();
        let (valid_to, merged_into) = if open {
            (None, None)
        } else {
            let merged = row.maybe_int(at + 1)?.is_some();
            (
                Some(instant(valid_from.as_micros() + row.int(at)?)?),
                if merged { Some(id(row.blob(at + 2)?)?) } else { None },
            )
        };
        Ok(HistoryRecord {
            entity_id: id(row.blob(0)?)?,
            row: HistoryRow {
                state: state.as_ref().to_owned(),
                properties: values,
                valid_from,
                last_event: row.maybe_int(3)?.map(since).transpose()?,
                entered: since(row.int(4)?)?,
                created: since(row.int(5)?)?,
                event,
            },
            valid_to,
            merged_into,
        })
    }
}

fn select(
    table: &str,
    open: bool,
    kind: i64,
    properties: &[Property],
    query: &HistoryQuery,
) -> (String, Args) {
    let mut sql = String::from(
        "SELECT e.id, h.valid_from, h.state, h.since_event, h.since_entered, h.since_created, \
         h.event_sequence, l.event_head, l.event_tail",
    );
    for (name, _) in properties {
        sql.push_str(", h.");
        sql.push_str(&property_column(name));
    }
    if !open {
        sql.push_str(", h.lasted, h.merged_into, m.id");
    }
    sql.push_str(&format!(" FROM entities e CROSS JOIN {table} h ON h.entity = e.key"));
    sql.push_str(" LEFT JOIN ledger l ON l.sequence = h.event_sequence");
    if !open {
        sql.push_str(" LEFT JOIN entities m ON m.key = h.merged_into");
    }
    sql.push_str(" WHERE e.type = ?");
    let mut args = Args::new();
    args.int(kind);
    if let Some(id) = query.entity_id {
        sql.push_str(" AND e.id = ?");
        args.blob(id.0.to_vec());
    }
    if let Some((id, from)) = query.after {
        sql.push_str(" AND e.id >= ? AND (e.id > ? OR h.valid_from > ?)");
        args.blob(id.0.to_vec()).blob(id.0.to_vec()).time(from);
    }
    if let Some(at) = query.as_of {
        sql.push_str(" AND h.valid_from <= ?");
        args.time(at);
        if !open {
            sql.push_str(" AND h.valid_from + h.lasted > ?");
            args.time(at);
        }
    }
    if !open && !query.merged {
        sql.push_str(" AND h.merged_into IS NULL");
    }
    sql.push_str(" ORDER BY e.id, h.valid_from LIMIT ?");
    args.int(limit_of(query.limit));
    (sql, args)
}
