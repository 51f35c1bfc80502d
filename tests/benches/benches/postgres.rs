//! The flights job on a Postgres of its own, started here: by one process, and built by two of them on two shards; and what
//! one event costs beside a bare commit of that server.
//!
//! `postgres [EVENTS]`: the first EVENTS of the year instead of all. The events are those that `tests/flights-year` keeps in
//! `DEFACTO_CACHE`; where it has not run, the committed sample's, flown by many fleets. Prints one line a measurement and its
//! bound, and ends with exit code 1 when one is exceeded. The ratio of two processes to one has no bound: beside it stands what
//! of the machine's cores server and processes took, which is what limits it where all share the same.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests and benchmarks stop at the first surprise"
)]

#[path = "postgres/cpu.rs"]
mod cpu;
#[path = "postgres/fleets.rs"]
mod fleets;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use defacto_engine::{AsOf, BuildOptions, Engine};
use defacto_model::{Shard, Timestamp};
use defacto_test_services::{Folder, Postgres};

/// Events a second from file to history.
const RATE_MIN: f64 = 20_000.0;
/// Milliseconds that one event may take more than a bare commit, at the median.
const SINGLE_MS_MAX: f64 = 2.0;
/// Transactions measured one by one.
const SINGLES: usize = 400;
const AS_OF: &str = "2014-01-01T00:00:00Z";
/// Makes this program build a shard: `worker I N URL STATE`.
const WORKER: &str = "worker";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if let [word, index, total, url, state] = args.as_slice()
        && word == WORKER
    {
        let shard = Shard::new(index.parse().unwrap(), total.parse().unwrap()).unwrap();
        return runtime.block_on(work(shard, url, Path::new(state)));
    }
    let limit = args.iter().find_map(|arg| arg.parse().ok());
    let cluster = Postgres::start(&[]);
    let folder = Folder::new("bench");
    let events = fleets::events(&example(), folder.path(), limit);
    let good = runtime.block_on(async {
        let one = job(&cluster, &folder, &events, 1).await;
        println!("flights on postgres: {:.0} events/s (at least {RATE_MIN:.0})", one.rate());
        let two = job(&cluster, &folder, &events, 2).await;
        println!(
            "two processes on two shards: {:.0} events/s, {:.2} times one; their builds {:.2} times one's",
            two.rate(),
            two.rate() / one.rate(),
            one.build / two.build
        );
        for (what, took) in [("one process", &one), ("two processes", &two)] {
            println!("{what}: {}", took.limit());
        }
        let bare = bare_commit(&cluster, folder.path());
        let single = single_event(&cluster, &folder, &events).await;
        let more = single - bare;
        println!(
            "one event: {single:.2} ms, a bare commit {bare:.2} ms, difference {more:.2} ms (at most {SINGLE_MS_MAX})"
        );
        (one.rate() >= RATE_MIN || limit.is_some()) && more <= SINGLE_MS_MAX
    });
    std::process::exit(i32::from(!good));
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../definitions-examples/flights")
}

async fn open(url: &str, state: &Path) -> Engine {
    let source = defacto_engine::Source::read(&example()).unwrap();
    Engine::builder(source, state).database(url).open().await.unwrap()
}

/// What a job took.
struct Took {
    events: u64,
    /// Seconds of all of it, and of the build alone.
    all: f64,
    build: f64,
    /// Seconds of CPU while it built, of the server and of those who worked with it.
    server: f64,
    clients: f64,
}

impl Took {
    fn rate(&self) -> f64 {
        f64::from(u32::try_from(self.events).unwrap()) / self.all
    }

    fn limit(&self) -> String {
        let cores = std::thread::available_parallelism().unwrap().get();
        let cores = f64::from(u32::try_from(cores).unwrap());
        let share = |seconds: f64| 100.0 * seconds / (self.build * cores);
        format!(
            "of {cores} cores while building, the server took {:.0} %, the clients {:.0} %; {:.0} % were left",
            share(self.server),
            share(self.clients),
            100.0 - share(self.server) - share(self.clients)
        )
    }
}

/// A process that builds one shard when it is told to.
struct Builder {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
}

impl Builder {
    fn start(shard: [u32; 2], url: &str, state: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(WORKER).args(shard.map(|number| number.to_string())).arg(url).arg(state);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut builder = Self { child, out };
        assert_eq!(builder.line(), "ready");
        builder
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn tell(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"build\n").unwrap();
    }

    /// Seconds of CPU that its build took.
    fn wait(mut self) -> f64 {
        let seconds = self.line().parse().unwrap();
        assert!(self.child.wait().unwrap().success());
        seconds
    }
}

/// What such a process does.
async fn work(shard: Shard, url: &str, state: &Path) {
    let engine = open(url, state).await;
    assert!(engine.claim(shard).await.unwrap(), "somebody has it");
    println!("ready");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let before = cpu::own();
    let built = engine.build(until()).await.unwrap();
    println!("{}", cpu::own() - before);
    eprintln!("shard {}: {:?}", shard.index(), built.timing);
    engine.release().await.unwrap();
}

fn until() -> BuildOptions {
    let as_of = AsOf::At(Timestamp::parse_text(AS_OF).unwrap());
    BuildOptions { as_of, ..BuildOptions::default() }
}

/// Ingests, and builds by so many processes on as many shards.
async fn job(cluster: &Postgres, folder: &Folder, events: &Path, processes: u32) -> Took {
    let url = cluster.database();
    let state = |name: String| folder.path().join(name);
    let engine = open(&url, &state(format!("job-{processes}"))).await;
    let mut builders = Vec::new();
    if processes > 1 {
        engine.resize_shards(processes).await.unwrap();
        for n in 0..processes {
            let state = state(format!("shard-{n}"));
            builders.push(Builder::start([n, processes], &url, &state));
        }
    }
    let started = Instant::now();
    let mut count = 0;
    for source in ["registry", "operations"] {
        let mut ingestion = engine.ingestion(source, false).await.unwrap();
        let file = std::fs::File::open(fleets::file(events, source)).unwrap();
        let mut lines = BufReader::new(file).lines();
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
    let (server, own) = (cpu::server(&cluster.data()), cpu::own());
    builders.iter_mut().for_each(Builder::tell);
    let clients = if builders.is_empty() {
        let built = engine.build(until()).await.unwrap();
        eprintln!("build: {:?}", built.timing);
        cpu::own() - own
    } else {
        builders.into_iter().map(Builder::wait).sum()
    };
    let all = started.elapsed().as_secs_f64();
    let server = cpu::server(&cluster.data()) - server;
    println!(
        "{processes} at work: ingest {ingested:.1} s, build {:.1} s, {count} events",
        all - ingested
    );
    println!(
        "database: {}",
        cluster.query(&url, "SELECT pg_size_pretty(pg_database_size(current_database()))")
    );
    if let Some(status) = engine.shard_status().await.unwrap() {
        assert!(status.shards.iter().all(|shard| shard.cursor == status.head), "{status:?}");
    }
    Took { events: count, all, build: all - ingested, server, clients }
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
async fn single_event(cluster: &Postgres, folder: &Folder, events: &Path) -> f64 {
    let engine = open(&cluster.database(), &folder.path().join("single")).await;
    let fleet = std::fs::read_to_string(fleets::file(events, "registry")).unwrap();
    let fleet: Vec<&str> = fleet.lines().collect();
    engine.ingest("registry", &fleet, true).await.unwrap();
    let file = std::fs::File::open(fleets::file(events, "operations")).unwrap();
    let lines = BufReader::new(file).lines();
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
