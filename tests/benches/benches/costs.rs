//! What operations cost as a store grows: merges into one entity, late events, ticks with nothing due, opening.
//!
//! Prints one line a measurement and the bound; a bound that is exceeded ends with exit code 1. Counts of interpreted
//! events do not depend on the machine; times are of the best of several rounds. `costs NAME…` measures only these
//! (`merges`, `late`, `tick`, `open`). A project with a million entities is made once and kept in `DEFACTO_CACHE`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests and benchmarks stop at the first surprise"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use defacto_engine::{Engine, Modules, Source, SystemClock};
use defacto_model::{Manifest, Timestamp};
use defacto_pipeline::{AsOf, BuildOptions, Definitions, IngestOptions, Options, Pipeline};
use defacto_ports::{
    EntityInput, Error, FaultReport, HintRequest, Interpreted, Machines, Normalized, RawRecord,
};
use defacto_store_sqlite::SqliteStore;

/// 400 merges may cost this many times 100.
const MERGES_RATIO_MAX: f64 = 4.0;
/// A late event in a ledger ten times as large may cost this many times as much.
const LEDGER_RATIO_MAX: f64 = 1.5;
/// Events interpreted per event that the entity has from the late one on.
const LATE_EVENTS_MAX: f64 = 4.0;
/// Events interpreted per event that two entities have when they are joined.
const JOINED_EVENTS_MAX: f64 = 1.5;
/// Events of an entity until it is merged, and the one that does it.
const EVENTS_EACH: usize = 7;
const TICK_MS_MAX: f64 = 50.0;
const OPEN_MS_MAX: f64 = 200.0;
const OPEN_MIB_MAX: f64 = 100.0;
const ENTITIES: usize = 1_000_000;
/// Records handed over at once.
const PIECE: usize = 50_000;
/// Seconds since 1970 of the first event.
const START: usize = 1_760_000_000;

const DEFINITIONS: &str = "
person:
  starts: lead
  identity:
    email: { match: case_insensitive }
    phone: {}
  properties:
    plan: { type: string, default: free }
    calls: { type: integer, default: 0 }
  states:
    lead:
      when:
        joined:
          effects:
            - create
            - { set: { property: plan, from: event.plan } }
            - { transition: { to: active } }
    active:
      after:
        - { type: inactivity, threshold: 3650d, effects: [{ transition: { to: asleep } }] }
    asleep: {}
  always:
    called:
      effects:
        - { increment: { property: calls } }
";

const SOURCE: &str = "
desk:
  event_type: type
  timestamp: at
  events:
    joined:
      mappings:
        email: { from: mail, type: string }
        phone: { from: tel, type: string }
        plan: { from: plan, type: string, default: free }
      hints: { person: [email, phone] }
    called:
      mappings:
        n: { from: n, type: integer }
        email: { from: mail, type: string }
      hints: { person: [email] }
";

/// Compiled definitions that count the events which they interpret.
#[derive(Debug)]
struct Counting {
    inner: Arc<dyn Machines>,
    events: AtomicU64,
}

impl Machines for Counting {
    fn manifest(&self) -> &Manifest {
        self.inner.manifest()
    }

    fn digest(&self) -> &str {
        self.inner.digest()
    }

    fn normalize(
        &self,
        source: u32,
        records: &[RawRecord<'_>],
        ingested_at: Timestamp,
    ) -> Result<Vec<Normalized>, Error> {
        self.inner.normalize(source, records, ingested_at)
    }

    fn interpret(
        &self,
        entity: u32,
        entities: Vec<EntityInput>,
        advance_to: Option<Timestamp>,
    ) -> Result<Interpreted, Error> {
        let events: usize = entities.iter().map(|input| input.events.len()).sum();
        self.events.fetch_add(events as u64, Ordering::Relaxed);
        self.inner.interpret(entity, entities, advance_to)
    }

    fn hints(
        &self,
        requests: &[HintRequest],
    ) -> Result<Vec<Result<Option<String>, FaultReport>>, Error> {
        self.inner.hints(requests)
    }
}

/// A pipeline in a folder of its own.
struct World {
    runtime: tokio::runtime::Runtime,
    pipeline: Pipeline,
    machines: Arc<Counting>,
    folder: PathBuf,
}

impl World {
    fn new(name: &str) -> World {
        let folder =
            std::env::temp_dir().join(format!("defacto-costs-{}-{name}", std::process::id()));
        fs::remove_dir_all(&folder).ok();
        write_project(&folder);
        let source = Source::read(&folder).unwrap();
        let modules = Modules::load(&source, Some(&folder.join("modules"))).unwrap();
        let machines = Arc::new(Counting { inner: modules.machines, events: AtomicU64::new(0) });
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let pipeline = runtime.block_on(async {
            let store = SqliteStore::open(&folder.join("defacto.db")).await.unwrap();
            let definitions = Definitions {
                version: "v".to_owned(),
                document: "{}".to_owned(),
                machines: Arc::clone(&machines) as Arc<dyn Machines>,
            };
            let clock = Arc::new(SystemClock);
            Pipeline::open(Arc::new(store), definitions, clock, Options::default()).await.unwrap()
        });
        World { runtime, pipeline, machines, folder }
    }

    /// Ingests and interprets; returns seconds and events interpreted.
    fn ingest(&mut self, records: &[String]) -> (f64, u64) {
        let records: Vec<&str> = records.iter().map(String::as_str).collect();
        let before = self.machines.events.load(Ordering::Relaxed);
        let started = Instant::now();
        let options = IngestOptions { process: true, batch_size: None };
        let result =
            self.runtime.block_on(self.pipeline.ingest("desk", &records, options)).unwrap();
        assert!(result.failures.is_empty(), "{:?}", result.failures);
        let seconds = started.elapsed().as_secs_f64();
        (seconds, self.machines.events.load(Ordering::Relaxed) - before)
    }

    fn bulk(&mut self, count: usize, record: impl Fn(usize) -> String) {
        for start in (0..count).step_by(PIECE) {
            let records: Vec<String> = (start..(start + PIECE).min(count)).map(&record).collect();
            let records: Vec<&str> = records.iter().map(String::as_str).collect();
            let options = IngestOptions { process: false, batch_size: None };
            self.runtime.block_on(self.pipeline.ingest("desk", &records, options)).unwrap();
        }
        let keep = BuildOptions { as_of: AsOf::Keep, ..BuildOptions::default() };
        self.runtime.block_on(self.pipeline.build(keep)).unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).ok();
    }
}

fn write_project(folder: &Path) {
    for (path, text) in [("entities/person.yaml", DEFINITIONS), ("sources/desk.yaml", SOURCE)] {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn joined(at: usize, mail: &str, phone: &str) -> String {
    format!(r#"{{"type":"joined","at":{at},"mail":"{mail}","tel":"{phone}"}}"#)
}

fn called(at: usize, mail: &str, n: usize) -> String {
    format!(r#"{{"type":"called","at":{at},"mail":"{mail}","n":{n}}}"#)
}

/// How one entity after another turns out to be the first one.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Merging {
    /// By an event that names both, soon after the entity came up.
    ByEvents,
    /// By request, soon after the entity came up.
    OnDemand,
    /// By an event that names both, after all entities have had their events side by side.
    Interleaved,
}

/// Seconds that so many merges into one entity take, and events interpreted.
fn merges(count: usize, merging: Merging) -> (f64, u64) {
    const CALLS: usize = EVENTS_EACH - 2;
    let mut world = World::new(&format!("merges-{count}-{merging:?}"));
    let event = |entity: usize, call: usize, at: usize| {
        let mail = format!("m{entity}@example.org");
        match call {
            0 => joined(at, &mail, &format!("t{entity}")),
            call => called(at, &mail, call),
        }
    };
    let visit = |entity: usize| -> Vec<String> {
        let at = |call| START + entity * (CALLS + 2) + call;
        (0..=CALLS).map(|call| event(entity, call, at(call))).collect()
    };
    if merging == Merging::Interleaved {
        let entities = count + 1;
        world.bulk(entities * (CALLS + 1), |n| event(n % entities, n / entities, START + n));
    } else {
        world.ingest(&visit(0));
    }
    let id = |world: &World, mail: String| {
        let found = world.runtime.block_on(world.pipeline.find_hints(&mail)).unwrap();
        found[0].entity_id
    };
    let survivor = id(&world, "m0@example.org".to_owned());
    let (mut seconds, mut events) = (0.0, 0);
    for n in 1..=count {
        if merging != Merging::Interleaved {
            world.ingest(&visit(n));
        }
        if merging == Merging::OnDemand {
            let from = id(&world, format!("m{n}@example.org"));
            let before = world.machines.events.load(Ordering::Relaxed);
            let started = Instant::now();
            let merged = world.pipeline.merge(from, survivor, "");
            assert_eq!(world.runtime.block_on(merged).unwrap().tombstones_produced, 1);
            seconds += started.elapsed().as_secs_f64();
            events += world.machines.events.load(Ordering::Relaxed) - before;
        } else {
            let after = if merging == Merging::Interleaved { count } else { n };
            let at = START + (after + 1) * (CALLS + 2) - 1 + n * usize::from(after == count);
            let record = joined(at, "m0@example.org", &format!("t{n}"));
            let (more, interpreted) = world.ingest(&[record]);
            seconds += more;
            events += interpreted;
        }
    }
    (seconds, events)
}

/// The quickest of several rounds: a disk that is slow for a moment says nothing about growth.
fn best_merges(count: usize, merging: Merging) -> (f64, u64) {
    const ROUNDS: usize = 3;
    let rounds = (0..ROUNDS).map(|_| merges(count, merging));
    rounds.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
}

/// A late event of an entity with so many events in a ledger with so many: milliseconds at the median, and events
/// interpreted per event that the entity has from it on.
fn late(ledger: usize, own: usize, after: usize) -> (f64, f64) {
    const ROUNDS: usize = 15;
    let mut world = World::new(&format!("late-{ledger}-{own}-{after}"));
    let every = ledger / (own * ROUNDS);
    // Of each `every` events one is of the entities measured, in turn, until each has its share.
    world.bulk(ledger, |n| {
        let turn = n / every;
        let measured = n % every == 0 && turn < own * ROUNDS;
        let mail = match measured {
            true => format!("late{}@example.org", turn % ROUNDS),
            false => format!("other{}@example.org", n % (ledger / 10)),
        };
        let first = !measured && n < ledger / 10 || turn < ROUNDS;
        let at = START + n * 60;
        if first { joined(at, &mail, &mail) } else { called(at, &mail, n) }
    });
    let mut times = Vec::new();
    let mut events = 0;
    for round in 0..ROUNDS {
        let turn = (own - after) * ROUNDS + round;
        let at = START + turn * every * 60 - 1;
        let record = called(at, &format!("late{round}@example.org"), ledger + round);
        let (seconds, interpreted) = world.ingest(&[record]);
        times.push(seconds * 1e3);
        events += interpreted;
    }
    times.sort_by(f64::total_cmp);
    (times[ROUNDS / 2], events as f64 / (ROUNDS * (after + 1)) as f64)
}

/// The project with a million entities, made if there is none.
fn million() -> PathBuf {
    let cache = std::env::var_os("DEFACTO_CACHE").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").expect("a home")).join(".cache/defacto-build"),
        PathBuf::from,
    );
    let folder = cache.join("bench-million");
    let complete = folder.join("complete");
    let text = format!("{DEFINITIONS}{SOURCE}");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if fs::read_to_string(&complete).is_ok_and(|made_with| made_with == text) {
        // Another format is another project.
        let opened = runtime.block_on(async { Engine::project(&folder)?.open().await });
        if opened.is_ok() {
            return folder;
        }
    }
    fs::remove_dir_all(&folder).ok();
    write_project(&folder);
    runtime.block_on(async {
        let engine = Engine::project(&folder).unwrap().open().await.unwrap();
        for start in (0..ENTITIES).step_by(PIECE) {
            let records: Vec<String> = (start..start + PIECE)
                .map(|n| joined(START + n, &format!("person{n}@example.org"), &format!("+{n}")))
                .collect();
            let records: Vec<&str> = records.iter().map(String::as_str).collect();
            engine.ingest("desk", &records, false).await.unwrap();
        }
        let as_of = AsOf::At(Timestamp::parse_text("2026-01-01").unwrap());
        engine.build(BuildOptions { as_of, ..BuildOptions::default() }).await.unwrap();
    });
    fs::write(complete, text).unwrap();
    folder
}

/// Opens the project and ticks; run as a process of its own, for its memory.
fn open_and_tick(folder: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let started = Instant::now();
        let engine = Engine::project(folder).unwrap().open().await.unwrap();
        let opened = started.elapsed().as_secs_f64() * 1e3;
        let peak = peak_mib();
        let instant = Timestamp::parse_text("2026-01-02").unwrap();
        let started = Instant::now();
        let result = engine.tick(Some(instant)).await.unwrap();
        assert_eq!(result.entities_affected, 0);
        println!("{opened} {peak} {}", started.elapsed().as_secs_f64() * 1e3);
    });
}

/// Most memory that this process has held.
fn peak_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [flag, folder] = args.as_slice()
        && flag == "--open"
    {
        return open_and_tick(Path::new(folder));
    }
    let wanted = |name: &str| args.is_empty() || args.iter().any(|arg| arg == name);
    let mut over = Vec::new();
    let mut report = |what: String, value: f64, bound: f64, unit: &str| {
        println!("{what:<46} {value:>10.2} {unit:<8} (at most {bound})");
        if value > bound {
            over.push(what);
        }
    };
    if wanted("merges") {
        for merging in [Merging::ByEvents, Merging::OnDemand, Merging::Interleaved] {
            let kind = format!("{merging:?}");
            let (few, few_events) = best_merges(100, merging);
            let (many, many_events) = best_merges(400, merging);
            println!("100 merges {kind:<35} {:>10.2} ms", few * 1e3);
            println!("400 merges {kind:<35} {:>10.2} ms", many * 1e3);
            let ratio = many / few;
            if merging != Merging::Interleaved {
                report(format!("400 to 100 merges {kind}"), ratio, MERGES_RATIO_MAX, "times");
                continue;
            }
            // Each event that joins the others changes all rows after it: these have to be written, and no more.
            println!("400 to 100 merges {kind:<28} {ratio:>10.2} times");
            let had: usize = (1..=400).map(|n| n * EVENTS_EACH + EVENTS_EACH - 1).sum();
            let each = many_events as f64 / had as f64;
            report(format!("interpreted, {kind}"), each, JOINED_EVENTS_MAX, "each");
            let each = ratio * few_events as f64 / many_events as f64;
            report(format!("400 to 100 per event, {kind}"), each, LEDGER_RATIO_MAX, "times");
        }
    }
    if wanted("late") {
        let (small, _) = late(10_000, 20, 2);
        let (large, events) = late(100_000, 20, 2);
        println!("late event, ledger of 10,000                   {small:>10.2} ms");
        println!("late event, ledger of 100,000                  {large:>10.2} ms");
        let what = "ledger of 100,000 to one of 10,000".to_owned();
        report(what, large / small, LEDGER_RATIO_MAX, "times");
        report("interpreted, entity of 20".to_owned(), events, LATE_EVENTS_MAX, "each");
        let (longer, events) = late(100_000, 400, 2);
        println!("late event, entity of 400 events               {longer:>10.2} ms");
        report("interpreted, entity of 400".to_owned(), events, LATE_EVENTS_MAX, "each");
    }
    if wanted("tick") || wanted("open") {
        let folder = million();
        let mut best = [f64::INFINITY; 3];
        for _ in 0..5 {
            let output = Command::new(std::env::current_exe().unwrap())
                .args(["--open", folder.to_str().unwrap()])
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            for (best, found) in best.iter_mut().zip(text.split_whitespace()) {
                *best = best.min(found.parse().unwrap());
            }
        }
        let [opened, peak, ticked] = best;
        report("opening 1,000,000 entities".to_owned(), opened, OPEN_MS_MAX, "ms");
        report("peak memory after opening".to_owned(), peak, OPEN_MIB_MAX, "MiB");
        report("tick with nothing due".to_owned(), ticked, TICK_MS_MAX, "ms");
    }
    assert!(over.is_empty(), "beyond the bound: {over:?}");
}
