//! The corpus through the binary: expressions by `eval --cases`, sources by `normalize`, definitions by `validate`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::project::{Project, text};

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/cases")
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn files(folder: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(cases().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// Numbers by value with 1e-9 relative tolerance, instants as instants, everything else as it is.
fn same(want: &Value, got: &Value) -> bool {
    match (want, got) {
        (Value::Number(a), Value::Number(b)) => {
            if a.is_i64() && b.is_i64() {
                return a.as_i64() == b.as_i64();
            }
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
        }
        (Value::String(a), Value::String(b)) => {
            a == b || instant(a).is_some_and(|a| Some(a) == instant(b))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => want == got,
    }
}

fn instant(text: &str) -> Option<defacto_model::Timestamp> {
    text.contains('T').then(|| defacto_model::Timestamp::parse_text(text).ok()).flatten()
}

fn kind_agrees(kind: &str, value: &Value) -> bool {
    match kind {
        "int" => value.is_i64(),
        "float" | "duration" => value.is_f64(),
        _ => true,
    }
}

#[test]
fn expressions() {
    let project = Project::empty();
    for file in files("expressions") {
        if file.file_name().unwrap() == "identity_normalize.jsonl" {
            continue;
        }
        let cases = lines(&file);
        let mut questions = String::new();
        for case in &cases {
            let mut question = serde_json::Map::new();
            for key in ["expr", "event", "entity", "value", "now"] {
                if let Some(part) = case
                    .get(key)
                    .filter(|part| key != "value" || case.get("type").is_none() && !part.is_null())
                {
                    question.insert(key.to_owned(), part.clone());
                }
            }
            questions += &format!("{}\n", Value::Object(question));
        }
        let path = project.write("cases.jsonl", &questions);
        let answers = project.ok(&["eval", "--cases", path.to_str().unwrap()]);
        let answers: Vec<Value> =
            answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(answers.len(), cases.len());
        let mut wrong = Vec::new();
        for (case, answer) in cases.iter().zip(&answers) {
            let good = match case.get("error").and_then(Value::as_str) {
                // What is known to fail may be refused before it is evaluated.
                Some("eval") => matches!(answer["error"]["stage"].as_str(), Some("eval" | "check")),
                Some(stage) => answer["error"]["stage"] == stage,
                None => answer.get("value").is_some_and(|got| {
                    same(&case["value"], got)
                        && kind_agrees(case["type"].as_str().unwrap_or(""), got)
                }),
            };
            if !good {
                wrong.push(format!("{case} gave {answer}"));
            }
        }
        assert!(
            wrong.is_empty(),
            "{}: {} wrong: {:#?}",
            file.display(),
            wrong.len(),
            &wrong[..wrong.len().min(5)]
        );
    }
}

#[test]
fn identity_normalize_through_a_source() {
    // Every expression is an identity field of its own, with an event of its own, so that one failure is one record.
    let all = lines(&cases().join("expressions/identity_normalize.jsonl"));
    let cases: Vec<&Value> = all
        .iter()
        .filter(|case| case.get("error").is_none() && case.get("value").is_some())
        .collect();
    let (mut identity, mut events, mut records) = (String::new(), String::new(), String::new());
    for (n, case) in cases.iter().enumerate() {
        identity += &format!("    k{n}: {{ normalize: {} }}\n", case["normalize"]);
        events += &format!(
            "    e{n}: {{ mappings: {{ k{n}: {{from: key}} }}, hints: {{ thing: [k{n}] }} }}\n"
        );
        records += &format!(
            "{}\n",
            serde_json::json!({"t": format!("e{n}"), "at": 0, "key": case["value"]})
        );
    }
    let project = Project::empty();
    project.write(
        "entities/thing.yaml",
        &format!(
            "thing:\n  starts: s\n  identity:\n{identity}  states: {{ s: {{ when: {{ e0: {{ effects: [create] }} }} }} }}\n"
        ),
    );
    project.write(
        "sources/app.yaml",
        &format!("app:\n  event_type: t\n  timestamp: at\n  events:\n{events}"),
    );
    let path = project.write("records.jsonl", &records);
    let output = project.run(&["normalize", "app", path.to_str().unwrap(), "--format", "jsonl"]);
    let rows: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), cases.len(), "{}", text(&output.stderr));
    for (n, (case, row)) in cases.iter().zip(&rows).enumerate() {
        match case.get("failure").and_then(Value::as_str) {
            Some(code) => assert_eq!(row["code"], code, "{case}"),
            None => {
                let hint = row["hints"]["thing"].get(format!("k{n}")).unwrap_or(&Value::Null);
                assert_eq!(hint, &case["hint"], "{case} gave {row}");
            }
        }
    }
}

#[test]
fn invalid_definitions() {
    let project = Project::empty();
    let mut wrong = Vec::new();
    for case in lines(&cases().join("invalid_definitions/cases.jsonl")) {
        let path = project.write("definitions.json", &case["definitions"].to_string());
        let output = project.run(&["validate", path.to_str().unwrap(), "--format", "json"]);
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        let accepted = case["accepted"].as_bool().unwrap();
        let names = |items: &Value| -> BTreeSet<String> {
            let items = items.as_array().unwrap();
            items
                .iter()
                .map(|item| {
                    item.get("name").or(item.get("code")).unwrap().as_str().unwrap().to_owned()
                })
                .collect()
        };
        let code = output.status.code();
        if found["valid"] != accepted
            || code != Some(if accepted { 0 } else { 3 })
            || names(&found["errors"]) != names(&case["errors"])
        {
            wrong.push(format!("{}: {:?} {:?}", case["name"], code, names(&found["errors"])));
        }
    }
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}

#[test]
fn normalization() {
    let mut wrong = Vec::new();
    for case in files("normalization") {
        wrong.extend(normalization_case(&case));
    }
    assert!(wrong.is_empty(), "{} wrong: {:#?}", wrong.len(), &wrong[..wrong.len().min(10)]);
}

fn normalization_case(case: &Path) -> Vec<String> {
    let name = case.file_name().unwrap().to_string_lossy().into_owned();
    let read = |file: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(case.join(file)).unwrap()).unwrap()
    };
    let (about, expected) = (read("case.json"), read("expected.json"));
    let project = Project::empty();
    let records: String =
        lines(&case.join("events.jsonl")).iter().map(|l| format!("{}\n", l["event"])).collect();
    let file = project.write("events.jsonl", &records);
    let definitions = case.join("definitions");
    let args = [
        "normalize",
        about["source"].as_str().unwrap(),
        file.to_str().unwrap(),
        "--project",
        definitions.to_str().unwrap(),
        "--ingested-at",
        "2000-01-01T00:00:00Z",
        "--format",
        "jsonl",
    ];
    let output = project.run(&args);
    if expected.get("definition_errors").is_some() {
        let refused = output.status.code() == Some(3);
        return if refused { Vec::new() } else { vec![format!("{name}: accepted")] };
    }
    let rows: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events = expected["events"].as_array().unwrap();
    if rows.len() != events.len() {
        return vec![format!(
            "{name}: {} rows for {} events: {}",
            rows.len(),
            events.len(),
            text(&output.stderr)
        )];
    }
    let mut wrong = Vec::new();
    for (want, got) in events.iter().zip(&rows) {
        let good = match want.get("failure") {
            Some(failure) => {
                ["code", "handler", "field"].iter().all(|key| failure[*key] == got[*key])
            }
            None => {
                ["event_id", "event_type"].iter().all(|key| want[*key] == got[*key])
                    && same(&want["timestamp"], &got["timestamp"])
                    && same(&want["data"], &got["data"])
                    && same(&want["hints"], &got["hints"])
            }
        };
        if !good {
            wrong.push(format!("{name}: {want} gave {got}"));
        }
    }
    wrong
}
