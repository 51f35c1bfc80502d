//! The public names: views over the published realm of a version (engine.md 4.1, language.md 6.10).

use defacto_ports::layout::EntityLayout;

use crate::names::{literal, quoted};
use crate::realms::RealmInfo;
use crate::wire::Kind;

/// Names and queries.
pub(crate) fn views(info: &RealmInfo) -> Vec<(String, String)> {
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
            "SELECT NULL::TEXT AS source_id, NULL::TEXT AS target_id, \
             NULL::TEXT AS relationship_type, NULL::TIMESTAMPTZ AS valid_from, \
             NULL::TIMESTAMPTZ AS valid_to WHERE false"
                .to_owned(),
        );
    }
    views.push(("relationships".to_owned(), all.join(" UNION ALL ")));
    views
}

fn history_select(info: &RealmInfo, entity: &EntityLayout, open: bool) -> String {
    let mut sql = format!(
        "SELECT h.entity::TEXT AS {}, h.state AS {}",
        quoted(&format!("{}_id", entity.name)),
        quoted(&format!("{}_state", entity.name))
    );
    for (place, (name, _)) in entity.properties.iter().enumerate() {
        sql.push_str(&format!(", h.p{place} AS {}", quoted(name)));
    }
    let (valid_to, merged_into) = if open {
        ("NULL::TIMESTAMPTZ", "NULL::TEXT")
    } else {
        ("h.valid_to", "h.merged_into::TEXT")
    };
    sql.push_str(&format!(
        ", h.valid_from, {valid_to} AS valid_to, {merged_into} AS merged_into, \
         h.last_event_time, h.state_entered_time, h.created_time, h.event_sequence, \
         'e_' || encode(l.event_id, 'hex') AS event_id FROM {} h \
         LEFT JOIN ledger l ON l.sequence = h.event_sequence",
        info.table(entity, if open { "open" } else { "closed" })
    ));
    sql
}

/// All edges with a name, from every pair that has it; missing properties are null.
fn relation_select(info: &RealmInfo, name: &str, with_properties: bool) -> String {
    let (pairs, columns) = info.layout.relation(name);
    let mut selects = Vec::new();
    for (pair, forward) in pairs {
        let (source, target) =
            if forward { ("h.source", "h.target") } else { ("h.target", "h.source") };
        let mut sql = format!(
            "SELECT {source}::TEXT AS source_id, {target}::TEXT AS target_id, \
             {}::TEXT AS relationship_type",
            literal(name)
        );
        for column in columns.iter().filter(|_| with_properties) {
            let value = match pair.properties.iter().position(|own| own == *column) {
                Some(place) => format!("h.p{place}"),
                None => format!("NULL::{}", Kind::of(column.1).sql()),
            };
            sql.push_str(&format!(", {value} AS {}", quoted(&column.0)));
        }
        sql.push_str(&format!(", h.valid_from, h.valid_to FROM {} h", info.edges(pair)));
        selects.push(sql);
    }
    selects.join(" UNION ALL ")
}
