use std::fs;
use std::path::Path;
use std::sync::Arc;

use defacto_compiler::{Input, SourceFile, compile};
use defacto_host::{CompiledDefinitions, Host, HostOptions};
use defacto_model::Timestamp;
use defacto_ports::{Machines, NormalizedEvent, RawRecord, RecordFailure};

pub(crate) fn host() -> Arc<Host> {
    Host::new(HostOptions::default()).unwrap()
}

/// Compiles one document.
pub(crate) fn component(text: &str) -> Vec<u8> {
    let outcome = compile(&Input::Document { name: "test.yaml", text }).unwrap();
    outcome.compiled.unwrap_or_else(|| panic!("{:?}", outcome.diagnostics)).component
}

/// Compiles and loads one document.
pub(crate) fn load(text: &str) -> CompiledDefinitions {
    host().load(&component(text)).unwrap()
}

/// The example project with flights.
pub(crate) fn flights() -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../definitions-examples/flights");
    let mut files = Vec::new();
    for part in ["entities", "sources"] {
        let mut names: Vec<_> =
            fs::read_dir(folder.join(part)).unwrap().map(|e| e.unwrap().path()).collect();
        names.sort();
        for path in names {
            let name = path.file_name().unwrap().to_string_lossy();
            files.push(SourceFile {
                path: format!("{part}/{name}"),
                text: fs::read_to_string(&path).unwrap(),
            });
        }
    }
    let outcome = compile(&Input::Files(&files)).unwrap();
    outcome.compiled.unwrap_or_else(|| panic!("{:?}", outcome.diagnostics)).component
}

pub(crate) fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Normalizes records of the first source.
pub(crate) fn normalize(
    machine: &CompiledDefinitions,
    records: &[&str],
) -> Vec<Result<NormalizedEvent, RecordFailure>> {
    let records: Vec<_> = records.iter().map(|text| RawRecord { text }).collect();
    let results = machine.normalize(0, &records, instant("2000-01-01T00:00:00Z")).unwrap();
    results.into_iter().map(|one| one.result).collect()
}
