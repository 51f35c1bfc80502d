use std::sync::Arc;

use defacto_model::EntityId;
use defacto_ports::{HistoryChange, MergeRow, Realm, Transaction};

use crate::apply::{Job, interpret};
use crate::blocking::blocking;
use crate::decode::Event;
use crate::edges::cluster;
use crate::fold::Applied;
use crate::merges::MergeIndex;
use crate::{Error, Pipeline};

impl Pipeline {
    /// Writes the rows of entities that have ceased: what came of the events that were theirs just before
    /// (decision 28), ended at the merge. Entities that had ceased into them before get the new survivor.
    pub(crate) async fn retire(
        &mut self,
        tx: &mut dyn Transaction,
        realm: &Realm,
        merges: &[MergeRow],
        index: &mut MergeIndex,
    ) -> Result<(), Error> {
        let catalog = Arc::clone(&self.catalog);
        index.load(tx, merges.iter().map(|merge| merge.from).collect()).await?;
        let new: Vec<EntityId> = merges.iter().map(|merge| merge.from).collect();
        for merge in merges {
            let Some((entity, _)) = catalog.manifest.find_entity(&merge.entity_type) else {
                continue;
            };
            let winner = index.root(merge.from);
            let owned = self.owns(merge.from);
            let mut members = vec![merge.from];
            let mut at = 0;
            while let Some(&into) = members.get(at) {
                let earlier = tx.merges_into(&[into]).await?;
                members.extend(
                    earlier.iter().filter(|row| row.sequence < merge.sequence).map(|row| row.from),
                );
                at += 1;
            }
            let mut changes = Vec::new();
            for earlier in members.iter().skip(1) {
                if !new.contains(earlier)
                    && self.owns(*earlier)
                    && let Some((key, _)) = index_end(index, tx, *earlier).await?
                {
                    changes.push(HistoryChange {
                        entity_id: *earlier,
                        replace_from: None,
                        rows: Vec::new(),
                        ended: Some((key.timestamp, winner)),
                    });
                }
            }
            if !owned {
                if !changes.is_empty() {
                    tx.write_history(realm, &merge.entity_type, &changes).await?;
                }
                continue;
            }
            let mut events = Vec::new();
            for (row, event) in tx.events_by_origin(&members).await? {
                if row.entity_type == merge.entity_type
                    && event.sequence < merge.sequence
                    && event.event.timestamp < merge.timestamp
                {
                    let event = Arc::new(Event::from_row(&catalog, event)?);
                    events.push(Applied { event, origin: row.origin_id, targets: row.targets });
                }
            }
            events.sort_by_key(|applied| applied.event.key());
            if self.any_merges {
                let targets =
                    events.iter().flat_map(|applied| applied.targets.iter().flatten().copied());
                index.load(tx, targets.collect()).await?;
            }
            let jobs = vec![Job::new(merge.from, events)];
            let machines = Arc::clone(&self.machines);
            let outcome = blocking(|| {
                interpret(&*machines, &catalog, index, entity, jobs, Some(merge.timestamp))
            })?;
            for folded in outcome.entities {
                changes.push(HistoryChange {
                    entity_id: merge.from,
                    replace_from: folded.rows.replace_from,
                    rows: folded.rows.rows,
                    ended: Some((merge.timestamp, winner)),
                });
            }
            tx.delete_states(realm, &merge.entity_type, &[merge.from]).await?;
            tx.write_history(realm, &merge.entity_type, &changes).await?;
        }
        Ok(())
    }

    /// Every id that an entity has absorbed, itself first.
    pub(crate) async fn absorbed(
        &mut self,
        tx: &mut dyn Transaction,
        id: EntityId,
    ) -> Result<Vec<EntityId>, Error> {
        let mut ids = vec![id];
        cluster(tx, &mut ids).await?;
        Ok(ids)
    }
}

async fn index_end(
    index: &mut MergeIndex,
    tx: &mut dyn Transaction,
    id: EntityId,
) -> Result<Option<(defacto_ports::OrderKey, EntityId)>, Error> {
    index.load(tx, vec![id]).await?;
    Ok(index.end_of(id))
}
