//! A full build that is killed goes on where it was, and readers see the old history until the new one is complete.

use std::sync::{Arc, Mutex};

use defacto_model::Timestamp;
use defacto_pipeline::{AsOf, BuildOptions, BuildResult, IngestOptions};
use defacto_test_support::Random;

use crate::program::{open, shop, shop_events};
use crate::run::FakeClock;
use crate::scenarios::Scratch;

#[test]
fn a_killed_build_goes_on_where_it_was() {
    let scratch = Scratch::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let start = Timestamp::parse_text("2024-06-01T00:00:00Z").unwrap();
        let clock = Arc::new(FakeClock(Mutex::new(start)));
        let version = &shop()[0];
        let (mut store, mut pipeline) = open(&scratch.0, version, &clock, 4).await;
        let events = shop_events(&mut Random::new(7), 60);
        let records: Vec<&str> = events.iter().map(|(_, text)| text.as_str()).collect();
        let options = IngestOptions { process: true, batch_size: None };
        let stored = pipeline.ingest("shop", &records, options).await.unwrap().events_ingested;
        let before = pipeline.fingerprint().await.unwrap();
        let keep = BuildOptions { as_of: AsOf::Keep, ..BuildOptions::default() };
        let whole = pipeline.build(BuildOptions { full: true, ..keep }).await.unwrap();
        let counts = |it: &BuildResult| {
            (it.events_processed, it.effects_produced, it.transitions, it.entities_created)
        };
        assert_eq!((whole.events_processed, whole.resumed), (stored, None));
        let (mut resumed, mut killed) = (0, 0);
        for calls in (4..400).step_by(13) {
            store.cut_off_after(calls);
            let failed = pipeline.build(BuildOptions { full: true, ..keep }).await.is_err();
            store.cut_off_after(-1);
            pipeline.store().close().await.unwrap();
            (store, pipeline) = open(&scratch.0, version, &clock, 4).await;
            assert_eq!(pipeline.fingerprint().await.unwrap(), before, "after {calls} calls");
            let result = pipeline.build(keep).await.unwrap();
            assert_eq!(
                pipeline.fingerprint().await.unwrap(),
                before,
                "taken up after {calls} calls"
            );
            killed += u32::from(failed);
            if let Some(done) = result.resumed {
                assert_eq!((&*result.mode, counts(&result)), ("FULL", counts(&whole)));
                assert!(0 < done.events_processed && done.events_processed <= stored);
                resumed += 1;
            }
        }
        assert!(killed > 5 && resumed > 3, "{killed} killed, {resumed} taken up");
    });
}
