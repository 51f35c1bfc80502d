//! One process among several at work (engine.md 7.5). A shard goes through these states, each change a line of the log:
//!
//! ```text
//!            claim                       a round failed
//!   free ───────────► held, at work ◄─────────────────────► held, waiting
//!     ▲                  │   │ another's, or no more             │ failed too often
//!     └── give back ◄────┴───┴───────────────────────────────────┘
//! ```
//!
//! A claim and the pipeline at work under it come and go together: leases are renewed for every claim that the store
//! shows, so that one which nobody works on would keep its shard from everybody for good.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use defacto_model::Shard;
use defacto_pipeline::{Definitions, Member, Pipeline};
use defacto_ports::Worker;

use crate::desk::Desk;
use crate::worker::REST;
use crate::{Engine, Error, Share, WorkOptions, log};

/// Rounds that may fail in a row before a shard is left to somebody else.
const GIVE_UP: u32 = 8;
/// How often, in the time of a lease, it is looked who works on what.
const LOOKS: u32 = 10;

/// A worker and the shards that it holds.
pub(crate) struct ShardWorker<'e> {
    engine: &'e Engine,
    options: WorkOptions,
    member: Arc<Member>,
    definitions: Definitions,
    held: BTreeMap<u32, Held>,
    /// Shards that failed too often here, and until when others have the first go at them.
    avoided: BTreeMap<u32, Instant>,
    looked: Option<Instant>,
}

/// A claimed shard and the work on it.
struct Held {
    pipeline: Pipeline,
    desk: Desk,
}

/// What the store shows of a division, as one worker sees it.
struct View {
    total: u32,
    /// As many as it may hold.
    limit: usize,
    /// Those that nobody has, or whose lease has run out.
    free: Vec<u32>,
    /// Those that are claimed in its name.
    own: Vec<u32>,
}

impl<'e> ShardWorker<'e> {
    pub(crate) fn new(
        engine: &'e Engine,
        options: WorkOptions,
        member: Arc<Member>,
        definitions: Definitions,
    ) -> Self {
        Self {
            engine,
            options,
            member,
            definitions,
            held: BTreeMap::new(),
            avoided: BTreeMap::new(),
            looked: None,
        }
    }

    /// Works until something fails for good.
    ///
    /// # Errors
    ///
    /// What trying again cannot mend.
    pub(crate) async fn run(&mut self) -> Result<(), Error> {
        loop {
            self.look().await?;
            let mut worked = false;
            let shards: Vec<u32> = self.held.keys().copied().collect();
            for shard in shards {
                worked |= self.round(shard).await?;
                // What is to go to others goes between two rounds.
                self.look().await?;
            }
            if !worked && let Err(error) = self.member.shards()?.changed(REST).await {
                self.passing(None, error.into())?;
                tokio::time::sleep(REST).await;
            }
        }
    }

    /// One round of a shard's work; whether there was any.
    async fn round(&mut self, shard: u32) -> Result<bool, Error> {
        let Some(held) = self.held.get_mut(&shard) else { return Ok(false) };
        if held.desk.pause().is_some() {
            return Ok(false);
        }
        let error = match held.desk.round(&mut held.pipeline).await {
            Ok(worked) => return Ok(worked),
            Err(error) => error,
        };
        log::shard_failed(&held.pipeline, &error);
        if error.is_lost_shard() {
            self.give_back(shard, "lost").await?;
            // Somebody may have it, or it may be free: the next look shows.
            self.looked = None;
        } else if !error.recoverable() {
            return Err(error);
        } else if held.desk.fail() >= GIVE_UP {
            self.avoided.insert(shard, Instant::now() + self.options.lease);
            self.give_back(shard, "failed too often").await?;
        }
        Ok(false)
    }

    /// Looks who works on what, if it is time: gives back what is too much, and takes what is free.
    async fn look(&mut self) -> Result<(), Error> {
        if self.looked.is_some_and(|at| at.elapsed() < self.options.lease / LOOKS) {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        let view = match self.view().await {
            Ok(view) => view,
            Err(error) => return self.passing(None, error),
        };
        let held: Vec<u32> = self.held.keys().copied().collect();
        log::looked(&held, view.limit, &view.free, &view.own);
        for shard in held.iter().skip(view.limit) {
            self.give_back(*shard, "more than a fair share").await?;
        }
        for shard in view.own {
            if !held.contains(&shard) {
                self.give_back(shard, "nobody works on it").await?;
            }
        }
        let now = Instant::now();
        self.avoided.retain(|_, until| *until > now);
        for shard in view.free {
            if self.held.len() >= view.limit {
                break;
            }
            if !self.held.contains_key(&shard)
                && !self.avoided.contains_key(&shard)
                && let Some(shard) = Shard::new(shard, view.total)
            {
                self.take(shard).await?;
            }
        }
        Ok(())
    }

    async fn take(&mut self, shard: Shard) -> Result<(), Error> {
        match self.claim(shard).await {
            Ok(Some(pipeline)) => {
                log::claimed(shard, &pipeline);
                let desk = Desk::new(self.options.tick_interval);
                self.held.insert(shard.index(), Held { pipeline, desk });
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(error) => {
                // Whether it was claimed before it failed is not known.
                self.give_back(shard.index(), "not taken").await?;
                // Divided anew since: the next look sees how.
                let divided = error.is_lost_shard() && matches!(self.options.share, Share::Fair(_));
                if divided { Ok(()) } else { self.passing(Some(shard), error) }
            }
        }
    }

    /// A pipeline at work on a shard; `None` when another process has it.
    async fn claim(&self, shard: Shard) -> Result<Option<Pipeline>, Error> {
        let engine = self.engine;
        let (store, clock) = (Arc::clone(&engine.store), Arc::clone(&engine.place.clock));
        let opened = Pipeline::open(store, self.definitions.clone(), clock, engine.options.clone());
        let mut pipeline = opened.await?;
        let claimed = pipeline.claim(shard, Arc::clone(&self.member)).await?;
        Ok(claimed.then_some(pipeline))
    }

    /// Ends the work on a shard, and the claim if there is one.
    async fn give_back(&mut self, shard: u32, why: &'static str) -> Result<(), Error> {
        self.held.remove(&shard);
        log::given_back(shard, why);
        match self.member.shards()?.release(self.member.worker(), shard).await {
            Ok(()) => Ok(()),
            // A look finds the claim, and gives it back then.
            Err(error) => self.passing(None, error.into()),
        }
    }

    /// What fails now and may succeed later is no reason to stop.
    fn passing(&self, shard: Option<Shard>, error: Error) -> Result<(), Error> {
        if !error.recoverable() {
            return Err(error);
        }
        log::worker_failed(self.member.worker(), shard, &error);
        Ok(())
    }

    /// What is free, and how much of it is fair: a little more than an equal share, so that shards do not wander whenever
    /// a worker comes or goes.
    async fn view(&self) -> Result<View, Error> {
        let shards = self.member.shards()?;
        let map = shards.map().await?;
        let (total, only) = match (self.options.share, map) {
            (Share::One(shard), _) => (shard.total(), Some(shard.index())),
            (_, Some(map)) => (map.total, None),
            (_, None) => (1, None),
        };
        let status = shards.status().await?;
        let workers = status.workers.iter().filter(|(_, most)| *most > 0).count().max(1);
        let fair = usize::try_from(total).unwrap_or(usize::MAX).div_ceil(workers) + 1;
        let limit = match self.options.share {
            Share::Fair(most) => fair.min(usize::try_from(most).unwrap_or(usize::MAX)),
            _ => 1,
        };
        let own: Worker = self.member.worker();
        let claimed = |shard: u32| status.shards.iter().find(|claimed| claimed.shard == shard);
        let free = |shard: &u32| {
            claimed(*shard).is_none_or(|claimed| {
                claimed.owner.is_none()
                    || claimed.lease_left.is_none() && claimed.owner != Some(own)
            })
        };
        let wanted = |shard: &u32| only.is_none_or(|only| only == *shard);
        Ok(View {
            total,
            limit,
            free: (0..total).filter(wanted).filter(free).collect(),
            own: status
                .shards
                .iter()
                .filter(|claimed| claimed.owner == Some(own))
                .map(|claimed| claimed.shard)
                .collect(),
        })
    }
}
