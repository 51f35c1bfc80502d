//! Long-running work: following the ledger, alone or as one of several processes (engine.md 7.5).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use defacto_model::{Sequence, Shard, Timestamp};
use defacto_pipeline::{AsOf, BuildOptions, Definitions, Member, Pipeline};
use defacto_ports::{Shards, Worker};

use crate::{Engine, Error, log};

/// How long to rest when there is nothing to do, or when the store does not answer.
const REST: Duration = Duration::from_millis(250);
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
            ended = self.work_on_shards(options, &member) => ended,
        };
        let left = member.leave().await;
        ended.and(left.map_err(Error::from))
    }

    async fn work_alone(&self, options: WorkOptions) -> Result<(), Error> {
        let mut desk = Desk::new(options.tick_interval);
        loop {
            let mut pipeline = self.pipeline.lock().await;
            let worked = passing(desk.round(&mut pipeline).await)?;
            drop(pipeline);
            if worked != Some(true) {
                self.rest().await?;
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

    async fn work_on_shards(
        &self,
        options: WorkOptions,
        member: &Arc<Member>,
    ) -> Result<(), Error> {
        let definitions = {
            let pipeline = self.pipeline.lock().await;
            Definitions {
                version: pipeline.version().to_owned(),
                document: self.place.own.document.clone(),
                machines: Arc::clone(&self.machines),
            }
        };
        let shards = member.shards()?;
        let mut held: BTreeMap<u32, (Pipeline, Desk)> = BTreeMap::new();
        let mut looked: Option<Instant> = None;
        loop {
            let mut worked = false;
            if looked.is_none_or(|at| at.elapsed() > options.lease / 10) {
                looked = Some(Instant::now());
                if let Some(wanted) = passing(wanted(shards, member.worker(), options.share).await)?
                {
                    self.take(&wanted, &definitions, options, member, &mut held).await?;
                }
            }
            let mut lost = Vec::new();
            for (shard, (pipeline, desk)) in &mut held {
                match desk.round(pipeline).await {
                    Ok(did) => worked |= did,
                    Err(error) if error.is_lost_shard() => lost.push(*shard),
                    Err(error) => drop(passing::<bool>(Err(error))?),
                }
            }
            for shard in lost {
                held.remove(&shard);
                looked = None;
            }
            if !worked {
                shards.changed(REST).await?;
            }
        }
    }

    /// Takes and gives back shards until it has those that it should have.
    async fn take(
        &self,
        wanted: &Wanted,
        definitions: &Definitions,
        options: WorkOptions,
        member: &Arc<Member>,
        held: &mut BTreeMap<u32, (Pipeline, Desk)>,
    ) -> Result<(), Error> {
        while held.len() > wanted.limit {
            if let Some((_, (mut pipeline, _))) = held.pop_last() {
                passing(pipeline.release().await.map_err(Error::from))?;
            }
        }
        for &shard in &wanted.free {
            if held.len() >= wanted.limit {
                break;
            }
            let Some(shard) = Shard::new(shard, wanted.total) else { continue };
            let clock = Arc::clone(&self.place.clock);
            let opened = Pipeline::open(
                Arc::clone(&self.store),
                definitions.clone(),
                clock,
                self.options.clone(),
            );
            let Some(mut pipeline) = passing(opened.await.map_err(Error::from))? else { break };
            let claimed = pipeline.claim(shard, Arc::clone(member)).await;
            match claimed.map_err(Error::from) {
                Ok(true) => {
                    log::claimed(shard);
                    held.insert(shard.index(), (pipeline, Desk::new(options.tick_interval)));
                }
                Ok(false) => {}
                // Divided anew since: the next look sees how.
                Err(error) if error.is_lost_shard() && matches!(options.share, Share::Fair(_)) => {}
                Err(error) => drop(passing::<bool>(Err(error))?),
            }
        }
        Ok(())
    }
}

/// What fails now and may succeed later is no reason to stop.
fn passing<T>(done: Result<T, Error>) -> Result<Option<T>, Error> {
    match done {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.recoverable() => {
            log::failed(error);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Which shards a worker may take.
struct Wanted {
    total: u32,
    limit: usize,
    free: Vec<u32>,
}

/// What is free, and how much of it is fair: a little more than an equal share, so that shards do not wander whenever a
/// worker comes or goes.
async fn wanted(shards: &dyn Shards, worker: Worker, share: Share) -> Result<Wanted, Error> {
    let map = shards.map().await?;
    let (total, only) = match (share, map) {
        (Share::One(shard), _) => (shard.total(), Some(shard.index())),
        (_, Some(map)) => (map.total, None),
        (_, None) => (1, None),
    };
    let status = shards.status().await?;
    let workers = status.workers.iter().filter(|(_, most)| *most > 0).count().max(1);
    let fair = usize::try_from(total).unwrap_or(usize::MAX).div_ceil(workers) + 1;
    let limit = match share {
        Share::Fair(most) => fair.min(usize::try_from(most).unwrap_or(usize::MAX)),
        _ => 1,
    };
    let free = |shard: &u32| {
        let claimed = status.shards.iter().find(|claimed| claimed.shard == *shard);
        claimed.is_none_or(|claimed| {
            claimed.owner.is_none() || claimed.lease_left.is_none() || claimed.owner == Some(worker)
        })
    };
    let free = (0..total).filter(|shard| only.is_none_or(|only| only == *shard)).filter(free);
    Ok(Wanted { total, limit, free: free.collect() })
}

/// One pipeline's work, over and over.
struct Desk {
    interval: Duration,
    ticked: Option<Instant>,
}

impl Desk {
    fn new(interval: Duration) -> Self {
        Self { interval, ticked: None }
    }

    /// Applies what has arrived and runs rules if it is time; whether anything had.
    async fn round(&mut self, pipeline: &mut Pipeline) -> Result<bool, Error> {
        let behind = pipeline.behind().await?;
        if behind {
            let options = BuildOptions { as_of: AsOf::Keep, ..BuildOptions::default() };
            log::built(&pipeline.build(options).await?);
        }
        if self.ticked.is_none_or(|at| at.elapsed() >= self.interval) {
            self.ticked = Some(Instant::now());
            let none: Option<Timestamp> = None;
            log::ticked(&pipeline.tick(none).await?);
        }
        Ok(behind)
    }
}
