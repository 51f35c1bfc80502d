//! Redaction: what stands for values, and that nothing else changes.

use std::sync::{Arc, Mutex};

use defacto_model::{Sequence, Timestamp};
use defacto_pipeline::{BuildOptions, IngestOptions, Pipeline};
use defacto_ports::HistoryQuery;
use serde_json::Value;

use crate::outcome;
use crate::program::{open, shop};
use crate::run::FakeClock;
use crate::scenarios::Scratch;

const ALL: usize = usize::MAX >> 1;

async fn ingest(pipeline: &mut Pipeline, records: &[&str]) {
    let options = IngestOptions { process: true, batch_size: None };
    let result = pipeline.ingest("shop", records, options).await.unwrap();
    assert_eq!(result.events_failed, 0, "{:?}", result.failures);
}

async fn customers(pipeline: &Pipeline) -> Vec<Value> {
    let query = HistoryQuery { merged: true, limit: ALL, ..HistoryQuery::default() };
    outcome::history(pipeline, "customer", query).await
}

/// Everything of the ledger that can be read.
async fn ledger(pipeline: &Pipeline) -> String {
    let mut reader = pipeline.store().read().await.unwrap();
    let rows = reader.scan_events(Sequence(0), Sequence(i64::MAX), ALL, true).await.unwrap();
    format!("{rows:?}")
}

#[test]
fn treatments_reach_data_record_hints_and_history() {
    let scratch = Scratch::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let start = Timestamp::parse_text("2024-01-02T00:00:00Z").unwrap();
        let clock = Arc::new(FakeClock(Mutex::new(start)));
        let (_, mut pipeline) = open(&scratch.0, &shop()[0], &clock, 10).await;
        let signup = r#"{"type":"signup","at":"2024-01-01T00:00:00Z","mail":"Ann@mail.test","tel":"T-123456","name":"Ann","birth":"1990-01-02"}"#;
        let other = r#"{"type":"signup","at":"2024-01-01T00:00:00Z","mail":"bea@mail.test","name":"Bea"}"#;
        ingest(&mut pipeline, &[signup, other]).await;
        let found = pipeline.find_hints("ann@mail.test").await.unwrap();
        let ann = found[0].entity_id;
        let before = customers(&pipeline).await;

        let result = pipeline.redact(ann, &[]).await.unwrap();
        assert_eq!((result.events_redacted, result.hints_replaced), (1, 2));
        let rows = customers(&pipeline).await;
        let row = rows.iter().find(|row| row["customer_id"] == ann.to_string()).unwrap();
        let mail = row["mail"].as_str().unwrap();
        assert!(mail.starts_with("h_") && mail.len() == 66, "{mail}");
        assert_eq!(row["tel"], "****3456");
        assert_eq!(row["full_name"], "[REDACTED]");
        assert_eq!(row["born"], Value::Null);
        let bea = |rows: &[Value]| {
            rows.iter().filter(|row| row["customer_id"] != ann.to_string()).cloned().collect::<Vec<_>>()
        };
        assert_eq!(bea(&rows), bea(&before));
        let kept = ledger(&pipeline).await;
        for secret in ["nn@mail.test", "T-123456", "Ann", "1990"] {
            assert!(!kept.contains(secret), "{secret} in {kept}");
        }

        // Doing it again, sending the file again and normalizing again change nothing.
        assert_eq!(pipeline.redact(ann, &[]).await.unwrap().events_redacted, 0);
        ingest(&mut pipeline, &[signup]).await;
        pipeline.build(BuildOptions { from_raw: true, ..BuildOptions::default() }).await.unwrap();
        assert_eq!(customers(&pipeline).await, rows);

        // The person is still known by what was redacted.
        let later = r#"{"type":"login","at":"2024-02-01T00:00:00Z","mail":"ann@mail.test"}"#;
        ingest(&mut pipeline, &[later]).await;
        let found = pipeline.find_hints("ann@mail.test").await.unwrap();
        assert_eq!(found.iter().map(|hint| hint.entity_id).collect::<Vec<_>>(), [ann]);
        let first = pipeline.fingerprint().await.unwrap();
        pipeline.build(BuildOptions { from_raw: true, ..BuildOptions::default() }).await.unwrap();
        assert_eq!(pipeline.fingerprint().await.unwrap(), first);
        assert_eq!(pipeline.verify().await.unwrap().findings, []);
        pipeline.store().close().await.unwrap();
    });
}
