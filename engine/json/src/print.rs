use defacto_model::{Value, json_float};

/// JSON text of a value (language.md 4.3, "JSON out"): compact, keys sorted, date-times as RFC 3339 text,
/// durations in seconds.
pub fn to_json(value: &Value) -> String {
    let mut out = String::new();
    write_json(&mut out, value);
    out
}

/// Appends [`to_json`] of a value.
pub fn write_json(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Int(int) => out.push_str(&int.to_string()),
        Value::Float(float) => out.push_str(&json_float(*float)),
        Value::BigInt(digits) => out.push_str(digits),
        Value::String(text) => write_string(out, text),
        Value::DateTime(instant) => {
            out.push('"');
            out.push_str(&instant.to_string());
            out.push('"');
        }
        Value::Duration(span) => out.push_str(&json_float(span.as_seconds())),
        Value::List(elements) => list(out, elements, write_json),
        Value::Object(entries) => object(out, entries, write_json),
    }
}

/// Appends a JSON array.
pub(crate) fn list<T>(
    out: &mut String,
    elements: impl IntoIterator<Item = T>,
    write: impl Fn(&mut String, T),
) {
    out.push('[');
    for (index, element) in elements.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(out, element);
    }
    out.push(']');
}

/// Appends a JSON object whose entries come in order.
pub(crate) fn object<K: AsRef<str>, T>(
    out: &mut String,
    entries: impl IntoIterator<Item = (K, T)>,
    write: impl Fn(&mut String, T),
) {
    out.push('{');
    for (index, (key, entry)) in entries.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_string(out, key.as_ref());
        out.push(':');
        write(out, entry);
    }
    out.push('}');
}

/// Appends a text as a JSON string with the shortest escapes.
pub fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|b| b < 0x20 || b == b'"' || b == b'\\') {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut characters = special.chars();
        if let Some(character) = characters.next() {
            escape(out, character);
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

fn escape(out: &mut String, character: char) {
    match character {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        other => out.push_str(&format!("\\u{:04x}", u32::from(other))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[test]
    fn what_is_printed_reads_back() {
        for text in [
            "null",
            "true",
            "-9223372036854775808",
            "18446744073709551616",
            "1.0",
            "1e30",
            "1.5e-7",
            r#""a\"\\\b\f\n\r\t\u0001é\u007f""#,
            "[1,[],{}]",
            r#"{"":1,"a":{"b":[null]},"é":2}"#,
        ] {
            let printed = to_json(&parse(text).unwrap());
            assert_eq!(printed, text.replace("\\u007f", "\u{7f}"));
        }
    }

    #[test]
    fn keys_are_sorted_and_blanks_dropped() {
        let value = parse(" { \"b\" : 1 , \"a\" : [ 1 , 2.50 ] } ").unwrap();
        assert_eq!(to_json(&value), r#"{"a":[1,2.5],"b":1}"#);
    }

    #[test]
    fn times_are_text_and_durations_seconds() {
        let value = Value::List(vec![
            Value::DateTime("2024-01-02T03:04:05.5Z".parse().unwrap()),
            Value::Duration(defacto_model::Micros(1_500_000)),
        ]);
        assert_eq!(to_json(&value), r#"["2024-01-02T03:04:05.500+00:00",1.5]"#);
    }
}
