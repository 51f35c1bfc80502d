//! One case of the corpus: `pipelines/<name>` or `random/<name>`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use defacto_definitions::SourceFile;
use serde_json::Value;

pub(crate) struct Case {
    pub(crate) description: Value,
    /// By version.
    pub(crate) definitions: BTreeMap<String, Vec<SourceFile>>,
    /// By batch: source and raw text, in order of arrival.
    pub(crate) batches: BTreeMap<i64, Vec<(String, String)>>,
    pub(crate) expected: Value,
}

/// Folders of the corpus: those of the repository, or the one that `DEFACTO_CONFORMANCE` names.
pub(crate) fn corpus() -> PathBuf {
    match std::env::var_os("DEFACTO_CONFORMANCE") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/cases"),
    }
}

pub(crate) fn folders(family: &str) -> Vec<PathBuf> {
    let mut out: Vec<PathBuf> = std::fs::read_dir(corpus().join(family))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("case.json").exists())
        .collect();
    if let Some(only) = std::env::var_os("DEFACTO_CASE") {
        let only = only.into_string().unwrap();
        out.retain(|path| path.file_name().unwrap().to_str().unwrap().contains(&only));
    }
    out.sort();
    out
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

impl Case {
    pub(crate) fn load(folder: &Path) -> Self {
        let description = json(&folder.join("case.json"));
        let mut definitions = BTreeMap::new();
        for version in description["versions"].as_array().unwrap() {
            let version = version.as_str().unwrap();
            let root = folder.join("definitions").join(version);
            let mut files = Vec::new();
            for part in ["entities", "sources", "schemas"] {
                let Ok(entries) = std::fs::read_dir(root.join(part)) else { continue };
                for entry in entries {
                    let path = entry.unwrap().path();
                    files.push(SourceFile {
                        path: format!("{part}/{}", path.file_name().unwrap().to_str().unwrap()),
                        text: std::fs::read_to_string(&path).unwrap(),
                    });
                }
            }
            files.sort_by(|a, b| a.path.cmp(&b.path));
            definitions.insert(version.to_owned(), files);
        }
        let mut batches: BTreeMap<i64, Vec<(String, String)>> = BTreeMap::new();
        for line in std::fs::read_to_string(folder.join("events.jsonl")).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let source = line["source"].as_str().unwrap().to_owned();
            batches
                .entry(line["batch"].as_i64().unwrap())
                .or_default()
                .push((source, line["event"].to_string()));
        }
        Self { expected: json(&folder.join("expected.json")), description, definitions, batches }
    }

    /// Whether a step empties the history tables.
    pub(crate) fn wipes(&self) -> bool {
        self.steps().iter().any(|step| step["op"] == "wipe_history")
    }

    pub(crate) fn steps(&self) -> &[Value] {
        self.description["steps"].as_array().unwrap()
    }
}
