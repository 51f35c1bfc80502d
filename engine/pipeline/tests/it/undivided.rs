//! Several pipelines at work on one undivided namespace, each with its own memory: none applies events on what it
//! remembers from before another's turn.

use std::path::Path;
use std::sync::{Arc, Mutex};

use defacto_model::{Micros, Timestamp};
use defacto_pipeline::{AsOf, BuildOptions, Error, IngestOptions, Options, Pipeline};
use defacto_ports::{Clock, Store};
use defacto_test_support::Random;

use crate::program::{made_anew, shop, shop_events};
use crate::run::{Dialect, FakeClock, store_at};
use crate::scenarios::Scratch;
use crate::sharding::{Step, perform};

const ROUNDS: usize = 12;
const TOGETHER: usize = 3;

fn clock() -> Arc<FakeClock> {
    Arc::new(FakeClock(Mutex::new(Timestamp::parse_text("2024-02-01T00:00:00Z").unwrap())))
}

/// As many pipelines as processes would have: on a server each with connections of its own.
async fn open(path: &Path, server: Option<Dialect>, clock: &Arc<FakeClock>) -> Vec<Pipeline> {
    let mut out: Vec<Pipeline> = Vec::new();
    for batch_size in 1..=TOGETHER {
        let store = match out.first() {
            Some(first) if server.is_none() => Arc::clone(first.store()),
            _ => store_at(path, server).await,
        };
        let clock = Arc::clone(clock) as Arc<dyn Clock>;
        let options = Options { batch_size: batch_size * 2, ..Options::default() };
        out.push(Pipeline::open(store, shop().swap_remove(0), clock, options).await.unwrap());
    }
    out
}

async fn draw(random: &mut Random, store: &Arc<dyn Store>, now: Timestamp) -> Step {
    let mut reader = store.read().await.unwrap();
    let hints = reader.list_hints(None, usize::MAX >> 1).await.unwrap();
    let mut entity = || hints.get(random.below(hints.len().max(1))).map(|hint| hint.entity_id);
    let pair = (entity(), entity());
    match (random.below(12), pair) {
        (0..=6, _) => {
            let events = shop_events(random, 50);
            let from = random.below(events.len());
            let until = (from + 1 + random.below(3)).min(events.len());
            Step::Ingest(events[from..until].to_vec(), random.chance(85))
        }
        (7, _) => Step::Tick(now),
        (8, _) => Step::Build(BuildOptions { as_of: AsOf::Keep, ..BuildOptions::default() }),
        (9 | 10, (Some(from), Some(into))) if from != into => Step::Merge(from, into),
        (11, (Some(id), _)) => Step::Erase(id),
        _ => Step::Nothing,
    }
}

/// Whoever would build while another does is told so, and has done nothing.
async fn attempt(pipeline: &mut Pipeline, step: &Step) {
    match perform(pipeline, step).await {
        Err(Error::Port(defacto_ports::Error::Locked { .. })) => {}
        other => other.unwrap(),
    }
}

async fn program(seed: u64, server: Option<Dialect>) -> Vec<String> {
    let scratch = Scratch::new();
    let (clock, mut random) = (clock(), Random::new(seed));
    let mut pipelines = open(&scratch.0, server, &clock).await;
    let mut found = Vec::new();
    for round in 0..ROUNDS {
        let now = {
            let mut now = clock.0.lock().unwrap();
            let days = i64::try_from(random.below(9)).unwrap();
            *now = now.checked_add(Micros(days * 86_400_000_000 + 1)).unwrap();
            *now
        };
        // One after the other in any order, and then all at once.
        for _ in 0..2 * TOGETHER {
            let turn = random.below(TOGETHER);
            let step = draw(&mut random, pipelines[turn].store(), now).await;
            attempt(&mut pipelines[turn], &step).await;
        }
        let mut tasks = Vec::new();
        for mut pipeline in pipelines.drain(..) {
            let step = draw(&mut random, pipeline.store(), now).await;
            tasks.push(tokio::spawn(async move {
                attempt(&mut pipeline, &step).await;
                pipeline
            }));
        }
        for task in tasks {
            pipelines.push(task.await.unwrap());
        }
        let judge = &mut pipelines[random.below(TOGETHER)];
        let keep = BuildOptions { as_of: AsOf::Keep, ..BuildOptions::default() };
        if random.chance(50) {
            judge.build(keep).await.unwrap();
        }
        found.extend(made_anew(judge).await);
        let verified = judge.verify().await.unwrap().findings;
        found.extend(verified.iter().map(|finding| format!("verify: {finding:?}")));
        if !found.is_empty() {
            return found
                .into_iter()
                .map(|it| format!("seed {seed}, round {round}: {it}"))
                .collect();
        }
    }
    for pipeline in pipelines {
        pipeline.store().close().await.unwrap();
    }
    found
}

/// `DEFACTO_UNDIVIDED_PROGRAMS` sets how many, `DEFACTO_UNDIVIDED_PROGRAM` the first seed.
#[test]
fn processes_on_an_undivided_namespace_end_as_one() {
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().unwrap())
    };
    let first = number("DEFACTO_UNDIVIDED_PROGRAM", 0);
    let programs = number("DEFACTO_UNDIVIDED_PROGRAMS", 18);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(TOGETHER)
        .enable_all()
        .build()
        .unwrap();
    let mut failed = Vec::new();
    for seed in first..first + programs {
        let server = match seed % 3 {
            0 => Some(Dialect::Postgres),
            1 => Some(Dialect::Portable),
            _ => None,
        };
        failed.extend(runtime.block_on(program(seed, server)));
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Rules that are due before the last tick have run after each operation, and not only after the next tick.
#[tokio::test]
async fn rules_are_due_after_operations_as_after_events() {
    let scratch = Scratch::new();
    let clock = clock();
    let mut pipeline = open(&scratch.0, None, &clock).await.swap_remove(0);
    let options = IngestOptions { process: true, batch_size: None };
    let signup = |mail: &str, at: &str| {
        serde_json::json!({"type": "signup", "at": at, "mail": mail, "name": "N"}).to_string()
    };
    let one = signup("one@mail.test", "2024-01-01T00:00:00Z");
    let two = signup("two@mail.test", "2024-01-03T00:00:00Z");
    pipeline.ingest("shop", &[&one, &two], options).await.unwrap();
    pipeline.tick(Some(Timestamp::parse_text("2024-06-01T00:00:00Z").unwrap())).await.unwrap();
    for day in ["2024-06-02T00:00:00Z", "2024-06-03T00:00:00Z"] {
        pipeline.ingest("shop", &[&signup("new@mail.test", day)], options).await.unwrap();
    }
    let mut reader = pipeline.store().read().await.unwrap();
    let hints = reader.list_hints(None, 1_000).await.unwrap();
    drop(reader);
    let id = |mail: &str| hints.iter().find(|hint| hint.key.value == mail).unwrap().entity_id;
    pipeline.merge(id("one@mail.test"), id("two@mail.test"), "asked").await.unwrap();
    assert_eq!(made_anew(&mut pipeline).await, Vec::<String>::new());
    pipeline.store().close().await.unwrap();
}

/// A tick that ends halfway is completed by what comes next: until then it is not told how far rules have run.
#[tokio::test]
async fn a_tick_that_broke_off_is_completed() {
    let scratch = Scratch::new();
    let clock = clock();
    let (faulty, mut pipeline) = crate::program::open(&scratch.0, &shop()[0], &clock, 8).await;
    let options = IngestOptions { process: true, batch_size: None };
    let records: Vec<String> = (0..4)
        .flat_map(|n| {
            let at = "2023-06-01T00:00:00Z";
            [
                serde_json::json!({"type": "signup", "at": at, "mail": format!("{n}@mail.test")}),
                serde_json::json!({"type": "call", "at": at, "tel": format!("T-{n}"), "n": n}),
            ]
        })
        .map(|record| record.to_string())
        .collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    pipeline.ingest("shop", &records, options).await.unwrap();
    let now = *clock.0.lock().unwrap();
    let before = pipeline.fingerprint().await.unwrap();
    let mut halfway = 0;
    for calls in 0..40 {
        faulty.cut_off_after(calls);
        let ticked = pipeline.tick(Some(now)).await;
        faulty.cut_off_after(-1);
        if ticked.is_ok() {
            break;
        }
        if pipeline.fingerprint().await.unwrap() != before {
            halfway += 1;
            let (_, reopened) = crate::program::open(&scratch.0, &shop()[0], &clock, 8).await;
            pipeline = reopened;
            pipeline.ingest("shop", &[records[0]], options).await.unwrap();
            assert_eq!(made_anew(&mut pipeline).await, Vec::<String>::new());
            break;
        }
    }
    assert_eq!(halfway, 1);
    pipeline.store().close().await.unwrap();
}
