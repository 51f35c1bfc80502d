//! Servers start, keep what they should and leave nothing behind.

use defacto_test_services::Postgres;

#[test]
fn postgres_survives_being_killed() {
    let cluster = Postgres::start(&[]);
    let url = cluster.database();
    cluster.query(&url, "CREATE TABLE t AS SELECT 7 AS n");
    cluster.kill();
    cluster.restart();
    assert_eq!(cluster.query(&url, "SELECT n, current_setting('fsync') FROM t"), "7|on");
}

#[test]
fn databases_are_apart() {
    let cluster = Postgres::shared();
    let (one, two) = (cluster.database(), cluster.database());
    cluster.query(&one, "CREATE TABLE t()");
    let count = "SELECT count(*) FROM pg_tables WHERE tablename = 't'";
    assert_eq!(cluster.query(&one, count), "1");
    assert_eq!(cluster.query(&two, count), "0");
}
