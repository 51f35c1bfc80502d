//! Long-running work: following the ledger, alone or as one of several processes (engine.md 7.5).

use std::sync::Arc;
use std::time::Duration;

use defacto_model::{Sequence, Shard};
use defacto_pipeline::{Definitions, Member};

use crate::desk::Desk;
use crate::shard_worker::ShardWorker;
use crate::{Engine, Error};

/// How long to rest when there is nothing to do.
pub(crate) const REST: Duration = Duration::from_millis(250);
/// Lease of a process that does one thing.
const LEASE: Duration = Duration::from_secs(15);

/// What a worker takes, and how often it looks after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// The whole of an undivided namespace.
    All,
    /// One shard.
    One(Shard),
    /// As many shards as are fair among the workers alive, but no more than this.
    Fair(u32),
}

/// How to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkOptions {
    /// What to take.
    pub share: Share,
    /// Time between runs of time rules.
    pub tick_interval: Duration,
    /// How long shards stay its own without a sign of life; signs are given three times as often.
    pub lease: Duration,
}

/// A shard as [`Engine::shard_status`] tells of it.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct ShardState {
    /// Its number.
    pub shard: u32,
    /// The worker that has it.
    pub owner: Option<i64>,
    /// Rises with every claim.
    pub token: i64,
    /// Seconds left of the lease; none when it has run out.
    pub lease_left_s: Option<f64>,
    /// Everything up to here is applied.
    pub cursor: Sequence,
}

/// How a namespace is divided.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ShardsState {
    /// Rises whenever something was done to the namespace as a whole.
    pub epoch: i64,
    /// Number of shards.
    pub total: u32,
    /// Whether a process has the namespace to itself now.
    pub held: bool,
    /// Last sequence of the ledger.
    pub head: Sequence,
    /// Everything up to here is resolved.
    pub resolved: Sequence,
    /// The shards in order.
    pub shards: Vec<ShardState>,
    /// Workers alive.
    pub workers: Vec<i64>,
}

impl Engine {
    /// Works on one shard only from now on; false when another process has it: then events can be stored, and are
    /// interpreted there.
    ///
    /// # Errors
    ///
    /// A store that cannot be divided, another number of shards; what the store says.
    pub async fn claim(&self, shard: Shard) -> Result<bool, Error> {
        let member = Member::join(Arc::clone(&self.store), 1, LEASE).await?;
        let claimed = self.pipeline.lock().await.claim(shard, Arc::clone(&member)).await?;
        if !claimed {
            member.leave().await?;
        }
        Ok(claimed)
    }

    /// Gives a claimed shard back.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn release(&self) -> Result<(), Error> {
        let mut pipeline = self.pipeline.lock().await;
        let member = pipeline.member();
        pipeline.release().await?;
        match member {
            Some(member) => Ok(member.leave().await?),
            None => Ok(()),
        }
    }

    /// Divides the namespace into so many shards (engine.md 7.4).
    ///
    /// # Errors
    ///
    /// A store that cannot be divided; what the store says.
    pub async fn resize_shards(&self, total: u32) -> Result<(), Error> {
        Ok(self.pipeline.lock().await.resize(total).await?)
    }

    /// Who works on what; `None` while the namespace is not divided.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn shard_status(&self) -> Result<Option<ShardsState>, Error> {
        let Some(shards) = self.store.shards() else { return Ok(None) };
        if shards.map().await?.is_none() {
            return Ok(None);
        }
        let status = shards.status().await?;
        let pipeline = self.pipeline.lock().await;
        let mut reader = self.store.read().await?;
        let mut states = Vec::new();
        for claimed in &status.shards {
            states.push(ShardState {
                shard: claimed.shard,
                owner: claimed.owner.map(|worker| worker.0),
                token: claimed.token,
                lease_left_s: claimed.lease_left.map(|left| left.as_secs_f64()),
                cursor: pipeline.shard_cursor(&mut *reader, claimed.shard).await?,
            });
        }
        Ok(Some(ShardsState {
            epoch: status.map.epoch,
            total: status.map.total,
            held: status.map.held,
            head: reader.head().await?,
            resolved: reader.resolved().await?,
            shards: states,
            workers: status.workers.iter().map(|(worker, _)| worker.0).collect(),
        }))
    }

    /// Follows the ledger until told to stop: applies what arrives, and runs time rules. What is under way then is undone,
    /// and the shards are given back at once.
    ///
    /// # Errors
    ///
    /// A store that cannot be divided, another number of shards; what module and store say.
    pub async fn work<S>(&self, options: WorkOptions, stop: S) -> Result<(), Error>
    where
        S: Future<Output = ()>,
    {
        if options.share == Share::All {
            return tokio::select! {
                () = stop => Ok(()),
                ended = self.work_alone(options) => ended,
            };
        }
        let most = match options.share {
            Share::Fair(most) => most,
            _ => 1,
        };
        let member = Member::join(Arc::clone(&self.store), most, options.lease).await?;
        let ended = tokio::select! {
            () = stop => Ok(()),
            ended = self.work_on_shards(options, Arc::clone(&member)) => ended,
        };
        let left = member.leave().await;
        ended.and(left.map_err(Error::from))
    }

    async fn work_on_shards(&self, options: WorkOptions, member: Arc<Member>) -> Result<(), Error> {
        let definitions = {
            let pipeline = self.pipeline.lock().await;
            Definitions {
                version: pipeline.version().to_owned(),
                document: self.place.own.document.clone(),
                machines: Arc::clone(&self.machines),
            }
        };
        ShardWorker::new(self, options, member, definitions).run().await
    }

    async fn work_alone(&self, options: WorkOptions) -> Result<(), Error> {
        let mut desk = Desk::new(options.tick_interval);
        loop {
            let mut pipeline = self.pipeline.lock().await;
            let worked = match desk.round(&mut pipeline).await {
                Ok(worked) => worked,
                Err(error) if error.recoverable() => {
                    desk.fail();
                    self.failed("run", error);
                    false
                }
                Err(error) => return Err(error),
            };
            drop(pipeline);
            match desk.pause() {
                Some(pause) => tokio::time::sleep(pause).await,
                None if !worked => self.rest().await?,
                None => {}
            }
        }
    }

    async fn rest(&self) -> Result<(), Error> {
        match self.store.shards() {
            Some(shards) => Ok(shards.changed(REST).await?),
            None => {
                tokio::time::sleep(REST).await;
                Ok(())
            }
        }
    }
}
