use std::collections::BTreeSet;

use defacto_check::check;
use defacto_diagnostics::Severity;
use defacto_model::Timestamp;
use defacto_ports::{Machines, RawRecord};
use defacto_test_support::Oracle;
use serde_json::Value as Json;

use crate::corpus;

#[test]
fn records_normalize_as_in_the_corpus() {
    let ingested_at = Timestamp::parse_text("2000-01-01T00:00:00Z").unwrap();
    let mut wrong = Vec::new();
    for folder in corpus::folders(&corpus::root().join("normalization")) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let expected: Json =
            serde_json::from_str(&corpus::text(&folder.join("expected.json"))).unwrap();
        let case: Json = serde_json::from_str(&corpus::text(&folder.join("case.json"))).unwrap();
        let loaded = corpus::definitions(&folder.join("definitions"));
        let (_, found) = check(&loaded.definitions);
        let errors: BTreeSet<&str> = loaded
            .diagnostics
            .iter()
            .chain(&found)
            .filter(|d| d.severity() == Severity::Error)
            .map(|d| d.code.name())
            .collect();
        let wanted: BTreeSet<&str> = expected["definition_errors"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|code| code.as_str().unwrap())
            .collect();
        if errors != wanted {
            wrong.push(format!("{name}: definition errors {errors:?} instead of {wanted:?}"));
            continue;
        }
        if !errors.is_empty() {
            continue;
        }
        let oracle = Oracle::new(&loaded.definitions).unwrap();
        let (source, _) = oracle.manifest().find_source(case["source"].as_str().unwrap()).unwrap();
        for (line, wanted) in corpus::text(&folder.join("events.jsonl"))
            .lines()
            .zip(expected["events"].as_array().unwrap())
        {
            let text = raw_text(line);
            let result = oracle
                .normalize(source, &[RawRecord { text }], ingested_at)
                .unwrap()
                .remove(0)
                .result;
            let difference = match &result {
                Ok(event) => compare_event(event, wanted),
                Err(failure) => {
                    let given = &wanted["failure"];
                    let same = given["code"].as_str() == Some(&format!("{:?}", failure.code))
                        && given["handler"].as_str() == failure.handler.as_deref()
                        && given["field"].as_str() == failure.field.as_deref();
                    (!same).then(|| "failure".to_owned())
                }
            };
            if let Some(difference) = difference {
                wrong.push(format!(
                    "{name}: {difference}: {result:?} instead of {wanted} for {text}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// The event of a line, byte for byte.
fn raw_text(line: &str) -> &str {
    let start = line.find("\"event\": ").unwrap() + "\"event\": ".len();
    let end = line.rfind(", \"index\"").unwrap();
    &line[start..end]
}

fn compare_event(event: &defacto_ports::NormalizedEvent, wanted: &Json) -> Option<String> {
    if wanted.get("failure").is_some() {
        return Some("no failure".into());
    }
    if wanted.get("same_as").is_none()
        && wanted["event_id"].as_str() != Some(&event.event_id.to_string())
    {
        return Some("event_id".into());
    }
    if let Some(data) = wanted["data"].as_object() {
        let same = data.len() == event.data.len()
            && event.data.iter().all(|(name, value)| {
                data.get(name).is_some_and(|json| corpus::matches(value, json))
            });
        if !same {
            return Some("data".into());
        }
    }
    if let Some(text) = wanted["timestamp"].as_str()
        && Timestamp::parse_text(text) != Ok(event.timestamp)
    {
        return Some("timestamp".into());
    }
    if let Some(hints) = wanted["hints"].as_object() {
        let flat: BTreeSet<(String, String, String)> = hints
            .iter()
            .flat_map(|(entity, fields)| {
                let fields = fields.as_object().unwrap();
                fields.iter().map(move |(field, text)| {
                    (entity.clone(), field.clone(), text.as_str().unwrap().to_owned())
                })
            })
            .collect();
        if flat != event.hints.iter().cloned().collect() {
            return Some("hints".into());
        }
    }
    None
}
