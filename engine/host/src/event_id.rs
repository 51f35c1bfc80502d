use defacto_json::{JsonError, RawValue, raw_hash};
use defacto_model::{EventId, SourceManifest, Timestamp, Value, event_id};

use crate::source::{IdPart, PreparedEvent};

/// Values of an event's id that do not come from its mapped fields.
pub(crate) struct IdRaw {
    /// One per explicit part; null for parts of other kinds.
    values: Vec<Value>,
}

impl IdRaw {
    /// Takes them from an extracted record. `place` is the event's among those of its record: `$raw` tells them apart.
    pub(crate) fn new(
        event: &PreparedEvent,
        source: &SourceManifest,
        record: &str,
        extracted: &[RawValue<'_>],
        place: usize,
    ) -> Result<Self, JsonError> {
        let Some(parts) = &event.id else { return Ok(Self { values: Vec::new() }) };
        let value = |(_, part): &(String, IdPart)| {
            Ok(match part {
                IdPart::Raw(slot) => extracted.get(*slot).map_or(Value::Null, RawValue::to_value),
                IdPart::Source => Value::String(source.name.clone()),
                IdPart::RawHash if place == 0 => Value::String(raw_hash(record)?),
                IdPart::RawHash => Value::String(format!("{}#{place}", raw_hash(record)?)),
                IdPart::Field(_) | IdPart::Timestamp => Value::Null,
            })
        };
        Ok(Self { values: parts.iter().map(value).collect::<Result<_, _>>()? })
    }

    /// The id, or `None` when every listed field is null (N08).
    pub(crate) fn finish(
        &self,
        event: &PreparedEvent,
        event_type: &str,
        names: impl Iterator<Item = impl AsRef<str>>,
        fields: &[Value],
        timestamp: Timestamp,
    ) -> Option<EventId> {
        let timestamp = Value::DateTime(timestamp);
        let Some(parts) = &event.id else {
            let names: Vec<_> = names.collect();
            let mut hashed: Vec<_> = names.iter().map(AsRef::as_ref).zip(fields).collect();
            hashed.push(("$timestamp", &timestamp));
            return Some(event_id(event_type, &hashed));
        };
        let mut hashed = Vec::with_capacity(parts.len());
        for ((name, part), raw) in parts.iter().zip(&self.values) {
            let value = match part {
                IdPart::Field(field) => fields.get(*field).unwrap_or(&Value::Null),
                IdPart::Timestamp => &timestamp,
                IdPart::Raw(_) | IdPart::Source | IdPart::RawHash => raw,
            };
            hashed.push((name.as_str(), value));
        }
        let some = hashed.iter().any(|(_, value)| !matches!(value, Value::Null));
        some.then(|| event_id(event_type, &hashed))
    }
}
