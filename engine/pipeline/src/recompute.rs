use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use defacto_model::EntityId;
use defacto_ports::Transaction;

use crate::apply::{Job, Outcome, interpret};
use crate::blocking::blocking;
use crate::catalog::Catalog;
use crate::decode::Event;
use crate::fold::{Applied, FailurePlace};
use crate::merges::MergeIndex;
use crate::{Error, Pipeline};

impl Pipeline {
    /// Failures of entities made anew that came up, and were reported, when their earlier events were applied.
    pub(crate) async fn reported_before(
        &mut self,
        tx: &mut dyn Transaction,
        entity: u32,
        merges: &mut MergeIndex,
        outcome: &Outcome,
        anew: &HashMap<EntityId, Vec<Applied>>,
    ) -> Result<BTreeSet<FailurePlace>, Error> {
        let cursor = self.build.cursor;
        let mut jobs = Vec::new();
        for folded in outcome.entities.iter().filter(|folded| !folded.failures.is_empty()) {
            let id = folded.state.entity_id;
            let Some(events) = anew.get(&id) else { continue };
            if self.any_merges {
                merges.load(tx, events.iter().map(|applied| applied.origin).collect()).await?;
            }
            let earlier = events.iter().filter(|applied| {
                applied.event.sequence <= cursor && merges.root_until(applied.origin, cursor) == id
            });
            jobs.push(Job { id, state: None, events: earlier.cloned().collect() });
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

    /// Entities with all their events, to be made anew.
    pub(crate) async fn load_jobs(
        &mut self,
        tx: &mut dyn Transaction,
        catalog: &Catalog,
        entity: u32,
        ids: &BTreeSet<EntityId>,
    ) -> Result<Vec<Job>, Error> {
        let name = catalog.entity_name(entity);
        let mut jobs: BTreeMap<EntityId, Job> = BTreeMap::new();
        for id in ids {
            self.states.remove(*id);
            jobs.insert(*id, Job { id: *id, state: None, events: Vec::new() });
        }
        let all: Vec<EntityId> = ids.iter().copied().collect();
        for (row, event) in tx.events_of(&all, None).await? {
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
}
