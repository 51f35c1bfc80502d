use std::{collections::BTreeSet, fs, path::Path};

use defacto_definitions::load_document;
use serde_json::Value;

/// Codes that this crate decides alone.
const OWN: [&str; 6] = ["E-01", "E-02", "E-03", "E-04", "E-06", "E-28"];

/// Codes that it shares with the checker.
const SHARED: [&str; 3] = ["E-18", "E-24", "E-25"];

fn cases() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/conformance/cases/invalid_definitions/cases.jsonl");
    fs::read_to_string(path).unwrap().lines().map(|it| serde_json::from_str(it).unwrap()).collect()
}

#[test]
fn reports_the_codes_and_paths_of_the_corpus() {
    let mut wrong = Vec::new();
    let mut reported = 0;
    for case in cases() {
        let loaded = load_document("case.json", &case["definitions"].to_string());
        let mut found = BTreeSet::new();
        for diagnostic in &loaded.diagnostics {
            let code = diagnostic.code.name();
            found.insert((code.to_owned(), diagnostic.path.clone()));
        }
        let mut expected = BTreeSet::new();
        for error in case["errors"].as_array().unwrap() {
            let code = error["code"].as_str().unwrap().to_owned();
            let entry = (code, error["path"].as_str().unwrap().to_owned());
            if OWN.contains(&entry.0.as_str())
                || SHARED.contains(&entry.0.as_str()) && found.contains(&entry)
            {
                expected.insert(entry);
            }
        }
        reported += found.len();
        if found != expected {
            wrong.push(format!("{}: found {found:?}, expected {expected:?}", case["name"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(reported > 70, "{reported}");
}
