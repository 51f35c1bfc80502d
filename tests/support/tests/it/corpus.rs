use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use defacto_definitions::{Loaded, SourceFile, load_files};
use defacto_model::{Micros, Timestamp, Value};
use serde_json::Value as Json;

/// Root of the cases.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/cases")
}

/// A text of the corpus.
pub(crate) fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Lines of JSON.
pub(crate) fn lines(path: &Path) -> Vec<Json> {
    text(path).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Folders of a folder, in name order.
pub(crate) fn folders(path: &Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut found: Vec<PathBuf> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

/// A definitions folder.
pub(crate) fn definitions(path: &Path) -> Loaded {
    let mut files = Vec::new();
    for folder in folders(path) {
        let kind = folder.file_name().unwrap().to_string_lossy().into_owned();
        for entry in std::fs::read_dir(&folder).unwrap() {
            let file = entry.unwrap().path();
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            files.push(SourceFile { path: format!("{kind}/{name}"), text: text(&file) });
        }
    }
    load_files(&files)
}

/// A value of a context: date-times and durations are tagged.
pub(crate) fn context(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(number) => defacto_json::parse(&number.to_string()).unwrap(),
        Json::String(text) => Value::String(text.clone()),
        Json::Array(items) => Value::List(items.iter().map(context).collect()),
        Json::Object(entries) => match (entries.get("$datetime"), entries.get("$duration_s")) {
            (Some(Json::String(text)), None) => {
                Value::DateTime(Timestamp::parse_text(text).unwrap())
            }
            (None, Some(seconds)) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "durations of the corpus are small"
                )]
                let micros = (seconds.as_f64().unwrap() * 1e6).round() as i64;
                Value::Duration(Micros(micros))
            }
            _ => Value::Object(
                entries
                    .iter()
                    .map(|(key, value)| (key.clone(), context(value)))
                    .collect::<BTreeMap<_, _>>(),
            ),
        },
    }
}

/// Whether a value is what the corpus expects, date-times and durations in their JSON forms, numbers by value.
pub(crate) fn matches(value: &Value, json: &Json) -> bool {
    match (value, json) {
        (Value::Null, Json::Null) => true,
        (Value::Bool(a), Json::Bool(b)) => a == b,
        (Value::Int(a), Json::Number(b)) => {
            b.as_i64().map_or_else(|| close(*a as f64, b.as_f64()), |b| *a == b)
        }
        (Value::Float(a), Json::Number(b)) => close(*a, b.as_f64()),
        (Value::BigInt(a), Json::Number(b)) => {
            *a == b.to_string() || a.parse().is_ok_and(|a| close(a, b.as_f64()))
        }
        (Value::String(a), Json::String(b)) => a == b,
        (Value::DateTime(a), Json::String(b)) => Timestamp::parse_text(b).is_ok_and(|b| *a == b),
        (Value::Duration(Micros(a)), Json::Number(b)) => close(*a as f64 / 1e6, b.as_f64()),
        (Value::List(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| matches(a, b))
        }
        (Value::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| matches(a, b)))
        }
        _ => false,
    }
}

fn close(a: f64, b: Option<f64>) -> bool {
    b.is_some_and(|b| a == b || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()))
}
