//! Normalizers written by hand, one core, through the engine's own host with every limit on: the boundary included, and a
//! record read as cheaply as its language can.
//!
//! `cargo bench -p defacto-test-benches --bench normalizers` measures the committed modules: flights in Rust, and the template of
//! each language on lines of one event and of three. Paths of other modules that keep the template's contract (Python's is
//! not committed) may follow after `--`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "tests and benchmarks stop at the first surprise"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use defacto_host::{HostOptions, Limits, ModuleHost, RawInputRecord};

/// Time for each measurement; the best round counts, because other programs only ever make it slower.
const TIME: Duration = Duration::from_secs(2);
/// Records of a batch, as `ingest` hands them over.
const BATCH: usize = 4_096;
const LANGUAGES: [&str; 5] = ["rust", "c", "go", "assemblyscript", "javascript"];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let host = ModuleHost::new(HostOptions::default()).expect("the engine");
    let flights = flights(&root.join("definitions-examples/flights/data/operations.jsonl"));
    let module = root.join("tests/benches/normalizers/flights.wasm");
    println!("{:<34} {:>12} {:>12}", "", "records/s", "events/s");
    measure(&host, "flights, rust", &module, &flights);

    let one = vec!["1772352900 M-7731 kWh=12.5".to_owned()];
    let three = vec!["1772352900 M-7731 kWh=12.5 V=229.8 !LOW_BATTERY".to_owned()];
    let committed = LANGUAGES.iter().map(|language| {
        let path = root.join(format!("sdk/templates/{language}/module.wasm"));
        ((*language).to_owned(), path)
    });
    let given = std::env::args().skip(1).filter(|argument| argument.ends_with(".wasm"));
    let given = given.map(|path| (path.clone(), PathBuf::from(path)));
    for (name, path) in committed.chain(given) {
        measure(&host, &format!("lines of one event, {name}"), &path, &one);
        measure(&host, &format!("lines of three events, {name}"), &path, &three);
    }
}

/// The sample's events as lines.
fn flights(path: &Path) -> Vec<String> {
    let line = |line: &str| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |pointer: &str| match event.pointer(pointer) {
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        };
        let at = defacto_model::Timestamp::parse_text(&text("/at")).unwrap();
        let fields =
            ["/key", "/aircraft/tail", "/carrier", "/route/origin", "/route/dest", "/delay"];
        let fields: Vec<String> = fields.iter().map(|pointer| text(pointer)).collect();
        let kind = text("/type").trim_start_matches("flight.").to_owned();
        let seconds = at.as_micros().div_euclid(1_000_000);
        format!("{kind}|{seconds}|{}|{}", fields.join("|"), text("/route/miles"))
    };
    fs::read_to_string(path).expect("the sample").lines().map(line).collect()
}

fn measure(host: &ModuleHost, name: &str, path: &Path, lines: &[String]) {
    let bytes = fs::read(path).expect("a module");
    let module = host.load(name, &bytes, BTreeMap::new(), Limits::default()).expect("a normalizer");
    let described = module.describe("{}").expect("a description");
    let records: Vec<RawInputRecord<'_>> =
        lines.iter().cycle().take(BATCH).map(|line| RawInputRecord::Text(line)).collect();
    let (mut best, mut events) = (Duration::MAX, 0);
    let start = Instant::now();
    while start.elapsed() < TIME {
        let round = Instant::now();
        let made = module.normalize("{}", &described.events, &records).expect("results");
        best = best.min(round.elapsed());
        events = made.iter().map(|made| made.as_ref().map_or(0, Vec::len)).sum();
    }
    let rate = |count: usize| count as f64 / best.as_secs_f64();
    println!("{name:<34} {:>12.0} {:>12.0}", rate(BATCH), rate(events));
}
