use std::time::Duration;

use crate::{Claim, Error, Fence, Shards, Store};

/// A lease that does not run out in the time of a test.
const LONG: Duration = Duration::from_secs(600);
/// A lease that has run out when the next statement comes.
const NONE: Duration = Duration::ZERO;

fn shards(store: &dyn Store) -> &dyn Shards {
    store.shards().unwrap_or_else(|| panic!("the store cannot be divided"))
}

async fn holds(store: &dyn Store, fence: Fence) -> Result<bool, Error> {
    let mut transaction = store.begin().await?;
    match transaction.check_fence(&fence).await {
        Ok(()) => transaction.commit().await.map(|()| true),
        Err(Error::Stale { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Transactions that enter are counted; one that is undone is not.
pub async fn entering(store: &dyn Store) -> Result<(), Error> {
    let mut transaction = store.begin().await?;
    let first = transaction.enter().await?;
    transaction.commit().await?;
    let mut undone = store.begin().await?;
    assert_eq!(undone.enter().await?, first + 1);
    drop(undone);
    assert_eq!(store.read().await?.entered().await?, first + 1);
    Ok(())
}

/// A shard has one owner at a time; a later owner's claim makes an earlier one void, and the same owner's does not.
pub async fn claims(store: &dyn Store) -> Result<(), Error> {
    let shards = shards(store);
    assert_eq!(shards.map().await?, None);
    assert!(holds(store, Fence::Alone).await?);
    let map = shards.divide(2).await?;
    assert_eq!((map.total, map.held), (2, false));
    assert_eq!(shards.divide(3).await?, map, "it is divided already");
    assert!(!holds(store, Fence::Alone).await?, "divided");
    let (one, two) = (shards.join(1, LONG).await?, shards.join(2, LONG).await?);
    assert_ne!(one, two);
    let Some(claim) = shards.claim(one, 1, LONG).await? else { panic!("shard 1 is free") };
    assert_eq!(shards.claim(one, 1, LONG).await?, Some(claim));
    assert_eq!(shards.claim(two, 1, LONG).await?, None);
    assert_eq!(shards.claim(two, 2, LONG).await?, None, "there is no shard 2");
    let fence = |claim: Claim| Fence::Shard { epoch: map.epoch, claim };
    assert!(holds(store, fence(claim)).await?);
    assert_eq!(shards.beat(one, NONE).await?, [claim], "its lease has run out now");
    assert!(holds(store, fence(claim)).await?, "nobody else has claimed it");
    let Some(taken) = shards.claim(two, 1, LONG).await? else { panic!("the lease has run out") };
    assert!(taken.token > claim.token);
    assert!(!holds(store, fence(claim)).await?);
    assert!(holds(store, fence(taken)).await?);
    assert_eq!(shards.beat(one, LONG).await?, []);
    shards.release(one, 1).await?;
    let status = shards.status().await?;
    let owners: Vec<_> = status.shards.iter().map(|shard| shard.owner).collect();
    assert_eq!(owners, [None, Some(two)]);
    assert!(status.shards[1].lease_left.is_some_and(|left| left <= LONG));
    assert_eq!(status.workers, [(one, 1), (two, 2)]);
    shards.leave(two).await?;
    assert!(shards.claim(one, 1, LONG).await?.is_some_and(|claim| claim.token > taken.token));
    Ok(())
}

/// One process has the whole to itself, and what was claimed before must be looked at anew.
pub async fn holding(store: &dyn Store) -> Result<(), Error> {
    let shards = shards(store);
    let map = shards.divide(2).await?;
    let (one, two) = (shards.join(1, LONG).await?, shards.join(0, LONG).await?);
    let Some(claim) = shards.claim(one, 0, LONG).await? else { panic!("shard 0 is free") };
    let Some(epoch) = shards.hold(two, LONG).await? else { panic!("nobody holds it") };
    assert!(epoch > map.epoch);
    assert_eq!(shards.hold(one, LONG).await?, None);
    assert!(shards.map().await?.is_some_and(|map| map.held));
    assert!(holds(store, Fence::Whole { epoch, worker: two }).await?);
    assert!(!holds(store, Fence::Whole { epoch, worker: one }).await?);
    assert!(!holds(store, Fence::Shard { epoch: map.epoch, claim }).await?);
    assert!(!holds(store, Fence::Shard { epoch, claim }).await?, "held as a whole");
    shards.yield_whole(two, 2).await?;
    assert!(holds(store, Fence::Shard { epoch, claim }).await?, "claims outlive a hold");
    assert!(matches!(shards.yield_whole(two, 2).await, Err(Error::Stale { .. })));
    let Some(resizing) = shards.hold(two, LONG).await? else { panic!("nobody holds it") };
    shards.yield_whole(two, 3).await?;
    assert!(!holds(store, Fence::Shard { epoch: resizing, claim }).await?, "divided anew");
    assert_eq!(shards.status().await?.shards.len(), 3);
    let Some(lost) = shards.hold(two, NONE).await? else { panic!("nobody holds it") };
    assert!(shards.map().await?.is_some_and(|map| !map.held && map.epoch > lost));
    assert!(!holds(store, Fence::Whole { epoch: lost, worker: two }).await?);
    Ok(())
}
