//! Raw events to interpreter inputs, without any store: an entity is what its first hint says.

use std::collections::BTreeMap;

use defacto_model::{FieldOrigin, Timestamp, Value, ValueType, entity_id};
use defacto_ports::{EntityInput, EventInput, Machines, NormalizedEvent, RawRecord};
use defacto_test_support::RawEvent;

/// Instant of ingestion of all events.
pub(crate) fn ingested_at() -> Timestamp {
    Timestamp::parse_text("2025-01-01T00:00:00Z").unwrap()
}

/// Normalized events with the name of their source.
pub(crate) fn normalized(
    machines: &dyn Machines,
    events: &[RawEvent],
) -> Vec<(String, NormalizedEvent)> {
    let mut found = Vec::new();
    for event in events {
        let (source, _) = machines.manifest().find_source(&event.source).unwrap();
        let record = RawRecord { text: &event.text };
        if let Ok(normalized) =
            machines.normalize(source, &[record], ingested_at()).unwrap().remove(0).result
        {
            found.push((event.source.clone(), normalized));
        }
    }
    found
}

/// Events of each entity of each type whose name ends so, in order of time.
pub(crate) fn inputs(
    machines: &dyn Machines,
    suffix: &str,
    events: &[(String, NormalizedEvent)],
) -> Vec<(u32, Vec<EntityInput>)> {
    let manifest = machines.manifest();
    let mut seen = std::collections::BTreeSet::new();
    let mut all = Vec::new();
    for (number, entity) in (0..).zip(&manifest.entities) {
        if !entity.name.ends_with(suffix) {
            continue;
        }
        let mut by_key: BTreeMap<&str, Vec<(Timestamp, EventInput)>> = BTreeMap::new();
        seen.clear();
        for (source, event) in events.iter().filter(|(_, event)| seen.insert(event.event_id)) {
            let Some((_, _, key)) = event.hints.iter().find(|(name, _, _)| *name == entity.name)
            else {
                continue;
            };
            let taken = (0..).zip(&entity.events).find(|(_, e)| e.event_type == event.event_type);
            let cells = taken.map_or(Vec::new(), |(_, taken)| {
                taken
                    .fields
                    .iter()
                    .map(|field| cell(&field.origin, field.r#type, source, event))
                    .collect()
            });
            let input =
                EventInput { event: taken.map(|(at, _)| at), timestamp: event.timestamp, cells };
            by_key.entry(key).or_default().push((event.timestamp, input));
        }
        let entities = by_key.into_iter().map(|(key, mut events)| {
            events.sort_by_key(|(timestamp, _)| *timestamp);
            EntityInput {
                id: entity_id("test", &entity.name, "key", key, 0),
                record: None,
                events: events.into_iter().map(|(_, event)| event).collect(),
            }
        });
        all.push((number, entities.collect()));
    }
    all
}

fn cell(
    origin: &FieldOrigin,
    r#type: Option<ValueType>,
    source: &str,
    event: &NormalizedEvent,
) -> Value {
    let value = match origin {
        FieldOrigin::Data(name) => event
            .data
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
            .unwrap_or_default(),
        FieldOrigin::Timestamp => Value::DateTime(event.timestamp),
        FieldOrigin::Type => Value::String(event.event_type.clone()),
        FieldOrigin::Source => Value::String(source.to_owned()),
        FieldOrigin::Id => Value::String(event.event_id.to_string()),
    };
    let fits = match (r#type, &value) {
        (None, _) => true,
        (Some(ValueType::String), Value::String(_))
        | (Some(ValueType::Number), Value::Float(_))
        | (Some(ValueType::Integer), Value::Int(_))
        | (Some(ValueType::Boolean), Value::Bool(_))
        | (Some(ValueType::Datetime), Value::DateTime(_)) => true,
        _ => false,
    };
    if fits { value } else { Value::Null }
}
