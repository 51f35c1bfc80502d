//! The public names: views over the published realms (engine.md 4.1, language.md 6.10).

use defacto_ports::Error;
use sha2::{Digest, Sha256};

use crate::columns::{Args, Columns};
use crate::error::damaged;
use crate::realms::RealmInfo;
use crate::realms::{property_column, quoted};
use crate::session::Session;
use defacto_ports::layout::{EntityLayout, Layout, Property};

const OPERATION: &str = "publishing state tables";

impl Session {
    /// Makes all public views anew: those of the active version under their plain names, those of
    /// other versions behind `v_{version}__`.
    pub(crate) async fn refresh_views(&mut self) -> Result<(), Error> {
        let sql = "DELETE FROM public_views RETURNING name";
        for row in self.rows(OPERATION, sql, Args::new()).await? {
            let sql = format!("DROP VIEW IF EXISTS {}", quoted(row.text(0)?));
            self.run(OPERATION, sql, Args::new()).await?;
        }
        let sql = "SELECT r.id, r.version, r.layout, v.active FROM realms r \
                   LEFT JOIN definition_versions v ON v.version = r.version \
                   WHERE r.published <> 0 ORDER BY r.version";
        for row in self.rows(OPERATION, sql, Args::new()).await? {
            let layout: Layout =
                serde_json::from_str(row.text(2)?).map_err(|_| damaged("a table layout"))?;
            let prefix = if row.maybe_int(3)? == Some(1) {
                String::new()
            } else {
                format!("v_{}__", schema_name(row.text(1)?))
            };
            let info = RealmInfo { id: row.int(0)?, layout, indexed: true };
            for (name, select) in views(&info) {
                let name = format!("{prefix}{name}");
                let sql = format!("CREATE VIEW {} AS {select}", quoted(&name));
                self.run(OPERATION, sql, Args::new()).await?;
                let mut args = Args::new();
                args.owned_text(name);
                self.run(OPERATION, "INSERT INTO public_views(name) VALUES (?)", args).await?;
            }
        }
        Ok(())
    }
}

/// A version name as part of a table name; where it must change, eight digits of its hash keep it
/// apart from others (decision 31). Table names do not distinguish case.
pub(crate) fn schema_name(version: &str) -> String {
    let safe = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if version.chars().all(safe) {
        return version.to_owned();
    }
    let mut name: String =
        version.to_ascii_lowercase().chars().map(|c| if safe(c) { c } else { '_' }).collect();
    name.push('_');
    name.extend(hex::encode(Sha256::digest(version.as_bytes())).chars().take(8));
    name
}

/// Names and queries.
fn views(info: &RealmInfo) -> Vec<(String, String)> {
    let mut views = Vec::new();
    for entity in &info.layout.entities {
        let (open, closed) =
            (history_select(info, entity, true), history_select(info, entity, false));
        views.push((format!("{}_history", entity.name), format!("{closed} UNION ALL {open}")));
        views.push((format!("{}_current", entity.name), open));
    }
    let mut names: Vec<&str> = info.layout.relations.iter().map(|r| r.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let mut all = Vec::new();
    for name in names {
        views.push((format!("rel_{name}_history"), relation_select(info, name, true)));
        all.push(relation_select(info, name, false));
    }
    if all.is_empty() {
        all.push(
            "SELECT NULL AS source_id, NULL AS target_id, NULL AS relationship_type, \
             NULL AS valid_from, NULL AS valid_to WHERE 0"
                .to_owned(),
        );
    }
    views.push(("relationships".to_owned(), all.join(" UNION ALL ")));
    views
}

fn history_select(info: &RealmInfo, entity: &EntityLayout, open: bool) -> String {
    let mut sql = format!(
        "SELECT {} AS {}, n.name AS {}",
        uuid("e.id"),
        quoted(&format!("{}_id", entity.name)),
        quoted(&format!("{}_state", entity.name))
    );
    push_properties(&mut sql, "h", &entity.properties);
    let (valid_to, merged_into) = if open {
        ("NULL".to_owned(), "NULL".to_owned())
    } else {
        (
            time_text("(h.valid_from + h.lasted)"),
            format!("CASE WHEN m.id IS NOT NULL THEN {} END", uuid("m.id")),
        )
    };
    sql.push_str(&format!(
        ", {} AS valid_from, {valid_to} AS valid_to, {merged_into} AS merged_into, \
         {} AS last_event_time, {} AS state_entered_time, {} AS created_time, \
         h.event_sequence AS event_sequence, CASE WHEN l.sequence IS NOT NULL THEN 'e_' || \
         lower(printf('%016x', l.event_head) || hex(l.event_tail)) END AS event_id",
        time_text("h.valid_from"),
        time_text("(h.valid_from - h.since_event)"),
        time_text("(h.valid_from - h.since_entered)"),
        time_text("(h.valid_from - h.since_created)"),
    ));
    let table = info.table(entity, if open { "open" } else { "closed" });
    sql.push_str(&format!(
        " FROM {table} h JOIN entities e ON e.key = h.entity \
         LEFT JOIN names n ON n.id = h.state \
         LEFT JOIN ledger l ON l.sequence = h.event_sequence"
    ));
    if !open {
        sql.push_str(" LEFT JOIN entities m ON m.key = h.merged_into");
    }
    sql
}

/// All edges with a name, from every pair that has it; missing properties are null.
fn relation_select(info: &RealmInfo, name: &str, with_properties: bool) -> String {
    let (pairs, columns) = info.layout.relation(name);
    let mut selects = Vec::new();
    for (pair, forward) in pairs {
        let (source, target) = if forward { ("a.id", "b.id") } else { ("b.id", "a.id") };
        let mut sql = format!(
            "SELECT {} AS source_id, {} AS target_id, '{}' AS relationship_type",
            uuid(source),
            uuid(target),
            name.replace('\'', "''")
        );
        if with_properties {
            for column in &columns {
                if pair.properties.contains(column) {
                    push_properties(&mut sql, "h", std::slice::from_ref(column));
                } else {
                    sql.push_str(&format!(", NULL AS {}", quoted(&column.0)));
                }
            }
        }
        sql.push_str(&format!(
            ", {} AS valid_from, {} AS valid_to FROM {} h JOIN entities a ON a.key = h.source \
             JOIN entities b ON b.key = h.target",
            time_text("h.valid_from"),
            time_text("h.valid_to"),
            info.edges(pair, "edges")
        ));
        selects.push(sql);
    }
    selects.join(" UNION ALL ")
}

fn push_properties<P: std::borrow::Borrow<Property>>(sql: &mut String, table: &str, columns: &[P]) {
    for column in columns {
        let (name, declared) = column.borrow();
        let stored = format!("{table}.{}", property_column(name));
        let shown = if *declared == defacto_model::ValueType::Datetime {
            time_text(&stored)
        } else {
            stored
        };
        sql.push_str(&format!(", {shown} AS {}", quoted(name)));
    }
}

/// The text of an id.
pub(crate) fn uuid(blob: &str) -> String {
    let part = |start: u32, count: u32| format!("hex(substr({blob}, {start}, {count}))");
    format!(
        "lower({} || '-' || {} || '-' || {} || '-' || {} || '-' || {})",
        part(1, 4),
        part(5, 2),
        part(7, 2),
        part(9, 2),
        part(11, 6)
    )
}

/// RFC 3339 in UTC with 0, 3 or 6 fraction digits, from microseconds that may be before 1970.
fn time_text(micros: &str) -> String {
    let fraction = format!("((({micros}) % 1000000 + 1000000) % 1000000)");
    format!(
        "strftime('%Y-%m-%dT%H:%M:%S', (({micros}) - {fraction}) / 1000000, 'unixepoch') || \
         CASE WHEN {fraction} = 0 THEN '' \
         WHEN {fraction} % 1000 = 0 THEN printf('.%03d', {fraction} / 1000) \
         ELSE printf('.%06d', {fraction}) END || '+00:00'"
    )
}
