use serde_json::json;

use crate::event;
use crate::{EventType, Failure, Timestamp, Value};

/// What became of one record.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub(super) result: Result<Vec<Made>, Failure>,
}

/// An event with its names.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Made {
    /// Its type in definitions.
    pub event_type: &'static str,
    /// When it happened.
    pub timestamp: Timestamp,
    /// Its fields, in the order in which they are declared.
    pub fields: Vec<(&'static str, Value)>,
}

impl Outcome {
    /// The events; none where the record failed.
    pub fn events(&self) -> &[Made] {
        self.result.as_deref().unwrap_or_default()
    }

    /// Why there are none.
    pub fn failure(&self) -> Option<&Failure> {
        self.result.as_ref().err()
    }

    /// The outcome as a line of JSON, as `defacto normalizer test` prints and expects it.
    pub fn to_json(&self) -> String {
        match &self.result {
            Ok(events) => {
                let events: Vec<_> = events.iter().map(Made::json).collect();
                json!({ "events": events })
            }
            Err(Failure { code, field, message }) => {
                json!({"failure": {"code": code, "field": field, "message": message}})
            }
        }
        .to_string()
    }
}

impl Made {
    /// Gives names to what a module made, and holds it against what the engine accepts.
    #[allow(
        clippy::panic,
        reason = "a test should end here; the engine would make a dead letter of it"
    )]
    pub(super) fn new<'v>(
        types: &'static [EventType],
        event: event::Made,
        values: &mut impl Iterator<Item = &'v Value>,
    ) -> Self {
        let at = usize::try_from(event.event_type).ok();
        let Some(known) = at.and_then(|at| types.get(at)) else {
            panic!("there is no event type {}", event.event_type)
        };
        let Some(timestamp) = Timestamp::from_micros(event.timestamp) else {
            panic!("{} microseconds are outside of the years 0001 to 9999", event.timestamp)
        };
        let named = |(name, value): (&'static str, &Value)| {
            if let Value::Float(number) = value {
                assert!(number.is_finite(), "{number} is no number that the engine takes");
            }
            (name, value.clone())
        };
        let names = known.fields.iter().map(|field| field.name);
        let fields = names.zip(values.take(event.values)).map(named).collect();
        Self { event_type: known.name, timestamp, fields }
    }

    /// The value of a field, or `None` where the type has no such field.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }

    fn json(&self) -> serde_json::Value {
        let fields: serde_json::Map<String, serde_json::Value> =
            self.fields.iter().map(|(name, value)| ((*name).to_owned(), json_of(value))).collect();
        json!({
            "type": self.event_type,
            "timestamp": self.timestamp.to_string(),
            "fields": fields,
        })
    }
}

fn json_of(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Boolean(flag) => (*flag).into(),
        Value::Integer(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::Datetime(at) => Timestamp::from_micros(*at).map(|at| at.to_string()).into(),
        Value::Duration(micros) => (*micros as f64 / 1e6).into(),
        Value::Json(text) => {
            serde_json::from_str(text).unwrap_or_else(|_| serde_json::Value::String(text.clone()))
        }
    }
}
