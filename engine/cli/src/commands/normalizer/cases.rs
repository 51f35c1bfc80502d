use std::fs;
use std::path::{Path, PathBuf};

use defacto_host::{MadeEvent, RawInputRecord, Refused};
use defacto_model::{DescribedEvent, RawInput};
use serde_json::json;

use super::folder::Folder;
use crate::failure::{Failure, Outcome};
use crate::project;

/// What the name of a file with expected events ends in.
const EXPECTED: &str = ".expected.jsonl";

/// Recorded records and what is expected of them.
#[derive(Debug)]
pub(super) struct Case {
    /// File of the records.
    pub(super) path: PathBuf,
    /// File of what is expected.
    pub(super) expected: PathBuf,
    records: Recorded,
}

#[derive(Debug)]
enum Recorded {
    Lines(RawInput, Vec<String>),
    Rows(Vec<Vec<(String, String)>>),
    Document(Vec<u8>),
}

impl Case {
    /// Every case of a module, in the order of their names.
    pub(super) fn all(folder: &Folder) -> Outcome<Vec<Self>> {
        let cases = folder.path.join("cases");
        let mut paths: Vec<PathBuf> = fs::read_dir(&cases)
            .map_err(|e| {
                Failure::usage(format!("read {}: {e}", cases.display()))
                    .with_help("put recorded records there, one file a case")
            })?
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.is_file() && !path.to_string_lossy().ends_with(EXPECTED))
            .collect();
        paths.sort();
        if paths.is_empty() {
            return Err(Failure::usage(format!("there is no case in {}", cases.display()))
                .with_help("put recorded records there, one file a case"));
        }
        paths.into_iter().map(|path| Self::read(path, folder.file.input)).collect()
    }

    fn read(path: PathBuf, input: RawInput) -> Outcome<Self> {
        let failed = |e: String| Failure::usage(format!("read {}: {e}", path.display()));
        let bytes = fs::read(&path).map_err(|e| failed(e.to_string()))?;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|e| failed(e.to_string()));
        let records = match input {
            RawInput::Json => {
                let text = text(bytes)?;
                let lines = text.lines().filter(|line| !line.trim().is_empty());
                Recorded::Lines(input, lines.map(str::to_owned).collect())
            }
            RawInput::Text => {
                Recorded::Lines(input, text(bytes)?.lines().map(str::to_owned).collect())
            }
            RawInput::Csv => Recorded::Rows(rows(&bytes).map_err(|e| failed(e.to_string()))?),
            RawInput::Bytes => Recorded::Document(bytes),
        };
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let expected = path.with_file_name(format!("{name}{EXPECTED}"));
        Ok(Self { path, expected, records })
    }

    /// The records as a module takes them.
    pub(super) fn records(&self) -> Vec<RawInputRecord<'_>> {
        match &self.records {
            Recorded::Lines(RawInput::Json, lines) => {
                lines.iter().map(|line| RawInputRecord::Json(line)).collect()
            }
            Recorded::Lines(_, lines) => {
                lines.iter().map(|line| RawInputRecord::Text(line)).collect()
            }
            Recorded::Rows(rows) => rows.iter().map(|row| RawInputRecord::Row(row)).collect(),
            Recorded::Document(bytes) => vec![RawInputRecord::Bytes(bytes)],
        }
    }
}

fn rows(bytes: &[u8]) -> csv::Result<Vec<Vec<(String, String)>>> {
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.headers()?.clone();
    let row = |row: csv::StringRecord| {
        header
            .iter()
            .zip(row.iter())
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .collect()
    };
    reader.records().map(|record| record.map(row)).collect()
}

/// What became of a record, as a line of JSON.
pub(super) fn line(made: &Result<Vec<MadeEvent>, Refused>, described: &[DescribedEvent]) -> String {
    match made {
        Ok(events) => {
            let events: Vec<_> = events.iter().map(|event| event_json(event, described)).collect();
            json!({ "events": events })
        }
        Err(Refused::Module { code, field, message }) => {
            json!({"failure": {"code": code, "field": field, "message": message}})
        }
        Err(Refused::Broken { message }) => json!({"broken": message}),
    }
    .to_string()
}

fn event_json(event: &MadeEvent, described: &[DescribedEvent]) -> serde_json::Value {
    let kind = usize::try_from(event.event).ok().and_then(|at| described.get(at));
    let fields = kind.into_iter().flat_map(|kind| &kind.fields).zip(&event.values);
    let fields: serde_json::Map<String, serde_json::Value> =
        fields.map(|(field, value)| (field.name.clone(), project::value_cell(value))).collect();
    json!({
        "type": kind.map(|kind| kind.r#type.as_str()),
        "timestamp": event.timestamp.to_string(),
        "fields": fields,
    })
}

/// A path as the user would write it.
pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}
