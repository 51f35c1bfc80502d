//! What can go wrong with a server: each is told with a remedy, and nothing half-written stays.

use defacto_model::Sequence;
use defacto_ports::conformance::event_of;
use defacto_ports::{Disposition, Error, Store};
use defacto_store_postgres::{PostgresOptions, PostgresStore};
use defacto_test_services::Postgres;

async fn opened(url: &str) -> Result<PostgresStore, Error> {
    PostgresStore::open(&PostgresOptions::new(url, "defacto").unwrap()).await
}

/// Expects a refusal whose words contain these.
async fn refused(url: &str, words: &[&str]) {
    let error = opened(url).await.unwrap_err();
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "no {word} in: {text}");
    }
    assert!(!text.contains("hush"), "a password in: {text}");
}

#[tokio::test]
async fn servers_and_databases_that_are_not_there() {
    let cluster = Postgres::shared();
    refused("postgres://ada:hush@127.0.0.1:1/x", &["127.0.0.1:1", "does not answer"]).await;
    refused("postgres://ada:hush@no-such-host.invalid/x", &["no-such-host.invalid", "host"]).await;
    refused(&cluster.url("nowhere"), &["nowhere", "createdb"]).await;
    let stranger = cluster.url("postgres").replace("postgres@", "stranger:hush@");
    refused(&stranger, &["stranger", "check user and password"]).await;
    let tls = format!("{}?sslmode=require", cluster.url("postgres"));
    refused(&tls, &["sslmode"]).await;
    for bad in ["postgres://ada:hush@h:port/x", "postgres://ada:hush@h/x?sslmode=perhaps"] {
        let error = PostgresOptions::new(bad, "defacto").unwrap_err();
        assert!(
            error.contains("postgres://user:password@host") && !error.contains("hush"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_role_without_the_right_is_told_what_it_needs() {
    let cluster = Postgres::shared();
    let url = cluster.database();
    let role = url.rsplit('/').next().unwrap().replace("test", "role");
    cluster.query(&url, &format!("CREATE ROLE {role} LOGIN"));
    let own = url.replace("postgres@", &format!("{role}@"));
    refused(&own, &["permission denied", "needs CREATE on the database"]).await;
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'defacto%'";
    assert_eq!(cluster.query(&url, schemas), "0");
    cluster.query(&url, &format!("CREATE SCHEMA defacto AUTHORIZATION {role}"));
    opened(&own).await.unwrap();
}

/// A table space that is full: the batch is gone as a whole, and goes in once there is room.
#[tokio::test]
async fn a_full_disk_loses_only_the_batch() {
    let cluster = Postgres::shared();
    let url = cluster.database();
    let store = opened(&url).await.unwrap();
    let mut transaction = store.begin().await.unwrap();
    transaction.append(&[event_of(1)]).await.unwrap();
    transaction.commit().await.unwrap();
    // The server raises the error of a full disk itself, where a real one would.
    cluster.query(
        &url,
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' \
         USING ERRCODE = '53100'; END $$; \
         CREATE TRIGGER full_disk BEFORE INSERT ON defacto.ledger FOR EACH ROW \
         WHEN (NEW.sequence = 90) EXECUTE FUNCTION full_disk()",
    );
    let events: Vec<_> = (2..200).map(event_of).collect();
    let mut transaction = store.begin().await.unwrap();
    transaction.append(&events).await.unwrap();
    let error = transaction.commit().await.unwrap_err();
    assert!(error.to_string().contains("appending to the ledger failed"), "{error}");
    assert!(error.to_string().contains("disk is full"), "{error}");
    assert_eq!(error.disposition(), Disposition::Halt);
    let mut transaction = store.begin().await.unwrap();
    transaction.append(&events).await.unwrap();
    assert!(transaction.head().await.is_err(), "the next answer tells");
    assert!(transaction.commit().await.is_err(), "what failed cannot be committed");
    assert_eq!(store.read().await.unwrap().head().await.unwrap(), Sequence(1));
    cluster.query(&url, "DROP TRIGGER full_disk ON defacto.ledger");
    let mut transaction = store.begin().await.unwrap();
    transaction.append(&events).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(store.read().await.unwrap().head().await.unwrap(), Sequence(199));
}

/// A connection that ends in the middle says so and may be tried again; the next transaction has a new one.
#[tokio::test]
async fn a_lost_connection_is_replaced() {
    let cluster = Postgres::shared();
    let url = cluster.database();
    let store = opened(&url).await.unwrap();
    let end = || {
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE application_name = 'defacto' AND datname = current_database()";
        cluster.query(&url, sql)
    };
    let mut transaction = store.begin().await.unwrap();
    transaction.append(&[event_of(1)]).await.unwrap();
    assert_ne!(end(), "0");
    let error = transaction.append(&[event_of(2)]).await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::Retry, "{error}");
    drop(transaction);
    end();
    let mut transaction = store.begin().await.unwrap();
    transaction.append(&[event_of(1), event_of(2)]).await.unwrap();
    transaction.commit().await.unwrap();
    end();
    assert_eq!(store.read().await.unwrap().head().await.unwrap(), Sequence(2));
}

/// Transactions that wait for each other in a circle: one is told to try again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_may_be_tried_again() {
    let cluster = Postgres::start(&["fsync=off", "deadlock_timeout=50ms"]);
    let url = cluster.database();
    let store = opened(&url).await.unwrap();
    let mut setup = store.begin().await.unwrap();
    for key in ["a", "b"] {
        setup.set_setting(key, "").await.unwrap();
    }
    setup.commit().await.unwrap();
    let mut one = store.begin().await.unwrap();
    let mut two = store.begin().await.unwrap();
    one.set_setting("a", "1").await.unwrap();
    two.set_setting("b", "2").await.unwrap();
    // An answer means that what was left to the connection before is done.
    one.setting("a").await.unwrap();
    two.setting("b").await.unwrap();
    let (first, second) = tokio::join!(
        async {
            one.set_setting("b", "1").await?;
            one.commit().await
        },
        async {
            two.set_setting("a", "2").await?;
            two.commit().await
        }
    );
    let errors: Vec<Error> = [first.err(), second.err()].into_iter().flatten().collect();
    let [error] = errors.as_slice() else { panic!("{errors:?}") };
    assert_eq!(error.disposition(), Disposition::Retry, "{error}");
}
