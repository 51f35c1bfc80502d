//! Who works on what part of a namespace, where several processes share a store (engine.md 7).
//!
//! Time is the store's own: clocks of different machines are never compared.

use std::time::Duration;

use async_trait::async_trait;

use crate::Error;

/// A process at work, as the store knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Worker(pub i64);

/// How the entities of a namespace are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardMap {
    /// Rises whenever something was done to the namespace as a whole: what is known of it in memory is void then.
    pub epoch: i64,
    /// Number of shards.
    pub total: u32,
    /// Whether a process has the namespace to itself now.
    pub held: bool,
}

/// The right to write what belongs to a shard, until somebody else claims it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The shard.
    pub shard: u32,
    /// Rises with every claim of the shard, so that an earlier owner is told from a later one.
    pub token: i64,
}

/// What must still hold when a transaction commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fence {
    /// The namespace is not divided, and nobody has it to himself.
    Alone,
    /// The claim of a shard is the newest, and nothing was done to the namespace as a whole since `epoch`.
    Shard {
        /// Epoch of the map when the shard's owner read its state.
        epoch: i64,
        /// The claim.
        claim: Claim,
    },
    /// The process still has the namespace to itself.
    Whole {
        /// Epoch that [`Shards::hold`] began.
        epoch: i64,
        /// The process.
        worker: Worker,
    },
}

/// A shard as `shard status` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimedShard {
    /// The shard.
    pub shard: u32,
    /// Who has it; its lease may have run out.
    pub owner: Option<Worker>,
    /// Token of the last claim.
    pub token: i64,
    /// Time left of the lease; `None` when it has run out or nobody has the shard.
    pub lease_left: Option<Duration>,
}

/// Who works on a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardStatus {
    /// The map.
    pub map: ShardMap,
    /// Every shard in order.
    pub shards: Vec<ClaimedShard>,
    /// Processes whose lease runs, with the number of shards that each will take at most.
    pub workers: Vec<(Worker, u32)>,
}

/// Division of a namespace among processes. Each method is a transaction of its own.
#[async_trait]
pub trait Shards: Send + Sync + std::fmt::Debug {
    /// The map; a namespace that was never divided has none. A hold on the whole whose lease has run out ends here.
    async fn map(&self) -> Result<Option<ShardMap>, Error>;

    /// Makes a map if there is none, and returns what there is.
    async fn divide(&self, total: u32) -> Result<ShardMap, Error>;

    /// Registers a process that will take at most so many shards; it must call [`Shards::beat`] before the lease runs out.
    async fn join(&self, most: u32, lease: Duration) -> Result<Worker, Error>;

    /// Renews the leases of a process, its shards, and its hold on the whole. Returns the shards that are still its
    /// own: one that ran out and was not claimed by another is.
    async fn beat(&self, worker: Worker, lease: Duration) -> Result<Vec<Claim>, Error>;

    /// Claims a shard that is free or whose lease has run out; `None` when another process has it. A shard that
    /// the process has already keeps its token.
    async fn claim(
        &self,
        worker: Worker,
        shard: u32,
        lease: Duration,
    ) -> Result<Option<Claim>, Error>;

    /// Gives a shard back. Nothing happens when it belongs to another by now.
    async fn release(&self, worker: Worker, shard: u32) -> Result<(), Error>;

    /// Ends a process's work: gives back everything.
    async fn leave(&self, worker: Worker) -> Result<(), Error>;

    /// Who works on what.
    async fn status(&self) -> Result<ShardStatus, Error>;

    /// Takes the whole namespace, once no transaction of a shard is about to commit: from then on none does. Returns
    /// the new epoch, or `None` while another process has it.
    async fn hold(&self, worker: Worker, lease: Duration) -> Result<Option<i64>, Error>;

    /// Gives the whole back, divided into so many shards; with another number than before, all claims are void.
    ///
    /// # Errors
    ///
    /// [`Error::Stale`] when the hold was lost.
    async fn yield_whole(&self, worker: Worker, total: u32) -> Result<(), Error>;

    /// Returns when something was committed that concerns other processes, or when the time is over.
    async fn changed(&self, timeout: Duration) -> Result<(), Error>;
}
