//! Erasure of entities that the events of others name by fields.

use std::sync::{Arc, Mutex};

use defacto_model::{EntityId, Sequence, Timestamp};
use defacto_pipeline::{AsOf, BuildOptions, IngestOptions, Pipeline};
use serde_json::json;

use crate::program::{open, shop};
use crate::run::FakeClock;
use crate::scenarios::Scratch;

async fn world(scratch: &Scratch, records: &[serde_json::Value]) -> Pipeline {
    let now = Timestamp::parse_text("2024-02-01T00:00:00Z").unwrap();
    let clock = Arc::new(FakeClock(Mutex::new(now)));
    let (_, mut pipeline) = open(&scratch.0, &shop()[0], &clock, 8).await;
    let records: Vec<String> = records.iter().map(ToString::to_string).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    let options = IngestOptions { process: true, batch_size: None };
    pipeline.ingest("shop", &records, options).await.unwrap();
    pipeline
}

async fn id(pipeline: &Pipeline, hint: &str) -> Option<EntityId> {
    pipeline.find_hints(hint).await.unwrap().first().map(|row| row.entity_id)
}

async fn ledger(pipeline: &Pipeline) -> String {
    let mut reader = pipeline.store().read().await.unwrap();
    let rows = reader.scan_events(Sequence(0), Sequence(i64::MAX), 100, true).await.unwrap();
    rows.iter().map(|row| format!("{} {}\n", row.event.raw, row.event.data)).collect()
}

/// What is left is what a rebuild from the records makes.
async fn rebuilt(mut pipeline: Pipeline) {
    let left = pipeline.fingerprint().await.unwrap();
    let options = BuildOptions { from_raw: true, as_of: AsOf::Keep, ..BuildOptions::default() };
    pipeline.build(options).await.unwrap();
    let again = pipeline.fingerprint().await.unwrap();
    assert_eq!(left.tables, again.tables);
    assert!(pipeline.verify().await.unwrap().findings.is_empty());
    pipeline.store().close().await.unwrap();
}

fn order(number: &str, mail: &str) -> serde_json::Value {
    json!({"type": "order", "at": "2024-01-02T00:00:00Z", "mail": mail, "order": number, "amount": 1})
}

fn ship(number: &str, to: &str) -> serde_json::Value {
    json!({"type": "ship", "at": "2024-01-03T00:00:00Z", "order": number, "to": to})
}

fn login(mail: &str) -> serde_json::Value {
    json!({"type": "login", "at": "2024-01-01T00:00:00Z", "mail": mail})
}

#[tokio::test]
async fn the_name_goes_from_events_in_which_others_relate_to_the_erased() {
    let scratch = Scratch::new();
    let records = [login("ann@a.test"), order("o1", "bob@b.test"), ship("o1", "ann@a.test")];
    let mut pipeline = world(&scratch, &records).await;
    let ann = id(&pipeline, "ann@a.test").await.unwrap();
    let result = pipeline.erase(ann, &[]).await.unwrap();
    assert_eq!((result.events_deleted, result.events_scrubbed), (1, 1));
    let left = ledger(&pipeline).await;
    assert!(!left.contains("ann@a.test") && left.contains("bob@b.test"), "{left}");
    assert_eq!(id(&pipeline, "ann@a.test").await, None);
    rebuilt(pipeline).await;
}

#[tokio::test]
async fn who_was_known_only_by_the_events_of_the_erased_is_forgotten() {
    let scratch = Scratch::new();
    let records = [login("bob@b.test"), ship("o1", "ann@a.test"), ship("o1", "bob@b.test")];
    let mut pipeline = world(&scratch, &records).await;
    assert!(id(&pipeline, "ann@a.test").await.is_some());
    let order = id(&pipeline, "o1").await.unwrap();
    assert_eq!(pipeline.erase(order, &[]).await.unwrap().events_deleted, 2);
    assert_eq!(id(&pipeline, "ann@a.test").await, None);
    assert!(id(&pipeline, "bob@b.test").await.is_some());
    rebuilt(pipeline).await;
}

/// A merge of somebody who was known only by the erased order merges nobody any more, whoever comes by that name later.
#[tokio::test]
async fn who_was_named_first_by_the_erased_is_identified_anew() {
    let scratch = Scratch::new();
    let mut pipeline = world(&scratch, &[login("bob@b.test"), ship("o1", "ann@a.test")]).await;
    let (ann, bob) = (id(&pipeline, "ann@a.test").await, id(&pipeline, "bob@b.test").await);
    pipeline.merge(ann.unwrap(), bob.unwrap(), "asked").await.unwrap();
    let options = IngestOptions { process: true, batch_size: None };
    let later = login("ann@a.test").to_string();
    pipeline.ingest("shop", &[later.as_str()], options).await.unwrap();
    assert_eq!(id(&pipeline, "ann@a.test").await, bob);
    let order = id(&pipeline, "o1").await.unwrap();
    pipeline.erase(order, &[]).await.unwrap();
    assert_eq!(id(&pipeline, "ann@a.test").await, ann);
    rebuilt(pipeline).await;
}
