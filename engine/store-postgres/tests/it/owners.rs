//! Processes that have their turns on one shard, or on an undivided namespace, each with a transaction open while the other
//! commits: locks and fences keep them in order, whichever writes first.

use std::sync::Arc;
use std::time::Duration;

use defacto_model::{EntityId, Sequence};
use defacto_ports::{Claim, Disposition, Error, Fence, HintKey, HintRow, Shards, Store, Worker};
use defacto_store_postgres::{PostgresOptions, PostgresStore};
use defacto_test_services::Postgres;

/// A lease that is over when it begins, and one that outlasts every test.
const OVER: Duration = Duration::ZERO;
const LONG: Duration = Duration::from_secs(3_600);

fn hint(value: &str) -> HintRow {
    let key = HintKey {
        entity_type: "account".to_owned(),
        space: "email".to_owned(),
        value: value.to_owned(),
    };
    HintRow { key, field: "email".to_owned(), entity_id: EntityId([7; 16]) }
}

async fn has(store: &PostgresStore, value: &str) -> bool {
    let mut reader = store.read().await.unwrap();
    reader.find_hints(&[hint(value).key]).await.unwrap()[0].is_some()
}

/// Two processes that have their turns on one shard.
struct Owners {
    url: String,
    old: Arc<PostgresStore>,
    new: Arc<PostgresStore>,
    workers: [Worker; 2],
    epoch: i64,
}

impl Owners {
    async fn new(portable: bool) -> Self {
        let url = Postgres::shared().database();
        let mut options = PostgresOptions::new(&url, "defacto").unwrap();
        options.portable = portable;
        let old = Arc::new(PostgresStore::open(&options).await.unwrap());
        let new = Arc::new(PostgresStore::open(&options).await.unwrap());
        let epoch = old.divide(1).await.unwrap().epoch;
        let workers = [old.join(1, LONG).await.unwrap(), new.join(1, LONG).await.unwrap()];
        Self { url, old, new, workers, epoch }
    }

    fn fence(&self, claim: Claim) -> Fence {
        Fence::Shard { epoch: self.epoch, claim }
    }

    /// The old one's claim, whose lease is over, and the new one's after it.
    async fn claims(&self) -> [Fence; 2] {
        let lapsed = self.old.claim(self.workers[0], 0, OVER).await.unwrap().unwrap();
        let claim = self.new.claim(self.workers[1], 0, LONG).await.unwrap().unwrap();
        assert!(claim.token > lapsed.token);
        [self.fence(lapsed), self.fence(claim)]
    }

    /// Waits until somebody waits for a lock.
    async fn until_one_waits(&self) {
        let sql = "SELECT count(*) FROM pg_stat_activity \
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while Postgres::shared().query(&self.url, sql) == "0" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// An owner past its lease waits on rows that the new one has written and not committed. It is told to look again before it
/// comes to its fence, and when it has looked, the fence stops it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_past_its_lease_that_writes_second_looks_again_and_is_fenced() {
    for portable in [false, true] {
        let owners = Owners::new(portable).await;
        let [lapsed, claim] = owners.claims().await;
        let mut old = owners.old.begin().await.unwrap();
        let mut new = owners.new.begin().await.unwrap();
        new.add_hints(&[hint("ada")]).await.unwrap();
        // An answer means that what was left to the connection before is done.
        new.head().await.unwrap();
        old.add_hints(&[hint("ada")]).await.unwrap();
        let late = tokio::spawn(async move { old.head().await });
        owners.until_one_waits().await;
        new.check_fence(&claim).await.unwrap();
        new.commit().await.unwrap();
        let error = late.await.unwrap().unwrap_err();
        assert_eq!(error.disposition(), Disposition::Retry, "{error}");
        let mut again = owners.old.begin().await.unwrap();
        assert!(again.find_hints(&[hint("ada").key]).await.unwrap()[0].is_some());
        let fenced = again.check_fence(&lapsed).await.unwrap_err();
        assert!(matches!(fenced, Error::Stale { .. }), "{fenced}");
    }
}

/// The other way round, the new owner waits, and goes on when the fence has stopped the old one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_past_its_lease_that_writes_first_is_fenced() {
    for portable in [false, true] {
        let owners = Owners::new(portable).await;
        let [lapsed, claim] = owners.claims().await;
        let mut old = owners.old.begin().await.unwrap();
        let mut new = owners.new.begin().await.unwrap();
        old.add_hints(&[hint("ada")]).await.unwrap();
        old.head().await.unwrap();
        new.add_hints(&[hint("ada")]).await.unwrap();
        let next = tokio::spawn(async move {
            new.check_fence(&claim).await?;
            new.commit().await
        });
        owners.until_one_waits().await;
        let fenced = old.check_fence(&lapsed).await.unwrap_err();
        assert!(matches!(fenced, Error::Stale { .. }), "{fenced}");
        drop(old);
        next.await.unwrap().unwrap();
        assert!(has(&owners.new, "ada").await);
    }
}

/// An owner past its lease may commit as long as nobody else has claimed: who claims then waits for that commit, and reads
/// what it left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_waits_for_a_commit_that_has_passed_its_fence() {
    for portable in [false, true] {
        let owners = Owners::new(portable).await;
        let lapsed = owners.old.claim(owners.workers[0], 0, OVER).await.unwrap().unwrap();
        let mut old = owners.old.begin().await.unwrap();
        old.add_hints(&[hint("ada")]).await.unwrap();
        old.check_fence(&owners.fence(lapsed)).await.unwrap();
        let (new, worker) = (Arc::clone(&owners.new), owners.workers[1]);
        let claiming = tokio::spawn(async move {
            let claim = new.claim(worker, 0, LONG).await.unwrap().unwrap();
            (claim.token, has(&new, "ada").await)
        });
        owners.until_one_waits().await;
        assert!(!claiming.is_finished());
        old.commit().await.unwrap();
        assert_eq!(claiming.await.unwrap(), (lapsed.token + 1, true));
    }
}

/// Processes on an undivided namespace have their turns: who enters waits for who entered before, and then counts it and
/// sees all that it left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_enters_counts_everybody_before() {
    for portable in [false, true] {
        let owners = Owners::new(portable).await;
        let (mut first, before) = owners.old.begin_entered().await.unwrap();
        first.add_hints(&[hint("ada")]).await.unwrap();
        first.set_resolved(Sequence(9)).await.unwrap();
        let store = Arc::clone(&owners.new);
        let second = tokio::spawn(async move {
            let (mut tx, count) = store.begin_entered().await.unwrap();
            let resolved = tx.resolved().await.unwrap();
            let found = tx.find_hints(&[hint("ada").key]).await.unwrap();
            (count, resolved, found[0].is_some())
        });
        owners.until_one_waits().await;
        assert!(!second.is_finished());
        first.commit().await.unwrap();
        assert_eq!(second.await.unwrap(), (before + 1, Sequence(9), true));
        // The second was undone, and counts for nothing.
        assert_eq!(owners.old.begin_entered().await.unwrap().1, before + 1);
    }
}
