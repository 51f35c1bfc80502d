//! One process on an undivided namespace that remembers from one operation to the next.

use std::sync::{Arc, Mutex};

use defacto_model::Timestamp;
use defacto_pipeline::{AsOf, BuildOptions, IngestOptions};

use crate::program::{open, shop};
use crate::run::FakeClock;
use crate::scenarios::Scratch;

/// Rules that are due before the last tick have run after each operation, and not only after the next tick.
#[tokio::test]
async fn rules_are_due_after_operations_as_after_events() {
    let scratch = Scratch::new();
    let start = Timestamp::parse_text("2024-02-01T00:00:00Z").unwrap();
    let clock = Arc::new(FakeClock(Mutex::new(start)));
    let (_, mut pipeline) = open(&scratch.0, &shop()[0], &clock, 8).await;
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
    let found = pipeline.fingerprint().await.unwrap();
    let keep = BuildOptions { as_of: AsOf::Keep, full: true, ..BuildOptions::default() };
    pipeline.build(keep).await.unwrap();
    assert_eq!(found, pipeline.fingerprint().await.unwrap());
    pipeline.store().close().await.unwrap();
}
