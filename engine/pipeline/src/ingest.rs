use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use defacto_model::{Sequence, Stage, Timestamp};
use defacto_planner::Wanted;
use defacto_ports::{
    Appended, Fence, HintText, Machines, NewEvent, Normalized, NormalizedEvent, RawRecord,
    RecordFailure, Transaction,
};
use rayon::prelude::*;

use crate::ahead::Ahead;
use crate::apply::{Block, Failed, Summary, Target};
use crate::blocking::blocking_for;
use crate::build::{AsOf, BuildOptions};
use crate::decode::Event;
use crate::retry::Attempts;
use crate::shards::CHANGED;
use crate::{BuildResult, Error, EventFailure, IngestResult, Pipeline, Warning};

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
        self.begin_operation();
        let Some((index, _)) = self.catalog.manifest.find_source(source) else {
            let known: Vec<&str> =
                self.catalog.manifest.sources.iter().map(|known| known.name.as_str()).collect();
            return Err(Error::UnknownSource { name: source.to_owned(), known: known.join(", ") });
        };
        self.enroll().await?;
        let batch = options.batch_size.unwrap_or(self.options.batch_size).max(1);
        // Where nothing has happened since the last events, the transaction itself finds that out.
        let quick = options.process
            && self.caught_up
            && !self.unended
            && !records.is_empty()
            && records.len() <= batch;
        let quickly = match quick {
            true => Some(self.ingest_all(source, index, records, options).await),
            false => None,
        };
        let mut result = match quickly {
            Some(Err(Error::Port(defacto_ports::Error::Stale { .. }))) | None => {
                if quick {
                    self.forget();
                    self.warnings.clear();
                }
                let whole = match options.process {
                    true => self.start(self.unready().await?).await?,
                    false => None,
                };
                let result = self.ingest_all(source, index, records, options).await;
                self.end(whole, result).await?
            }
            Some(result) => self.end(None, result).await?,
        };
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
        let sharded = options.process && self.shard().is_some();
        if options.process && !sharded {
            let mut attempts = Attempts::default();
            build = Some(loop {
                match if self.caught_up { Ok(self.new_events()) } else { self.catch_up().await } {
                    Ok(caught_up) => break caught_up,
                    Err(error) => self.again(error, &mut attempts).await?,
                }
            });
        }
        let mut stored = Vec::new();
        let batch = options.batch_size.unwrap_or(self.options.batch_size).max(1);
        let mut first = 0;
        let mut ahead = Ahead::default();
        let mut chunks = records.chunks(batch).peekable();
        while let Some(chunk) = chunks.next() {
            let at = self.now();
            let started = Instant::now();
            let normalized = match ahead.take().await {
                Some(normalized) => normalized?,
                None => (at, self.normalize(index, chunk, at)?),
            };
            // The module works on the next records while the store has these.
            if let Some(next) = chunks.peek() {
                let (machines, at) = (Arc::clone(&self.machines), self.now());
                let next: Vec<String> = next.iter().map(|&record| record.to_owned()).collect();
                ahead.compute(move || {
                    let next: Vec<&str> = next.iter().map(String::as_str).collect();
                    Ok((at, normalize(&*machines, index, &next, at)?))
                });
            }
            self.timing.normalize_ms += started.elapsed().as_secs_f64() * 1e3;
            let mut attempts = Attempts::default();
            let part = loop {
                let before = (build.clone(), result.clone(), self.warnings.len());
                let batch = Batch { source, first, records: chunk, normalized: &normalized };
                let done = self.ingest_batch(batch, build.as_mut(), &mut result).await;
                match done {
                    Ok(part) => break part,
                    Err(error) => self.again(error, &mut attempts).await?,
                }
                (build, result) = (before.0, before.1);
                self.warnings.truncate(before.2);
            };
            if sharded {
                stored.extend(part);
            }
            first += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        }
        if sharded {
            build = Some(self.process_shard(&stored, &mut result).await?);
        }
        if let Some(build) = &mut build {
            let mut attempts = Attempts::default();
            while let Err(error) = self.settle(build).await {
                self.again(error, &mut attempts).await?;
            }
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

    /// Whether the version is not at a point from which a shard can go on by itself.
    async fn unready(&self) -> Result<bool, Error> {
        Ok(self.shard().is_some()
            && (!self.active || self.plan(Wanted::default()).await?.mode.is_full()))
    }

    /// Interprets what of the events just stored, and of those before, belongs to the shard.
    async fn process_shard(
        &mut self,
        stored: &[Sequence],
        result: &mut IngestResult,
    ) -> Result<BuildResult, Error> {
        let mut build = self.new_events();
        let head = match stored.last() {
            Some(last) => *last,
            None => self.store.read().await?.head().await?,
        };
        result.foreign_events = if self.follow(head, &mut build).await? {
            self.foreign(stored).await?
        } else {
            crate::build::count(stored.len())
        };
        result.events_buffered = 0;
        Ok(build)
    }

    fn new_events(&self) -> BuildResult {
        BuildResult {
            mode: defacto_planner::Mode::Incremental.name().to_owned(),
            reason: "new events".to_owned(),
            version: self.version.clone(),
            ..BuildResult::default()
        }
    }

    /// Begins the transaction of a batch; if another process was at work meanwhile, what it left is applied first.
    async fn begin_batch(
        &mut self,
        build: Option<&mut BuildResult>,
    ) -> Result<Box<dyn Transaction>, Error> {
        let Some(build) = build else { return Ok(self.store.begin().await?) };
        loop {
            if !self.caught_up {
                build.absorb(self.catch_up().await?);
            }
            match self.begin().await {
                Err(Error::Port(defacto_ports::Error::Stale { .. })) => {
                    self.load().await?;
                    if self.post.fence == Fence::Alone && self.divided().await?.is_some() {
                        return Err(CHANGED.into());
                    }
                }
                begun => return begun,
            }
        }
    }

    /// Brings the version up to the head of the ledger before new events are applied: a rebuild if definitions
    /// changed, outstanding events otherwise. Time rules wait.
    async fn catch_up(&mut self) -> Result<BuildResult, Error> {
        let plan = self.plan(Wanted::default()).await?;
        let result = if plan.mode == defacto_planner::Mode::Skip && self.active {
            self.new_events()
        } else {
            let options = BuildOptions { as_of: AsOf::Keep, ..BuildOptions::default() };
            self.build_planned(plan, options).await?
        };
        self.caught_up = true;
        Ok(result)
    }

    /// Runs rules up to the instant of the last tick for entities that events have just reached, so that history
    /// does not depend on whether the tick came before or after them.
    pub(crate) async fn settle(&mut self, build: &mut BuildResult) -> Result<(), Error> {
        if let Some(as_of) = self.build.tick_as_of
            && (self.unsettled || self.shard().is_some())
        {
            let realm = self.realm();
            let ticked = self.advance(&realm, as_of).await?;
            build.effects_produced += ticked.effects_produced;
            build.transitions += ticked.transitions;
            build.events_failed += u64::try_from(ticked.failures.len()).unwrap_or(u64::MAX);
            build.failures.extend(ticked.failures);
        }
        self.unsettled = false;
        build.as_of = self.build.tick_as_of.or(build.as_of);
        Ok(())
    }

    async fn ingest_batch(
        &mut self,
        batch: Batch<'_>,
        mut build: Option<&mut BuildResult>,
        result: &mut IngestResult,
    ) -> Result<Vec<Sequence>, Error> {
        let Batch { source, first, records, normalized: (now, normalized) } = batch;
        let mut new = Vec::with_capacity(normalized.len());
        let mut events = Vec::with_capacity(normalized.len());
        for Normalized { record, result: outcome } in normalized {
            let Some(raw) = records.get(*record) else { continue };
            match outcome {
                Ok(event) => {
                    new.push(new_event(source, raw, event, *now));
                    events.push(event);
                }
                Err(failure) => {
                    let at = first.saturating_add(u64::try_from(*record).unwrap_or(u64::MAX));
                    result.events_failed += 1;
                    result.failures.push(self.record_failure(source, raw, at, failure.clone()));
                }
            }
        }
        let started = Instant::now();
        let interpreted = self.timing.interpret_ms;
        let mut tx = self.begin_batch(build.as_deref_mut()).await?;
        let processing = build.is_some();
        let appended = tx.append(&new).await?;
        let mut stored = Vec::with_capacity(events.len());
        for ((appended, event), new) in appended.into_iter().zip(events).zip(new) {
            match appended {
                Appended::Inserted(sequence) => {
                    result.events_ingested += 1;
                    if new.hints.is_empty() {
                        result.events_unresolved += 1;
                    }
                    // Left to a build, only its place is needed.
                    let data = if processing { event.data.clone() } else { Vec::new() };
                    stored.push(Arc::new(Event {
                        sequence,
                        event_id: event.event_id,
                        event_type: event.event_type.clone(),
                        timestamp: event.timestamp,
                        source: source.to_owned(),
                        data,
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
        let sequences: Vec<Sequence> = stored.iter().map(|event| event.sequence).collect();
        let mut touched = Vec::new();
        let mut summary = None;
        let mut progress = self.build.clone();
        match build {
            Some(build) if !stored.is_empty() => {
                let head = stored.last().map_or(progress.cursor, |event| event.sequence);
                let first = stored.first().map_or(head, |event| event.sequence);
                let left = first.0.saturating_sub(progress.cursor.0).saturating_sub(1);
                if usize::try_from(left).unwrap_or(0) > self.options.batch_size {
                    // Too many for one transaction: others have appended them since.
                    return Err(CHANGED.into());
                }
                let mut before = self.outstanding(&mut *tx, first).await?;
                let alone = before.is_empty();
                before.append(&mut stored);
                stored = before;
                let resolved = self.resolve_new(&mut *tx, &stored, head).await?;
                let merges = match alone {
                    true => resolved.merges,
                    false => tx.merges_between(progress.cursor, head, usize::MAX).await?,
                };
                build.merges_detected += u64::try_from(merges.len()).unwrap_or(u64::MAX);
                let mut rows = resolved.rows;
                build.late_arrivals += late(&progress, &stored);
                raise(&mut progress, &stored);
                build.events_processed += u64::try_from(stored.len()).unwrap_or(u64::MAX);
                let events = stored.into_iter().map(|event| {
                    let rows = rows.remove(&event.sequence);
                    (event, rows.unwrap_or_default())
                });
                let undone = match alone {
                    true => Vec::new(),
                    false => self.undone_between(&mut *tx, progress.cursor, head).await?,
                };
                let block = Block { events: events.collect(), merges, undone };
                let realm = self.realm();
                let target = Target { realm: &realm, replay: false };
                summary = Some((
                    self.apply_block(&mut *tx, target, block, &HashSet::new(), &mut touched)
                        .await?,
                    build,
                ));
                progress.cursor = head;
                tx.save_build(&self.progress_key(), &progress).await?;
            }
            // The same events once more; others may have appended new ones.
            Some(_) if tx.head().await? > progress.cursor => return Err(CHANGED.into()),
            Some(_) => {}
            None => {
                result.events_buffered += u64::try_from(stored.len()).unwrap_or(u64::MAX);
            }
        }
        if processing {
            self.commit(tx).await?;
        } else {
            // Anybody may append at any time.
            tx.commit().await?;
        }
        self.build = progress;
        for row in touched {
            self.unsettled |=
                row.record.next_due < self.build.tick_as_of && row.record.next_due.is_some();
            self.states.put(row);
        }
        let spent = started.elapsed().as_secs_f64() * 1e3;
        self.timing.io_ms += spent - (self.timing.interpret_ms - interpreted);
        if let Some((summary, build)) = summary {
            self.report(summary, build).await?;
        }
        Ok(sequences)
    }

    /// Normalizes in parallel.
    pub(crate) fn normalize(
        &self,
        source: u32,
        records: &[&str],
        ingested_at: Timestamp,
    ) -> Result<Vec<Normalized>, Error> {
        blocking_for(records.len(), || normalize(&*self.machines, source, records, ingested_at))
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

/// Records of one transaction.
struct Batch<'a> {
    source: &'a str,
    /// Place of the first among all that are ingested.
    first: u64,
    records: &'a [&'a str],
    /// What the module made of them, and when.
    normalized: &'a (Timestamp, Vec<Normalized>),
}

/// Normalizes in parallel.
fn normalize(
    machines: &dyn Machines,
    source: u32,
    records: &[&str],
    ingested_at: Timestamp,
) -> Result<Vec<Normalized>, Error> {
    let call = |records: &[&str]| {
        let raw: Vec<RawRecord<'_>> = records.iter().map(|text| RawRecord { text }).collect();
        machines.normalize(source, &raw, ingested_at)
    };
    if records.len() <= CALL_RECORDS {
        return Ok(call(records)?);
    }
    let results: Result<Vec<Vec<Normalized>>, defacto_ports::Error> =
        records.par_chunks(CALL_RECORDS).map(call).collect();
    let mut all = Vec::with_capacity(records.len());
    for (chunk, results) in results?.into_iter().enumerate() {
        let first = chunk.saturating_mul(CALL_RECORDS);
        all.extend(
            results
                .into_iter()
                .map(|one| Normalized { record: first.saturating_add(one.record), ..one }),
        );
    }
    Ok(all)
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
