use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use defacto_model::{EntityId, Sequence};
use defacto_ports::{EntityStateRow, MergeRow, OrderKey, Realm, Transaction};

use crate::apply::{FROM_START, Failed, Job, Outcome, Redo, Summary, interpret};
use crate::blocking::blocking;
use crate::catalog::Catalog;
use crate::decode::Event;
use crate::edges::{EdgeWork, write_edges};
use crate::fold::{Applied, FailurePlace};
use crate::merges::MergeIndex;
use crate::{Error, Pipeline};

/// What making entities anew did.
#[derive(Debug)]
pub(crate) struct Remade {
    pub(crate) summary: Summary,
    /// Events applied, some of them several times where they concern several entities.
    pub(crate) events: Vec<Sequence>,
}

impl Pipeline {
    /// Failures of entities made anew that came up, and were reported, when their earlier events were applied.
    pub(crate) async fn reported_before(
        &mut self,
        tx: &mut dyn Transaction,
        entity: u32,
        merges: &mut MergeIndex,
        outcome: &Outcome,
        redone: &HashMap<EntityId, Job>,
    ) -> Result<BTreeSet<FailurePlace>, Error> {
        let cursor = self.build.cursor;
        let mut jobs = Vec::new();
        for folded in outcome.entities.iter().filter(|folded| !folded.failures.is_empty()) {
            let id = folded.state.entity_id;
            let Some(Job { state, events, resumed, .. }) = redone.get(&id) else { continue };
            if self.any_merges {
                merges.load(tx, events.iter().map(|applied| applied.origin).collect()).await?;
            }
            let earlier = events.iter().filter(|applied| {
                applied.event.sequence <= cursor && merges.root_until(applied.origin, cursor) == id
            });
            jobs.push(Job {
                id,
                state: state.clone(),
                events: earlier.cloned().collect(),
                resumed: *resumed,
                complete: false,
            });
        }
        if jobs.is_empty() {
            return Ok(BTreeSet::new());
        }
        let (machines, catalog) = (Arc::clone(&self.machines), Arc::clone(&self.catalog));
        let as_of = self.build.tick_as_of;
        let before = blocking(|| interpret(&*machines, &catalog, merges, entity, jobs, as_of))?;
        let places = before.entities.iter().flat_map(|folded| {
            folded.failures.iter().map(|failure| failure.place(folded.state.entity_id))
        });
        Ok(places.collect())
    }

    /// Failures of rules but for those that were reported when the rules ran before, on entities made anew since.
    pub(crate) async fn not_reported(&mut self, failed: Vec<Failed>) -> Result<Vec<Failed>, Error> {
        let (cursor, as_of) = self.reported;
        let again = |failed: &&Failed| Some(failed.failure.instant) < as_of;
        let mut redo: BTreeMap<u32, Redo> = BTreeMap::new();
        for failed in failed.iter().filter(again) {
            redo.entry(failed.entity).or_default().insert(failed.id, FROM_START);
        }
        if redo.is_empty() {
            return Ok(failed);
        }
        let (machines, catalog) = (Arc::clone(&self.machines), Arc::clone(&self.catalog));
        let realm = self.realm();
        let mut known: BTreeSet<FailurePlace> = BTreeSet::new();
        let mut tx = self.store.begin().await?;
        for (entity, redo) in redo {
            let mut merges = MergeIndex::default();
            let mut jobs = self.load_jobs(&mut *tx, &realm, &catalog, entity, &redo).await?;
            for job in &mut jobs {
                if self.any_merges {
                    let origins = job.events.iter().map(|applied| applied.origin);
                    merges.load(&mut *tx, origins.collect()).await?;
                }
                let id = job.id;
                job.events.retain(|applied| {
                    applied.event.sequence <= cursor
                        && merges.root_until(applied.origin, cursor) == id
                });
            }
            let before =
                blocking(|| interpret(&*machines, &catalog, &merges, entity, jobs, as_of))?;
            for folded in &before.entities {
                let id = folded.state.entity_id;
                known.extend(folded.failures.iter().map(|failure| failure.place(id)));
            }
        }
        drop(tx);
        let new = |it: &Failed| !known.contains(&it.failure.place(it.id));
        Ok(failed.into_iter().filter(new).collect())
    }

    /// Entities with their events from a place on, and the newest state before it, which is the present one where nothing
    /// later has been applied; with all events where there is none.
    pub(crate) async fn load_jobs(
        &mut self,
        tx: &mut dyn Transaction,
        realm: &Realm,
        catalog: &Catalog,
        entity: u32,
        redo: &Redo,
    ) -> Result<Vec<Job>, Error> {
        let name = catalog.entity_name(entity);
        let mut jobs: BTreeMap<EntityId, Job> = BTreeMap::new();
        let mut rows = Vec::new();
        let mut whole: Vec<EntityId> = Vec::new();
        let present = redo.keys().map(|id| Job { complete: true, ..Job::new(*id, Vec::new()) });
        let mut present: Vec<Job> = present.collect();
        self.load_states(tx, realm, catalog, entity, &mut present).await?;
        for (mut job, from) in present.into_iter().zip(redo.values()) {
            let id = job.id;
            job.state = job.state.filter(|state| ends_before(state, *from));
            if job.state.is_none() && *from != FROM_START {
                job.state = tx.checkpoint(realm, name, id, *from).await?;
                job.resumed = job.state.is_some();
            }
            match job.state.as_ref().and_then(|state| state.last_key) {
                Some(key) => rows.extend(tx.events_of(&[id], Some(after(key))).await?),
                None => whole.push(id),
            }
            jobs.insert(id, job);
        }
        if !whole.is_empty() {
            rows.extend(tx.events_of(&whole, None).await?);
        }
        for (row, event) in rows {
            if row.entity_type == name
                && let Some(job) = jobs.get_mut(&row.entity_id)
            {
                let event = Arc::new(Event::from_row(catalog, event)?);
                job.events.push(Applied { event, origin: row.origin_id, targets: row.targets });
            }
        }
        let mut out: Vec<Job> = jobs.into_values().collect();
        for job in &mut out {
            job.events.sort_by_key(|applied| applied.event.key());
        }
        Ok(out)
    }

    /// Makes entities anew of which it is not known what was before their newest row.
    pub(crate) async fn make_sure(
        &mut self,
        tx: &mut dyn Transaction,
        realm: &Realm,
        entity: u32,
        ids: BTreeSet<EntityId>,
    ) -> Result<(), Error> {
        let catalog = Arc::clone(&self.catalog);
        let redo = ids.into_iter().map(|id| (id, FROM_START)).collect();
        let jobs = self.load_jobs(tx, realm, &catalog, entity, &redo).await?;
        let (mut index, mut work) = (MergeIndex::default(), EdgeWork::default());
        let (mut summary, mut touched) = (Summary::default(), Vec::new());
        let out = (&mut summary, &mut touched);
        self.run_jobs(tx, realm, entity, jobs, &mut index, &mut work, out.0, out.1).await?;
        write_edges(tx, realm, &catalog, self.shard(), &mut index, self.any_merges, work).await
    }

    /// Makes entities, by type, anew from all their events, with what has ceased into them.
    pub(crate) async fn remake(
        &mut self,
        tx: &mut dyn Transaction,
        realm: &Realm,
        redo: BTreeMap<u32, BTreeSet<EntityId>>,
        mut work: EdgeWork,
    ) -> Result<Remade, Error> {
        let catalog = Arc::clone(&self.catalog);
        let mut index = MergeIndex::default();
        let (mut summary, mut touched) = (Summary::default(), Vec::new());
        let (mut losers, mut events) = (Vec::new(), Vec::new());
        for (entity, ids) in redo {
            losers.extend(self.losers(tx, &ids).await?);
            let all = ids.iter().map(|id| (*id, FROM_START)).collect();
            let jobs = self.load_jobs(tx, realm, &catalog, entity, &all).await?;
            let applied = jobs.iter().flat_map(|job| &job.events);
            events.extend(applied.map(|applied| applied.event.sequence));
            let (index, work) = (&mut index, &mut work);
            let out = (&mut summary, &mut touched);
            self.run_jobs(tx, realm, entity, jobs, index, work, out.0, out.1).await?;
        }
        // Entities merged into these had such events too.
        self.retire(tx, realm, &losers, &mut index).await?;
        write_edges(tx, realm, &catalog, None, &mut index, self.any_merges, work).await?;
        Ok(Remade { summary, events })
    }

    /// Merges by which entities have ceased into these, in the order in which they took place.
    async fn losers(
        &mut self,
        tx: &mut dyn Transaction,
        ids: &BTreeSet<EntityId>,
    ) -> Result<Vec<MergeRow>, Error> {
        let mut out: Vec<MergeRow> = Vec::new();
        if self.any_merges {
            for id in ids {
                let cluster = self.absorbed(tx, *id).await?;
                out.extend(tx.merges_from(&cluster).await?);
            }
            out.sort_by_key(|merge| (merge.sequence, merge.from));
            out.dedup_by_key(|merge| merge.from);
        }
        Ok(out)
    }

    /// Of the entities made anew, those that exist in the history so far.
    pub(crate) async fn existing(
        &self,
        tx: &mut dyn Transaction,
        realm: &Realm,
        entity: u32,
        jobs: &[Job],
    ) -> Result<BTreeSet<EntityId>, Error> {
        let whole = jobs.iter().filter(|job| job.state.is_none());
        let ids: Vec<EntityId> = whole.map(|job| job.id).collect();
        if ids.is_empty() {
            return Ok(BTreeSet::new());
        }
        let states = tx.load_states(realm, self.catalog.entity_name(entity), &ids).await?;
        let existing = states.into_iter().flatten().filter(|state| state.record.exists);
        Ok(existing.map(|state| state.entity_id).collect())
    }

    /// Forgets checkpoints that what is made anew makes wrong.
    pub(crate) async fn forget_later(
        &self,
        tx: &mut dyn Transaction,
        realm: &Realm,
        entity: u32,
        jobs: &[Job],
    ) -> Result<(), Error> {
        let from = |job: &Job| match job.state.as_ref() {
            Some(state) => state.last_key.filter(|_| job.resumed).map(after),
            None => Some(FROM_START),
        };
        let ids: Vec<_> = jobs.iter().filter_map(|job| Some((job.id, from(job)?))).collect();
        if !ids.is_empty() {
            tx.delete_checkpoints(realm, self.catalog.entity_name(entity), &ids).await?;
        }
        Ok(())
    }
}

/// Whether a state is one to go on from at a place: nothing at or after it, event or rule, has been applied.
fn ends_before(state: &EntityStateRow, from: OrderKey) -> bool {
    state.last_key.is_some_and(|last| last < from)
        && state.record.last_rule.is_none_or(|rule| rule < from.timestamp)
}

/// The place just after a key.
fn after(key: OrderKey) -> OrderKey {
    OrderKey { sequence: Sequence(key.sequence.0.saturating_add(1)), ..key }
}
