//! The events of the job.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Events where nobody says how many, and the year is not there.
const MANY: usize = 200_000;

/// The file of a source in a folder.
pub(crate) fn file(folder: &Path, source: &str) -> PathBuf {
    folder.join(format!("{source}.jsonl"))
}

/// A folder with the events, at most so many of each source: those of the year, or the sample's for many fleets. What a
/// fleet does another does as well, with aircraft of its own.
pub(crate) fn events(example: &Path, folder: &Path, limit: Option<usize>) -> PathBuf {
    let cache = std::env::var_os("DEFACTO_CACHE").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/defacto-build"),
        PathBuf::from,
    );
    let year = cache.join("flights-year");
    let there = year.join("complete").exists();
    if there && limit.is_none() {
        return year;
    }
    let from = if there { year } else { example.join("data") };
    let limit = limit.unwrap_or(MANY);
    for source in ["registry", "operations"] {
        let lines: Vec<String> = {
            let lines = BufReader::new(File::open(file(&from, source)).unwrap()).lines();
            lines.take(limit).map(Result::unwrap).collect()
        };
        let mut out = BufWriter::new(File::create(file(folder, source)).unwrap());
        // As many of each as a fleet has of operations.
        let fleets = if there { 1 } else { limit.div_ceil(sample(example)) };
        for line in &lines {
            for fleet in 0..fleets {
                writeln!(out, "{}", of_fleet(line, fleet)).unwrap();
            }
        }
    }
    println!("{}", if there { "the year's events" } else { "the sample's events, by many fleets" });
    folder.to_owned()
}

/// Operations of the sample.
fn sample(example: &Path) -> usize {
    let file = File::open(file(&example.join("data"), "operations")).unwrap();
    BufReader::new(file).lines().count()
}

/// A record of another fleet: the aircraft and the flight are others.
fn of_fleet(line: &str, fleet: usize) -> String {
    if fleet == 0 {
        return line.to_owned();
    }
    let mut record: Value = serde_json::from_str(line).unwrap();
    for place in ["/key", "/aircraft/tail", "/tailnum"] {
        if let Some(Value::String(text)) = record.pointer_mut(place) {
            text.push_str(&format!("-{fleet}"));
        }
    }
    record.to_string()
}
