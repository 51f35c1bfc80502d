//! Runs the committed corpus. Cases that are refused at load (`"error": "check"`) belong to the
//! checker.

use std::fs;
use std::path::PathBuf;

use defacto_functions::{Cx, HeapArena, Val, hint_result, hint_text};
use defacto_model::{Micros, Timestamp, Value};
use defacto_syntax::parse;

use crate::evaluate::{Roots, evaluate};

type Json = serde_json::Value;

fn cases(file: &str) -> Vec<Json> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/conformance/cases/expressions")
        .join(file);
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn value_of(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(int), _) => Value::Int(int),
            (None, Some(_)) => Value::BigInt(number.to_string()),
            _ => Value::Float(number.as_f64().unwrap()),
        },
        Json::String(text) => Value::String(text.clone()),
        Json::Array(elements) => Value::List(elements.iter().map(value_of).collect()),
        Json::Object(entries) => {
            if let Some(text) = entries.get("$datetime") {
                Value::DateTime(text.as_str().unwrap().parse().unwrap())
            } else if let Some(seconds) = entries.get("$duration_s") {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "seconds of the corpus are small"
                )]
                let micros = (seconds.as_f64().unwrap() * 1e6).round() as i64;
                Value::Duration(Micros(micros))
            } else {
                let entries = entries.iter().map(|(key, value)| (key.clone(), value_of(value)));
                Value::Object(entries.collect())
            }
        }
    }
}

/// Whether a result is what a case expects; floats to 1e-9, everything else exactly.
fn agrees(value: &Value, kind: &str, expected: &Json) -> bool {
    let near = |a: f64, b: f64| a == b || (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
    let seconds = |value: &Json| value.as_f64().unwrap();
    match (value, kind) {
        (Value::Null, "null") => true,
        (Value::Bool(value), "bool") => expected == value,
        (Value::Int(value), "int") => expected == value,
        (Value::Float(value), "float") => near(*value, seconds(expected)),
        (Value::String(value), "string") => expected == value,
        (Value::DateTime(value), "datetime") => {
            Ok(*value) == Timestamp::parse_text(expected.as_str().unwrap())
        }
        (Value::Duration(value), "duration") => near(value.as_seconds(), seconds(expected)),
        (Value::List(_), "list") | (Value::Object(_), "object") => inside(value, expected),
        _ => false,
    }
}

fn inside(value: &Value, expected: &Json) -> bool {
    match (value, expected) {
        (Value::List(values), Json::Array(expected)) => {
            values.len() == expected.len() && values.iter().zip(expected).all(|(a, b)| inside(a, b))
        }
        (Value::Object(values), Json::Object(expected)) => {
            values.len() == expected.len()
                && values.iter().all(|(k, v)| expected.get(k).is_some_and(|e| inside(v, e)))
        }
        (Value::DateTime(_), _) => agrees(value, "datetime", expected),
        (Value::Duration(_), _) => agrees(value, "duration", expected),
        _ => *value == value_of(expected),
    }
}

/// What is wrong with a case, if anything.
fn complaint(case: &Json) -> Option<String> {
    let error = case["error"].as_str();
    let expr = match (parse(case["expr"].as_str().unwrap()), error) {
        (Err(_), Some("parse")) => return None,
        (Err(wrong), _) => return Some(format!("does not parse: {wrong}")),
        (Ok(_), Some("parse")) => return Some("parses".to_owned()),
        (Ok(expr), _) => expr,
    };
    let now = case["now"].as_str().unwrap_or("2024-06-15T12:00:00Z");
    let (event, entity) = (value_of(&case["event"]), value_of(&case["entity"]));
    let arena = HeapArena::default();
    let handle = &arena;
    let cx = Cx { arena: &handle, now: now.parse::<Timestamp>().unwrap().as_micros() };
    let roots = Roots {
        event: Val::from_value(&event, cx.arena),
        entity: Val::from_value(&entity, cx.arena),
        value: Val::Null,
    };
    match evaluate(&expr, &roots, &cx) {
        Err(_) if error == Some("eval") => None,
        Err(fault) => Some(fault.message()),
        Ok(value) if error.is_some() => Some(format!("gives {value:?}")),
        Ok(value) => {
            let kind = case["type"].as_str().unwrap();
            (!agrees(&value.to_value(), kind, &case["value"])).then(|| format!("gives {value:?}"))
        }
    }
}

fn run(file: &str, at_least: usize) {
    let cases = cases(file);
    let ours = cases.iter().filter(|case| case["error"] != "check");
    let mut ran = 0;
    let mut wrong = Vec::new();
    for case in ours {
        ran += 1;
        if let Some(complaint) = complaint(case) {
            wrong.push(format!("{case}\n  {complaint}"));
        }
    }
    assert!(ran >= at_least, "only {ran} cases ran");
    assert!(wrong.is_empty(), "{} of {ran} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn functions() {
    run("functions.jsonl", 3_050);
}

#[test]
fn operators() {
    run("operators.jsonl", 1_936);
}

#[test]
fn deltas() {
    run("deltas.jsonl", 440);
}

#[test]
fn parsing() {
    run("parse.jsonl", 810);
}

#[test]
fn random() {
    run("random.jsonl", 4_768);
}

#[test]
fn time_dependent() {
    run("time_dependent.jsonl", 6);
}

#[test]
fn identity_normalize() {
    let mut wrong = Vec::new();
    for case in cases("identity_normalize.jsonl") {
        let Some(complaint) = hint_complaint(&case) else { continue };
        wrong.push(format!("{case}\n  {complaint}"));
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn hint_complaint(case: &Json) -> Option<String> {
    if case["error"] == "check" {
        return None;
    }
    let expr = match parse(case["normalize"].as_str().unwrap()) {
        Ok(expr) => expr,
        Err(_) if case["error"] == "parse" => return None,
        Err(wrong) => return Some(wrong.to_string()),
    };
    let value = value_of(&case["value"]);
    let arena = HeapArena::default();
    let handle = &arena;
    let cx = Cx { arena: &handle, now: 0 };
    let text = hint_text(&Val::from_value(&value, cx.arena), cx.arena);
    let hint = text.map(|text| {
        let roots = Roots { event: Val::Null, entity: Val::Null, value: Val::Str(text) };
        let normalized = evaluate(&expr, &roots, &cx)?;
        hint_result(&normalized, cx.arena)
    });
    let hint = hint.transpose().map(|hint| hint.flatten().filter(|text| !text.is_empty()));
    let agrees = match &hint {
        Err(_) => case["failure"] == "N09",
        Ok(hint) => case["failure"].is_null() && case["hint"].as_str() == *hint,
    };
    (!agrees).then(|| format!("{hint:?}"))
}
