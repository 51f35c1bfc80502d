//! Each stage on the sample of flights: compile, load, normalize, interpret (compiled and by hand), append, build.
//!
//! Prints one line a stage. Times depend on the machine and are not judged; the ratio of compiled to hand-written
//! interpretation is: more than [`RATIO_MAX`] ends with exit code 1.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests and benchmarks stop at the first surprise"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use defacto_engine::{AsOf, BuildOptions, Engine, Modules, Source};
use defacto_model::{FieldOrigin, Timestamp, Value};
use defacto_ports::{EntityInput, EventInput, Interpreted, Machines, NormalizedEvent, RawRecord};

/// Compiled interpretation may cost this many times the same logic by hand.
const RATIO_MAX: f64 = 3.0;
/// Rounds of each measurement; the best counts, because other programs only ever make it slower.
const ROUNDS: usize = 15;

fn main() {
    let example =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../definitions-examples/flights");
    let source = Source::read(&example).expect("the example");
    let work = std::env::temp_dir().join(format!("defacto-bench-{}", std::process::id()));
    let cache = work.join("modules");

    let cold = Instant::now();
    let modules = Modules::load(&source, Some(&cache)).expect("flights compile");
    println!("compile and load, cold        {:>10.1} ms", cold.elapsed().as_secs_f64() * 1e3);
    let warm = best(|| {
        Modules::load(&source, Some(&cache)).expect("flights compile");
    });
    println!("compile and load, cached      {:>10.1} ms", warm * 1e3);

    let texts: Vec<String> = fs::read_to_string(example.join("data/operations.jsonl"))
        .expect("the sample")
        .lines()
        .map(str::to_owned)
        .collect();
    let events = normalize(modules.machines.as_ref(), &texts);
    let seconds = best(|| {
        normalize(modules.machines.as_ref(), &texts);
    });
    let rate = texts.len() as f64 / seconds;
    println!("normalize, JSON included      {:>10.0} events/s", rate);

    let ratio = interpret(modules.machines.as_ref(), &events);
    store(&example, &work, &texts);
    fs::remove_dir_all(&work).ok();
    assert!(
        ratio <= RATIO_MAX,
        "compiled code costs {ratio:.2} times hand-written code, more than {RATIO_MAX}"
    );
}

/// Seconds of the fastest round.
fn best(mut work: impl FnMut()) -> f64 {
    (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min)
}

fn normalize(machines: &dyn Machines, texts: &[String]) -> Vec<NormalizedEvent> {
    let (source, _) = machines.manifest().find_source("operations").expect("the source");
    let records: Vec<RawRecord<'_>> = texts.iter().map(|text| RawRecord { text }).collect();
    let results = machines.normalize(source, &records, Timestamp::EPOCH).expect("the module runs");
    results.into_iter().map(|one| one.result.expect("real events are valid")).collect()
}

/// Events of the aircraft, grouped, as both interpreters take them.
fn inputs(machines: &dyn Machines, events: &[NormalizedEvent]) -> Vec<EntityInput> {
    let (_, entity) = machines.manifest().find_entity("aircraft").expect("the entity");
    let mut by_tail: BTreeMap<&str, Vec<EventInput>> = BTreeMap::new();
    for event in events {
        let Some((_, _, tail)) = event.hints.iter().find(|(kind, _, _)| kind == "aircraft") else {
            continue;
        };
        let index =
            entity.events.iter().position(|e| e.event_type == event.event_type).expect("a handler");
        let cell = |origin: &FieldOrigin| match origin {
            FieldOrigin::Data(name) => {
                event.data.iter().find(|(n, _)| n == name).map_or(Value::Null, |(_, v)| v.clone())
            }
            FieldOrigin::Timestamp => Value::DateTime(event.timestamp),
            other => panic!("{other:?} is not read by the flights definitions"),
        };
        by_tail.entry(tail).or_default().push(EventInput {
            event: Some(u32::try_from(index).expect("few events")),
            timestamp: event.timestamp,
            cells: entity.events[index].fields.iter().map(|field| cell(&field.origin)).collect(),
        });
    }
    by_tail
        .into_iter()
        .map(|(tail, mut events)| {
            events.sort_by_key(|event| event.timestamp);
            EntityInput {
                id: defacto_model::entity_id("bench", "aircraft", "tail", tail, 0),
                record: None,
                events,
            }
        })
        .collect()
}

fn interpret(machines: &dyn Machines, events: &[NormalizedEvent]) -> f64 {
    let (index, entity) = machines.manifest().find_entity("aircraft").expect("the entity");
    let inputs = inputs(machines, events);
    let count: usize = inputs.iter().map(|input| input.events.len()).sum();
    let until = Some(Timestamp::parse_text("2014-01-01").expect("a date"));
    let by_hand = || defacto_test_benches::interpret(entity, &inputs, until);
    let compiled = || machines.interpret(index, inputs.clone(), until).expect("the module runs");
    agree(&compiled(), &by_hand());
    let clone = best(|| drop(std::hint::black_box(inputs.clone())));
    let native = best(|| drop(std::hint::black_box(by_hand())));
    let wasm = best(|| drop(std::hint::black_box(compiled()))) - clone;
    let each = |seconds: f64| seconds * 1e9 / count as f64;
    println!("interpret, by hand in Rust    {:>10.0} ns/event", each(native));
    println!(
        "interpret, compiled           {:>10.0} ns/event, {:.2} times",
        each(wasm),
        wasm / native
    );
    wasm / native
}

/// Both must say the same, or the comparison means nothing.
fn agree(compiled: &Interpreted, by_hand: &Interpreted) {
    assert_eq!(compiled.entities.len(), by_hand.entities.len());
    for (a, b) in compiled.entities.iter().zip(&by_hand.entities) {
        let record = |output: &defacto_ports::EntityOutput| {
            output.record.as_ref().map(|r| (r.state, r.entered, r.properties.clone(), r.next_due))
        };
        assert_eq!(record(a), record(b));
        assert_eq!(a.items.len(), b.items.len());
    }
}

fn store(example: &std::path::Path, work: &std::path::Path, texts: &[String]) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let source = Source::read(example).expect("the example");
        let engine = Engine::builder(source, work).open().await.expect("a new database");
        let records: Vec<&str> = texts.iter().map(String::as_str).collect();
        let started = Instant::now();
        engine.ingest("operations", &records, false).await.expect("events are stored");
        let rate = |started: Instant| texts.len() as f64 / started.elapsed().as_secs_f64();
        println!("ingest into the ledger        {:>10.0} events/s", rate(started));
        let started = Instant::now();
        let as_of = AsOf::At(Timestamp::parse_text("2014-01-01").expect("a date"));
        engine.build(BuildOptions { as_of, ..BuildOptions::default() }).await.expect("a build");
        println!("build                         {:>10.0} events/s", rate(started));
    });
}
