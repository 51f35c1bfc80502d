use defacto_json::decode_data;
use defacto_model::{EventId, FieldOrigin, Sequence, Timestamp, Value, ValueType};
use defacto_ports::{EventInput, HintText, LedgerRow, NewEvent, OrderKey};

use crate::Error;
use crate::catalog::Catalog;

/// What stands in place of a text that was redacted or erased.
pub(crate) const REDACTED: &str = "[REDACTED]";

/// An event with its values, from the normalizer or from the ledger.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) sequence: Sequence,
    pub(crate) event_id: EventId,
    pub(crate) event_type: String,
    pub(crate) timestamp: Timestamp,
    pub(crate) source: String,
    /// Sorted by name.
    pub(crate) data: Vec<(String, Value)>,
    pub(crate) hints: Vec<HintText>,
    pub(crate) redacted: bool,
}

impl Event {
    pub(crate) fn key(&self) -> OrderKey {
        OrderKey { timestamp: self.timestamp, sequence: self.sequence }
    }

    pub(crate) fn value(&self, field: &str) -> Option<&Value> {
        let at = self.data.binary_search_by(|(name, _)| name.as_str().cmp(field)).ok()?;
        self.data.get(at).map(|(_, value)| value)
    }

    /// Whether a value is only what redaction or erasure left (decision 45): it gives no hint.
    pub(crate) fn redacted(&self, catalog: &Catalog, field: &str, value: &Value) -> bool {
        self.redacted
            && value
                .as_str()
                .is_some_and(|text| text == REDACTED || catalog.is_treated(field, text))
    }

    /// A row of the engine itself that has just been appended.
    pub(crate) fn system(new: NewEvent, sequence: Sequence) -> Result<Self, Error> {
        let data = decode_data(&new.data, &[]);
        Ok(Self {
            sequence,
            event_id: new.event_id,
            event_type: new.event_type,
            timestamp: new.timestamp,
            source: new.source,
            data: data.map_err(|source| Error::Ledger { sequence, source })?,
            hints: Vec::new(),
            redacted: false,
        })
    }

    /// Reads a row of the ledger.
    pub(crate) fn from_row(catalog: &Catalog, row: LedgerRow) -> Result<Self, Error> {
        let event = row.event;
        let fields = catalog.fields(&event.source, &event.event_type);
        let data = decode_data(&event.data, fields)
            .map_err(|source| Error::Ledger { sequence: row.sequence, source })?;
        Ok(Self {
            sequence: row.sequence,
            event_id: event.event_id,
            event_type: event.event_type,
            timestamp: event.timestamp,
            source: event.source,
            data,
            hints: event.hints,
            redacted: row.redacted,
        })
    }

    /// The event as an entity type takes it.
    pub(crate) fn input(&self, catalog: &Catalog, entity: u32) -> EventInput {
        let Some((index, event)) = catalog.entity_event(entity, &self.event_type) else {
            return EventInput { event: None, timestamp: self.timestamp, cells: Vec::new() };
        };
        let cells = event.fields.iter().map(|field| match &field.origin {
            FieldOrigin::Data(name) => {
                self.value(name).map_or(Value::Null, |value| fit(value, field.r#type))
            }
            FieldOrigin::Timestamp => Value::DateTime(self.timestamp),
            FieldOrigin::Type => Value::String(self.event_type.clone()),
            FieldOrigin::Source => Value::String(self.source.clone()),
            FieldOrigin::Id => Value::String(self.event_id.to_string()),
        });
        EventInput { event: Some(index), timestamp: self.timestamp, cells: cells.collect() }
    }
}

/// The value, or null where the module relies on another kind.
fn fit(value: &Value, expected: Option<ValueType>) -> Value {
    let fits = matches!(
        (expected, value),
        (None, _)
            | (Some(ValueType::String), Value::String(_))
            | (Some(ValueType::Integer), Value::Int(_))
            | (Some(ValueType::Number), Value::Float(_))
            | (Some(ValueType::Boolean), Value::Bool(_))
            | (Some(ValueType::Datetime), Value::DateTime(_))
    );
    if fits { value.clone() } else { Value::Null }
}
