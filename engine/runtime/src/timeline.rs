//! What happened to one entity, and what it is now (engine.md 9.5).

use std::collections::HashMap;

use defacto_model::{EntityId, EventId, Sequence, Timestamp, Value, ValueType};
use defacto_ports::{HistoryRecord, LedgerRow, MergeRow};
use serde::{Serialize, Serializer};

use crate::{Engine, Error};

/// Event type of entries that a time rule made.
const RULE: &str = "_time_rule";

/// What happened to an entity, in order of time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timeline {
    /// The entity, as asked for.
    pub entity_id: EntityId,
    /// Its type.
    pub entity_type: String,
    /// One entry per history row and one per merge.
    pub entries: Vec<TimelineEntry>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimelineEntry {
    /// Since when the effects hold.
    pub timestamp: Timestamp,
    /// Type of the event, `_time_rule` for a time rule.
    pub event_type: String,
    /// The event; none for a time rule.
    pub event_id: Option<EventId>,
    /// What changed, in words: `Entity created`, `State: a → b`, `property: old → new`, `property: value`,
    /// `Merged into ID`, `Merged with ID`.
    pub effects: Vec<String>,
    /// State before; none at the creation.
    pub state_before: Option<String>,
    /// State after.
    pub state_after: String,
}

/// One way in which an entity is not as expected.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// `state`, or the property.
    pub name: String,
    /// Value expected.
    #[serde(serialize_with = "as_json")]
    pub expected: Value,
    /// Value found.
    #[serde(serialize_with = "as_json")]
    pub actual: Value,
}

fn as_json<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    let json: serde_json::Value =
        serde_json::from_str(&defacto_json::to_json(value)).unwrap_or_default();
    json.serialize(serializer)
}

impl Engine {
    /// What happened to an entity. That of a merged-away entity ends with the merge.
    ///
    /// # Errors
    ///
    /// An unknown entity; what the store says.
    pub async fn timeline(&self, id: EntityId) -> Result<Timeline, Error> {
        let view = self.view(None).await?;
        let (_, entity_type) = self.locate(&view, id).await?;
        let rows = view.rows_of(&entity_type, id).await?;
        let names: Vec<&str> =
            view.entity(&entity_type)?.properties.iter().map(|p| p.name.as_str()).collect();
        let mut reader = self.store.read().await?;
        let mut events: HashMap<Sequence, LedgerRow> = HashMap::new();
        for (_, event) in reader.events_of(&[id], None).await? {
            events.insert(event.sequence, event);
        }
        for (_, event) in reader.events_by_origin(&[id]).await? {
            events.insert(event.sequence, event);
        }
        let mut entries = Vec::new();
        let mut before: Option<&HistoryRecord> = None;
        for row in &rows {
            let event = row.row.event.map(|(sequence, id)| (events.get(&sequence), id));
            let event_type = match &event {
                None => RULE.to_owned(),
                Some((found, _)) => {
                    found.map_or_else(String::new, |row| row.event.event_type.clone())
                }
            };
            entries.push(TimelineEntry {
                timestamp: row.row.valid_from,
                event_type,
                event_id: event.map(|(_, id)| id),
                effects: effects(&names, before, row),
                state_before: before.map(|row| row.row.state.clone()),
                state_after: row.row.state.clone(),
            });
            before = Some(row);
        }
        for merge in reader.merges(Some(id)).await? {
            if merge.undone_by.is_some() {
                continue;
            }
            let after = Sequence(merge.sequence.0 - 1);
            let event =
                reader.scan_events(after, merge.sequence, 1, true).await?.into_iter().next();
            entries.push(merge_entry(id, &merge, event.as_ref(), &rows));
        }
        entries.sort_by_key(|entry| entry.timestamp);
        Ok(Timeline { entity_id: id, entity_type, entries })
    }

    /// Compares what an entity is now with what it should be; empty when all is as expected. Of a merged-away entity the
    /// survivor is meant. Numbers are equal when their values are.
    ///
    /// # Errors
    ///
    /// An unknown entity or property; what the store says.
    pub async fn assert_entity(
        &self,
        id: EntityId,
        state: Option<&str>,
        properties: &[(String, Value)],
    ) -> Result<Vec<Difference>, Error> {
        let view = self.view(None).await?;
        let (root, entity_type) = self.locate(&view, id).await?;
        let entity = view.entity(&entity_type)?;
        let rows = view.rows_of(&entity_type, root).await?;
        let row = rows.last().map(|record| &record.row);
        let mut differences = Vec::new();
        if let Some(expected) = state {
            if !entity.states.iter().any(|state| state.name == expected) {
                let known: Vec<&str> =
                    entity.states.iter().map(|state| state.name.as_str()).collect();
                return Err(Error::UnknownName {
                    what: "state",
                    name: expected.to_owned(),
                    known: known.join(", "),
                });
            }
            let actual = row.map_or(Value::Null, |row| Value::String(row.state.clone()));
            let expected = Value::String(expected.to_owned());
            if actual != expected {
                differences.push(Difference { name: "state".to_owned(), expected, actual });
            }
        }
        for (name, expected) in properties {
            let Some(at) = entity.properties.iter().position(|property| property.name == *name)
            else {
                let known: Vec<&str> = entity.properties.iter().map(|p| p.name.as_str()).collect();
                return Err(Error::UnknownName {
                    what: "property",
                    name: name.clone(),
                    known: known.join(", "),
                });
            };
            let actual = row.and_then(|row| row.properties.get(at).cloned()).unwrap_or_default();
            if !equal(&actual, expected) {
                differences.push(Difference {
                    name: name.clone(),
                    expected: expected.clone(),
                    actual,
                });
            }
        }
        Ok(differences)
    }

    /// Reads texts as values of an entity's properties, as [`Engine::assert_entity`] takes them: by the declared type,
    /// `null` as no value.
    ///
    /// # Errors
    ///
    /// An unknown entity or property; [`Error::Config`] for a text that is no such value; what the store says.
    pub async fn property_values(
        &self,
        id: EntityId,
        texts: &[(String, String)],
    ) -> Result<Vec<(String, Value)>, Error> {
        let view = self.view(None).await?;
        let (_, entity_type) = self.locate(&view, id).await?;
        let entity = view.entity(&entity_type)?;
        let mut out = Vec::new();
        for (name, text) in texts {
            let Some(property) = entity.properties.iter().find(|property| property.name == *name)
            else {
                let known: Vec<&str> = entity.properties.iter().map(|p| p.name.as_str()).collect();
                return Err(Error::UnknownName {
                    what: "property",
                    name: name.clone(),
                    known: known.join(", "),
                });
            };
            let value = read_value(property.r#type, text).ok_or_else(|| {
                let declared = type_name(property.r#type);
                Error::Config(format!(
                    "'{text}' is no value of property '{name}', which is of type {declared}"
                ))
            })?;
            out.push((name.clone(), value));
        }
        Ok(out)
    }
}

fn effects(names: &[&str], before: Option<&HistoryRecord>, row: &HistoryRecord) -> Vec<String> {
    let mut effects = Vec::new();
    match before {
        None => effects.push("Entity created".to_owned()),
        Some(before) if before.row.state != row.row.state => {
            effects.push(format!("State: {} → {}", before.row.state, row.row.state));
        }
        Some(_) => {}
    }
    for (at, name) in names.iter().enumerate() {
        let new = row.row.properties.get(at).unwrap_or(&Value::Null);
        let old = before.and_then(|before| before.row.properties.get(at)).unwrap_or(&Value::Null);
        if old == new {
            continue;
        }
        effects.push(if old.is_null() {
            format!("{name}: {}", shown(new))
        } else {
            format!("{name}: {} → {}", shown(old), shown(new))
        });
    }
    effects
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::DateTime(at) => at.to_string(),
        other => defacto_json::to_json(other),
    }
}

fn merge_entry(
    id: EntityId,
    merge: &MergeRow,
    event: Option<&LedgerRow>,
    rows: &[HistoryRecord],
) -> TimelineEntry {
    let effect = if merge.from == id {
        format!("Merged into {}", merge.into)
    } else {
        format!("Merged with {}", merge.from)
    };
    let state = |at: Option<&HistoryRecord>| at.map(|row| row.row.state.clone());
    let until = rows.partition_point(|row| row.row.valid_from <= merge.timestamp);
    let present = state(until.checked_sub(1).and_then(|at| rows.get(at)));
    TimelineEntry {
        timestamp: merge.timestamp,
        event_type: event.map_or_else(String::new, |row| row.event.event_type.clone()),
        event_id: event.map(|row| row.event.event_id),
        effects: vec![effect],
        state_before: present.clone(),
        state_after: present.unwrap_or_default(),
    }
}

fn equal(a: &Value, b: &Value) -> bool {
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "compared with a value that was rounded in the same way"
)]
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(n) => Some(*n as f64),
        Value::Float(n) => Some(*n),
        _ => None,
    }
}

fn type_name(declared: ValueType) -> &'static str {
    match declared {
        ValueType::String => "string",
        ValueType::Number => "number",
        ValueType::Integer => "integer",
        ValueType::Boolean => "boolean",
        ValueType::Datetime => "datetime",
    }
}

fn read_value(declared: ValueType, text: &str) -> Option<Value> {
    if text == "null" {
        return Some(Value::Null);
    }
    match declared {
        ValueType::String => Some(Value::String(text.to_owned())),
        ValueType::Number => text.parse().ok().filter(|n: &f64| n.is_finite()).map(Value::Float),
        ValueType::Integer => text.parse().ok().map(Value::Int),
        ValueType::Boolean => text.parse().ok().map(Value::Bool),
        ValueType::Datetime => Timestamp::parse_text(text).ok().map(Value::DateTime),
    }
}
