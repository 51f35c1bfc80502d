//! The store against the port's suite, and what is particular to Postgres.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first surprise")]

mod apart;
mod owners;
mod public;
mod trouble;
mod writers;

use defacto_model::{EntityId, Timestamp, Value};
use defacto_ports::conformance::{event_of, manifest};
use defacto_ports::{DefinitionVersion, HistoryChange, HistoryRow, Realm, Store};
use defacto_store_postgres::{PostgresOptions, PostgresStore};
use defacto_test_services::Postgres;

/// Options for a database of its own.
fn options(portable: bool) -> PostgresOptions {
    let url = Postgres::shared().database();
    let mut options = PostgresOptions::new(&url, "defacto").unwrap();
    options.portable = portable;
    options
}

/// Five events, and a version `v1` with one account that has two rows.
async fn filled(store: &dyn Store, number: u8) {
    let at = |micros: i64| Timestamp::saturating_from_micros(1_704_067_200_000_000 + micros);
    let mut transaction = store.begin().await.unwrap();
    let events: Vec<_> = (0..5).map(event_of).collect();
    transaction.append(&events).await.unwrap();
    let version = DefinitionVersion {
        version: "v1".to_owned(),
        definitions: "{}".to_owned(),
        content_hash: String::new(),
        active: false,
        created_at: at(0),
    };
    transaction.add_version(&version).await.unwrap();
    let realm = Realm { version: "v1".to_owned(), generation: 0 };
    transaction.create_realm(&realm, &manifest()).await.unwrap();
    transaction.publish_realm(&realm, &manifest()).await.unwrap();
    let mut id = [7; 16];
    id[0] = number;
    let row = |valid_from, count| HistoryRow {
        state: "new".to_owned(),
        properties: vec![
            Value::Int(count),
            Value::String("g".to_owned()),
            Value::Float(1.5),
            Value::Bool(true),
            Value::DateTime(at(0)),
        ],
        valid_from: at(valid_from),
        last_event: Some(at(valid_from)),
        entered: at(0),
        created: at(0),
        event: Some((defacto_model::Sequence(1), event_of(0).event_id)),
    };
    let change = HistoryChange {
        entity_id: EntityId(id),
        replace_from: None,
        rows: vec![row(10_000_001, 7), row(20_000_000, 8)],
        ended: None,
    };
    transaction.write_history(&realm, "account", &[change]).await.unwrap();
    transaction.commit().await.unwrap();
}

macro_rules! suite {
    ($($case:ident),* $(,)?) => {
        /// On Postgres as it is.
        mod plain {
            $(suite!(@ $case false);)*
        }
        /// Without what only Postgres has.
        mod portable {
            $(suite!(@ $case true);)*
        }
    };
    (@ $case:ident $portable:literal) => {
        #[tokio::test]
        async fn $case() {
            let store = super::PostgresStore::open(&super::options($portable)).await.unwrap();
            defacto_ports::conformance::$case(&store).await.unwrap();
            defacto_ports::Store::close(&store).await.unwrap();
        }
    };
}

suite! {
    append, delete, replay, replay_late_range, rewrite,
    entity_events, erased_hints, hints, merges,
    due, realms, states,
    history_late_rows, history_merged, history_reading, history_rows, history_values,
    edge_requests, edge_versions,
    builds_and_settings, locks, moments, purge, rollback, versions,
    claims, entering, holding,
}
