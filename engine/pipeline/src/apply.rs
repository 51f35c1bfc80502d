use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use defacto_model::{EntityId, Sequence, Shard, Timestamp};
use defacto_ports::{
    EntityEventRow, EntityInput, EntityStateRow, HistoryChange, Interpreted, LastRow, Machines,
    MergeRow, OrderKey, Realm, Transaction,
};
use rayon::prelude::*;

use crate::blocking::blocking_for;
use crate::build::count;
use crate::catalog::Catalog;
use crate::decode::Event;
use crate::edges::{EdgeWork, cluster, write_edges};
use crate::fold::{Applied, EntityFailure, Folded, fold};
use crate::merges::MergeIndex;
use crate::parted::Parted;
use crate::{Error, Pipeline, Resumed};

/// Most events that one call of the module takes.
const CALL_EVENTS: usize = 512;

/// Resolved events to apply.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// With the entities that they belong to.
    pub(crate) events: Vec<(Arc<Event>, Vec<EntityEventRow>)>,
    /// Merges that took place since the last block.
    pub(crate) merges: Vec<MergeRow>,
    /// Merges shown so far that have been taken back since.
    pub(crate) undone: Vec<MergeRow>,
}

/// Where a block is applied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) realm: &'a Realm,
    /// All events come in event order and their merges are known: nothing can be late.
    pub(crate) replay: bool,
}

/// What applying did.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) effects: u64,
    pub(crate) transitions: u64,
    pub(crate) created: u64,
    pub(crate) changed: u64,
    pub(crate) rebuilt: u64,
    pub(crate) failures: Vec<Failed>,
    /// Entities recomputed from all their events. Those taken up from a state are none of them: events that are resolved
    /// and not applied yet may lie before it.
    pub(crate) redone: Vec<EntityId>,
}

impl Summary {
    /// What has been done with this.
    pub(crate) fn on_top_of(&self, done: Resumed) -> Resumed {
        Resumed {
            events_processed: done.events_processed,
            effects_produced: done.effects_produced + self.effects,
            transitions: done.transitions + self.transitions,
            entities_created: done.entities_created + self.created,
            entities_updated: done.entities_updated + self.changed,
            events_failed: done.events_failed + count(self.failures.len()),
        }
    }
}

/// A failure with its entity.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) entity: u32,
    pub(crate) id: EntityId,
    pub(crate) failure: EntityFailure,
}

/// One entity with its events.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) id: EntityId,
    /// `None` to make everything anew.
    pub(crate) state: Option<EntityStateRow>,
    pub(crate) events: Vec<Applied>,
    /// The state is a checkpoint: everything after it is made anew.
    pub(crate) resumed: bool,
    /// The events are all that the entity has after the state.
    pub(crate) complete: bool,
}

impl Job {
    /// An entity with events, whose state is not at hand.
    pub(crate) fn new(id: EntityId, events: Vec<Applied>) -> Self {
        Self { id, state: None, events, resumed: false, complete: false }
    }

    fn is_anew(&self) -> bool {
        self.resumed || self.state.is_none()
    }
}

/// Entities to be made anew, each from a place in event order on.
pub(crate) type Redo = BTreeMap<EntityId, OrderKey>;

/// From the beginning.
pub(crate) const FROM_START: OrderKey =
    OrderKey { timestamp: Timestamp::MIN, sequence: Sequence(0) };

pub(crate) fn redo_from(redo: &mut Redo, id: EntityId, key: OrderKey) {
    let from = redo.entry(id).or_insert(key);
    *from = key.min(*from);
}

impl Pipeline {
    /// Applies resolved events to their entities (T3). Entities in `done` have been recomputed with these events
    /// already. Their states go into `touched`, to be kept in memory once the transaction is durable.
    pub(crate) async fn apply_block(
        &mut self,
        tx: &mut dyn Transaction,
        target: Target<'_>,
        mut block: Block,
        done: &HashSet<EntityId>,
        touched: &mut Vec<EntityStateRow>,
    ) -> Result<Summary, Error> {
        let catalog = Arc::clone(&self.catalog);
        block.events.sort_by_key(|(event, _)| event.key());
        let mut groups = group(&catalog, self.shard(), block.events, done);
        let mut redo: Vec<Redo> = vec![Redo::new(); groups.len()];
        let mut merges = MergeIndex::default();
        let mut retired: BTreeSet<EntityId> = BTreeSet::new();
        if !target.replay && !block.merges.is_empty() {
            merges.load(tx, block.merges.iter().map(|merge| merge.from).collect()).await?;
            for merge in &block.merges {
                retired.insert(merge.from);
                let winner = merges.root(merge.from);
                if let Some((entity, _)) = catalog.manifest.find_entity(&merge.entity_type)
                    && let Some(redo) = redo.get_mut(entity as usize)
                    && !done.contains(&winner)
                    && self.owns(winner)
                {
                    let key = first_of(tx, merge).await?;
                    redo_from(redo, winner, key);
                }
            }
            self.redo_relaters(tx, target.realm, &catalog, &block.merges, &mut merges, &mut redo)
                .await?;
        }
        let mut parted = Parted::default();
        if !target.replay && !block.undone.is_empty() {
            parted = self.parted(tx, target.realm, &catalog, &block.undone).await?;
            for (entity, id) in &parted.redo {
                if let Some(redo) = redo.get_mut(*entity as usize) {
                    redo_from(redo, *id, FROM_START);
                }
            }
        }
        for (groups, redo) in groups.iter_mut().zip(&mut redo) {
            redo.retain(|id, _| !retired.contains(id) && !done.contains(id));
            groups.retain(|job| match (redo.get_mut(&job.id), job.events.first()) {
                (Some(from), Some(first)) => {
                    *from = first.event.key().min(*from);
                    false
                }
                (from, _) => from.is_none(),
            });
        }
        let mut summary = Summary::default();
        let mut work =
            EdgeWork { merges: block.merges, touching: parted.ids, ..EdgeWork::default() };
        if target.replay {
            work.merges.clear();
        }
        for (entity, (mut jobs, redo)) in (0..).zip(groups.into_iter().zip(&mut redo)) {
            self.load_states(tx, target.realm, &catalog, entity, &mut jobs).await?;
            if !target.replay {
                jobs.retain_mut(|job| {
                    let late = late_from(job);
                    if let Some(key) = late {
                        redo_from(redo, job.id, key);
                        if let Some(state) = job.state.take() {
                            self.states.put(state);
                        }
                    }
                    late.is_none()
                });
            }
            if !redo.is_empty() {
                jobs.extend(self.load_jobs(tx, target.realm, &catalog, entity, redo).await?);
            }
            if !jobs.is_empty() {
                self.run_jobs(
                    tx,
                    target.realm,
                    entity,
                    jobs,
                    &mut merges,
                    &mut work,
                    &mut summary,
                    touched,
                )
                .await?;
            }
        }
        let mut ceased = if target.replay { Vec::new() } else { work.merges.clone() };
        ceased.extend(parted.losers);
        if !ceased.is_empty() {
            ceased.sort_by_key(|merge| (merge.sequence, merge.from));
            ceased.dedup_by_key(|merge| merge.from);
            self.retire(tx, target.realm, &ceased, &mut merges).await?;
        }
        for id in retired {
            self.states.remove(id);
            touched.retain(|row| row.entity_id != id);
        }
        let shard = self.shard();
        write_edges(tx, target.realm, &catalog, shard, &mut merges, self.any_merges, work).await?;
        Ok(summary)
    }

    /// Entities that related to one that has ceased and did more since: what counts as a change of their own
    /// edges may differ now.
    async fn redo_relaters(
        &mut self,
        tx: &mut dyn Transaction,
        realm: &Realm,
        catalog: &Catalog,
        new: &[MergeRow],
        merges: &mut MergeIndex,
        redo: &mut [Redo],
    ) -> Result<(), Error> {
        for pair in &catalog.pairs.pairs {
            let mut losers: Vec<EntityId> = new
                .iter()
                .filter(|merge| {
                    let end = |entity| catalog.entity_name(entity) == merge.entity_type;
                    end(pair.source) || end(pair.target)
                })
                .map(|merge| merge.from)
                .collect();
            if losers.is_empty() {
                continue;
            }
            cluster(tx, &mut losers).await?;
            merges.load(tx, losers.clone()).await?;
            let ended: BTreeSet<EntityId> = new.iter().map(|merge| merge.from).collect();
            let mut relaters: BTreeMap<(u32, EntityId), OrderKey> = BTreeMap::new();
            for request in tx.edge_requests(realm, &pair.key, &losers).await? {
                if self.owns(request.relater)
                    && let Some(key) = merges.end_in(request.other, &ended)
                    && merges.end_of(request.relater).is_none()
                {
                    let entity = if request.forward { pair.source } else { pair.target };
                    let earliest = relaters.entry((entity, request.relater)).or_insert(key);
                    *earliest = key.min(*earliest);
                }
            }
            for ((entity, id), key) in relaters {
                let name = catalog.entity_name(entity);
                let states = tx.load_states(realm, name, &[id]).await?;
                let later = states.into_iter().flatten().any(|state| state.last_key > Some(key));
                if later && let Some(redo) = redo.get_mut(entity as usize) {
                    redo_from(redo, id, key);
                }
            }
        }
        Ok(())
    }

    pub(crate) async fn load_states(
        &mut self,
        tx: &mut dyn Transaction,
        realm: &Realm,
        catalog: &Catalog,
        entity: u32,
        jobs: &mut [Job],
    ) -> Result<(), Error> {
        let mut missing = Vec::new();
        for job in jobs.iter_mut() {
            job.state = self.states.take(job.id);
            if job.state.is_none() {
                missing.push(job.id);
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let mut found =
            tx.load_states(realm, catalog.entity_name(entity), &missing).await?.into_iter();
        for job in jobs.iter_mut().filter(|job| job.state.is_none()) {
            job.state = Some(found.next().flatten().unwrap_or_else(|| unknown(job.id)));
        }
        Ok(())
    }

    /// Interprets jobs of one type and writes what comes out, edges excepted.
    #[expect(clippy::too_many_arguments, reason = "one step of apply_block, named for reading")]
    pub(crate) async fn run_jobs(
        &mut self,
        tx: &mut dyn Transaction,
        realm: &Realm,
        entity: u32,
        jobs: Vec<Job>,
        merges: &mut MergeIndex,
        work: &mut EdgeWork,
        summary: &mut Summary,
        touched: &mut Vec<EntityStateRow>,
    ) -> Result<(), Error> {
        let catalog = Arc::clone(&self.catalog);
        if self.any_merges {
            let targets = jobs.iter().flat_map(|job| {
                let known =
                    job.state.iter().flat_map(|state| state.open_edges.iter().map(|e| e.target));
                let new =
                    job.events.iter().flat_map(|applied| applied.targets.iter().flatten().copied());
                known.chain(new)
            });
            merges.load(tx, targets.collect()).await?;
        }
        let redone = jobs.iter().filter(|job| job.is_anew() || job.complete);
        let redone: HashMap<EntityId, Job> = redone.map(|job| (job.id, job.clone())).collect();
        let existed = self.existing(tx, realm, entity, &jobs).await?;
        self.forget_later(tx, realm, entity, &jobs).await?;
        let machines = Arc::clone(&self.machines);
        let started = std::time::Instant::now();
        let size = jobs.iter().map(|job| job.events.len().max(1)).sum();
        let folded =
            blocking_for(size, || interpret(&*machines, &catalog, merges, entity, jobs, None))?;
        self.timing.interpret_ms += started.elapsed().as_secs_f64() * 1e3;
        summary.effects += folded.effects;
        summary.transitions += folded.transitions;
        let reported = self.reported_before(tx, entity, merges, &folded, &redone).await?;
        let mut changes = Vec::new();
        let mut states = Vec::with_capacity(folded.entities.len());
        let mut kept = Vec::new();
        for Folded {
            state,
            rows,
            requests,
            deltas,
            same_instant,
            failures,
            created,
            mut checkpoints,
        } in folded.entities
        {
            let id = state.entity_id;
            kept.append(&mut checkpoints);
            let job = redone.get(&id);
            if let Some(job) = job {
                summary.rebuilt += 1;
                if job.state.is_none() {
                    summary.redone.push(id);
                }
            }
            if let Some(job) = job.filter(|job| job.is_anew()) {
                if !catalog.pairs.sides.get(entity as usize).is_none_or(Vec::is_empty) {
                    match job.state.as_ref().and_then(|state| state.last_key) {
                        Some(key) => {
                            work.later.push((id, key.timestamp));
                            work.slow.push(id);
                        }
                        None => work.anew.push(id),
                    }
                }
            } else if same_instant && !deltas.is_empty() {
                work.slow.push(id);
            }
            if created && !existed.contains(&id) {
                summary.created += 1;
            } else if rows.changed() {
                summary.changed += 1;
            }
            work.requests.extend(requests);
            if work.slow.last() != Some(&id) {
                work.deltas.extend(deltas.into_iter().map(|delta| (entity, id, delta)));
            }
            let new = failures.into_iter().filter(|failure| !reported.contains(&failure.place(id)));
            summary.failures.extend(new.map(|failure| Failed { entity, id, failure }));
            if rows.changed() {
                changes.push(HistoryChange {
                    entity_id: id,
                    replace_from: rows.replace_from,
                    rows: rows.rows,
                    ended: None,
                });
            }
            states.push(state);
        }
        let name = catalog.entity_name(entity);
        tx.save_states(realm, name, &states).await?;
        if !kept.is_empty() {
            tx.save_checkpoints(realm, name, &kept).await?;
        }
        if !changes.is_empty() {
            tx.write_history(realm, name, &changes).await?;
        }
        touched.extend(states);
        Ok(())
    }
}

/// Events by entity type and entity, each in event order; of a shard, if one is given.
fn group(
    catalog: &Catalog,
    shard: Option<Shard>,
    events: Vec<(Arc<Event>, Vec<EntityEventRow>)>,
    done: &HashSet<EntityId>,
) -> Vec<Vec<Job>> {
    let types = catalog.manifest.entities.len();
    let mut groups: Vec<Vec<Job>> = (0..types).map(|_| Vec::new()).collect();
    let mut places: HashMap<EntityId, usize> = HashMap::with_capacity(events.len());
    for (event, rows) in events {
        for row in rows {
            let Some((entity, _)) = catalog.manifest.find_entity(&row.entity_type) else {
                continue;
            };
            let Some(jobs) = groups.get_mut(entity as usize) else { continue };
            if done.contains(&row.entity_id)
                || shard.is_some_and(|shard| !shard.owns(&row.entity_id))
            {
                continue;
            }
            let applied =
                Applied { event: Arc::clone(&event), origin: row.origin_id, targets: row.targets };
            let at = *places.entry(row.entity_id).or_insert_with(|| {
                jobs.push(Job::new(row.entity_id, Vec::new()));
                jobs.len() - 1
            });
            if let Some(job) = jobs.get_mut(at) {
                job.events.push(applied);
            }
        }
    }
    groups
}

/// A state of which nothing is known: no event has reached the id.
fn unknown(id: EntityId) -> EntityStateRow {
    EntityStateRow {
        entity_id: id,
        record: crate::rows::ghost(0, Timestamp::MIN),
        last_key: None,
        open_edges: Vec::new(),
        last_row: None,
    }
}

/// Where an entity has to be taken up because it is not known what was before the newest row, and something more may come
/// at the instant of that.
pub(crate) fn unsure_from(state: &EntityStateRow, next: Option<Timestamp>) -> Option<OrderKey> {
    let row = state.last_row.filter(|row| row.before == Some(LastRow::UNKNOWN))?;
    let next = [next, state.record.next_due].into_iter().flatten().min();
    let unsure = next.is_some_and(|next| next <= row.valid_from);
    unsure.then_some(OrderKey { timestamp: row.valid_from, sequence: Sequence(0) })
}

/// Key of the first event if it sorts before anything applied (decision 26).
fn late_from(job: &Job) -> Option<OrderKey> {
    let (first, state) = (job.events.first()?, job.state.as_ref()?);
    let key = first.event.key();
    if let Some(from) = unsure_from(state, Some(key.timestamp)) {
        return Some(from.min(key));
    }
    let late = state.last_key.is_some_and(|last| key <= last)
        || state.record.last_rule.is_some_and(|rule| key.timestamp <= rule);
    late.then_some(key)
}

/// Key of the first event that a merge brought to the survivor.
async fn first_of(tx: &mut dyn Transaction, merge: &MergeRow) -> Result<OrderKey, Error> {
    let mut side = vec![merge.from];
    cluster(tx, &mut side).await?;
    let events = tx.events_by_origin(&side).await?;
    let keys = events
        .iter()
        .map(|(_, event)| OrderKey { timestamp: event.event.timestamp, sequence: event.sequence });
    let merged = OrderKey { timestamp: merge.timestamp, sequence: merge.sequence };
    Ok(keys.min().unwrap_or(merged))
}

/// What jobs of one type come to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) entities: Vec<Folded>,
    pub(crate) effects: u64,
    pub(crate) transitions: u64,
}

/// Runs the module over jobs, in parallel by entity.
pub(crate) fn interpret(
    machines: &dyn Machines,
    catalog: &Catalog,
    merges: &MergeIndex,
    entity: u32,
    jobs: Vec<Job>,
    advance_to: Option<Timestamp>,
) -> Result<Outcome, Error> {
    let mut calls: Vec<Vec<Job>> = Vec::new();
    let mut filled = usize::MAX;
    for job in jobs {
        let size = job.events.len().max(1);
        if filled.saturating_add(size) > CALL_EVENTS {
            calls.push(Vec::new());
            filled = 0;
        }
        filled += size;
        if let Some(call) = calls.last_mut() {
            call.push(job);
        }
    }
    if calls.len() <= 1 {
        return match calls.pop() {
            Some(jobs) => call(machines, catalog, merges, entity, jobs, advance_to),
            None => Ok(Outcome::default()),
        };
    }
    let outcomes: Vec<Result<Outcome, Error>> = calls
        .into_par_iter()
        .map(|jobs| call(machines, catalog, merges, entity, jobs, advance_to))
        .collect();
    let mut out = Outcome::default();
    for outcome in outcomes {
        let outcome = outcome?;
        out.effects += outcome.effects;
        out.transitions += outcome.transitions;
        out.entities.extend(outcome.entities);
    }
    Ok(out)
}

fn call(
    machines: &dyn Machines,
    catalog: &Catalog,
    merges: &MergeIndex,
    entity: u32,
    jobs: Vec<Job>,
    advance_to: Option<Timestamp>,
) -> Result<Outcome, Error> {
    let inputs = jobs
        .iter()
        .map(|job| EntityInput {
            id: job.id,
            record: job
                .state
                .as_ref()
                .filter(|state| state.record.exists)
                .map(|state| state.record.clone()),
            events: job.events.iter().map(|applied| applied.event.input(catalog, entity)).collect(),
        })
        .collect();
    let Interpreted { entities, effects, transitions } =
        machines.interpret(entity, inputs, advance_to)?;
    if entities.len() != jobs.len() {
        return Err(Error::Port(defacto_ports::Error::Module {
            message: format!("{} entities in, {} out", jobs.len(), entities.len()),
        }));
    }
    let entities = jobs
        .into_iter()
        .zip(entities)
        .map(|(job, output)| fold(catalog, merges, entity, job, output))
        .collect();
    Ok(Outcome { entities, effects, transitions })
}
