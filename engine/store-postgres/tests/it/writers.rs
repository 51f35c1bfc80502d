//! Several writers at once.

use std::sync::Arc;

use defacto_model::Sequence;
use defacto_ports::{Appended, Error, Store};
use defacto_store_postgres::{PostgresOptions, PostgresStore};
use defacto_test_services::Postgres;

/// Writers.
const WRITERS: u16 = 4;
/// Batches of each.
const BATCHES: u16 = 25;
/// Events in a batch.
const EVENTS: u16 = 20;

fn options(portable: bool) -> PostgresOptions {
    let mut options = PostgresOptions::new(&Postgres::shared().database(), "defacto").unwrap();
    options.portable = portable;
    options
}

/// Opens the same new namespace from many sides; all succeed.
#[tokio::test]
async fn opening_a_new_namespace_side_by_side() {
    let options = options(false);
    let opening = (0..8).map(|_| {
        let options = options.clone();
        tokio::spawn(async move { PostgresStore::open(&options).await.map(drop) })
    });
    for opened in opening.collect::<Vec<_>>() {
        opened.await.unwrap().unwrap();
    }
}

/// Whoever sees a head has seen everything below it, whatever others are doing; nothing is lost or doubled, and
/// sequences have no gap.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_head_is_safe() {
    let options = options(false);
    let stores: Vec<Arc<PostgresStore>> = {
        let mut stores = Vec::new();
        for _ in 0..=WRITERS {
            stores.push(Arc::new(PostgresStore::open(&options).await.unwrap()));
        }
        stores
    };
    let writing: Vec<_> = (0..WRITERS)
        .zip(&stores)
        .map(|(writer, store)| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                for batch in 0..BATCHES {
                    let events: Vec<_> = (0..EVENTS)
                        .map(|event| {
                            // Neighbours share a few events, so that duplicates meet as well.
                            let first = (writer * BATCHES + batch) * (EVENTS - 2);
                            defacto_ports::conformance::event_of(first + event)
                        })
                        .collect();
                    let mut transaction = store.begin().await?;
                    let appended = transaction.append(&events).await?;
                    assert_eq!(appended.len(), events.len());
                    if batch % 5 == 4 {
                        // What is not committed leaves no gap.
                        drop(transaction);
                        let mut transaction = store.begin().await?;
                        assert_eq!(transaction.append(&events).await?.len(), events.len());
                        transaction.commit().await?;
                    } else {
                        transaction.commit().await?;
                    }
                }
                Ok::<(), Error>(())
            })
        })
        .collect();
    let reader = Arc::clone(&stores[usize::from(WRITERS)]);
    let mut seen = 0;
    while writing.iter().any(|task| !task.is_finished()) || seen == 0 {
        let head = reader.read().await.unwrap().head().await.unwrap();
        let rows = reader.read().await.unwrap();
        seen = check(rows, head).await;
    }
    for task in writing {
        task.await.unwrap().unwrap();
    }
    let total = i64::from(WRITERS * BATCHES * (EVENTS - 2) + 2);
    let head = reader.read().await.unwrap().head().await.unwrap();
    assert_eq!(head, Sequence(total));
    assert_eq!(check(reader.read().await.unwrap(), head).await, total);
    let mut transaction = reader.begin().await.unwrap();
    let all: Vec<_> =
        (0..u16::try_from(total).unwrap()).map(defacto_ports::conformance::event_of).collect();
    let again = transaction.append(&all).await.unwrap();
    assert!(again.iter().all(|one| matches!(one, Appended::Duplicate(_))));
}

async fn check(mut reader: Box<dyn defacto_ports::Reader>, head: Sequence) -> i64 {
    let rows = reader.scan_events(Sequence(0), head, usize::MAX, true).await.unwrap();
    let found: Vec<i64> = rows.iter().map(|row| row.sequence.0).collect();
    assert_eq!(found, (1..=head.0).collect::<Vec<_>>(), "everything below the head is there");
    head.0
}
