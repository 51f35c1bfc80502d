use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Instant;

use defacto_model::{EntityId, Sequence, Timestamp};
use defacto_planner::{Hashes, Mode, Plan, Wanted};
use defacto_ports::{
    BuildState, EntityStateRow, Fence, LedgerRow, MergeRow, OrderKey, Realm, Transaction,
};

use crate::ahead::{Ahead, Page, Pages, decode, fetch, fetch_in_order};
use crate::apply::{Block, Target};
use crate::base::Base;
use crate::decode::Event;
use crate::edges::{EdgeWork, write_edges};
use crate::ingest::{late, raise};
use crate::merges::MergeIndex;
use crate::pipeline::settings;
use crate::retry::Attempts;
use crate::visits::{RedoneWork, visitors};
use crate::{BuildResult, Error, Pipeline, Resumed};

/// Merges whose losers are written in one transaction.
const RETIRE_PAGE: usize = 256;

/// Up to which instant time rules run at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AsOf {
    /// The clock, or the last instant if that is later.
    #[default]
    Clock,
    /// This one.
    At(Timestamp),
    /// No further than they have run already.
    Keep,
}

/// How to build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BuildOptions {
    /// Replay everything.
    pub full: bool,
    /// Normalize everything again first.
    pub from_raw: bool,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Rules at the end.
    pub as_of: AsOf,
}

impl Pipeline {
    /// Brings the history of the version up to the head of the ledger and of its definitions, then runs time
    /// rules (engine.md 3.7).
    ///
    /// # Errors
    ///
    /// What module and store say. What is committed stays; the next build continues.
    pub async fn build(&mut self, options: BuildOptions) -> Result<BuildResult, Error> {
        let started = Instant::now();
        self.begin_operation();
        let mut attempts = Attempts::default();
        let mut result = loop {
            self.warnings.clear();
            match self.build_wanted(options).await {
                Err(error) => self.again(error, &mut attempts).await?,
                Ok(result) => break result,
            }
        };
        for warning in std::mem::take(&mut self.warnings) {
            warning.add_to(&mut result.warnings);
        }
        result.timing = std::mem::take(&mut self.timing);
        result.timing.finish(started.elapsed());
        result.duration_ms = result.timing.total_ms;
        Ok(result)
    }

    async fn build_wanted(&mut self, options: BuildOptions) -> Result<BuildResult, Error> {
        let wanted = Wanted { full: options.full, from_raw: options.from_raw };
        if options.dry_run {
            let mut plan = self.plan(wanted).await?;
            if let Some(base) = self.base().await?.filter(|_| plan.renew)
                && self.twin(self.subject()).preview_renewal(&base).await?.is_none()
            {
                plan = plan.of_everything();
            }
            return Ok(self.planned(plan, true));
        }
        self.enroll().await?;
        // A shard alone can only go on from where it is.
        let all = self.plan(wanted).await?.mode.is_full() || !self.active;
        let whole = self.start(all).await?;
        let result = match self.plan(wanted).await {
            Ok(plan) => self.build_planned(plan, options).await,
            Err(error) => Err(error),
        };
        self.end(whole, result).await
    }

    fn planned(&self, plan: Plan, dry_run: bool) -> BuildResult {
        BuildResult {
            mode: plan.mode.name().to_owned(),
            reason: plan.reason.to_owned(),
            version: self.version.clone(),
            dry_run,
            ..BuildResult::default()
        }
    }

    pub(crate) async fn build_planned(
        &mut self,
        plan: Plan,
        options: BuildOptions,
    ) -> Result<BuildResult, Error> {
        // A claim keeps others away from a shard, and a hold from the whole, for as long as its lease runs. A lock would
        // stay with a process that is paused, and with it the shard.
        let store = Arc::clone(&self.store);
        let lock = match self.post.fence {
            Fence::Alone => Some(store.lock_build(&self.progress_key()).await?),
            Fence::Shard { .. } | Fence::Whole { .. } => None,
        };
        let result = self.build_locked(plan, options).await;
        if let Some(lock) = lock {
            store.unlock_build(lock).await;
        }
        result
    }

    async fn build_locked(
        &mut self,
        plan: Plan,
        options: BuildOptions,
    ) -> Result<BuildResult, Error> {
        let mut plan = plan;
        let mut base = if plan.reuse { self.base().await? } else { None };
        // What is taken over has seen the rules up to there.
        let ticked = base.as_ref().and_then(|base| base.build.tick_as_of);
        let reached = self.build.tick_as_of.max(ticked);
        let as_of = match options.as_of {
            AsOf::Clock => Some(self.now().max(reached.unwrap_or(Timestamp::MIN))),
            AsOf::At(instant) => Some(instant),
            AsOf::Keep => reached,
        };
        if plan.reuse && (base.is_none() || as_of < ticked) {
            base = None;
            plan = plan.of_everything();
        }
        let mut result = self.planned(plan, false);
        if let Some(whole) = base.as_ref().filter(|base| base.renew.is_some())
            && !self.renew(whole, &mut result).await?
        {
            base = None;
            plan = plan.of_everything();
            result = self.planned(plan, false);
        }
        if plan.mode.is_full() || plan.reuse {
            self.build_full(plan, base, as_of, &mut result).await?;
            // A build that was taken up again ends where it would have ended; what came since follows.
            if self.store.read().await?.head().await? > self.build.cursor {
                self.build_incremental(&mut result).await?;
                self.finish(plan, as_of, &mut result).await?;
            }
        } else {
            if plan.mode == Mode::Incremental {
                self.build_incremental(&mut result).await?;
            }
            self.finish(plan, as_of, &mut result).await?;
        }
        result.as_of = as_of;
        Ok(result)
    }

    /// Runs rules and notes that the build is done.
    async fn finish(
        &mut self,
        plan: Plan,
        as_of: Option<Timestamp>,
        result: &mut BuildResult,
    ) -> Result<(), Error> {
        let realm = self.realm();
        if let Some(as_of) = as_of {
            let ticked = self.advance(&realm, as_of).await?;
            add_tick(result, ticked);
        }
        let mut build = self.build.clone();
        build.tick_as_of = build.tick_as_of.max(as_of);
        self.close_build(&mut build, plan);
        let mut tx = self.begin().await?;
        tx.save_build(&self.progress_key(), &build).await?;
        self.note_same_data(&mut *tx, plan).await?;
        if !self.active {
            tx.publish_realm(&realm, &self.catalog.manifest).await?;
            self.show(&mut *tx).await?;
        }
        self.commit(tx).await?;
        self.active |= !self.beside;
        self.build = build;
        Ok(())
    }

    /// Data that these definitions would make the same are theirs from now on.
    async fn note_same_data(&self, tx: &mut dyn Transaction, plan: Plan) -> Result<(), Error> {
        if plan.same_data && !self.beside && self.shard().is_none() {
            self.set_data_state(tx).await?;
        }
        Ok(())
    }

    fn close_build(&self, build: &mut BuildState, plan: Plan) {
        let hashes = &self.catalog.hashes;
        build.definition_hash.clone_from(&hashes.definition);
        build.label_hash.clone_from(&hashes.label);
        build.module_hash.clone_from(&hashes.module);
        build.pending = None;
        plan.mode.name().clone_into(&mut build.last_mode);
        build.last_built_at = Some(self.now());
    }

    /// Applies what lies between cursor and head. Blocks go in sequence order, resolved and applied in one
    /// transaction each, as long as event times rise with sequences; else everything is resolved first and
    /// then applied in event order, so that an unsorted ledger is not recomputed again and again.
    async fn build_incremental(&mut self, result: &mut BuildResult) -> Result<(), Error> {
        let target = self.store.read().await?.head().await?;
        if self.shard().is_some() {
            return match self.follow(target, result).await? {
                true => Ok(()),
                false => Err(defacto_ports::Error::Locked { what: "the shard" }.into()),
            };
        }
        let mut ahead = Ahead::default();
        while self.build.cursor < target {
            let events = match ahead.take().await {
                Some(events) => events?,
                None => fetch(self.pages(self.build.cursor, target)).await?,
            };
            let disordered = late(&self.build, &events);
            let end = if events.len() < self.options.batch_size {
                target
            } else {
                events.last().map_or(target, |event| event.sequence)
            };
            let share = u64::try_from(events.len() / 16).unwrap_or(u64::MAX);
            if disordered > share && end < target {
                result.late_arrivals += self.count_late(target).await?;
                return self.build_in_event_order(target, result).await;
            }
            result.late_arrivals += disordered;
            if end < target {
                ahead.start(fetch(self.pages(end, target)));
            }
            self.build_block(events, end, result).await?;
        }
        Ok(())
    }

    /// The next rows of the ledger, to be read beside the pipeline's own work.
    fn pages(&self, after: Sequence, until: Sequence) -> Pages {
        Pages {
            store: Arc::clone(&self.store),
            catalog: Arc::clone(&self.catalog),
            size: self.options.batch_size.max(1),
            after,
            until,
        }
    }

    async fn scan(&self, after: Sequence, until: Sequence) -> Result<Vec<LedgerRow>, Error> {
        let mut reader = self.store.read().await?;
        Ok(reader.scan_events(after, until, self.options.batch_size.max(1), false).await?)
    }

    /// Decodes rows in parallel.
    pub(crate) async fn decode(&self, rows: Vec<LedgerRow>) -> Result<Vec<Arc<Event>>, Error> {
        decode(&self.catalog, rows)
    }

    async fn build_block(
        &mut self,
        events: Vec<Arc<Event>>,
        end: Sequence,
        result: &mut BuildResult,
    ) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let mut rows = self.resolve_new(&mut *tx, &events, end).await?.rows;
        let undone = self.undone_between(&mut *tx, self.build.cursor, end).await?;
        let merges = tx.merges_between(self.build.cursor, end, usize::MAX).await?;
        result.merges_detected += count(merges.len());
        result.events_processed += count(events.len());
        let mut progress = self.build.clone();
        raise(&mut progress, &events);
        progress.cursor = end;
        let events = events.into_iter().map(|event| {
            let rows = rows.remove(&event.sequence).unwrap_or_default();
            (event, rows)
        });
        let block = Block { events: events.collect(), merges, undone };
        let realm = self.realm();
        let mut touched = Vec::new();
        let target = Target { realm: &realm, replay: false };
        let summary =
            self.apply_block(&mut *tx, target, block, &HashSet::new(), &mut touched).await?;
        self.commit_block(tx, progress, touched).await?;
        self.report(summary, result).await
    }

    /// Ends a block's transaction: with it goes the place it came to, and the states that it left stay at hand.
    pub(crate) async fn commit_block(
        &mut self,
        mut tx: Box<dyn Transaction>,
        progress: BuildState,
        touched: Vec<EntityStateRow>,
    ) -> Result<(), Error> {
        tx.save_build(&self.progress_key(), &progress).await?;
        self.commit(tx).await?;
        self.build = progress;
        for row in touched {
            self.states.put(row);
        }
        Ok(())
    }

    async fn count_late(&self, target: Sequence) -> Result<u64, Error> {
        let mut progress = self.build.clone();
        let mut total = 0;
        let mut after = progress.cursor;
        loop {
            let rows = self.scan(after, target).await?;
            let Some(last) = rows.last() else { return Ok(total) };
            after = last.sequence;
            if let Some(watermark) = progress.watermark {
                total += count(rows.iter().filter(|row| row.event.timestamp < watermark).count());
            }
            progress.watermark =
                progress.watermark.max(rows.iter().map(|row| row.event.timestamp).max());
        }
    }

    /// Resolves everything up to a place in the ledger, a block to a transaction.
    async fn resolve_all(&mut self, target: Sequence) -> Result<(), Error> {
        loop {
            let from = self.store.read().await?.resolved().await?;
            if from >= target {
                return Ok(());
            }
            let rows = self.scan(from, target).await?;
            let full = rows.len() >= self.options.batch_size.max(1);
            let end = rows.last().filter(|_| full).map_or(target, |row| row.sequence);
            let events = self.decode(rows).await?;
            let mut tx = self.begin().await?;
            self.resolve_block(&mut *tx, &events, end).await?;
            self.commit(tx).await?;
        }
    }

    pub(crate) async fn build_in_event_order(
        &mut self,
        target: Sequence,
        result: &mut BuildResult,
    ) -> Result<(), Error> {
        self.resolve_all(target).await?;
        let realm = self.realm();
        let from = self.build.cursor;
        let mut done: HashSet<EntityId> = HashSet::new();
        let mut tx = self.begin().await?;
        let merges = tx.merges_between(from, target, usize::MAX).await?;
        let undone = self.undone_between(&mut *tx, from, target).await?;
        result.merges_detected += count(merges.len());
        if !merges.is_empty() || !undone.is_empty() {
            let block = Block { events: Vec::new(), merges: merges.clone(), undone };
            let mut touched = Vec::new();
            let into = Target { realm: &realm, replay: false };
            let summary = self.apply_block(&mut *tx, into, block, &done, &mut touched).await?;
            done.extend(summary.redone.iter().copied());
            self.commit(tx).await?;
            self.report(summary, result).await?;
        } else {
            drop(tx);
        }
        let place = Replay { realm: &realm, fresh: false, from, target, after: None, only: None };
        self.replay(place, &mut done, result).await?;
        let mut progress = self.build.clone();
        progress.cursor = target;
        let mut tx = self.begin().await?;
        if !merges.is_empty() {
            self.repoint(&mut *tx, &realm, merges).await?;
        }
        tx.save_build(&self.progress_key(), &progress).await?;
        self.commit(tx).await?;
        self.build = progress;
        Ok(())
    }

    /// Applies resolved events in event order.
    async fn replay(
        &mut self,
        place: Replay<'_>,
        done: &mut HashSet<EntityId>,
        result: &mut BuildResult,
    ) -> Result<(), Error> {
        let Replay { realm, fresh, from, target, after, only } = place;
        if only.is_some_and(BTreeSet::is_empty) {
            return Ok(());
        }
        let only = only.cloned().map(Arc::new);
        let mut ahead = Ahead::default();
        ahead.start(fetch_in_order(self.pages(from, target), after, only.clone()));
        while let Some(page) = ahead.take().await {
            let Some(Page { last, events, entities }) = page? else { return Ok(()) };
            let after = Some(last);
            ahead.start(fetch_in_order(self.pages(from, target), after, only.clone()));
            raise(&mut self.build, &events);
            result.events_processed += count(events.len());
            let block =
                Block { events: events.into_iter().zip(entities).collect(), ..Block::default() };
            let mut touched = Vec::new();
            let mut tx = self.begin().await?;
            let into = Target { realm, replay: fresh };
            let summary = self.apply_block(&mut *tx, into, block, done, &mut touched).await?;
            done.extend(summary.redone.iter().copied());
            let mut progress = self.build.clone();
            if fresh {
                progress.pending = Some((realm.generation, target, after));
                tx.save_build(&self.progress_key(), &progress).await?;
                self.note_done(&mut *tx, summary.on_top_of(result.done())).await?;
            }
            self.commit(tx).await?;
            self.build = progress;
            for row in touched {
                self.states.put(row);
            }
            self.report(summary, result).await?;
        }
        Ok(())
    }

    /// Makes everything anew in tables beside the present ones and shows them at the end.
    async fn build_full(
        &mut self,
        plan: Plan,
        base: Option<Base>,
        as_of: Option<Timestamp>,
        result: &mut BuildResult,
    ) -> Result<(), Error> {
        let catalog = Arc::clone(&self.catalog);
        let only = base.as_ref().map(|base| &base.scope.changed);
        if let Some((generation, target, after)) = self.resumable(plan, base.as_ref()).await? {
            // What was renewed just now is no earlier build's.
            if !plan.renew {
                let done = self.store.read().await?.setting(&self.done_so_far()).await?;
                let done = done.and_then(|text| serde_json::from_str(&text).ok());
                result.resume(done.unwrap_or_default());
            }
            let new = Realm { version: self.version.clone(), generation };
            self.states.clear();
            let from = Sequence(0);
            let place = Replay { realm: &new, fresh: true, from, target, after, only };
            return self.complete_full(plan, place, as_of, result).await;
        }
        let mut target = match &base {
            Some(base) => base.build.cursor,
            None => self.store.read().await?.head().await?,
        };
        let generation = self.build.generation + 1;
        let new = Realm { version: self.version.clone(), generation };
        let mut progress = self.build.clone();
        progress.pending = Some((generation, target, None));
        if plan.resolve {
            let (failures, head) =
                self.remake_identity(plan.renormalize, target, &progress).await?;
            target = head;
            progress.pending = Some((generation, target, None));
            result.events_failed += count(failures.len());
            result.failures.extend(failures);
        } else {
            let mut tx = self.begin().await?;
            self.note_begun(&mut *tx, &progress).await?;
            self.commit(tx).await?;
        }
        self.build = progress;
        self.resolve_all(target).await?;
        self.states.clear();
        let mut tx = self.begin().await?;
        tx.drop_realm(&new).await?;
        tx.create_realm(&new, &catalog.manifest).await?;
        if let Some(base) = &base {
            base.check(&mut *tx).await?;
            tx.copy_types(&base.realm, &new, &base.copied(), &base.pairs()).await?;
        }
        let ruled = base.as_ref().map(|base| &base.ruled).filter(|ruled| !ruled.is_empty());
        let mut work = RedoneWork::default();
        if let Some(ruled) = ruled {
            let redo = visitors(&mut *tx, &new, ruled, &catalog.manifest).await?;
            work = self.remake_pages(&mut *tx, &new, redo).await?;
            self.note_done(&mut *tx, work.on_top_of(result.done())).await?;
        }
        let resolved = tx.resolved().await?;
        tx.set_setting(&self.under_way(), &self.made_of(resolved, base.as_ref())).await?;
        self.commit(tx).await?;
        self.report_remade(work, result).await?;
        self.build.watermark = base.as_ref().and_then(|base| base.build.watermark);
        let from = Sequence(0);
        let place = Replay { realm: &new, fresh: true, from, target, after: None, only };
        self.complete_full(plan, place, as_of, result).await
    }

    /// Setting that says of what a full build under way is made.
    pub(crate) fn under_way(&self) -> String {
        under_way(&self.version)
    }

    /// Setting that says what it has done.
    fn done_so_far(&self) -> String {
        format!("build_done/{}", self.version)
    }

    /// Keeps that a full build begins, of which nothing is made or done yet.
    pub(crate) async fn note_begun(
        &self,
        tx: &mut dyn Transaction,
        progress: &BuildState,
    ) -> Result<(), Error> {
        tx.set_setting(&self.under_way(), "").await?;
        tx.set_setting(&self.done_so_far(), "").await?;
        Ok(tx.save_build(&self.progress_key(), progress).await?)
    }

    /// Keeps what a full build has done, for the case that it is interrupted.
    pub(crate) async fn note_done(
        &self,
        tx: &mut dyn Transaction,
        done: Resumed,
    ) -> Result<(), Error> {
        let text = serde_json::to_string(&done).unwrap_or_default();
        Ok(tx.set_setting(&self.done_so_far(), &text).await?)
    }

    /// What an unfinished build must have been made of to be taken up again: the module, and the identity map up to a
    /// place in the ledger. Whatever else changes the map drops the build.
    pub(crate) fn made_of(&self, resolved: Sequence, base: Option<&Base>) -> String {
        made_of(&self.catalog.hashes, resolved, base)
    }

    /// Where an unfinished full build can go on.
    async fn resumable(
        &self,
        plan: Plan,
        base: Option<&Base>,
    ) -> Result<Option<(u32, Sequence, Option<OrderKey>)>, Error> {
        let Some((generation, target, after)) = self.build.pending else { return Ok(None) };
        if after.is_none() && !(plan.renew || base.is_some_and(|base| base.under_way)) {
            return Ok(None);
        }
        if plan.resolve || !(plan.mode == Mode::Full || plan.reuse) {
            return Ok(None);
        }
        if base.is_some_and(|base| base.build.cursor != target) {
            return Ok(None);
        }
        let mut reader = self.store.read().await?;
        let resolved = reader.resolved().await?;
        let made_of = reader.setting(&self.under_way()).await?;
        let same = made_of.as_deref() == Some(self.made_of(resolved, base).as_str());
        Ok(same.then_some((generation, target, after)))
    }

    /// Replays what is left, and shows the new tables.
    async fn complete_full(
        &mut self,
        plan: Plan,
        place: Replay<'_>,
        as_of: Option<Timestamp>,
        result: &mut BuildResult,
    ) -> Result<(), Error> {
        let catalog = Arc::clone(&self.catalog);
        let (old, new, target) = (self.realm(), place.realm.clone(), place.target);
        let (generation, only) = (new.generation, place.only.cloned());
        // Everything is derived again, failures too.
        self.reported = (Sequence(0), None);
        self.replay(place, &mut HashSet::new(), result).await?;
        self.retire_all(&new, target, only.as_ref(), result).await?;
        if let Some(as_of) = as_of {
            let ticked = self.advance(&new, as_of).await?;
            add_tick(result, ticked);
        }
        let mut progress = self.build.clone();
        progress.cursor = target;
        progress.generation = generation;
        progress.tick_as_of = progress.tick_as_of.max(as_of);
        self.close_build(&mut progress, plan);
        let mut tx = self.begin().await?;
        tx.publish_realm(&new, &catalog.manifest).await?;
        self.show(&mut *tx).await?;
        tx.save_build(&self.progress_key(), &progress).await?;
        if plan.resolve {
            self.set_data_state(&mut *tx).await?;
        }
        self.note_same_data(&mut *tx, plan).await?;
        tx.drop_realm(&old).await?;
        self.commit(tx).await?;
        self.active |= !self.beside;
        self.build = progress;
        Ok(())
    }

    /// Makes the version the active one, unless it is built beside that.
    async fn show(&self, tx: &mut dyn Transaction) -> Result<(), Error> {
        if !self.beside {
            tx.activate_version(&self.version).await?;
        }
        Ok(())
    }

    /// Notes under which definitions the ledger's columns and the identity map were made.
    pub(crate) async fn set_data_state(&self, tx: &mut dyn Transaction) -> Result<(), Error> {
        let hashes = &self.catalog.hashes;
        tx.set_setting(settings::NORMALIZED_WITH, &hashes.source).await?;
        tx.set_setting(settings::RESOLVED_WITH, &hashes.identity).await?;
        tx.set_setting(settings::TARGETS_WITH, &hashes.targets).await?;
        Ok(())
    }

    /// Writes the rows of every entity that has ceased.
    async fn retire_all(
        &mut self,
        realm: &Realm,
        target: Sequence,
        only: Option<&BTreeSet<String>>,
        result: &mut BuildResult,
    ) -> Result<(), Error> {
        if !self.any_merges {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        let merges = tx.merges_between(Sequence(0), target, usize::MAX).await?;
        let mut own = merges.clone();
        own.retain(|merge| only.is_none_or(|only| only.contains(&merge.entity_type)));
        result.merges_detected += count(own.len());
        let mut index = MergeIndex::default();
        for page in own.chunks(RETIRE_PAGE) {
            self.retire(&mut *tx, realm, page, &mut index).await?;
        }
        self.repoint(&mut *tx, realm, merges).await?;
        self.commit(tx).await?;
        Ok(())
    }

    /// Lets edges that lead to entities which have ceased lead to the survivors: needed where merges were known
    /// before the events that relate to their losers were applied.
    async fn repoint(
        &self,
        tx: &mut dyn Transaction,
        realm: &Realm,
        merges: Vec<MergeRow>,
    ) -> Result<(), Error> {
        let work = EdgeWork { merges, ..EdgeWork::default() };
        let shard = self.shard();
        write_edges(tx, realm, &self.catalog, shard, &mut MergeIndex::default(), true, work).await
    }
}

/// See [`Pipeline::under_way`].
pub(crate) fn under_way(version: &str) -> String {
    format!("build_under_way/{version}")
}

/// See [`Pipeline::made_of`].
pub(crate) fn made_of(hashes: &Hashes, resolved: Sequence, base: Option<&Base>) -> String {
    let base = base.map(Base::mark).unwrap_or_default();
    format!("{} {} {} {resolved} {base}", hashes.module, hashes.source, hashes.identity)
}

/// Which events are applied, and where.
struct Replay<'a> {
    realm: &'a Realm,
    /// Into new tables.
    fresh: bool,
    from: Sequence,
    target: Sequence,
    /// Those up to this key have been.
    after: Option<OrderKey>,
    /// Only entities of these types.
    only: Option<&'a BTreeSet<String>>,
}

fn add_tick(result: &mut BuildResult, ticked: crate::TickResult) {
    result.effects_produced += ticked.effects_produced;
    result.transitions += ticked.transitions;
    result.events_failed += count(ticked.failures.len());
    result.failures.extend(ticked.failures);
}

pub(crate) fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
