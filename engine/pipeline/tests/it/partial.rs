//! A version's first build takes over what of the active history is the same.

use std::sync::{Arc, Mutex};

use defacto_model::{Timestamp, Value};
use defacto_pipeline::{AsOf, BuildOptions, Definitions, Fingerprint, IngestOptions, Pipeline};
use defacto_ports::{HistoryQuery, Realm};
use defacto_test_support::Random;

use crate::program::{open, oracle, shop, shop_events};
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
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async { renews(on_a_server(&version("v1")).await).await });
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
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async { takes_over(on_a_server(&version("v1")).await).await });
}

#[test]
fn a_killed_partial_build_goes_on_where_it_was() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        killed_partial_builds("v5", 70).await;
        killed_partial_builds("ruled", 140).await;
    });
}

async fn killed_partial_builds(name: &str, most: i64) {
    let expected = expected(name).await;
    let (mut resumed, mut killed) = (0, 0);
    for calls in (3..most).step_by(4) {
        let scratch = Scratch::new();
        let (store, mut pipeline) = open(&scratch.0, &version("v1"), &clock(), 4).await;
        fill(&mut pipeline).await;
        let before = pipeline.fingerprint().await.unwrap();
        let impact = pipeline.impact(&version(name)).await.unwrap();
        pipeline.register(&version(name)).await.unwrap();
        store.cut_off_after(calls);
        let failed = pipeline.activate(version(name), KEEP).await.is_err();
        store.cut_off_after(-1);
        if !failed {
            break;
        }
        pipeline.store().close().await.unwrap();
        let (_store, mut pipeline) = open(&scratch.0, &version("v1"), &clock(), 4).await;
        assert_eq!(pipeline.fingerprint().await.unwrap(), before, "after {calls} calls");
        let result = pipeline.activate(version(name), KEEP).await.unwrap();
        assert_eq!(pipeline.fingerprint().await.unwrap(), expected, "after {calls} calls");
        killed += 1;
        assert_eq!(result.events_processed, impact.events, "however often it was begun");
        resumed += u32::from(result.resumed.is_some());
    }
    assert!(killed > 5 && resumed > 1, "{name}: {killed} killed, {resumed} taken up");
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
        pipeline.ingest("shop", &[record], PROCESS).await.unwrap();
    }
    same_as_rebuilt(&mut pipeline, "2024-09-01T00:00:00Z").await;
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
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async { changes_columns(on_a_server(&version("v1")).await).await });
}

/// Rules come; what has been where they apply is made anew, and the rest is copied.
async fn adds_rules(mut pipeline: Pipeline) {
    fill(&mut pipeline).await;
    let all = pipeline.status().await.unwrap().total_events;
    for (name, ruled) in [("ruled", &["customer", "line"][..]), ("stricter", &["customer"])] {
        let impact = pipeline.impact(&version(name)).await.unwrap();
        assert_eq!(
            (&*impact.build_mode, &*impact.reason),
            ("PARTIAL", "only time rules were added")
        );
        assert_eq!(impact.ruled, ruled, "{impact:?}");
        assert_eq!(impact.scope, ruled, "{impact:?}");
        assert!(impact.events > 0 && impact.events < all && impact.entities > 0, "{impact:?}");
        let result = pipeline.activate(version(name), KEEP).await.unwrap();
        assert_eq!((&*result.mode, result.events_processed), ("PARTIAL", impact.events));
        assert_eq!(pipeline.fingerprint().await.unwrap(), expected(name).await, "{name}");
        let found = pipeline.verify().await.unwrap().findings;
        assert!(found.is_empty(), "{found:?}");
        assert_eq!(pipeline.impact(&version(name)).await.unwrap().build_mode, "SKIP");
    }
    let events = shop_events(&mut Random::new(12), 30);
    let records: Vec<&str> = events.iter().map(|(_, text)| text.as_str()).collect();
    pipeline.ingest("shop", &records, PROCESS).await.unwrap();
    same_as_rebuilt(&mut pipeline, "2024-09-01T00:00:00Z").await;
    // Rules that go are a replay, and so is a rule with another threshold.
    for name in ["v1", "v5"] {
        let impact = pipeline.impact(&version(name)).await.unwrap();
        assert!(impact.ruled.is_empty() && impact.reason != "only time rules were added");
    }
}

const PROCESS: IngestOptions = IngestOptions { process: true, batch_size: None };

async fn same_as_rebuilt(pipeline: &mut Pipeline, until: &str) {
    pipeline.tick(Some(Timestamp::parse_text(until).unwrap())).await.unwrap();
    let seen = pipeline.fingerprint().await.unwrap();
    pipeline.build(BuildOptions { full: true, ..KEEP }).await.unwrap();
    assert_eq!(pipeline.fingerprint().await.unwrap(), seen);
}

/// Doors: `passing` is left at the instant at which it is entered. With `rule` after, or before, the other of that state,
/// or with one column more.
fn doors(name: &str) -> Definitions {
    let entities = include_str!("partial/doors.yaml");
    let leave = "      - {type: expiration, threshold: 1d, effects: [{transition: {to: shut}}]}\n";
    let rule = "      - {type: expiration, threshold: 2d, effects: [{set: {property: note, value: seen}}]}\n";
    let note = "    note: {type: string, default: none}\n";
    let entities = match name {
        "after" => entities.replace(leave, &format!("{leave}{rule}")),
        "before" => entities.replace(leave, &format!("{rule}{leave}")),
        "column" => {
            entities.replace(note, &format!("{note}    color: {{type: string, default: red}}\n"))
        }
        _ => entities.to_owned(),
    };
    let sources = "doors:\n  event_type: type\n  timestamp: at\n  events:\n    made:\n      mappings: {no: {from: no}, note: {from: note}}\n      hints: {door: [no]}\n    noted:\n      mappings: {no: {from: no}, note: {from: note}}\n      hints: {door: [no]}\n";
    oracle(name, &[("entities/doors.yaml", entities), ("sources/doors.yaml", sources.to_owned())])
}

async fn door(pipeline: &mut Pipeline, kind: &str, day: u32, no: &str, note: &str) {
    let at = format!("2024-01-{day:02}T00:00:00Z");
    let record = serde_json::json!({"type": kind, "at": at, "no": no, "note": note}).to_string();
    let result = pipeline.ingest("doors", &[record.as_str()], PROCESS).await.unwrap();
    assert_eq!((result.events_ingested, result.events_failed), (1, 0));
}

/// What only passed through a state is the same, as a rule added after the others of the state never has its turn there.
async fn passes_through(mut pipeline: Pipeline) {
    for no in ["1", "2"] {
        door(&mut pipeline, "made", 1, no, "a").await;
    }
    // Both pass on the 21st; the second is in the state again, where its rule is not due before the 26th is over.
    door(&mut pipeline, "noted", 26, "2", "b").await;
    pipeline.tick(Some(Timestamp::parse_text("2024-01-26T00:00:00Z").unwrap())).await.unwrap();
    let impact = pipeline.impact(&doors("after")).await.unwrap();
    assert_eq!((&*impact.build_mode, impact.entities, impact.events), ("PARTIAL", 1, 2));
    assert_eq!(impact.ruled, ["door"]);
    let impact = pipeline.impact(&doors("before")).await.unwrap();
    assert_eq!((&*impact.reason, impact.entities), ("entity definitions changed", 2));
    let result = pipeline.activate(doors("after"), KEEP).await.unwrap();
    assert_eq!((&*result.mode, result.events_processed), ("PARTIAL", 2));
    same_as_rebuilt(&mut pipeline, "2024-02-20T00:00:00Z").await;
    pipeline.activate(doors("before"), KEEP).await.unwrap();
    let rows = rows(&pipeline, "before").await;
    assert!(rows.iter().any(|(_, note)| note == "seen"), "{rows:?}");
}

/// What comes at the very instant of the newest row, an event or a rule, when what was before that is not known.
async fn comes_at_once(mut pipeline: Pipeline) {
    door(&mut pipeline, "made", 1, "1", "a").await;
    door(&mut pipeline, "noted", 6, "1", "b").await;
    door(&mut pipeline, "made", 1, "2", "a").await;
    // The rule is due at that instant, and runs after the event.
    door(&mut pipeline, "noted", 11, "2", "b").await;
    let result = pipeline.activate(doors("column"), KEEP).await.unwrap();
    assert_eq!((&*result.mode, result.events_processed), ("PARTIAL", 0));
    assert_eq!(rows(&pipeline, "column").await.len(), 4);
    // Each takes the change of its instant back, and with it the row.
    door(&mut pipeline, "noted", 6, "1", "a").await;
    assert_eq!(rows(&pipeline, "column").await.len(), 3);
    pipeline.tick(Some(Timestamp::parse_text("2024-01-12T00:00:00Z").unwrap())).await.unwrap();
    assert_eq!(rows(&pipeline, "column").await.len(), 2);
    same_as_rebuilt(&mut pipeline, "2024-02-20T00:00:00Z").await;
}

/// State and note of every row.
async fn rows(pipeline: &Pipeline, version: &str) -> Vec<(String, String)> {
    let mut reader = pipeline.store().read().await.unwrap();
    let generation = reader.build(version).await.unwrap().unwrap().generation;
    let realm = Realm { version: version.to_owned(), generation };
    let query = HistoryQuery { limit: 100, ..HistoryQuery::default() };
    let found = reader.history(&realm, "door", &query).await.unwrap();
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => format!("{other:?}"),
    };
    found.iter().map(|it| (it.row.state.clone(), text(&it.row.properties[0]))).collect()
}

async fn on_a_server(definitions: &Definitions) -> Pipeline {
    let server = Some(Dialect::Postgres);
    let delivery = Delivery { batch_size: 10, process: None, compiled: false, server };
    run::open(&Scratch::new().0, definitions, &clock(), delivery).await
}

#[test]
fn rules_come_without_a_replay_of_all() {
    let scratch = Scratch::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        adds_rules(open(&scratch.0, &version("v1"), &clock(), 10).await.1).await;
        let scratch = Scratch::new();
        passes_through(open(&scratch.0, &doors("first"), &clock(), 10).await.1).await;
    });
}

#[test]
fn rules_come_without_a_replay_of_all_on_a_server() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        adds_rules(on_a_server(&version("v1")).await).await;
        passes_through(on_a_server(&doors("first")).await).await;
    });
}

#[test]
fn what_comes_at_the_newest_rows_instant_is_collapsed() {
    let scratch = Scratch::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        comes_at_once(open(&scratch.0, &doors("first"), &clock(), 10).await.1).await;
    });
}

#[test]
fn what_comes_at_the_newest_rows_instant_is_collapsed_on_a_server() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async { comes_at_once(on_a_server(&doors("first")).await).await });
}
