//! What a store holds, in the form of `expected.json`.

use std::collections::BTreeMap;

use defacto_model::{Sequence, Value};
use defacto_pipeline::Pipeline;
use defacto_ports::{EdgeKey, EntityEventRow, HistoryQuery};
use serde_json::{Map, Value as Json, json};

const ALL: usize = usize::MAX >> 1;

pub(crate) fn text<T: serde::Serialize>(value: &T) -> Json {
    serde_json::to_value(value).unwrap()
}

/// A value as results show it.
pub(crate) fn plain(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => json!(b),
        Value::Int(n) => json!(n),
        Value::Float(n) => json!(n),
        Value::BigInt(digits) => serde_json::from_str(digits).unwrap(),
        Value::String(s) => json!(s),
        Value::DateTime(t) => json!(t.to_string()),
        Value::Duration(d) => json!(d.0 as f64 / 1e6),
        Value::List(items) => items.iter().map(plain).collect(),
        Value::Object(fields) => {
            Json::Object(fields.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        }
    }
}

pub(crate) async fn history(
    pipeline: &Pipeline,
    entity_type: &str,
    query: HistoryQuery,
) -> Vec<Json> {
    let mut reader = pipeline.store().read().await.unwrap();
    let manifest = pipeline.machines().manifest();
    let Some((_, entity)) = manifest.find_entity(entity_type) else { return Vec::new() };
    let records = reader.history(&pipeline.realm(), entity_type, &query).await.unwrap();
    let rows = records.into_iter().map(|record| {
        let mut row = Map::new();
        for (property, value) in entity.properties.iter().zip(&record.row.properties) {
            row.insert(property.name.clone(), plain(value));
        }
        row.insert(format!("{entity_type}_id"), json!(record.entity_id.to_string()));
        row.insert(format!("{entity_type}_state"), json!(record.row.state));
        row.insert("valid_from".into(), json!(record.row.valid_from.to_string()));
        row.insert("valid_to".into(), json!(record.valid_to.map(|t| t.to_string())));
        row.insert("merged_into".into(), json!(record.merged_into.map(|id| id.to_string())));
        row.insert("last_event_time".into(), json!(record.row.last_event.map(|t| t.to_string())));
        row.insert("state_entered_time".into(), json!(record.row.entered.to_string()));
        row.insert("created_time".into(), json!(record.row.created.to_string()));
        Json::Object(row)
    });
    rows.collect()
}

/// Empties the history tables.
pub(crate) async fn wipe(pipeline: &Pipeline) {
    for entity in &pipeline.machines().manifest().entities {
        let query = HistoryQuery { merged: true, limit: ALL, ..HistoryQuery::default() };
        let mut reader = pipeline.store().read().await.unwrap();
        let records = reader.history(&pipeline.realm(), &entity.name, &query).await.unwrap();
        let mut ids: Vec<_> = records.iter().map(|record| record.entity_id).collect();
        ids.dedup();
        drop(reader);
        let mut tx = pipeline.store().begin().await.unwrap();
        tx.delete_history(&pipeline.realm(), &entity.name, &ids).await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// Everything that is compared after the last step.
pub(crate) async fn outcome(pipeline: &Pipeline) -> Json {
    let manifest = pipeline.machines().manifest();
    let (mut alive, mut retired) = (Map::new(), Map::new());
    for entity in &manifest.entities {
        let query = HistoryQuery { merged: true, limit: ALL, ..HistoryQuery::default() };
        let rows = history(pipeline, &entity.name, query).await;
        let (merged, rest): (Vec<Json>, Vec<Json>) =
            rows.into_iter().partition(|row| !row["merged_into"].is_null());
        alive.insert(entity.name.clone(), Json::Array(rest));
        if !merged.is_empty() {
            retired.insert(entity.name.clone(), Json::Array(merged));
        }
    }
    json!({
        "history": alive,
        "retired_history": retired,
        "identity": identity(pipeline).await,
        "merge_log": merge_log(pipeline).await,
        "ledger": ledger(pipeline).await,
        "relationships": relationships(pipeline).await,
    })
}

async fn identity(pipeline: &Pipeline) -> Vec<Json> {
    let mut reader = pipeline.store().read().await.unwrap();
    let rows = reader.list_hints(None, ALL).await.unwrap();
    rows.into_iter()
        .map(|row| {
            json!({"entity_id": row.entity_id.to_string(), "entity_type": row.key.entity_type,
                   "hint": row.key.value, "hint_type": row.field})
        })
        .collect()
}

async fn merge_log(pipeline: &Pipeline) -> Vec<Json> {
    let mut reader = pipeline.store().read().await.unwrap();
    let rows = reader.merges(None).await.unwrap();
    let into: BTreeMap<_, _> = rows.iter().map(|row| (row.from, row.into)).collect();
    rows.iter()
        .map(|row| {
            let mut root = row.into;
            while let Some(next) = into.get(&root) {
                root = *next;
            }
            json!({"from": row.from.to_string(), "into": root.to_string(),
                   "timestamp": row.timestamp.to_string()})
        })
        .collect()
}

async fn ledger(pipeline: &Pipeline) -> Vec<Json> {
    let mut reader = pipeline.store().read().await.unwrap();
    let rows = reader.scan_events(Sequence(0), Sequence(i64::MAX), ALL, true).await.unwrap();
    let sequences: Vec<Sequence> = rows.iter().map(|row| row.sequence).collect();
    let mut entities: BTreeMap<Sequence, Vec<EntityEventRow>> = BTreeMap::new();
    for row in reader.entity_events(&sequences).await.unwrap() {
        entities.entry(row.sequence).or_default().push(row);
    }
    let mut out = Vec::new();
    for row in rows {
        let event = row.event;
        let mut hints: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for hint in event.hints {
            hints.entry(hint.entity_type).or_default().insert(hint.field, hint.value);
        }
        let data = defacto_json::decode_data(&event.data, &[]).unwrap();
        let data: Map<String, Json> =
            data.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
        let mut ids: Vec<String> = entities
            .remove(&row.sequence)
            .unwrap_or_default()
            .iter()
            .map(|row| row.entity_id.to_string())
            .collect();
        ids.sort();
        ids.dedup();
        out.push(json!({
            "sequence": row.sequence.0,
            "event_id": event.event_id.to_string(),
            "event_type": event.event_type,
            "timestamp": event.timestamp.to_string(),
            "source": event.source,
            "data": data,
            "duplicate_of": row.duplicate_of.map(|s| s.0),
            "hints": hints,
            "entities": ids,
        }));
    }
    out
}

async fn relationships(pipeline: &Pipeline) -> Json {
    let manifest = pipeline.machines().manifest();
    let mut reader = pipeline.store().read().await.unwrap();
    let mut out: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    for entity in &manifest.entities {
        for declared in &entity.relationships {
            let here =
                EdgeKey { source_type: entity.name.clone(), relationship: declared.name.clone() };
            let there = EdgeKey {
                source_type: declared.target.clone(),
                relationship: declared.inverse.clone(),
            };
            let forward = here <= there;
            let both = here == there;
            let pair = if forward { here } else { there };
            let other = manifest.find_entity(&declared.target).and_then(|(_, target)| {
                target.relationships.iter().find(|r| r.name == declared.inverse)
            });
            let names: Vec<String> = [Some(declared), other]
                .into_iter()
                .flatten()
                .map(|r| r.properties.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>())
                .find(|names| !names.is_empty())
                .unwrap_or_default();
            let rows = out.entry(declared.name.clone()).or_default();
            for edge in reader.edges(&pipeline.realm(), &pair, None, ALL).await.unwrap() {
                let mut show = |source: &dyn std::fmt::Display, target: &dyn std::fmt::Display| {
                    let mut row = Map::new();
                    for (name, value) in names.iter().zip(&edge.properties) {
                        row.insert(name.clone(), plain(value));
                    }
                    row.insert("relationship_type".into(), json!(declared.name));
                    row.insert("source_id".into(), json!(source.to_string()));
                    row.insert("target_id".into(), json!(target.to_string()));
                    row.insert("valid_from".into(), json!(edge.valid_from.to_string()));
                    row.insert("valid_to".into(), json!(edge.valid_to.map(|t| t.to_string())));
                    rows.push(Json::Object(row));
                };
                if forward {
                    show(&edge.source, &edge.target);
                }
                if !forward || (both && edge.source != edge.target) {
                    show(&edge.target, &edge.source);
                }
            }
        }
    }
    json!(out)
}
