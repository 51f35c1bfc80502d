//! A version's first build takes over what of the active history is the same.

use std::sync::{Arc, Mutex};

use defacto_model::Timestamp;
use defacto_pipeline::{AsOf, BuildOptions, Definitions, Fingerprint, IngestOptions, Pipeline};
use defacto_test_support::Random;

use crate::program::{open, shop, shop_events};
use crate::run::{self, Delivery, Dialect, FakeClock};
use crate::scenarios::Scratch;

const KEEP: BuildOptions =
    BuildOptions { full: false, from_raw: false, dry_run: false, as_of: AsOf::Keep };

fn version(name: &str) -> Definitions {
    shop().into_iter().find(|it| it.version == name).unwrap()
}

fn clock() -> Arc<FakeClock> {
    Arc::new(FakeClock(Mutex::new(Timestamp::parse_text("2024-06-01T00:00:00Z").unwrap())))
}

/// Ingests the same events everywhere, merges two lines, and lets rules run.
async fn fill(pipeline: &mut Pipeline) {
    let events = shop_events(&mut Random::new(11), 60);
    let records: Vec<&str> = events.iter().map(|(_, text)| text.as_str()).collect();
    let options = IngestOptions { process: true, batch_size: Some(7) };
    pipeline.ingest("shop", &records, options).await.unwrap();
    let mut ids = Vec::new();
    for number in ["T-1", "T-2"] {
        let found = pipeline.find_hints(number).await.unwrap();
        ids.extend(found.iter().find(|it| it.key.entity_type == "line").map(|it| it.entity_id));
    }
    pipeline.merge(ids[0], ids[1], "").await.unwrap();
    pipeline.tick(Some(Timestamp::parse_text("2024-06-01T00:00:00Z").unwrap())).await.unwrap();
}

/// What the history of a version is that nothing was taken over for.
async fn expected(name: &str) -> Fingerprint {
    let scratch = Scratch::new();
    let (_store, mut pipeline) = open(&scratch.0, &version("v1"), &clock(), 10).await;
    fill(&mut pipeline).await;
    pipeline.activate(version(name), BuildOptions { full: true, ..KEEP }).await.unwrap();
    pipeline.fingerprint().await.unwrap()
}

async fn takes_over(mut pipeline: Pipeline) {
    fill(&mut pipeline).await;
    let all = pipeline.status().await.unwrap().total_events;

    let impact = pipeline.impact(&version("v5")).await.unwrap();
    assert_eq!((impact.build_mode.as_str(), &impact.scope), ("PARTIAL", &vec!["line".to_owned()]));
    assert!(impact.events > 0 && impact.events < all / 2, "{impact:?}");
    let result = pipeline.activate(version("v5"), KEEP).await.unwrap();
    assert_eq!((&*result.mode, result.events_processed), ("PARTIAL", impact.events));
    assert_eq!(pipeline.fingerprint().await.unwrap(), expected("v5").await);
    let found = pipeline.verify().await.unwrap().findings;
    assert!(found.is_empty(), "{found:?}");

    // Nothing has come from the source that is new: everything is taken over.
    let impact = pipeline.impact(&version("v6")).await.unwrap();
    assert_eq!((&*impact.build_mode, &*impact.scope), ("PARTIAL", &["line".to_owned()][..]));
    pipeline.activate(version("v6"), KEEP).await.unwrap();
    assert_eq!(pipeline.fingerprint().await.unwrap(), expected("v6").await);
    // Back: its history is there, and no event tells the sources apart.
    let result = pipeline.activate(version("v1"), KEEP).await.unwrap();
    assert_eq!((&*result.mode, result.events_processed), ("SKIP", 0));
    // An event of the new source does.
    pipeline.activate(version("v6"), KEEP).await.unwrap();
    let login = r#"{"type":"login","at":"2024-07-01T00:00:00Z","mail":"p1@mail.test"}"#;
    let options = IngestOptions { process: true, batch_size: None };
    assert_eq!(pipeline.ingest("web", &[login], options).await.unwrap().events_ingested, 1);
    assert_eq!(pipeline.impact(&version("v1")).await.unwrap().build_mode, "FULL_RENORMALIZE");
    assert_eq!(pipeline.impact(&version("v2")).await.unwrap().build_mode, "FULL_RENORMALIZE");
}

/// Versions whose sources alone changed: other values, a number where there was none, other ids.
async fn renews(mut pipeline: Pipeline) {
    fill(&mut pipeline).await;
    let all = pipeline.status().await.unwrap().total_events;
    let mut before = "v1";
    for name in ["v7", "v8", "v9", "v1", "v9", "v8", "v7"] {
        let impact = pipeline.impact(&version(name)).await.unwrap();
        assert_eq!(impact.sources, ["shop"], "{name}: {impact:?}");
        // It is the only source, so every event is normalized again; replayed are those of entities that see it.
        assert_eq!((&*impact.build_mode, impact.resolve), ("FULL_RENORMALIZE", false), "{name}");
        assert!(impact.events > 0 && impact.events <= all, "{name}: {impact:?}");
        let values_only = (before, name) == ("v1", "v7") || (before, name) == ("v7", "v8");
        assert!(!values_only || !impact.scope.contains(&"line".to_owned()), "{name}: {impact:?}");
        let result = pipeline.activate(version(name), KEEP).await.unwrap();
        let done = (&*result.mode, result.events_processed);
        assert_eq!(done, ("FULL_RENORMALIZE", impact.events), "{name}");
        assert_eq!(pipeline.fingerprint().await.unwrap(), expected(name).await, "{name}");
        let found = pipeline.verify().await.unwrap().findings;
        assert!(found.is_empty(), "{name}: {found:?}");
        assert_eq!(pipeline.impact(&version(name)).await.unwrap().build_mode, "SKIP");
        before = name;
    }
    // Of two sources one.
    let result = pipeline.activate(version("v1"), KEEP).await.unwrap();
    assert_eq!(result.mode, "FULL_RENORMALIZE");
    pipeline.activate(version("v6"), KEEP).await.unwrap();
    let login = r#"{"type":"login","at":"2024-07-01T00:00:00Z","mail":"p1@mail.test"}"#;
    let options = IngestOptions { process: true, batch_size: None };
    assert_eq!(pipeline.ingest("web", &[login], options).await.unwrap().events_ingested, 1);
    let impact = pipeline.impact(&version("v10")).await.unwrap();
    assert_eq!((&*impact.build_mode, &impact.sources), ("PARTIAL", &vec!["shop".to_owned()]));
    assert!(!impact.renormalize && !impact.resolve);
    let result = pipeline.activate(version("v10"), KEEP).await.unwrap();
    assert_eq!((&*result.mode, result.events_processed), ("PARTIAL", impact.events));
    let found = pipeline.fingerprint().await.unwrap();
    pipeline.build(BuildOptions { from_raw: true, ..KEEP }).await.unwrap();
    assert_eq!(found, pipeline.fingerprint().await.unwrap());
}

#[test]
fn sources_that_changed_are_normalized_alone() {
    let scratch = Scratch::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (_store, pipeline) = open(&scratch.0, &version("v1"), &clock(), 10).await;
        renews(pipeline).await;
    });
}

#[test]
fn sources_that_changed_are_normalized_alone_on_a_server() {
    let scratch = Scratch::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Some(Dialect::Postgres);
        let delivery = Delivery { batch_size: 10, process: None, compiled: false, server };
        renews(run::open(&scratch.0, &version("v1"), &clock(), delivery).await).await;
    });
}

#[test]
fn a_killed_renewal_ends_as_it_would_have() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (mut killed, mut resumed) = (0, 0);
        for (name, all) in [("v9", false), ("v3", false), ("v7", true)] {
            let expected = expected(name).await;
            for calls in (3..240).step_by(9) {
                let scratch = Scratch::new();
                let (store, mut pipeline) = open(&scratch.0, &version("v1"), &clock(), 6).await;
                fill(&mut pipeline).await;
                pipeline.register(&version(name)).await.unwrap();
                store.cut_off_after(calls);
                let options = BuildOptions { full: all, ..KEEP };
                let failed = pipeline.activate(version(name), options).await.is_err();
                store.cut_off_after(-1);
                pipeline.store().close().await.unwrap();
                let (_store, mut pipeline) = open(&scratch.0, &version("v1"), &clock(), 6).await;
                let result = pipeline.activate(version(name), KEEP).await.unwrap();
                let found = pipeline.fingerprint().await.unwrap();
                assert_eq!(found, expected, "{name} after {calls} calls: {}", result.reason);
                killed += u32::from(failed);
                let again = result.reason == "an earlier build was left unfinished";
                resumed += u32::from(again && result.mode == "PARTIAL" && !all);
            }
        }
        assert!(killed > 5 && resumed > 1, "{killed} killed, {resumed} taken up");
    });
}

#[test]
fn a_first_build_takes_over_what_is_the_same() {
    let scratch = Scratch::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (_store, pipeline) = open(&scratch.0, &version("v1"), &clock(), 10).await;
        takes_over(pipeline).await;
    });
}

#[test]
fn a_first_build_takes_over_what_is_the_same_on_a_server() {
    let scratch = Scratch::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Some(Dialect::Postgres);
        let delivery = Delivery { batch_size: 10, process: None, compiled: false, server };
        takes_over(run::open(&scratch.0, &version("v1"), &clock(), delivery).await).await;
    });
}

#[test]
fn a_killed_partial_build_goes_on_where_it_was() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let expected = expected("v5").await;
        let (mut resumed, mut killed) = (0, 0);
        for calls in (3..70).step_by(4) {
            let scratch = Scratch::new();
            let (store, mut pipeline) = open(&scratch.0, &version("v1"), &clock(), 4).await;
            fill(&mut pipeline).await;
            let before = pipeline.fingerprint().await.unwrap();
            let impact = pipeline.impact(&version("v5")).await.unwrap();
            pipeline.register(&version("v5")).await.unwrap();
            store.cut_off_after(calls);
            let failed = pipeline.activate(version("v5"), KEEP).await.is_err();
            store.cut_off_after(-1);
            pipeline.store().close().await.unwrap();
            let (_store, mut pipeline) = open(&scratch.0, &version("v1"), &clock(), 4).await;
            assert_eq!(pipeline.fingerprint().await.unwrap(), before, "after {calls} calls");
            let result = pipeline.activate(version("v5"), KEEP).await.unwrap();
            assert_eq!(pipeline.fingerprint().await.unwrap(), expected, "after {calls} calls");
            killed += u32::from(failed);
            assert_eq!(result.events_processed, impact.events, "however often it was begun");
            resumed += u32::from(failed && result.resumed.is_some());
        }
        assert!(killed > 5 && resumed > 1, "{killed} killed, {resumed} taken up");
    });
}

/// Columns come and go without an event being applied; what comes afterwards is as if they had always been there.
async fn changes_columns(mut pipeline: Pipeline) {
    fill(&mut pipeline).await;
    for (name, relaid) in
        [("broader", &["customer", "order"][..]), ("slimmer", &["customer", "line"])]
    {
        let impact = pipeline.impact(&version(name)).await.unwrap();
        assert_eq!((&*impact.build_mode, &*impact.reason), ("PARTIAL", "only columns changed"));
        assert_eq!((impact.events, impact.relaid.len()), (0, relaid.len()), "{impact:?}");
        let result = pipeline.activate(version(name), KEEP).await.unwrap();
        assert_eq!((&*result.mode, result.events_processed), ("PARTIAL", 0));
        assert_eq!(pipeline.fingerprint().await.unwrap(), expected(name).await, "{name}");
        let found = pipeline.verify().await.unwrap().findings;
        assert!(found.is_empty(), "{found:?}");
    }
    // At instants that have a row: what takes its change back takes the row away.
    let mut names = std::collections::BTreeMap::new();
    let mut records = Vec::new();
    for (_, text) in shop_events(&mut Random::new(11), 60) {
        let mut event: serde_json::Value = serde_json::from_str(&text).unwrap();
        if event["type"] == "signup" {
            let name = event["name"].clone();
            if let Some(before) = names.insert(event["mail"].to_string(), name) {
                event["name"] = before;
                records.push(event.to_string());
            }
        }
    }
    records.reverse();
    assert!(records.len() > 5);
    for record in &records {
        let options = IngestOptions { process: true, batch_size: None };
        pipeline.ingest("shop", &[record], options).await.unwrap();
    }
    pipeline.tick(Some(Timestamp::parse_text("2024-09-01T00:00:00Z").unwrap())).await.unwrap();
    let seen = pipeline.fingerprint().await.unwrap();
    pipeline.build(BuildOptions { full: true, ..KEEP }).await.unwrap();
    assert_eq!(pipeline.fingerprint().await.unwrap(), seen);
}

#[test]
fn columns_change_without_a_replay() {
    let scratch = Scratch::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (_store, pipeline) = open(&scratch.0, &version("v1"), &clock(), 10).await;
        changes_columns(pipeline).await;
    });
}

#[test]
fn columns_change_without_a_replay_on_a_server() {
    let scratch = Scratch::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Some(Dialect::Postgres);
        let delivery = Delivery { batch_size: 10, process: None, compiled: false, server };
        changes_columns(run::open(&scratch.0, &version("v1"), &clock(), delivery).await).await;
    });
}
