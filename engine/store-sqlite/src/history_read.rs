//! Reading history.

use defacto_model::{EntityId, Sequence, ValueType};
use defacto_ports::{Error, HistoryQuery, HistoryRecord, HistoryRow, Realm};
use sqlx::sqlite::SqliteRow;

use crate::columns::{Args, Columns, instant};
use crate::error::damaged;
use crate::ledger::event_id;
use crate::packed::Packed;
use crate::realms::property_column;
use crate::replay::limit_of;
use crate::session::{Session, json_list};
use defacto_ports::layout::Property;

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
            // A full page of closed rows bounds what the open ones can add.
            let full = open && found.len() >= query.limit;
            let last = found.last().filter(|_| full).map(|record: &HistoryRecord| record.entity_id);
            let (sql, args) = select(&table, open, kind, &entity.properties, query, last);
            for row in self.rows("reading history", sql, args).await? {
                found.push(self.record(&row, open, &entity.properties).await?);
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
        let mut names = Vec::with_capacity(states.len());
        for state in states {
            names.extend(self.find_name(state).await?);
        }
        let (mut args, names) = (Args::new(), json_list(names));
        let [open, closed] = ["open", "closed"].map(|part| {
            args.text(&names);
            let table = info.table(entity, part);
            format!("SELECT entity FROM {table} WHERE state IN (SELECT value FROM json_each(?))")
        });
        let sql =
            format!("SELECT id FROM entities WHERE key IN ({open} UNION {closed}) ORDER BY id");
        let mut ids = Vec::new();
        for row in self.rows("reading history", sql, args).await? {
            ids.push(EntityId(row.blob(0)?.try_into().map_err(|_| damaged("an entity id"))?));
        }
        Ok(ids)
    }

    /// The first column holds everything but floats, which text would not keep to the bit.
    async fn record(
        &mut self,
        row: &SqliteRow,
        open: bool,
        properties: &[Property],
    ) -> Result<HistoryRecord, Error> {
        let mut packed = Packed(row.text(0)?);
        let id = |bytes: Vec<u8>| {
            bytes.as_slice().try_into().map(EntityId).map_err(|_| damaged("an entity id"))
        };
        let entity_id = id(packed.bytes()?)?;
        let valid_from = instant(packed.int()?)?;
        let since = |distance: i64| instant(valid_from.as_micros() - distance);
        let state = self.name_text(packed.int()?).await?;
        let last_event = packed.maybe_int()?.map(since).transpose()?;
        let (entered, created) = (since(packed.int()?)?, since(packed.int()?)?);
        let event = match (packed.maybe_int()?, packed.maybe_int()?, packed.bytes()?) {
            (Some(sequence), Some(head), tail) => {
                Some((Sequence(sequence), event_id(head, &tail)?))
            }
            _ => None,
        };
        let (valid_to, merged_into) = if open {
            (None, None)
        } else {
            let valid_to = instant(valid_from.as_micros() + packed.int()?)?;
            let winner = packed.bytes()?;
            (Some(valid_to), if winner.is_empty() { None } else { Some(id(winner)?) })
        };
        let mut values = Vec::with_capacity(properties.len());
        let mut float = 0;
        for (_, declared) in properties {
            values.push(if *declared == ValueType::Number {
                float += 1;
                row.property(float, *declared)?
            } else {
                packed.property(*declared)?
            });
        }
        Ok(HistoryRecord {
            entity_id,
            row: HistoryRow {
                state: state.as_ref().to_owned(),
                properties: values,
                valid_from,
                last_event,
                entered,
                created,
                event,
            },
            valid_to,
            merged_into,
        })
    }
}

/// What [`Session::record`] reads.
fn columns(open: bool, properties: &[Property]) -> String {
    let mut packed = String::from(
        "concat(hex(e.id), ' ', h.valid_from, ' ', h.state, ' ', h.since_event, ' ', \
         h.since_entered, ' ', h.since_created, ' ', h.event_sequence, ' ', l.event_head, ' ', \
         hex(l.event_tail), ' '",
    );
    if !open {
        packed.push_str(", h.lasted, ' ', hex(m.id), ' '");
    }
    let mut floats = String::new();
    for (name, declared) in properties {
        let column = format!("h.{}", property_column(name));
        match declared {
            ValueType::Number => {
                floats.push_str(", ");
                floats.push_str(&column);
            }
            ValueType::String => {
                packed.push_str(&format!(", octet_length({column}), ' ', {column}"));
            }
            ValueType::Integer | ValueType::Boolean | ValueType::Datetime => {
                packed.push_str(&format!(", {column}, ' '"));
            }
        }
    }
    packed.push(')');
    packed.push_str(&floats);
    packed
}

fn select(
    table: &str,
    open: bool,
    kind: i64,
    properties: &[Property],
    query: &HistoryQuery,
    last: Option<EntityId>,
) -> (String, Args) {
    let mut sql = format!("SELECT {}", columns(open, properties));
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
    if let Some(id) = last {
        sql.push_str(" AND e.id <= ?");
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
