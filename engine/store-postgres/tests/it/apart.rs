//! Namespaces in one database.

use defacto_ports::{Error, Store};
use defacto_store_postgres::{PostgresOptions, PostgresStore};
use defacto_test_services::Postgres;

use crate::filled;

const TABLES: &str = "SELECT string_agg(relname || relfilenode::TEXT, ',' ORDER BY oid) \
     FROM pg_class WHERE relnamespace = 'one'::REGNAMESPACE";

/// Whatever happens to one namespace, the other stays as it is to the byte.
#[tokio::test]
async fn namespaces_never_touch() {
    let cluster = Postgres::shared();
    let url = cluster.database();
    let open = async |namespace: &str| {
        PostgresStore::open(&PostgresOptions::new(&url, namespace).unwrap()).await.unwrap()
    };
    let one = open("one").await;
    filled(&one, 1).await;
    let content = || {
        let rows = "SELECT (SELECT md5(string_agg(l::TEXT, '' ORDER BY sequence)) FROM one.ledger l), \
             (SELECT md5(string_agg(h::TEXT, '')) FROM one_v1.account_history h)";
        (cluster.query(&url, rows), cluster.query(&url, TABLES))
    };
    let before = content();
    let two = open("two").await;
    filled(&two, 2).await;
    let lock = one.lock_build("v1").await.unwrap();
    let other = two.lock_build("v1").await.unwrap();
    drop((lock, other));
    two.purge().await.unwrap();
    let mut transaction = two.begin().await.unwrap();
    transaction.drop_version("v1").await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(content(), before);
    let mut reader = one.read().await.unwrap();
    assert_eq!(reader.count_events(None).await.unwrap(), 5);
    assert_eq!(two.read().await.unwrap().count_events(None).await.unwrap(), 5);
}

/// `a_b` is the namespace `a_b` as well as the version `b` of `a`: whoever comes second is refused, and a schema of
/// others is left alone.
#[tokio::test]
async fn schemas_of_others_are_refused() {
    let cluster = Postgres::shared();
    let url = cluster.database();
    let open = async |namespace: &str| {
        PostgresStore::open(&PostgresOptions::new(&url, namespace).unwrap()).await
    };
    filled(&open("a").await.unwrap(), 1).await;
    for (schema, sql) in [("a_v1", "SELECT 1"), ("shop", "CREATE SCHEMA shop CREATE TABLE t()")] {
        cluster.query(&url, sql);
        let error = open(schema).await.unwrap_err();
        assert!(matches!(&error, Error::Storage { retry: false, .. }), "{error:?}");
        assert!(
            error.to_string().contains(schema) && error.to_string().contains("choose"),
            "{error}"
        );
        let made = format!(
            "SELECT count(*) FROM pg_tables WHERE schemaname = '{schema}' AND tablename = 'ledger'"
        );
        assert_eq!(cluster.query(&url, &made), "0");
    }
    // An empty schema that an administrator has made is what a role without the right to make one needs.
    cluster.query(&url, "CREATE SCHEMA made");
    open("made").await.unwrap();
    open("made").await.unwrap();
}
