//! The flights job on a Postgres of its own, started here, and what one event costs beside a bare commit of that server.
//!
//! `postgres [EVENTS]`: the first EVENTS of the year instead of all. The events are those that `tests/flights-year` keeps in
//! `DEFACTO_CACHE`. Prints one line a measurement and its bound, and ends with exit code 1 when one is exceeded.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests and benchmarks stop at the first surprise"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use defacto_engine::{AsOf, BuildOptions, Engine};
use defacto_model::Timestamp;
use defacto_test_services::{Folder, Postgres};

/// Events a second from file to history.
const RATE_MIN: f64 = 20_000.0;
/// Milliseconds that one event may take more than a bare commit, at the median.
const SINGLE_MS_MAX: f64 = 2.0;
/// Transactions measured one by one.
const SINGLES: usize = 400;
const AS_OF: &str = "2014-01-01T00:00:00Z";

fn main() {
    let limit = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(usize::MAX);
    let cluster = Postgres::start(&[]);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folder = Folder::new("bench");
    let good = runtime.block_on(async {
        let rate = job(&cluster, &folder, limit).await;
        println!("flights on postgres: {rate:.0} events/s (at least {RATE_MIN:.0})");
        let bare = bare_commit(&cluster, folder.path());
        let single = single_event(&cluster, &folder).await;
        let more = single - bare;
        println!(
            "one event: {single:.2} ms, a bare commit {bare:.2} ms, difference {more:.2} ms (at most {SINGLE_MS_MAX})"
        );
        (rate >= RATE_MIN || limit < usize::MAX) && more <= SINGLE_MS_MAX
    });
    std::process::exit(i32::from(!good));
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../definitions-examples/flights")
}

fn events(source: &str) -> PathBuf {
    let cache = std::env::var_os("DEFACTO_CACHE").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/defacto-build"),
        PathBuf::from,
    );
    let path = cache.join("flights-year").join(format!("{source}.jsonl"));
    assert!(path.exists(), "{} is missing: run tests/flights-year once", path.display());
    path
}

async fn open(url: &str, state: &Path) -> Engine {
    let source = defacto_engine::Source::read(&example()).unwrap();
    Engine::builder(source, state).database(url).open().await.unwrap()
}

/// Ingest and build; events a second.
async fn job(cluster: &Postgres, folder: &Folder, limit: usize) -> f64 {
    let url = cluster.database();
    let engine = open(&url, &folder.path().join("job")).await;
    let started = Instant::now();
    let mut count = 0;
    for source in ["registry", "operations"] {
        let mut ingestion = engine.ingestion(source, false).await.unwrap();
        let mut lines =
            BufReader::new(std::fs::File::open(events(source)).unwrap()).lines().take(limit);
        loop {
            let piece: Vec<String> =
                lines.by_ref().take(ingestion.piece_records()).map(Result::unwrap).collect();
            if piece.is_empty() {
                break;
            }
            let texts: Vec<&str> = piece.iter().map(String::as_str).collect();
            ingestion.push(&texts).await.unwrap();
        }
        count += ingestion.finish().events_ingested;
    }
    let ingested = started.elapsed().as_secs_f64();
    let as_of = AsOf::At(Timestamp::parse_text(AS_OF).unwrap());
    let built = engine.build(BuildOptions { as_of, ..BuildOptions::default() }).await.unwrap();
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "ingest {ingested:.1} s, build {:.1} s ({:?}), {count} events",
        seconds - ingested,
        built.timing
    );
    println!(
        "database: {}",
        cluster.query(&url, "SELECT pg_size_pretty(pg_database_size(current_database()))")
    );
    f64::from(u32::try_from(count).unwrap()) / seconds
}

/// Milliseconds of a transaction that stores one row, at the median.
fn bare_commit(cluster: &Postgres, folder: &Path) -> f64 {
    let url = cluster.database();
    cluster.query(&url, "CREATE TABLE bare(n BIGINT)");
    let script = folder.join("bare.sql");
    std::fs::write(&script, "INSERT INTO bare VALUES (1);\n").unwrap();
    let output = Command::new(Postgres::program("pgbench"))
        .args(["-n", "-M", "prepared", "-l", "-t", &SINGLES.to_string(), "-f"])
        .arg(&script)
        .arg(&url)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let log = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("pgbench_log"))
        .unwrap();
    let times = std::fs::read_to_string(log).unwrap();
    median(times.lines().map(|line| line.split(' ').nth(2).unwrap().parse::<f64>().unwrap() / 1e3))
}

/// Milliseconds of `ingest --process` of one event, at the median.
async fn single_event(cluster: &Postgres, folder: &Folder) -> f64 {
    let engine = open(&cluster.database(), &folder.path().join("single")).await;
    let fleet = std::fs::read_to_string(events("registry")).unwrap();
    let fleet: Vec<&str> = fleet.lines().collect();
    engine.ingest("registry", &fleet, true).await.unwrap();
    let lines = BufReader::new(std::fs::File::open(events("operations")).unwrap()).lines();
    let mut times = Vec::new();
    for line in lines.take(2 * SINGLES) {
        let line = line.unwrap();
        let started = Instant::now();
        engine.ingest("operations", &[&line], true).await.unwrap();
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    // Connections and statements are made in the first half.
    median(times.into_iter().skip(SINGLES))
}

fn median(times: impl Iterator<Item = f64>) -> f64 {
    let mut times: Vec<f64> = times.collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
