use std::collections::BTreeSet;
use std::sync::Arc;

use defacto_model::{EntityId, Timestamp};
use defacto_ports::{HistoryChange, Realm};

use crate::apply::{Failed, Job, interpret, unsure_from};
use crate::blocking::blocking;
use crate::merges::MergeIndex;
use crate::retry::Attempts;
use crate::{Error, Pipeline, TickResult};

/// Entities advanced in one transaction.
const PAGE: usize = 2048;

impl Pipeline {
    /// Runs the time rules that are due before an instant (language.md 7.4). Idempotent, and no source of
    /// information: it only makes visible earlier what replaying would bring anyway.
    ///
    /// # Errors
    ///
    /// What module and store say.
    pub async fn tick(&mut self, as_of: Option<Timestamp>) -> Result<TickResult, Error> {
        self.enroll().await?;
        self.begin_operation();
        let as_of = as_of.unwrap_or_else(|| self.now());
        let mut attempts = Attempts::default();
        loop {
            let whole = self.start(false).await?;
            let realm = self.realm();
            let result = self.tick_realm(&realm, as_of).await;
            match self.end(whole, result).await {
                Err(error) => self.again(error, &mut attempts).await?,
                ticked => return ticked,
            }
        }
    }

    /// Advances a realm and remembers how far.
    pub(crate) async fn tick_realm(
        &mut self,
        realm: &Realm,
        as_of: Timestamp,
    ) -> Result<TickResult, Error> {
        let result = self.advance(realm, as_of).await?;
        if self.build.tick_as_of < Some(as_of) {
            let mut build = self.build.clone();
            build.tick_as_of = Some(as_of);
            let mut tx = self.begin().await?;
            tx.save_build(&self.progress_key(), &build).await?;
            self.commit(tx).await?;
            self.build = build;
        }
        Ok(result)
    }

    /// Runs what is due before an instant, a page of entities to a transaction.
    pub(crate) async fn advance(
        &mut self,
        realm: &Realm,
        as_of: Timestamp,
    ) -> Result<TickResult, Error> {
        let catalog = Arc::clone(&self.catalog);
        let mut result = TickResult { as_of: Some(as_of), ..TickResult::default() };
        let mut failed = Vec::new();
        for entity in 0..u32::try_from(catalog.manifest.entities.len()).unwrap_or(u32::MAX) {
            if !catalog.has_rules(entity) {
                continue;
            }
            let name = catalog.entity_name(entity);
            let mut after = None;
            loop {
                let mut reader = self.store.read().await?;
                let ids = reader.due(realm, name, as_of, after, PAGE).await?;
                drop(reader);
                let Some(&last) = ids.last() else { break };
                after = Some(last);
                let ids: Vec<EntityId> = ids.into_iter().filter(|id| self.owns(*id)).collect();
                if ids.is_empty() {
                    continue;
                }
                let mut tx = self.begin().await?;
                let mut states = tx.load_states(realm, name, &ids).await?;
                let unsure = states.iter().flatten().filter(|it| unsure_from(it, None).is_some());
                let unsure: BTreeSet<EntityId> = unsure.map(|it| it.entity_id).collect();
                if !unsure.is_empty() {
                    self.make_sure(&mut *tx, realm, entity, unsure).await?;
                    states = tx.load_states(realm, name, &ids).await?;
                }
                let jobs: Vec<Job> = states
                    .into_iter()
                    .flatten()
                    .map(|state| {
                        let job = Job::new(state.entity_id, Vec::new());
                        Job { state: Some(state), ..job }
                    })
                    .collect();
                let mut merges = MergeIndex::default();
                if self.any_merges {
                    let edges =
                        jobs.iter().flat_map(|job| job.state.iter().flat_map(|s| &s.open_edges));
                    merges.load(&mut *tx, edges.map(|edge| edge.target).collect()).await?;
                }
                let machines = Arc::clone(&self.machines);
                let outcome = blocking(|| {
                    interpret(&*machines, &catalog, &merges, entity, jobs, Some(as_of))
                })?;
                result.effects_produced += outcome.effects;
                result.transitions += outcome.transitions;
                let mut changes = Vec::new();
                let mut states = Vec::with_capacity(outcome.entities.len());
                for folded in outcome.entities {
                    let id = folded.state.entity_id;
                    if folded.rows.changed() {
                        result.entities_affected += 1;
                        changes.push(HistoryChange {
                            entity_id: id,
                            replace_from: folded.rows.replace_from,
                            rows: folded.rows.rows,
                            ended: None,
                        });
                    }
                    failed.extend(folded.failures.into_iter().map(|failure| Failed {
                        entity,
                        id,
                        failure,
                    }));
                    self.states.remove(id);
                    states.push(folded.state);
                }
                tx.save_states(realm, name, &states).await?;
                if !changes.is_empty() {
                    tx.write_history(realm, name, &changes).await?;
                }
                // With the first rows goes how far rules run: where this ends before all have, the next operation goes on.
                let mut progress = self.build.clone();
                if *realm == self.realm() && progress.tick_as_of < Some(as_of) {
                    progress.tick_as_of = Some(as_of);
                    tx.save_build(&self.progress_key(), &progress).await?;
                }
                self.commit(tx).await?;
                self.build = progress;
            }
        }
        let failed = self.not_reported(failed).await?;
        result.failures = self.describe(failed).await?;
        Ok(result)
    }
}
