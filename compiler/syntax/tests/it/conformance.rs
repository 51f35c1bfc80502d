use std::{fs, path::Path};

use defacto_syntax::parse;
use serde_json::Value;

/// Every expression of the corpus parses exactly when the corpus says so.
#[test]
fn agrees_with_the_corpus() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/cases/expressions");
    let mut wrong = Vec::new();
    let (mut parsed, mut refused) = (0, 0);
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|it| it == "jsonl")) {
        for line in fs::read_to_string(file).unwrap().lines() {
            let case: Value = serde_json::from_str(line).unwrap();
            let text = case["expr"].as_str().or(case["normalize"].as_str()).unwrap();
            let refuse = case["error"] == "parse";
            match (parse(text), refuse) {
                (Ok(_), false) => parsed += 1,
                (Err(_), true) => refused += 1,
                (outcome, _) => wrong.push(format!("{text:?}: {outcome:?}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(refused > 500 && parsed > 5_000, "{refused} refused, {parsed} parsed");
}
