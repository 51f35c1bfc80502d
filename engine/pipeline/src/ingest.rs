use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use defacto_model::{Sequence, Stage, Timestamp};
use defacto_planner::Wanted;
use defacto_ports::{Appended, HintText, NewEvent, NormalizedEvent, RawRecord, RecordFailure};
use rayon::prelude::*;

use crate::apply::{Block, Failed, Summary, Target};
use crate::blocking::blocking;
use crate::build::{AsOf, BuildOptions};
use crate::decode::Event;
use crate::retry::Attempts;
use crate::{BuildResult, Error, EventFailure, IngestResult, Pipeline, Timing, Warning};

/// Records that one call of the module takes.
const CALL_RECORDS: usize = 512;
/// Duplicate ids that a result lists.
const LISTED: usize = 1000;

/// How to ingest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IngestOptions {
    /// Interpret at once instead of leaving that to a build.
    pub process: bool,
    /// Records in a transaction; the pipeline's own unless given.
    pub batch_size: Option<usize>,
}

impl Pipeline {
    /// Normalizes records of one source and appends the events to the ledger; with `process` also interprets
    /// them. Everything reported as ingested is durable (engine.md 5.1).
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSource`]; what module and store say. Batches committed before an error stay.
    pub async fn ingest(
        &mut self,
        source: &str,
        records: &[&str],
        options: IngestOptions,
    ) -> Result<IngestResult, Error> {
        let started = Instant::now();
        self.timing = Timing::default();
        self.warnings.clear();
        let Some((index, _)) = self.catalog.manifest.find_source(source) else {
            let known: Vec<&str> =
                self.catalog.manifest.sources.iter().map(|known| known.name.as_str()).collect();
            return Err(Error::UnknownSource { name: source.to_owned(), known: known.join(", ") });
        };
        let result = self.ingest_all(source, index, records, options).await;
        if result.is_err() {
            self.forget();
        }
        let mut result = result?;
        result.timing = std::mem::take(&mut self.timing);
        result.timing.finish(started.elapsed());
        for warning in std::mem::take(&mut self.warnings) {
            warning.clone().add_to(&mut result.warnings);
            if let Some(build) = &mut result.build_result {
                warning.add_to(&mut build.warnings);
            }
        }
        if let Some(build) = &mut result.build_result {
            build.duration_ms = result.timing.total_ms;
            build.timing = result.timing.clone();
        }
        Ok(result)
    }

    async fn ingest_all(
        &mut self,
        source: &str,
        index: u32,
        records: &[&str],
        options: IngestOptions,
    ) -> Result<IngestResult, Error> {
        let mut result = IngestResult::default();
        let mut build = None;
        if options.process {
            build = Some(self.catch_up().await?);
        }
        let batch = options.batch_size.unwrap_or(self.options.batch_size).max(1);
        let mut first = 0;
        for chunk in records.chunks(batch) {
            let mut attempts = Attempts::default();
            loop {
                let before = (build.clone(), result.clone(), self.warnings.len());
                let done = self
                    .ingest_batch(source, index, first, chunk, build.as_mut(), &mut result)
                    .await;
                let Err(error) = done else { break };
                if !attempts.again(self, &error).await? {
                    return Err(error);
                }
                (build, result) = (before.0, before.1);
                self.warnings.truncate(before.2);
            }
            first += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        }
        if let Some(build) = &mut build {
            self.settle(build).await?;
            result.events_failed += build.events_failed;
            result.failures.extend(build.failures.iter().cloned());
        }
        result.build_result = build;
        if result.events_unresolved > 0 {
            result.warnings.push(Warning {
                code: Some(defacto_model::FailureCode::N10),
                message: "events without a usable hint: stored, belonging to no entity".to_owned(),
                count: result.events_unresolved,
            });
        }
        Ok(result)
    }

    /// Brings the version up to the head of the ledger before new events are applied: a rebuild if definitions
    /// changed, outstanding events otherwise. Time rules wait.
    async fn catch_up(&mut self) -> Result<BuildResult, Error> {
        let plan = self.plan(Wanted::default()).await?;
        if plan.mode == defacto_planner::Mode::Skip && self.active {
            return Ok(BuildResult {
                mode: defacto_planner::Mode::Incremental.name().to_owned(),
                reason: "new events".to_owned(),
                version: self.version.clone(),
                ..BuildResult::default()
            });
        }
        let options = BuildOptions { as_of: AsOf::Keep, ..BuildOptions::default() };
        self.build_planned(plan, options).await
    }

    /// Runs rules up to the instant of the last tick for entities that events have just reached, so that history
    /// does not depend on whether the tick came before or after them.
    pub(crate) async fn settle(&mut self, build: &mut BuildResult) -> Result<(), Error> {
        if let Some(as_of) = self.build.tick_as_of {
            let realm = self.realm();
            let ticked = self.advance(&realm, as_of).await?;
            build.effects_produced += ticked.effects_produced;
            build.transitions += ticked.transitions;
            build.events_failed += u64::try_from(ticked.failures.len()).unwrap_or(u64::MAX);
            build.failures.extend(ticked.failures);
            build.as_of = Some(as_of);
        }
        Ok(())
    }

    async fn ingest_batch(
        &mut self,
        source: &str,
        index: u32,
        first: u64,
        records: &[&str],
        build: Option<&mut BuildResult>,
        result: &mut IngestResult,
    ) -> Result<(), Error> {
        let now = self.now();
        let started = Instant::now();
        let normalized = self.normalize(index, records, now)?;
        self.timing.normalize_ms += started.elapsed().as_secs_f64() * 1e3;
        let mut new = Vec::with_capacity(normalized.len());
        let mut events = Vec::with_capacity(normalized.len());
        for ((at, raw), outcome) in (first..).zip(records).zip(normalized) {
            match outcome {
                Ok(event) => {
                    new.push(new_event(source, raw, &event, now));
                    events.push(event);
                }
                Err(failure) => {
                    result.events_failed += 1;
                    result.failures.push(self.record_failure(source, raw, at, failure));
                }
            }
        }
        let started = Instant::now();
        let interpreted = self.timing.interpret_ms;
        let mut tx = self.store.begin().await?;
        let appended = tx.append(&new).await?;
        let mut stored = Vec::with_capacity(events.len());
        for ((appended, event), new) in appended.into_iter().zip(events).zip(new) {
            match appended {
                Appended::Inserted(sequence) => {
                    result.events_ingested += 1;
                    if new.hints.is_empty() {
                        result.events_unresolved += 1;
                    }
                    stored.push(Arc::new(Event {
                        sequence,
                        event_id: event.event_id,
                        event_type: event.event_type,
                        timestamp: event.timestamp,
                        source: source.to_owned(),
                        data: event.data,
                        hints: new.hints,
                        redacted: false,
                    }));
                }
                Appended::Duplicate(_) => {
                    result.duplicates_skipped += 1;
                    if result.duplicate_ids.len() < LISTED {
                        result.duplicate_ids.push(event.event_id);
                    }
                }
            }
        }
        let mut touched = Vec::new();
        let mut summary = None;
        let mut progress = self.build.clone();
        match build {
            Some(build) if !stored.is_empty() => {
                let head = stored.last().map_or(progress.cursor, |event| event.sequence);
                let resolved = self.resolve_block(&mut *tx, &stored, head).await?;
                build.merges_detected += u64::try_from(resolved.merges.len()).unwrap_or(u64::MAX);
                let mut rows = resolved.rows;
                build.late_arrivals += late(&progress, &stored);
                raise(&mut progress, &stored);
                build.events_processed += u64::try_from(stored.len()).unwrap_or(u64::MAX);
                let events = stored.into_iter().map(|event| {
                    let rows = rows.remove(&event.sequence);
                    (event, rows.unwrap_or_default())
                });
                let block =
                    Block { events: events.collect(), merges: resolved.merges, undone: Vec::new() };
                let realm = self.realm();
                let target = Target { realm: &realm, replay: false };
                summary = Some((
                    self.apply_block(&mut *tx, target, block, &HashSet::new(), &mut touched)
                        .await?,
                    build,
                ));
                progress.cursor = head;
                tx.save_build(&self.version, &progress).await?;
            }
            Some(_) => {}
            None => {
                result.events_buffered += u64::try_from(stored.len()).unwrap_or(u64::MAX);
            }
        }
        tx.commit().await?;
        self.build = progress;
        for row in touched {
            self.states.put(row);
        }
        let spent = started.elapsed().as_secs_f64() * 1e3;
        self.timing.io_ms += spent - (self.timing.interpret_ms - interpreted);
        if let Some((summary, build)) = summary {
            self.report(summary, build).await?;
        }
        Ok(())
    }

    /// Normalizes in parallel.
    pub(crate) fn normalize(
        &self,
        source: u32,
        records: &[&str],
        ingested_at: Timestamp,
    ) -> Result<Vec<Result<NormalizedEvent, RecordFailure>>, Error> {
        let machines = &self.machines;
        let results: Result<Vec<_>, defacto_ports::Error> = blocking(|| {
            records
                .par_chunks(CALL_RECORDS)
                .map(|chunk| {
                    let raw: Vec<RawRecord<'_>> =
                        chunk.iter().map(|text| RawRecord { text }).collect();
                    machines.normalize(source, &raw, ingested_at)
                })
                .collect()
        });
        Ok(results?.into_iter().flatten().collect())
    }

    pub(crate) fn record_failure(
        &self,
        source: &str,
        raw: &str,
        index: u64,
        failure: RecordFailure,
    ) -> EventFailure {
        EventFailure {
            code: failure.code,
            stage: Stage::Normalization,
            error: failure.message,
            raw: serde_json::from_str(raw).unwrap_or(serde_json::Value::Null),
            source: Some(source.to_owned()),
            handler: failure.handler,
            field: failure.field,
            entity_id: None,
            entity_type: None,
            event_id: None,
            sequence: None,
            event_type: None,
            version: self.version.clone(),
            namespace: self.options.namespace.clone(),
            occurred_at: None,
            index: Some(index),
            attempt: 1,
            recoverable: false,
        }
    }

    /// Adds what a block did to a result.
    pub(crate) async fn report(
        &mut self,
        summary: Summary,
        build: &mut BuildResult,
    ) -> Result<(), Error> {
        build.effects_produced += summary.effects;
        build.transitions += summary.transitions;
        build.entities_created += summary.created;
        build.entities_updated += summary.changed;
        build.events_failed += u64::try_from(summary.failures.len()).unwrap_or(u64::MAX);
        let failures = self.describe(summary.failures).await?;
        build.failures.extend(failures);
        Ok(())
    }

    /// Failures with all that a dead letter tells.
    pub(crate) async fn describe(
        &mut self,
        failed: Vec<Failed>,
    ) -> Result<Vec<EventFailure>, Error> {
        if failed.is_empty() {
            return Ok(Vec::new());
        }
        let sequences: Vec<Sequence> = failed
            .iter()
            .filter_map(|failed| Some(failed.failure.event.as_ref()?.sequence))
            .collect();
        let mut reader = self.store.read().await?;
        let mut raws = reader.raw_texts(&sequences).await?.into_iter();
        let mut out = Vec::with_capacity(failed.len());
        for Failed { entity, id, failure } in failed {
            let raw = failure.event.as_ref().and_then(|_| raws.next());
            let raw = raw.and_then(|raw| serde_json::from_str(&raw).ok());
            let event = failure.event.as_deref();
            out.push(EventFailure {
                code: failure.fault.code,
                stage: Stage::Interpretation,
                error: failure.fault.message,
                raw: raw.unwrap_or(serde_json::Value::Null),
                source: event.map(|event| event.source.clone()),
                handler: event.map(|event| event.event_type.clone()),
                field: failure.fault.field,
                entity_id: Some(id),
                entity_type: Some(self.catalog.entity_name(entity).to_owned()),
                event_id: event.map(|event| event.event_id),
                sequence: event.map(|event| event.sequence),
                event_type: event.map(|event| event.event_type.clone()),
                version: self.version.clone(),
                namespace: self.options.namespace.clone(),
                occurred_at: Some(failure.instant),
                index: None,
                attempt: 1,
                recoverable: false,
            });
        }
        Ok(out)
    }
}

/// Events older than one already applied to the version.
pub(crate) fn late(progress: &defacto_ports::BuildState, events: &[Arc<Event>]) -> u64 {
    let Some(watermark) = progress.watermark else { return 0 };
    u64::try_from(events.iter().filter(|event| event.timestamp < watermark).count())
        .unwrap_or(u64::MAX)
}

/// Raises the watermark to the events.
pub(crate) fn raise(progress: &mut defacto_ports::BuildState, events: &[Arc<Event>]) {
    let newest = events.iter().map(|event| event.timestamp).max();
    progress.watermark = progress.watermark.max(newest);
}

pub(crate) fn new_event(
    source: &str,
    raw: &str,
    event: &NormalizedEvent,
    now: Timestamp,
) -> NewEvent {
    NewEvent {
        event_id: event.event_id,
        event_type: event.event_type.clone(),
        timestamp: event.timestamp,
        source: source.to_owned(),
        data: defacto_json::encode_data(&event.data),
        raw: raw.to_owned(),
        hints: event
            .hints
            .iter()
            .map(|(entity_type, field, value)| HintText {
                entity_type: entity_type.clone(),
                field: field.clone(),
                value: value.clone(),
                candidate: None,
            })
            .collect(),
        ingested_at: now,
    }
}
