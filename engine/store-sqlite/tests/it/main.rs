//! The store against the port's suite, and what is particular to SQLite.

#![expect(clippy::unwrap_used, reason = "an error in the set-up of a test is its failure")]

mod files;
mod folder;
mod public;

use defacto_store_sqlite::SqliteStore;

use crate::folder::Folder;

macro_rules! suite {
    ($($case:ident),* $(,)?) => {$(
        #[tokio::test]
        async fn $case() {
            let folder = Folder::new();
            let store = SqliteStore::open(&folder.file()).await.unwrap();
            defacto_ports::conformance::$case(&store).await.unwrap();
            defacto_ports::Store::close(&store).await.unwrap();
        }
    )*};
}

suite! {
    append, delete, replay, replay_late_range, rewrite,
    entity_events, erased_hints, hints, merges,
    checkpoints, due, realms, states,
    history_late_rows, history_merged, history_reading, history_rows, history_values,
    edge_requests, edge_versions,
    builds_and_settings, locks, moments, purge, rollback, versions,
    entering,
}
