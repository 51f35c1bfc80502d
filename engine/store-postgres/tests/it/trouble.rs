//! What can go wrong with a server: each is told with a remedy, and nothing half-written stays.

use defacto_model::{EntityId, Sequence};
use defacto_ports::conformance::event_of;
use defacto_ports::{Disposition, EntityEventRow, Error, HintKey, HintRow, NewEvent, Store};
use defacto_store_postgres::{PostgresOptions, PostgresStore};
use defacto_test_services::{Postgres, SmallDisk};

async fn opened(url: &str) -> Result<PostgresStore, Error> {
    let mut options = PostgresOptions::new(url, "defacto").unwrap();
    options.portable = portable();
    PostgresStore::open(&options).await
}

/// Whether the tests are to do without what only Postgres has.
fn portable() -> bool {
    std::env::var_os("DEFACTO_POSTGRES_PORTABLE").is_some()
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

/// A handshake with a real certificate: of the host asked for, from the authority named, or refused with the reason.
#[tokio::test]
async fn a_certificate_that_is_not_accepted_is_no_connection() {
    let (cluster, stranger) = (Postgres::start_secure(), Postgres::start_secure());
    let url = cluster.database();
    let with = |url: &str, mode: &str, authority: &std::path::Path| {
        format!("{url}?sslmode={mode}&sslrootcert={}", authority.display())
    };
    let good = with(&url, "verify-full", &cluster.authority());
    let store = opened(&good).await.unwrap();
    let secure = "SELECT bool_and(s.ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) \
         WHERE a.application_name = 'defacto'";
    assert_eq!(cluster.query(&url, secure), "t");
    store.close().await.unwrap();
    let started = std::time::Instant::now();
    for mode in ["verify-full", "verify-ca"] {
        refused(&with(&url, mode, &stranger.authority()), &["certificate", "sslrootcert"]).await;
    }
    let elsewhere = url.replace("127.0.0.1", "localhost").replace("postgres@", "postgres:hush@");
    refused(&with(&elsewhere, "verify-full", &cluster.authority()), &["certificate", "host"]).await;
    opened(&with(&elsewhere, "verify-ca", &cluster.authority())).await.unwrap();
    let missing = cluster.data().join("no.crt");
    refused(&with(&url, "verify-full", &missing), &["sslrootcert", "is not there"]).await;
    assert!(started.elapsed() < std::time::Duration::from_secs(50), "no patience with a refusal");
}

/// Bytes of a table's file are written over behind the server's back.
#[tokio::test]
async fn a_damaged_table_is_named() {
    let cluster = Postgres::start(&[]);
    let url = cluster.database();
    let store = opened(&url).await.unwrap();
    let mut transaction = store.begin().await.unwrap();
    transaction.append(&(0..500).map(event_of).collect::<Vec<_>>()).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(store.damage().await.unwrap(), Vec::<String>::new());
    store.close().await.unwrap();
    let file = cluster.query(&url, "CHECKPOINT; SELECT pg_relation_filepath('defacto.ledger')");
    let file = cluster.data().join(file);
    cluster.kill();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[8192..8192 + 64].fill(0xAB);
    std::fs::write(&file, bytes).unwrap();
    cluster.restart();
    let found = opened(&url).await.unwrap().damage().await.unwrap();
    assert!(found.len() == 1 && found[0].contains("defacto.ledger"), "{found:?}");
}

/// Who waits for others' work is woken by it, without asking all the time.
#[tokio::test]
async fn what_others_commit_wakes_who_waits() {
    let url = Postgres::shared().database();
    let (store, other) = (opened(&url).await.unwrap(), opened(&url).await.unwrap());
    let shards = store.shards().unwrap();
    let short = std::time::Duration::from_millis(1);
    shards.changed(short).await.unwrap();
    let before = std::time::Instant::now();
    let long = std::time::Duration::from_secs(3600);
    let mut transaction = other.begin().await.unwrap();
    transaction.append(&[event_of(1)]).await.unwrap();
    transaction.commit().await.unwrap();
    // It has rung before anybody waits: that counts too.
    shards.changed(long).await.unwrap();
    let (woken, done) = tokio::join!(shards.changed(long), async {
        let mut transaction = other.begin().await?;
        transaction.append(&[event_of(2)]).await?;
        transaction.commit().await
    });
    woken.and(done).unwrap();
    // A listener that lost its connection asks again by itself.
    let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
         WHERE query LIKE 'LISTEN%' AND datname = current_database()";
    assert_eq!(Postgres::shared().query(&url, sql) == "0", portable());
    shards.changed(long).await.unwrap();
    assert!(before.elapsed() < long);
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
    cluster.query(&url, &format!("CREATE ROLE {role}_guest LOGIN"));
    let guest = url.replace("postgres@", &format!("{role}_guest@"));
    refused(&guest, &["GRANT USAGE ON SCHEMA defacto"]).await;
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

/// An event with a record that does not become smaller.
fn large(number: u16) -> NewEvent {
    let mut random = u64::from(number) + 1;
    let digits = (0..400).map(|_| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        format!("{random:016x}")
    });
    NewEvent { raw: format!("\"{}\"", digits.collect::<String>()), ..event_of(number) }
}

/// Tables on a file system that really runs full. Where none can be mounted, the error that the server raises itself stands
/// for it ([`a_full_disk_loses_only_the_batch`]).
#[tokio::test]
async fn a_disk_that_really_is_full_loses_only_the_batch() {
    let disk = match SmallDisk::mount(32) {
        Ok(disk) => disk,
        Err(reason) => {
            eprintln!("NOT RUN, as nothing can be mounted here: {reason}");
            return;
        }
    };
    let cluster = Postgres::start(&["fsync=off"]);
    let filler = disk.path().join("filler");
    std::fs::write(&filler, vec![1; 8 << 20]).unwrap();
    let space = disk.folder("space");
    let admin = cluster.url("postgres");
    cluster.query(&admin, &format!("CREATE TABLESPACE small LOCATION '{}'", space.display()));
    cluster.query(&admin, "CREATE DATABASE small TABLESPACE small");
    let store = opened(&cluster.url("small")).await.unwrap();
    let append = async |batch: u16| {
        let events: Vec<_> = (0..100).map(|number| large(batch * 100 + number)).collect();
        let mut transaction = store.begin().await?;
        transaction.append(&events).await?;
        transaction.commit().await
    };
    let mut stored = 0;
    let error = loop {
        assert!(stored < 100, "the disk does not fill");
        match append(stored).await {
            Ok(()) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(stored > 0, "{error}");
    assert!(error.to_string().contains("disk is full"), "{error}");
    assert_eq!(error.disposition(), Disposition::Halt);
    let whole = async |batches: u16| {
        let mut reader = store.read().await.unwrap();
        assert_eq!(reader.head().await.unwrap(), Sequence(i64::from(batches) * 100));
        assert_eq!(reader.count_events(None).await.unwrap(), u64::from(batches) * 100);
        let all = reader.scan_events(Sequence(0), Sequence(i64::MAX), 100_000, true).await.unwrap();
        assert_eq!(all.len(), usize::from(batches) * 100);
    };
    whole(stored).await;
    let again = append(stored).await.unwrap_err();
    assert!(again.to_string().contains("disk is full"), "{again}");
    std::fs::remove_file(&filler).unwrap();
    append(stored).await.unwrap();
    whole(stored + 1).await;
    store.close().await.unwrap();
}

/// Who ended a build holds nobody up: another process may build at once.
#[tokio::test]
async fn the_lock_of_a_build_that_ended_is_free() {
    let url = Postgres::shared().database();
    let (one, two) = (opened(&url).await.unwrap(), opened(&url).await.unwrap());
    for _ in 0..50 {
        let held = one.lock_build("v").await.unwrap();
        assert!(two.lock_build("v").await.is_err());
        one.unlock_build(held).await;
        let held = two.lock_build("v").await.unwrap();
        two.unlock_build(held).await;
    }
    one.close().await.unwrap();
    two.close().await.unwrap();
}

/// A planner that has not counted rows starts processes to help where an index finds everything at once.
#[tokio::test]
async fn what_an_index_finds_starts_no_processes() {
    if portable() {
        return; // It has no such settings: other servers plan for themselves.
    }
    let eager = ["min_parallel_table_scan_size=0", "min_parallel_index_scan_size=0"];
    let cheap =
        ["parallel_setup_cost=0", "parallel_tuple_cost=0", "max_parallel_maintenance_workers=0"];
    let told = ["fsync=off", "autovacuum=off", "log_min_messages=debug1"];
    let cluster = Postgres::start(&[&eager[..], &cheap, &told].concat());
    let store = opened(&cluster.database()).await.unwrap();
    let (origin, entity) = (EntityId([1; 16]), EntityId([2; 16]));
    let mut transaction = store.begin().await.unwrap();
    let events: Vec<_> = (0..3_000).map(event_of).collect();
    transaction.append(&events).await.unwrap();
    let owner = |sequence| EntityEventRow {
        sequence: Sequence(sequence),
        entity_type: "account".to_owned(),
        origin_id: origin,
        entity_id: entity,
        targets: Vec::new(),
    };
    let owners: Vec<_> = (1..=3_000).map(owner).collect();
    transaction.add_entity_events(&owners).await.unwrap();
    assert_eq!(transaction.events_by_origin(&[origin]).await.unwrap().len(), 3_000);
    assert_eq!(transaction.events_of(&[entity], None).await.unwrap().len(), 3_000);
    transaction.commit().await.unwrap();
    store.close().await.unwrap();
    let log = cluster.log();
    assert!(log.contains("DEBUG") && !log.contains("parallel worker"), "{log}");
}

/// Plans are kept, also those made when the tables were empty: nothing may read a whole table later for that.
#[tokio::test]
async fn what_was_planned_on_empty_tables_follows_indexes_later() {
    if portable() {
        return; // It has no such settings: other servers plan for themselves.
    }
    let cluster = Postgres::start(&["fsync=off", "autovacuum=off"]);
    let url = cluster.database();
    let store = opened(&url).await.unwrap();
    let (origin, entity) = (EntityId([1; 16]), EntityId([2; 16]));
    let mut transaction = store.begin().await.unwrap();
    assert!(transaction.events_by_origin(&[origin]).await.unwrap().is_empty());
    assert!(transaction.events_of(&[entity], None).await.unwrap().is_empty());
    let events: Vec<_> = (0..3_000).map(event_of).collect();
    transaction.append(&events).await.unwrap();
    let owner = EntityEventRow {
        sequence: Sequence(2_000),
        entity_type: "account".to_owned(),
        origin_id: origin,
        entity_id: entity,
        targets: Vec::new(),
    };
    transaction.add_entity_events(&[owner]).await.unwrap();
    transaction.commit().await.unwrap();
    let mut transaction = store.begin().await.unwrap();
    assert_eq!(transaction.events_by_origin(&[origin]).await.unwrap().len(), 1);
    assert_eq!(transaction.events_of(&[entity], None).await.unwrap().len(), 1);
    transaction.commit().await.unwrap();
    store.close().await.unwrap();
    // A connection that ends hands over what it counted.
    let count = |column: &str, index: &str| -> u64 {
        let sql = "SELECT sum({column}) FROM pg_stat_user_indexes WHERE indexrelname = '{index}'";
        let sql = sql.replace("{column}", column).replace("{index}", index);
        cluster.query(&url, &sql).parse().unwrap()
    };
    let start = std::time::Instant::now();
    while count("idx_scan", "event_entities_origin") < 2 {
        assert!(start.elapsed().as_secs() < 60, "the server does not say what it read");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let read = count("idx_tup_read", "ledger_pkey");
    assert!(read < 100, "{read} rows of the ledger read for two events");
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

/// Two that write the same: who comes second waits, and is told to look again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_wrote_meanwhile_may_be_tried_again() {
    let cluster = Postgres::shared();
    let url = cluster.database();
    let store = opened(&url).await.unwrap();
    let hint = HintRow {
        key: HintKey {
            entity_type: "account".to_owned(),
            space: "email".to_owned(),
            value: "ada".to_owned(),
        },
        field: "email".to_owned(),
        entity_id: EntityId([7; 16]),
    };
    let mut one = store.begin().await.unwrap();
    let mut two = store.begin().await.unwrap();
    one.add_hints(std::slice::from_ref(&hint)).await.unwrap();
    // An answer means that what was left to the connection before is done.
    one.head().await.unwrap();
    two.add_hints(&[hint]).await.unwrap();
    let (second, first) = tokio::join!(two.head(), one.commit());
    first.unwrap();
    let error = second.unwrap_err();
    assert_eq!(error.disposition(), Disposition::Retry, "{error}");
    assert!(two.commit().await.is_err());
}
