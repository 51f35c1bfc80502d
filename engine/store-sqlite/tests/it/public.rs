//! The public views.

use defacto_model::{EntityId, EventId, Sequence, Timestamp, Value};
use defacto_ports::{
    DefinitionVersion, EdgeChange, EdgeKey, EdgeRow, HistoryChange, HistoryRow, NewEvent, Realm,
    Store, conformance,
};
use defacto_store_sqlite::SqliteStore;
use sqlx::{AssertSqlSafe, Row};

use crate::folder::Folder;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).unwrap()
}

fn realm(version: &str, generation: u32) -> Realm {
    Realm { version: version.to_owned(), generation }
}

/// Rows of a query, columns joined by `|`, null as `-`.
async fn shown(folder: &Folder, sql: &str) -> Vec<String> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.file());
    let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
    rows.iter()
        .map(|row| {
            let text = |i| row.try_get_unchecked::<Option<String>, _>(i).unwrap();
            let columns = (0..row.len()).map(|i| text(i).unwrap_or_else(|| "-".to_owned()));
            columns.collect::<Vec<_>>().join("|")
        })
        .collect()
}

async fn write(store: &SqliteStore, realm: &Realm, number: i64) {
    let row = |micros: i64, event: bool| HistoryRow {
        state: "new".to_owned(),
        properties: vec![
            Value::Int(number),
            Value::String("g".to_owned()),
            Value::Float(5.0),
            Value::Bool(true),
            Value::DateTime(at(-1)),
        ],
        valid_from: at(micros),
        last_event: Some(at(micros)),
        entered: at(micros),
        created: at(0),
        event: event.then_some((Sequence(1), EventId([0xab; 32]))),
    };
    let change = HistoryChange {
        entity_id: EntityId([0xcd; 16]),
        replace_from: None,
        rows: vec![row(0, true), row(1_500_000, false), row(1_500_001, false)],
        ended: None,
    };
    let edge = EdgeChange {
        source: EntityId([0xcd; 16]),
        target: EntityId([0xef; 16]),
        from: Timestamp::MIN,
        rows: vec![EdgeRow {
            source: EntityId([0xcd; 16]),
            target: EntityId([0xef; 16]),
            properties: vec![Value::Float(0.5), Value::Null],
            valid_from: at(0),
            valid_to: None,
        }],
    };
    let pair = EdgeKey { source_type: "account".to_owned(), relationship: "orders".to_owned() };
    let mut transaction = store.begin().await.unwrap();
    transaction.create_realm(realm, &conformance::manifest()).await.unwrap();
    transaction.write_history(realm, "account", &[change]).await.unwrap();
    transaction.write_edges(realm, &pair, &[edge]).await.unwrap();
    transaction.publish_realm(realm, &conformance::manifest()).await.unwrap();
    transaction.commit().await.unwrap();
}

async fn filled(folder: &Folder) -> SqliteStore {
    let store = SqliteStore::open(&folder.file()).await.unwrap();
    let mut transaction = store.begin().await.unwrap();
    let event = NewEvent {
        event_id: EventId([0xab; 32]),
        event_type: "e".to_owned(),
        timestamp: at(0),
        source: "s".to_owned(),
        data: "{}".to_owned(),
        raw: "{}".to_owned(),
        hints: Vec::new(),
        ingested_at: at(0),
    };
    transaction.append(&[event]).await.unwrap();
    for version in ["one", "Two.2"] {
        let version = DefinitionVersion {
            version: version.to_owned(),
            definitions: "{}".to_owned(),
            content_hash: String::new(),
            active: false,
            created_at: at(0),
        };
        transaction.add_version(&version).await.unwrap();
    }
    transaction.activate_version("one").await.unwrap();
    transaction.commit().await.unwrap();
    write(&store, &realm("one", 1), 1).await;
    store
}

const ACCOUNT: &str = "cdcdcdcd-cdcd-cdcd-cdcd-cdcdcdcdcdcd";
const ORDER: &str = "efefefef-efef-efef-efef-efefefefefef";

#[tokio::test]
async fn history_is_text_and_numbers() {
    let folder = Folder::new();
    let store = filled(&folder).await;
    let sql = "SELECT account_id, account_state, \"order\", \"group\", value, flag, at, valid_from, \
               valid_to, merged_into, last_event_time, state_entered_time, created_time, \
               event_sequence, event_id FROM account_history ORDER BY valid_from";
    let zero = "1970-01-01T00:00:00+00:00";
    let start = format!("{ACCOUNT}|new|1|g|5.0|1|1969-12-31T23:59:59.999999+00:00");
    let (half, more) = ("1970-01-01T00:00:01.500+00:00", "1970-01-01T00:00:01.500001+00:00");
    let expected = [
        format!("{start}|{zero}|{half}|-|{zero}|{zero}|{zero}|1|e_{}", "ab".repeat(32)),
        format!("{start}|{half}|{more}|-|{half}|{half}|{zero}|-|-"),
        format!("{start}|{more}|-|-|{more}|{more}|{zero}|-|-"),
    ];
    let found = shown(&folder, sql).await;
    assert_eq!(found.iter().collect::<std::collections::BTreeSet<_>>(), expected.iter().collect());
    let current = shown(&folder, "SELECT valid_from, valid_to FROM account_current").await;
    assert_eq!(current, [format!("{more}|-")]);
    store.close().await.unwrap();
}

#[tokio::test]
async fn edges_show_in_both_directions() {
    let folder = Folder::new();
    let store = filled(&folder).await;
    let columns =
        "source_id, target_id, relationship_type, amount, \"select\", valid_from, valid_to";
    let zero = "1970-01-01T00:00:00+00:00";
    let forward = shown(&folder, &format!("SELECT {columns} FROM rel_orders_history")).await;
    assert_eq!(forward, [format!("{ACCOUNT}|{ORDER}|orders|0.5|-|{zero}|-")]);
    let back = shown(&folder, &format!("SELECT {columns} FROM rel_buyer_history")).await;
    assert_eq!(back, [format!("{ORDER}|{ACCOUNT}|buyer|0.5|-|{zero}|-")]);
    let sql = "SELECT relationship_type, source_id FROM relationships ORDER BY 1";
    assert_eq!(shown(&folder, sql).await, [format!("buyer|{ORDER}"), format!("orders|{ACCOUNT}")]);
    store.close().await.unwrap();
}

#[tokio::test]
async fn plain_names_follow_the_active_version() {
    const NUMBERS: &str = "SELECT DISTINCT \"order\" FROM account_history";
    let folder = Folder::new();
    let store = filled(&folder).await;
    assert_eq!(shown(&folder, NUMBERS).await, ["1"]);
    write(&store, &realm("one", 2), 2).await;
    assert_eq!(shown(&folder, NUMBERS).await, ["2"], "the newer generation");
    write(&store, &realm("Two.2", 1), 3).await;
    assert_eq!(shown(&folder, NUMBERS).await, ["2"], "another version changes nothing");

    let names =
        "SELECT name FROM sqlite_schema WHERE name LIKE 'v\\_%account\\_history' ESCAPE '\\'";
    let names = shown(&folder, names).await;
    let [other] = names.as_slice() else { panic!("one other version, found {names:?}") };
    assert!(other.starts_with("v_two_2_") && other.ends_with("__account_history"), "{other}");
    assert_eq!(other.len(), "v_two_2_01234567__account_history".len());

    let mut transaction = store.begin().await.unwrap();
    transaction.activate_version("Two.2").await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(shown(&folder, NUMBERS).await, ["3"]);
    let sql = "SELECT DISTINCT \"order\" FROM v_one__account_history";
    assert_eq!(shown(&folder, sql).await, ["2"]);

    let mut transaction = store.begin().await.unwrap();
    transaction.drop_version("one").await.unwrap();
    transaction.drop_realm(&realm("Two.2", 1)).await.unwrap();
    transaction.commit().await.unwrap();
    let left = "SELECT name FROM sqlite_schema WHERE type = 'view' OR name LIKE 'b%:%'";
    assert_eq!(shown(&folder, left).await, Vec::<String>::new());
    store.close().await.unwrap();
}

#[tokio::test]
async fn rows_of_one_entity_are_searched() {
    let folder = Folder::new();
    let store = filled(&folder).await;
    for (table, column) in [
        ("account_history", "account_id"),
        ("account_current", "account_id"),
        ("rel_orders_history", "source_id"),
        ("rel_orders_history", "target_id"),
        ("rel_buyer_history", "source_id"),
    ] {
        let sql = format!("EXPLAIN QUERY PLAN SELECT * FROM {table} WHERE {column} = '{ACCOUNT}'");
        let plan = shown(&folder, &sql).await;
        assert!(plan.iter().any(|step| step.contains("INDEX entities_shown")), "{plan:?}");
        assert!(!plan.iter().any(|step| step.contains("SCAN")), "{plan:?}");
    }
    let sql = format!(
        "SELECT count(*) FROM account_history WHERE account_id = '{ACCOUNT}' AND valid_from <= '1970-01-01T00:00:01.500+00:00'"
    );
    assert_eq!(shown(&folder, &sql).await, ["2"]);
    store.close().await.unwrap();
}
