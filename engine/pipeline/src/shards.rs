//! One process among several: what it owns, what it may commit, and how it takes the namespace as a whole
//! (engine.md 7; `DESIGN.md`, "How do several processes…").

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use defacto_model::{EntityId, Sequence, Shard, shard_hash};
use defacto_ports::{BuildState, EntityEventRow, Fence, Reader, ShardMap, Transaction};

use crate::apply::{Block, Target};
use crate::build::count;
use crate::decode::Event;
use crate::ingest::{late, raise};
use crate::retry::Attempts;
use crate::versions::seed;
use crate::{BuildResult, Error, Member, Pipeline};

/// How long another process's hold on the whole is waited for before looking again.
const PAUSE: Duration = Duration::from_millis(200);
/// What a process was doing when another changed the namespace under it.
pub(crate) const CHANGED: defacto_ports::Error =
    defacto_ports::Error::Stale { what: "the namespace was changed" };
/// Lease of a process that takes the whole for one operation.
const LEASE: Duration = Duration::from_secs(15);

/// What a pipeline works on, and under which right.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    /// Everything, unless a shard.
    pub(crate) shard: Option<Shard>,
    pub(crate) fence: Fence,
    pub(crate) member: Option<Arc<Member>>,
}

impl Post {
    pub(crate) fn alone() -> Self {
        Self { shard: None, fence: Fence::Alone, member: None }
    }
}

/// The namespace held as a whole, by an operation that has to end.
#[derive(Debug)]
pub(crate) struct Whole {
    member: Arc<Member>,
    total: u32,
    /// Gone with the operation, also where nobody waits for that any more.
    _held: Arc<()>,
}

/// What is taken up again after an operation on the whole.
#[derive(Debug)]
pub(crate) struct Before {
    post: Post,
    held: Weak<()>,
}

/// How far each shard has got, in their order.
pub(crate) struct Cursors(Vec<Sequence>);

impl Cursors {
    /// How far the shard that has an entity has got.
    pub(crate) fn of(&self, id: EntityId) -> Sequence {
        let shard = match self.0.len() {
            0 | 1 => 0,
            total => shard_hash(&id) as usize % total,
        };
        self.0.get(shard).copied().unwrap_or_default()
    }
}

/// Resolved events of one shard.
struct Page {
    events: Vec<(Arc<Event>, Vec<EntityEventRow>)>,
    /// How far the ledger has been read.
    end: Sequence,
    full: bool,
}

/// Under which name the progress of a shard is stored.
fn shard_key(version: &str, shard: u32) -> String {
    format!("{version}_s{shard}")
}

impl Pipeline {
    /// The shard that is worked on; `None` for everything.
    pub fn shard(&self) -> Option<Shard> {
        self.post.shard
    }

    /// The token under which the shard is claimed; rises with each new owner.
    pub fn fencing_token(&self) -> Option<i64> {
        match self.post.fence {
            Fence::Shard { claim, .. } => Some(claim.token),
            _ => None,
        }
    }

    /// The process as others see it, while it works on a shard.
    pub fn member(&self) -> Option<Arc<Member>> {
        self.post.member.clone()
    }

    /// Whether an entity's state and history are written here.
    pub(crate) fn owns(&self, id: EntityId) -> bool {
        self.post.shard.is_none_or(|shard| shard.owns(&id))
    }

    /// Works on one shard only from now on, if no other process has it.
    ///
    /// # Errors
    ///
    /// [`Error::Undivided`], [`Error::ShardTotal`]; what the store says.
    pub async fn claim(&mut self, shard: Shard, member: Arc<Member>) -> Result<bool, Error> {
        self.let_go();
        self.enroll().await?;
        let shards = member.shards()?;
        let map = self.settled_map(&member, shard.total()).await?;
        if map.total != shard.total() {
            return Err(Error::ShardTotal { given: shard.total(), total: map.total });
        }
        let Some(claim) = shards.claim(member.worker(), shard.index(), member.lease()).await?
        else {
            return Ok(false);
        };
        let fence = Fence::Shard { epoch: map.epoch, claim };
        self.post = Post { shard: Some(shard), fence, member: Some(member) };
        self.load().await?;
        Ok(true)
    }

    /// Gives the shard back and works on nothing but the ledger until another claim.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn release(&mut self) -> Result<(), Error> {
        self.let_go();
        let post = std::mem::replace(&mut self.post, Post::alone());
        if let (Some(shard), Some(member)) = (post.shard, post.member) {
            member.shards()?.release(member.worker(), shard.index()).await?;
        }
        Ok(())
    }

    /// The map, once nobody has the namespace to himself. A namespace that was never divided, and in which nothing was
    /// built, has as many shards as somebody first says.
    async fn settled_map(&self, member: &Member, total: u32) -> Result<ShardMap, Error> {
        let shards = member.shards()?;
        loop {
            match shards.map().await? {
                None if self.build.cursor > Sequence(0) => return Err(Error::NoShards),
                None => {
                    shards.divide(total).await?;
                }
                Some(map) if !map.held => return Ok(map),
                // What this process took, and could not give back when it was done.
                Some(map) => match shards.yield_whole(member.worker(), map.total).await {
                    Ok(()) => {}
                    Err(defacto_ports::Error::Stale { .. }) => shards.changed(PAUSE).await?,
                    Err(error) => return Err(error.into()),
                },
            }
        }
    }

    /// Claims its shard again after something was done to the namespace as a whole. False when another has it.
    async fn reclaim(&mut self) -> Result<bool, Error> {
        self.forget();
        let (Some(shard), Some(member)) = (self.post.shard, self.post.member.clone()) else {
            return Ok(false);
        };
        self.claim(shard, member).await
    }

    /// Whether nothing was done to the namespace as a whole since the shard was claimed, and memory is of that claim.
    async fn current(&self) -> Result<bool, Error> {
        if self.entered.is_none() {
            return Ok(false);
        }
        let Fence::Shard { epoch, .. } = self.post.fence else { return Ok(true) };
        let map = shards_of(self)?.map().await?;
        Ok(map.is_some_and(|map| map.epoch == epoch && !map.held))
    }

    /// Whether there is anything to do: events that are not applied, or a namespace that another process changed.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn behind(&self) -> Result<bool, Error> {
        if !self.current().await? {
            return Ok(true);
        }
        let mut reader = self.store.read().await?;
        let elsewhere = self.post.shard.is_none() && Some(reader.entered().await?) != self.entered;
        Ok(elsewhere || !self.active || reader.head().await? > self.build.cursor)
    }

    /// How far a shard of the version at work has got.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn shard_cursor(
        &self,
        reader: &mut dyn Reader,
        shard: u32,
    ) -> Result<Sequence, Error> {
        let build = self.progress_of(reader, shard).await?;
        Ok(build.map_or(Sequence(0), |build| build.cursor))
    }

    /// Progress of a shard: one that has done nothing yet stands where the version does.
    async fn progress_of<R>(&self, reader: &mut R, shard: u32) -> Result<Option<BuildState>, Error>
    where
        R: Reader + ?Sized,
    {
        match reader.build(&shard_key(&self.version, shard)).await? {
            Some(own) => Ok(Some(own)),
            None => Ok(reader.build(&self.version).await?),
        }
    }

    /// How far each shard of the version at work has got.
    pub(crate) async fn cursors(&self, reader: &mut dyn Reader) -> Result<Cursors, Error> {
        let total = self.divided().await?.map_or(1, |map| map.total);
        let mut out = Vec::new();
        for shard in 0..total {
            out.push(self.shard_cursor(reader, shard).await?);
        }
        Ok(Cursors(out))
    }

    /// Under which name progress is stored.
    pub(crate) fn progress_key(&self) -> String {
        match self.post.shard {
            Some(shard) => shard_key(&self.version, shard.index()),
            None => self.version.clone(),
        }
    }

    /// Progress of what is worked on. Of all shards, that of the one furthest behind: what others have applied already is
    /// late when it comes again, and changes nothing.
    pub(crate) async fn read_progress<R>(&self, reader: &mut R) -> Result<BuildState, Error>
    where
        R: Reader + ?Sized,
    {
        let version = match reader.build(&self.version).await? {
            Some(build) => build,
            None => seed(reader, &self.catalog.hashes).await?,
        };
        let places = match self.post.shard {
            Some(shard) => shard.index()..shard.index() + 1,
            None => 0..self.divided().await?.map_or(0, |map| map.total),
        };
        let mut parts = Vec::new();
        for place in places {
            let own = self.progress_of(reader, place).await?;
            parts.push(own.unwrap_or_else(|| version.clone()));
        }
        let Some(cursor) = parts.iter().map(|part| part.cursor).min() else { return Ok(version) };
        Ok(BuildState {
            cursor,
            watermark: parts.iter().filter_map(|part| part.watermark).max(),
            tick_as_of: parts.iter().filter_map(|part| part.tick_as_of).max(),
            ..version
        })
    }

    pub(crate) async fn divided(&self) -> Result<Option<ShardMap>, Error> {
        match self.store.shards() {
            Some(shards) => Ok(shards.map().await?),
            None => Ok(None),
        }
    }

    /// Begins a transaction that writes what this pipeline owns.
    pub(crate) async fn begin(&mut self) -> Result<Box<dyn Transaction>, Error> {
        if self.post.shard.is_some() {
            let tx = self.store.begin().await?;
            // The fence is checked at the end; this only spares work in vain.
            if !self.current().await? {
                return Err(CHANGED.into());
            }
            self.unended = true;
            return Ok(tx);
        }
        let (tx, entered) = self.store.begin_entered().await?;
        let entered = Some(entered);
        if self.entered.is_none() || entered != self.entered && self.post.fence == Fence::Alone {
            return Err(CHANGED.into());
        }
        (self.entered, self.unended) = (entered, true);
        Ok(tx)
    }

    /// Commits what [`Pipeline::begin`] began, if it still may.
    pub(crate) async fn commit(&mut self, mut tx: Box<dyn Transaction>) -> Result<(), Error> {
        tx.check_fence(&self.post.fence).await?;
        tx.commit().await?;
        self.unended = false;
        if self.post.shard.is_none() {
            self.entered = self.entered.map(|entered| entered + 1);
        }
        Ok(())
    }

    /// Starts an operation. Alone, what another process did since is taken note of; where the namespace is divided, an
    /// operation on all of it takes it as a whole, for which the shards pause.
    pub(crate) async fn start(&mut self, all: bool) -> Result<Option<Whole>, Error> {
        // Only events on their own keep account of the rules that they leave due.
        (self.caught_up, self.unsettled) = (false, true);
        if self.unended {
            self.distrust();
        }
        self.let_go();
        if matches!(self.post.fence, Fence::Whole { .. }) {
            if self.entered.is_none() {
                self.load().await?;
            }
            return Ok(None);
        }
        if self.post.shard.is_some() && !self.current().await? {
            // A shard that was lost shows when something is to be written.
            self.reclaim().await?;
        }
        if self.post.shard.is_some() && !all {
            return Ok(None);
        }
        if self.divided().await?.is_some() {
            return self.take_whole().await.map(Some);
        }
        let entered = self.store.read().await?.entered().await?;
        if Some(entered) != self.entered {
            self.load().await?;
        }
        Ok(None)
    }

    /// After an error: goes on if it only says that a shard's owner must look anew, or that trying again may help.
    pub(crate) async fn again(
        &mut self,
        error: Error,
        attempts: &mut Attempts,
    ) -> Result<(), Error> {
        match error {
            Error::Port(defacto_ports::Error::Stale { .. }) if self.post.shard.is_some() => {
                if self.reclaim().await? { Ok(()) } else { Err(error) }
            }
            // Another process committed first, so that one of them always gets on.
            Error::Port(defacto_ports::Error::Stale { .. })
                if self.post.fence == Fence::Alone && self.divided().await?.is_none() =>
            {
                self.load().await
            }
            error if attempts.again(self, &error).await? => Ok(()),
            error => Err(error),
        }
    }

    /// Events between what is applied and a place of the ledger: others may have appended them just now.
    pub(crate) async fn outstanding(
        &self,
        tx: &mut dyn Transaction,
        before: Sequence,
    ) -> Result<Vec<Arc<Event>>, Error> {
        let until = Sequence(before.0.saturating_sub(1));
        if until <= self.build.cursor {
            return Ok(Vec::new());
        }
        let rows = tx.scan_events(self.build.cursor, until, usize::MAX >> 1, false).await?;
        self.decode(rows).await
    }

    async fn take_whole(&mut self) -> Result<Whole, Error> {
        let member = match &self.post.member {
            Some(member) => Arc::clone(member),
            None => Member::join(Arc::clone(&self.store), 0, LEASE).await?,
        };
        let shards = member.shards()?;
        let epoch = loop {
            match shards.hold(member.worker(), member.lease()).await? {
                Some(epoch) => break epoch,
                None => shards.changed(PAUSE).await?,
            }
        };
        let fence = Fence::Whole { epoch, worker: member.worker() };
        let post = Post { shard: None, fence, member: Some(Arc::clone(&member)) };
        let held = Arc::new(());
        let before = std::mem::replace(&mut self.post, post);
        self.before = Some(Before { post: before, held: Arc::downgrade(&held) });
        match self.load_whole().await {
            Ok(total) => Ok(Whole { member, total, _held: held }),
            Err(error) => {
                drop(held);
                self.let_go();
                Err(error)
            }
        }
    }

    /// Leaves the whole if the operation that took it is over without its end, as where nobody waits for it any more. What
    /// it took is given back when this process claims its shard again, or runs out.
    fn let_go(&mut self) {
        if let Some(before) = self.before.take_if(|before| before.held.strong_count() == 0) {
            self.post = before.post;
            self.distrust();
        }
    }

    /// Reads what is known of a namespace just taken; into how many shards it is divided.
    async fn load_whole(&mut self) -> Result<u32, Error> {
        let map = self.divided().await?;
        self.load().await?;
        Ok(map.map_or(1, |map| map.total))
    }

    /// Ends an operation: the shards go on from where it got to.
    pub(crate) async fn end<T>(
        &mut self,
        whole: Option<Whole>,
        result: Result<T, Error>,
    ) -> Result<T, Error> {
        if result.is_err() {
            self.forget();
        }
        let Some(whole) = whole else { return result };
        let yielded = match &result {
            Ok(_) => self.yield_whole(&whole, whole.total).await,
            // What is committed holds; shards that are behind it catch up.
            Err(_) => self.give_back(&whole, whole.total).await,
        };
        self.resume();
        let resumed = match self.post.shard {
            Some(_) => self.reclaim().await.map(drop),
            None => whole.member.leave().await.and(self.load().await),
        };
        let value = result?;
        yielded.and(resumed)?;
        Ok(value)
    }

    /// Works on what it worked on before the whole.
    fn resume(&mut self) {
        if let Some(before) = self.before.take() {
            self.post = before.post;
        }
    }

    async fn give_back(&self, whole: &Whole, total: u32) -> Result<(), Error> {
        Ok(whole.member.shards()?.yield_whole(whole.member.worker(), total).await?)
    }

    async fn yield_whole(&mut self, whole: &Whole, total: u32) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        for place in 0..total {
            tx.save_build(&shard_key(&self.version, place), &self.build).await?;
        }
        self.commit(tx).await?;
        self.give_back(whole, total).await
    }

    /// Divides the namespace into so many shards (engine.md 7.4). Nothing is replayed but what some shard had not
    /// reached yet.
    ///
    /// # Errors
    ///
    /// [`Error::Undivided`]; what the store says.
    pub async fn resize(&mut self, total: u32) -> Result<(), Error> {
        self.let_go();
        let shards = self.store.shards().ok_or(Error::Undivided)?;
        if shards.map().await?.is_none() {
            self.start(false).await?;
            shards_of(self)?.divide(1).await?;
        }
        let whole = self.take_whole().await?;
        let result = self.yield_whole(&whole, total).await;
        self.resume();
        let left = whole.member.leave().await;
        result.and(left)?;
        self.load().await
    }

    /// Appended events up to a place in the ledger: resolves what nobody has resolved yet, and interprets what the shard
    /// owns of it. False when another process has the shard.
    pub(crate) async fn follow(
        &mut self,
        until: Sequence,
        result: &mut BuildResult,
    ) -> Result<bool, Error> {
        loop {
            let followed = match self.resolve_stage(until).await {
                Ok(()) => self.interpret_stage(result).await,
                Err(error) => Err(error),
            };
            match followed {
                Ok(()) => return Ok(true),
                Err(Error::Port(defacto_ports::Error::Stale { .. })) => {
                    if !self.reclaim().await? {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Resolves, in sequence order, what no process has resolved yet (T2): a block to a transaction.
    pub(crate) async fn resolve_stage(&mut self, until: Sequence) -> Result<(), Error> {
        while self.store.read().await?.resolved().await? < until {
            let mut tx = self.begin().await?;
            tx.lock_resolution().await?;
            let from = tx.resolved().await?;
            if from >= until {
                break;
            }
            self.note_resolved(&mut *tx, from).await?;
            let size = self.options.batch_size.max(1);
            let rows = tx.scan_events(from, until, size, false).await?;
            let full = rows.len() >= size;
            let end = rows.last().filter(|_| full).map_or(until, |row| row.sequence);
            let events = self.decode(rows).await?;
            self.resolve_block(&mut *tx, &events, end).await?;
            self.commit(tx).await?;
            self.resolved = end;
        }
        Ok(())
    }

    /// Another process resolved since: what is remembered of hints may have moved.
    async fn note_resolved(
        &mut self,
        tx: &mut dyn Transaction,
        from: Sequence,
    ) -> Result<(), Error> {
        if from != self.resolved {
            self.identity.clear();
            self.resolved = from;
        }
        self.note_merges(tx).await
    }

    /// Learns of the first merge, wherever it was made.
    async fn note_merges<R>(&mut self, reader: &mut R) -> Result<(), Error>
    where
        R: Reader + ?Sized,
    {
        if !self.any_merges {
            let any = reader.merges_between(Sequence(0), Sequence(i64::MAX), 1).await?;
            self.any_merges = !any.is_empty();
        }
        Ok(())
    }

    /// Applies, to the entities that the shard owns, everything that is resolved (T3). Merges made anywhere come first,
    /// each shard doing what concerns its own entities; then events, a block to a transaction. An entity made anew at its
    /// merge has its later events already.
    pub(crate) async fn interpret_stage(&mut self, result: &mut BuildResult) -> Result<(), Error> {
        let mut reader = self.store.read().await?;
        let target = reader.resolved().await?;
        self.note_merges(&mut *reader).await?;
        drop(reader);
        let mut done: HashSet<EntityId> = HashSet::new();
        let mut first = true;
        while self.build.cursor < target {
            let page = self.page(target).await?;
            let events: Vec<Arc<Event>> =
                page.events.iter().map(|(event, _)| Arc::clone(event)).collect();
            let disordered = late(&self.build, &events);
            if first && page.full && disordered > count(events.len() / 16) {
                result.late_arrivals += disordered;
                return self.build_in_event_order(target, result).await;
            }
            result.late_arrivals += disordered;
            result.events_processed += count(events.len());
            let mut tx = self.begin().await?;
            let mut merges = Vec::new();
            if std::mem::take(&mut first) {
                let from = self.build.cursor;
                if !self.undone_between(&mut *tx, from, target).await?.is_empty() {
                    drop(tx);
                    return self.catch_up_whole().await;
                }
                merges = tx.merges_between(self.build.cursor, target, usize::MAX).await?;
                result.merges_detected += count(merges.len());
            }
            let mut progress = self.build.clone();
            raise(&mut progress, &events);
            progress.cursor = page.end;
            let block = Block { events: page.events, merges, undone: Vec::new() };
            let realm = self.realm();
            let into = Target { realm: &realm, replay: false };
            let mut touched = Vec::new();
            let summary = self.apply_block(&mut *tx, into, block, &done, &mut touched).await?;
            self.commit_block(tx, progress, touched).await?;
            done.extend(summary.redone.iter().copied());
            self.report(summary, result).await?;
        }
        Ok(())
    }

    /// A merge was taken back while this shard was behind: what that changes is every shard's, and rare enough to be done
    /// in one place.
    fn catch_up_whole(&mut self) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + '_>> {
        Box::pin(async {
            let whole = self.take_whole().await?;
            let result = self.bring_up().await;
            self.end(Some(whole), result).await
        })
    }

    /// The next events of the shard, in sequence order.
    async fn page(&self, target: Sequence) -> Result<Page, Error> {
        let size = self.options.batch_size.max(1);
        let mut reader = self.store.read().await?;
        let rows = reader.scan_events(self.build.cursor, target, size, false).await?;
        let full = rows.len() >= size;
        let end = rows.last().filter(|_| full).map_or(target, |row| row.sequence);
        let sequences: Vec<Sequence> = rows.iter().map(|row| row.sequence).collect();
        let mut owned = reader.entity_events(&sequences).await?;
        drop(reader);
        owned.retain(|row| self.owns(row.entity_id));
        owned.sort_by_key(|row| row.sequence);
        let mut owned = owned.into_iter().peekable();
        let (mut mine, mut belongs) = (Vec::new(), Vec::new());
        for row in rows {
            let mut to = Vec::new();
            while let Some(entity) = owned.next_if(|entity| entity.sequence <= row.sequence) {
                to.push(entity);
            }
            if !to.is_empty() {
                mine.push(row);
                belongs.push(to);
            }
        }
        let events = self.decode(mine).await?.into_iter().zip(belongs).collect();
        Ok(Page { events, end, full })
    }

    /// How many of these events are none of the shard's.
    pub(crate) async fn foreign(&self, stored: &[Sequence]) -> Result<u64, Error> {
        let mut rows = self.store.read().await?.entity_events(stored).await?;
        rows.sort_by_key(|row| row.sequence);
        let elsewhere = rows
            .chunk_by(|a, b| a.sequence == b.sequence)
            .filter(|of_event| of_event.iter().all(|row| !self.owns(row.entity_id)));
        Ok(count(elsewhere.count()))
    }
}

fn shards_of(pipeline: &Pipeline) -> Result<&dyn defacto_ports::Shards, Error> {
    pipeline.store.shards().ok_or(Error::Undivided)
}
