//! The ledger's data column: JSON that keeps every kind of value.
//!
//! A date-time is `{"$datetime": "…"}`, a duration `{"$duration_us": n}`; an object that would read as
//! one of these, or as the wrapper itself, is wrapped as `{"$object": {…}}`. Floats keep a fraction or an
//! exponent, so that they read back as floats.

use std::collections::BTreeMap;

use defacto_model::{MappedFieldManifest, Micros, Timestamp, Value, ValueType, nearest_float};

use crate::print::{list, object, write_string};
use crate::{JsonError, JsonErrorKind, parse, write_json};

const DATETIME: &str = "$datetime";
const DURATION: &str = "$duration_us";
const OBJECT: &str = "$object";

/// JSON text of an event's mapped fields, in the order given.
pub fn encode_data(fields: &[(String, Value)]) -> String {
    let mut out = String::with_capacity(16 + 32 * fields.len());
    object(&mut out, fields.iter().map(|(name, value)| (name, value)), encode);
    out
}

/// Reads [`encode_data`] back, fields sorted by name.
///
/// `typed` gives declared types: a field of type `datetime` may also stand as plain text, and one of type
/// `number` as an integer (databases with a JSON type of their own rewrite numbers).
///
/// # Errors
///
/// As [`crate::parse`]; also when the text is no object or a tagged value does not fit its tag.
pub fn decode_data(
    text: &str,
    typed: &[MappedFieldManifest],
) -> Result<Vec<(String, Value)>, JsonError> {
    let Value::Object(entries) = parse(text)? else {
        return Err(wrong("event data must be an object"));
    };
    let mut types = typed.iter().peekable();
    let mut fields = Vec::with_capacity(entries.len());
    for (name, stored) in entries {
        while types.next_if(|field| field.name < name).is_some() {}
        let declared = types.next_if(|field| field.name == name).and_then(|field| field.r#type);
        let value = adjust(decode(stored)?, declared)?;
        fields.push((name, value));
    }
    Ok(fields)
}

fn wrong(message: &'static str) -> JsonError {
    JsonError { kind: JsonErrorKind::Typed(message), offset: 0 }
}

fn encode(out: &mut String, value: &Value) {
    match value {
        Value::DateTime(instant) => tagged(out, DATETIME, |out| {
            write_string(out, &instant.to_string());
        }),
        Value::Duration(Micros(micros)) => {
            tagged(out, DURATION, |out| out.push_str(&micros.to_string()));
        }
        Value::List(elements) => list(out, elements, encode),
        Value::Object(entries) if looks_tagged(entries) => {
            tagged(out, OBJECT, |out| object(out, entries, encode));
        }
        Value::Object(entries) => object(out, entries, encode),
        plain => write_json(out, plain),
    }
}

fn tagged(out: &mut String, tag: &str, write: impl FnOnce(&mut String)) {
    out.push_str("{\"");
    out.push_str(tag);
    out.push_str("\":");
    write(out);
    out.push('}');
}

fn looks_tagged(entries: &BTreeMap<String, Value>) -> bool {
    entries.len() == 1
        && entries.keys().all(|key| matches!(key.as_str(), DATETIME | DURATION | OBJECT))
}

fn decode(stored: Value) -> Result<Value, JsonError> {
    Ok(match stored {
        Value::List(elements) => {
            Value::List(elements.into_iter().map(decode).collect::<Result<_, _>>()?)
        }
        Value::Object(mut entries) if looks_tagged(&entries) => match entries.pop_first() {
            Some((tag, Value::String(text))) if tag == DATETIME => Value::DateTime(instant(&text)?),
            Some((tag, Value::Int(micros))) if tag == DURATION => Value::Duration(Micros(micros)),
            Some((tag, Value::Object(inner))) if tag == OBJECT => entries_of(inner)?,
            _ => return Err(wrong("a tagged value does not fit its tag")),
        },
        Value::Object(entries) => entries_of(entries)?,
        plain => plain,
    })
}

fn entries_of(entries: BTreeMap<String, Value>) -> Result<Value, JsonError> {
    let decoded: Result<BTreeMap<_, _>, _> =
        entries.into_iter().map(|(key, value)| Ok((key, decode(value)?))).collect();
    Ok(Value::Object(decoded?))
}

fn instant(text: &str) -> Result<Timestamp, JsonError> {
    Timestamp::parse_text(text).map_err(|_| wrong("a stored date-time cannot be read"))
}

fn adjust(value: Value, declared: Option<ValueType>) -> Result<Value, JsonError> {
    Ok(match (declared, value) {
        (Some(ValueType::Datetime), Value::String(text)) => Timestamp::parse_text(&text)
            // Erasure leaves a marker text where an instant was.
            .map_or(Value::String(text), Value::DateTime),
        #[expect(clippy::cast_precision_loss, reason = "the declared type is double")]
        (Some(ValueType::Number), Value::Int(int)) => Value::Float(int as f64),
        (Some(ValueType::Number), Value::BigInt(digits)) => Value::Float(nearest_float(&digits)),
        (_, value) => value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, r#type: ValueType) -> MappedFieldManifest {
        MappedFieldManifest { name: name.to_owned(), r#type: Some(r#type), lineage: Vec::new() }
    }

    #[test]
    fn every_value_survives() {
        let instant: Timestamp = "2024-01-02T03:04:05.000006Z".parse().unwrap();
        let object = |key: &str, value| Value::Object(BTreeMap::from([(key.to_owned(), value)]));
        let fields: Vec<(String, Value)> = [
            Value::Null,
            Value::Bool(true),
            Value::Int(i64::MIN),
            Value::Float(1.0),
            Value::Float(-0.0),
            Value::Float(1e300),
            Value::BigInt("123456789012345678901234567890".to_owned()),
            Value::String("a\"b".to_owned()),
            Value::DateTime(instant),
            Value::Duration(Micros(-1)),
            Value::List(vec![Value::DateTime(instant), Value::List(vec![])]),
            object("$datetime", Value::Int(1)),
            object("$object", object("$object", Value::Duration(Micros(5)))),
            object("plain", object("$duration_us", Value::String("x".to_owned()))),
        ]
        .into_iter()
        .enumerate()
        .map(|(index, value)| (format!("f{index:02}"), value))
        .collect();
        let text = encode_data(&fields);
        assert_eq!(decode_data(&text, &[]).unwrap(), fields, "{text}");
    }

    #[test]
    fn declared_types_repair_what_databases_rewrite() {
        let typed = [field("at", ValueType::Datetime), field("n", ValueType::Number)];
        let read = decode_data(r#"{"n":5,"at":"2024-01-01","z":"2024-01-01"}"#, &typed).unwrap();
        assert_eq!(read[0].1, Value::DateTime("2024-01-01T00:00:00Z".parse().unwrap()));
        assert_eq!(read[1].1, Value::Float(5.0));
        assert_eq!(read[2].1, Value::String("2024-01-01".to_owned()));
    }

    #[test]
    fn broken_tags_are_errors() {
        for text in [r#"{"a":{"$datetime":1}}"#, r#"{"a":{"$duration_us":"x"}}"#, "[]"] {
            assert!(decode_data(text, &[]).is_err(), "{text}");
        }
    }
}
