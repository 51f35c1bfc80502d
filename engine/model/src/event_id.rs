use sha2::{Digest, Sha256};

use crate::{EventId, Micros, Value, json_float};

/// The id of an event (language.md 5.6): SHA-256 of its type and of the fields given, in any
/// order. Pseudo-fields come under their own names (`$timestamp`, `$source`, `$raw`).
pub fn event_id(event_type: &str, fields: &[(&str, &Value)]) -> EventId {
    EventId(Sha256::digest(canonical_event(event_type, fields).as_bytes()).into())
}

/// The text that [`event_id`] hashes.
pub fn canonical_event(event_type: &str, fields: &[(&str, &Value)]) -> String {
    let mut sorted: Vec<_> = fields.to_vec();
    sorted.sort_by_key(|(name, _)| *name);
    let mut text = String::with_capacity(event_type.len() + 48 * sorted.len() + 3);
    text.push_str(event_type);
    text.push('|');
    list(&mut text, sorted.iter(), |text, (name, value)| {
        text.push('[');
        push_json_string(text, name);
        text.push(',');
        push_tagged(text, value);
        text.push(']');
    });
    text
}

fn push_tagged(text: &mut String, value: &Value) {
    let tag = match value {
        Value::Null => return text.push_str("\"Null\""),
        Value::Bool(_) => "Bool",
        Value::Int(_) => "Int",
        Value::Float(_) | Value::BigInt(_) => "Float",
        Value::String(_) => "String",
        Value::DateTime(_) => "DateTime",
        Value::Duration(_) => "Duration",
        Value::List(_) => "Array",
        Value::Object(_) => "Object",
    };
    text.push_str("{\"");
    text.push_str(tag);
    text.push_str("\":");
    match value {
        Value::Null => {}
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) => text.push_str(&value.to_string()),
        Value::Float(value) => text.push_str(&json_float(*value)),
        Value::BigInt(digits) => text.push_str(&json_float(crate::nearest_float(digits))),
        Value::String(value) => push_json_string(text, value),
        Value::DateTime(value) => {
            text.push('"');
            text.push_str(&value.to_zulu());
            text.push('"');
        }
        Value::Duration(Micros(micros)) => {
            text.push_str("{\"secs\":");
            text.push_str(&micros.div_euclid(1_000_000).to_string());
            text.push_str(",\"nanos\":");
            text.push_str(&(micros.rem_euclid(1_000_000) * 1_000).to_string());
            text.push('}');
        }
        Value::List(elements) => list(text, elements.iter(), push_tagged),
        Value::Object(entries) => list(text, entries.iter(), |text, (key, value)| {
            text.push('[');
            push_json_string(text, key);
            text.push(',');
            push_tagged(text, value);
            text.push(']');
        }),
    }
    text.push('}');
}

fn list<T>(text: &mut String, items: impl Iterator<Item = T>, push: impl Fn(&mut String, T)) {
    text.push('[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            text.push(',');
        }
        push(text, item);
    }
    text.push(']');
}

/// Appends a text as a JSON string with the shortest escapes.
pub fn push_json_string(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            control if control < ' ' => {
                let code = u32::from(control);
                text.push_str("\\u00");
                text.push(if code < 16 { '0' } else { '1' });
                text.extend(char::from_digit(code & 15, 16));
            }
            other => text.push(other),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Timestamp;

    fn id(event_type: &str, fields: &[(&str, Value)]) -> String {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value)).collect();
        event_id(event_type, &fields).to_string()
    }

    fn string(text: &str) -> Value {
        Value::String(text.to_owned())
    }

    #[test]
    fn vectors_of_the_specification() {
        assert_eq!(
            id("pay", &[("email", string("a@x")), ("amount", Value::Float(5.0))]),
            "e_adf925d2ec270e497c0e7c483482c148f5a2dfa12235a69ce005f8e178afaee9"
        );
        assert_eq!(
            id("signup", &[("email", string("a@x")), ("phone", Value::Null)]),
            "e_084207bea5ea77f6f620e1c327dd014a4309bdaf9b38990ed989d6af4c3b662a"
        );
        for (fields, start) in [
            (vec![("y", string("b")), ("x", Value::Int(1))], "e_133070843d55"),
            (vec![("x", Value::Null)], "e_135cf528c1cb"),
            (vec![("x", Value::Float(1.0))], "e_b2b131fd4389"),
            (
                vec![("x", Value::Int(1)), ("$timestamp", Value::DateTime(Timestamp::EPOCH))],
                "e_0287c0c7e94b",
            ),
        ] {
            assert!(id("e", &fields).starts_with(start));
        }
    }

    #[test]
    fn every_kind_of_value_has_a_tag() {
        let value = Value::List(vec![
            Value::Bool(true),
            Value::Duration(Micros(-1_500_000)),
            Value::BigInt("18446744073709551616".to_owned()),
            Value::Object(BTreeMap::from([("k\n\u{1}".to_owned(), Value::Null)])),
            Value::DateTime(Timestamp::from_micros(1_500_000).unwrap()),
        ]);
        assert_eq!(
            canonical_event("e", &[("l", &value)]),
            "e|[[\"l\",{\"Array\":[{\"Bool\":true},{\"Duration\":{\"secs\":-2,\"nanos\":500000000}},\
             {\"Float\":1.8446744073709552e19},{\"Object\":[[\"k\\n\\u0001\",\"Null\"]]},\
             {\"DateTime\":\"1970-01-01T00:00:01.500Z\"}]}]]"
        );
    }
}
