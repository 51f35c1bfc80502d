//! Expected against found.

use serde_json::{Map, Value};

/// Everything that differs, in words.
pub(crate) fn differences(expected: &Value, found: &Value, steps: &[Value]) -> Vec<String> {
    let mut out = Vec::new();
    for part in ["history", "retired_history"] {
        by_type(part, &expected[part], &found[part], &mut out);
    }
    rows("identity", &expected["identity"], &found["identity"], &mut out);
    rows("merge_log", &expected["merge_log"], &found["merge_log"], &mut out);
    ledger(&expected["ledger"], &found["ledger"], &mut out);
    if !expected["relationships"].is_null() {
        by_type("relationships", &expected["relationships"], &found["relationships"], &mut out);
    }
    for (index, (expected, found)) in
        expected["steps"].as_array().unwrap().iter().zip(steps).enumerate()
    {
        step(index, expected, found, &mut out);
    }
    out
}

fn by_type(what: &str, expected: &Value, found: &Value, out: &mut Vec<String>) {
    let empty = Map::new();
    let (expected, found) =
        (expected.as_object().unwrap_or(&empty), found.as_object().unwrap_or(&empty));
    for (name, rows_expected) in expected {
        if !rows_expected.is_null() {
            let found = found.get(name).cloned().unwrap_or_else(|| Value::Array(Vec::new()));
            rows(&format!("{what}.{name}"), rows_expected, &found, out);
        }
    }
    for (name, rows_found) in found {
        if !expected.contains_key(name) {
            rows(&format!("{what}.{name}"), &Value::Array(Vec::new()), rows_found, out);
        }
    }
}

/// Rows are sets.
fn rows(what: &str, expected: &Value, found: &Value, out: &mut Vec<String>) {
    let mut missing: Vec<&Value> = expected.as_array().unwrap().iter().collect();
    let mut extra = Vec::new();
    for row in found.as_array().unwrap() {
        match missing.iter().position(|other| same(other, row)) {
            Some(at) => {
                missing.remove(at);
            }
            None => extra.push(row),
        }
    }
    for row in missing.iter().take(4) {
        out.push(format!("{what} lacks {row}"));
    }
    for row in extra.iter().take(4) {
        out.push(format!("{what} has    {row}"));
    }
}

fn ledger(expected: &Value, found: &Value, out: &mut Vec<String>) {
    let strip = |value: &Value| {
        let rows = value.as_array().unwrap().iter().map(|row| {
            let mut row = row.clone();
            let object = row.as_object_mut().unwrap();
            if object["source"] == "_defacto" {
                // How ids and hints of the engine's own rows are kept is free.
                object.remove("event_id");
                object.remove("data");
            }
            row
        });
        Value::Array(rows.collect())
    };
    rows("ledger", &strip(expected), &strip(found), out);
}

fn step(index: usize, expected: &Value, found: &Value, out: &mut Vec<String>) {
    for (key, wanted) in expected.as_object().unwrap() {
        match key.as_str() {
            "rows" => rows(&format!("step {index} rows"), wanted, &found["rows"], out),
            "failures" => {
                let brief = wanted.as_array().unwrap().iter().map(|failure| {
                    serde_json::json!({"code": failure["code"], "handler": failure["handler"],
                                       "entity_type": failure["entity_type"]})
                });
                let brief = Value::Array(brief.collect());
                rows(&format!("step {index} failures"), &brief, &found["failures"], out);
            }
            key => {
                if !same(wanted, &found[key]) {
                    out.push(format!(
                        "step {index} {key}: expected {wanted}, found {}",
                        found[key]
                    ));
                }
            }
        }
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => {
            let (x, y) = (x.as_f64().unwrap(), y.as_f64().unwrap());
            x == y || (x - y).abs() <= 1e-9 * x.abs().max(y.abs())
        }
        (Value::Array(x), Value::Array(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y))
        }
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(key, x)| y.get(key).is_some_and(|y| same(x, y)))
        }
        _ => a == b,
    }
}
