use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use defacto_model::EntityId;
use defacto_ports::Transaction;

use crate::apply::Job;
use crate::catalog::Catalog;
use crate::decode::Event;
use crate::fold::Applied;
use crate::{Error, Pipeline};

impl Pipeline {
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
                job.events.push(Applied { event, targets: row.targets });
            }
        }
        let mut out: Vec<Job> = jobs.into_values().collect();
        for job in &mut out {
            job.events.sort_by_key(|applied| applied.event.key());
        }
        Ok(out)
    }
}
