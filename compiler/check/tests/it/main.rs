//! The checker against the conformance corpus: definitions that must be refused or accepted, and
//! expressions that must not pass.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by failing")]

mod findings;

use std::collections::BTreeSet;
use std::path::Path;

use defacto_check::{ExpressionError, ExpressionScope, check, check_expression};
use defacto_definitions::load_document;
use defacto_diagnostics::{Diagnostic, Severity};
use serde_json::Value;

fn cases(relative: &str) -> Vec<Value> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/cases").join(relative);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn all_diagnostics(text: &str) -> Vec<Diagnostic> {
    let loaded = load_document("definitions.json", text);
    let mut found = loaded.diagnostics;
    found.extend(check(&loaded.definitions).1);
    found
}

fn codes(found: &[Diagnostic], severity: Severity) -> BTreeSet<String> {
    found.iter().filter(|d| d.severity() == severity).map(|d| d.code.name().to_owned()).collect()
}

fn expected(case: &Value, list: &str) -> Vec<(String, String)> {
    let text = |item: &Value, key: &str| item[key].as_str().unwrap().to_owned();
    case[list]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (text(item, "code"), text(item, "path")))
        .collect()
}

#[test]
fn definitions_are_refused_or_accepted_for_the_right_reasons() {
    let mut wrong = Vec::new();
    for case in cases("invalid_definitions/cases.jsonl") {
        let name = case["name"].as_str().unwrap();
        let found = all_diagnostics(&case["definitions"].to_string());
        let errors = codes(&found, Severity::Error);
        let wanted: BTreeSet<String> =
            expected(&case, "errors").into_iter().map(|(code, _)| code).collect();
        if errors != wanted || errors.is_empty() != case["accepted"].as_bool().unwrap() {
            wrong.push(format!("{name}: {errors:?} instead of {wanted:?}"));
        }
        for (code, path) in expected(&case, "errors") {
            if !found.iter().any(|d| d.code.name() == code && d.path == path) {
                let ours: Vec<_> =
                    found.iter().filter(|d| d.code.name() == code).map(|d| &d.path).collect();
                wrong.push(format!("{name}: {code} at {path}, ours {ours:?}"));
            }
        }
        let important = ["W-1", "W-2", "W-3", "W-4"];
        let pairs: BTreeSet<(String, String)> = found
            .iter()
            .map(|d| (d.code.name().to_owned(), d.path.clone()))
            .filter(|(code, _)| important.contains(&code.as_str()))
            .collect();
        let wanted: BTreeSet<_> = expected(&case, "warnings")
            .into_iter()
            .filter(|(code, _)| important.contains(&code.as_str()))
            .collect();
        if pairs != wanted {
            wrong.push(format!("{name}: warnings {pairs:?} instead of {wanted:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn expressions_are_refused_where_the_corpus_says() {
    let mut wrong = Vec::new();
    for file in [
        "deltas",
        "functions",
        "operators",
        "parse",
        "random",
        "time_dependent",
        "identity_normalize",
    ] {
        for case in cases(&format!("expressions/{file}.jsonl")) {
            let (text, scope) = match case["normalize"].as_str() {
                Some(text) => (text, ExpressionScope::Normalize),
                None => (case["expr"].as_str().unwrap(), ExpressionScope::Free { value: false }),
            };
            let stage = match check_expression(text, scope, &[]) {
                Ok(_) => "",
                Err(ExpressionError::Parse { .. }) => "parse",
                Err(ExpressionError::Check { .. }) => "check",
            };
            let wanted =
                case["error"].as_str().filter(|stage| *stage != "eval").unwrap_or_default();
            if stage != wanted {
                wrong.push(format!("{} {text}: `{stage}` instead of `{wanted}`", case["id"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
