//! The committed cases from which inputs are made.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/cases")
}

fn files(folder: &Path, suffixes: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the corpus is there") {
            let path = entry.expect("the corpus is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| suffixes.iter().any(|s| e == *s)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("the corpus is text")
}

fn lines(path: &Path) -> Vec<Value> {
    read(path).lines().map(|line| serde_json::from_str(line).expect("a case is JSON")).collect()
}

/// Texts of expressions, valid and invalid.
pub fn expressions() -> Vec<String> {
    files(&cases().join("expressions"), &["jsonl"])
        .iter()
        .flat_map(|file| lines(file))
        .filter_map(|case| case.get("expr")?.as_str().map(str::to_owned))
        .collect()
}

/// Definition sets in one document, YAML and JSON, valid and invalid.
pub fn definitions() -> Vec<String> {
    let mut texts: Vec<String> =
        files(&cases().join("diagnostics"), &["yaml", "json"]).iter().map(|f| read(f)).collect();
    let cases = lines(&cases().join("invalid_definitions/cases.jsonl"));
    texts.extend(cases.iter().filter_map(|case| case.get("definitions")).map(Value::to_string));
    texts
}

/// Raw records.
pub fn records() -> Vec<String> {
    files(&cases().join("normalization"), &["jsonl"])
        .iter()
        .flat_map(|file| lines(file))
        .filter_map(|case| case.get("event").map(Value::to_string))
        .collect()
}
