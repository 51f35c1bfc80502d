//! What others may rely on.

use defacto_store_postgres::{PostgresOptions, PostgresStore};
use defacto_test_services::Postgres;

use crate::filled;

#[tokio::test]
async fn views_have_the_agreed_columns_and_types() {
    let cluster = Postgres::shared();
    let url = cluster.database();
    let options = PostgresOptions::new(&url, "shop").unwrap();
    let store = PostgresStore::open(&options).await.unwrap();
    filled(&store, 1).await;
    let columns = |view: &str| {
        let sql = format!(
            "SELECT string_agg(column_name || ' ' || data_type, ', ' ORDER BY ordinal_position) \
             FROM information_schema.columns WHERE table_schema = 'shop_v1' AND table_name = '{view}'"
        );
        cluster.query(&url, &sql)
    };
    let account = "account_id text, account_state text, order bigint, group text, \
         value double precision, flag boolean, at timestamp with time zone, \
         valid_from timestamp with time zone, valid_to timestamp with time zone, merged_into text, \
         last_event_time timestamp with time zone, state_entered_time timestamp with time zone, \
         created_time timestamp with time zone, event_sequence bigint, event_id text";
    assert_eq!(columns("account_history"), account);
    assert_eq!(columns("account_current"), account);
    let edge = "source_id text, target_id text, relationship_type text, amount double precision, \
         select text, valid_from timestamp with time zone, valid_to timestamp with time zone";
    assert_eq!(columns("rel_orders_history"), edge);
    assert_eq!(columns("rel_buyer_history"), edge);
    assert_eq!(
        columns("relationships"),
        "source_id text, target_id text, relationship_type text, \
         valid_from timestamp with time zone, valid_to timestamp with time zone"
    );
    let row = cluster.query(
        &url,
        "SELECT account_id, account_state, \"order\", valid_from, valid_to, event_sequence, \
         length(event_id) FROM shop_v1.account_history ORDER BY valid_from LIMIT 1",
    );
    assert_eq!(
        row,
        "01070707-0707-0707-0707-070707070707|new|7|2024-01-01 00:00:10.000001+00|\
         2024-01-01 00:00:20+00|1|66"
    );
    assert_eq!(cluster.query(&url, "SELECT count(*) FROM shop_v1.account_current"), "1");
    let tables = cluster.query(
        &url,
        "SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'shop'",
    );
    for table in
        ["build_state", "definition_versions", "event_entities", "identity", "ledger", "merge_log"]
    {
        assert!(tables.split(' ').any(|known| known == table), "{table} is not among {tables}");
    }
}

/// Another program's data are refused, and left as they are.
#[tokio::test]
async fn another_format_is_refused() {
    let cluster = Postgres::shared();
    let url = cluster.database();
    let options = PostgresOptions::new(&url, "defacto").unwrap();
    PostgresStore::open(&options).await.unwrap();
    for (format, remedy) in [(0, "ingest the source files again"), (999, "use a newer defacto")] {
        let sql = format!("UPDATE defacto.schema_meta SET value = '{format}' WHERE key = 'format'");
        cluster.query(&url, &sql);
        let error = PostgresStore::open(&options).await.unwrap_err();
        assert!(matches!(error, defacto_ports::Error::Format { .. }), "{error}");
        assert!(error.to_string().contains(remedy), "{error}");
    }
    assert_eq!(cluster.query(&url, "SELECT value FROM defacto.schema_meta"), "999");
}
