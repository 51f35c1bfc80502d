use defacto_model::{EntityId, EventId, FailureCode, Sequence, Stage, Timestamp};
use defacto_ports::ModuleMetrics;
use serde::{Deserialize, Serialize};

/// Wall-clock time spent, in milliseconds.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Timing {
    /// Normalization.
    pub normalize_ms: f64,
    /// Ledger, identity and state reads and writes.
    pub io_ms: f64,
    /// Interpretation.
    pub interpret_ms: f64,
    /// Publishing.
    pub publish_ms: f64,
    /// Everything else.
    pub overhead_ms: f64,
    /// Sum.
    pub total_ms: f64,
}

impl Timing {
    pub(crate) fn finish(&mut self, total: std::time::Duration) {
        self.total_ms = total.as_secs_f64() * 1e3;
        let known = self.normalize_ms + self.io_ms + self.interpret_ms + self.publish_ms;
        self.overhead_ms = (self.total_ms - known).max(0.0);
    }
}

impl Timing {
    fn absorb(&mut self, other: &Self) {
        self.normalize_ms += other.normalize_ms;
        self.io_ms += other.io_ms;
        self.interpret_ms += other.interpret_ms;
        self.publish_ms += other.publish_ms;
        self.overhead_ms += other.overhead_ms;
        self.total_ms += other.total_ms;
    }
}

impl IngestResult {
    /// Adds the result of a later part of the same ingest.
    pub fn absorb(&mut self, part: Self) {
        self.events_ingested += part.events_ingested;
        self.events_failed += part.events_failed;
        self.duplicates_skipped += part.duplicates_skipped;
        self.duplicate_ids.extend(part.duplicate_ids);
        self.duplicate_ids.truncate(DUPLICATES_LISTED);
        self.events_buffered += part.events_buffered;
        self.events_unresolved += part.events_unresolved;
        self.foreign_events += part.foreign_events;
        self.failures.extend(part.failures);
        for warning in part.warnings {
            warning.add_to(&mut self.warnings);
        }
        match (&mut self.build_result, part.build_result) {
            (Some(sum), Some(part)) => sum.absorb(part),
            (sum @ None, part) => *sum = part,
            (Some(_), None) => {}
        }
        self.timing.absorb(&part.timing);
    }
}

impl BuildResult {
    /// What has been done, for a build that goes on.
    pub(crate) fn done(&self) -> Resumed {
        Resumed {
            events_processed: self.events_processed,
            effects_produced: self.effects_produced,
            transitions: self.transitions,
            entities_created: self.entities_created,
            entities_updated: self.entities_updated,
            events_failed: self.events_failed,
        }
    }

    /// Goes on from what an interrupted build has done.
    pub(crate) fn resume(&mut self, done: Resumed) {
        self.events_processed += done.events_processed;
        self.effects_produced += done.effects_produced;
        self.transitions += done.transitions;
        self.entities_created += done.entities_created;
        self.entities_updated += done.entities_updated;
        self.events_failed += done.events_failed;
        self.resumed = Some(done);
    }

    pub(crate) fn absorb(&mut self, part: Self) {
        self.events_processed += part.events_processed;
        self.effects_produced += part.effects_produced;
        self.transitions += part.transitions;
        self.entities_created += part.entities_created;
        self.entities_updated += part.entities_updated;
        self.merges_detected += part.merges_detected;
        self.late_arrivals += part.late_arrivals;
        self.duration_ms += part.duration_ms;
        self.events_failed += part.events_failed;
        self.failures.extend(part.failures);
        for warning in part.warnings {
            warning.add_to(&mut self.warnings);
        }
        self.as_of = part.as_of.or(self.as_of);
        self.timing.absorb(&part.timing);
    }
}

/// Duplicate ids that a result lists.
const DUPLICATES_LISTED: usize = 1000;

/// Something that failed without stopping the rest: one dead letter (engine.md 5.2).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventFailure {
    /// Stable code.
    pub code: FailureCode,
    /// Where.
    pub stage: Stage,
    /// Text.
    pub error: String,
    /// The record as received, as JSON; null when it was no JSON.
    pub raw: serde_json::Value,
    /// Source name.
    pub source: Option<String>,
    /// Event name, once known.
    pub handler: Option<String>,
    /// Field or property at fault.
    pub field: Option<String>,
    /// The entity, for interpretation.
    pub entity_id: Option<EntityId>,
    /// Its type.
    pub entity_type: Option<String>,
    /// The event, once it has an id.
    pub event_id: Option<EventId>,
    /// Its place in the ledger.
    pub sequence: Option<Sequence>,
    /// Its type.
    pub event_type: Option<String>,
    /// Definition version.
    pub version: String,
    /// Namespace.
    pub namespace: String,
    /// Event time or due time.
    pub occurred_at: Option<Timestamp>,
    /// Position of the record in the call, for normalization.
    pub index: Option<u64>,
    /// How often it was tried.
    pub attempt: u32,
    /// Whether trying again without a change can help.
    pub recoverable: bool,
}

/// Something worth knowing that is no failure (N10, relates without a target).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Code, where it has one.
    pub code: Option<FailureCode>,
    /// Text.
    pub message: String,
    /// How often.
    pub count: u64,
}

impl Warning {
    /// Counts it in a list; nothing happens when there is nothing to count.
    pub(crate) fn add_to(self, list: &mut Vec<Self>) {
        let same = |known: &&mut Self| known.code == self.code && known.message == self.message;
        match list.iter_mut().find(same) {
            Some(known) => known.count += self.count,
            None if self.count > 0 => list.push(self),
            None => {}
        }
    }
}

/// What an ingest did.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct IngestResult {
    /// Newly stored events.
    pub events_ingested: u64,
    /// Records that did not become events, and events that failed in interpretation.
    pub events_failed: u64,
    /// Records whose event was there already.
    pub duplicates_skipped: u64,
    /// Their event ids, the first thousand.
    pub duplicate_ids: Vec<EventId>,
    /// Stored, not processed.
    pub events_buffered: u64,
    /// Stored without a hint for any entity.
    pub events_unresolved: u64,
    /// Stored here, processed by another process.
    pub foreign_events: u64,
    /// What failed.
    pub failures: Vec<EventFailure>,
    /// What is worth knowing.
    pub warnings: Vec<Warning>,
    /// Result of processing, if events were processed.
    pub build_result: Option<BuildResult>,
    /// Time spent.
    pub timing: Timing,
}

/// What a build did.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct BuildResult {
    /// Mode.
    pub mode: String,
    /// Why this mode.
    pub reason: String,
    /// Version built.
    pub version: String,
    /// Events applied.
    pub events_processed: u64,
    /// Effects executed, those of time rules included.
    pub effects_produced: u64,
    /// Transitions executed.
    pub transitions: u64,
    /// Entities that began to exist.
    pub entities_created: u64,
    /// Entities whose history changed otherwise.
    pub entities_updated: u64,
    /// Merges that took place.
    pub merges_detected: u64,
    /// Events older than one already applied to the version.
    pub late_arrivals: u64,
    /// Milliseconds.
    pub duration_ms: f64,
    /// Events that failed.
    pub events_failed: u64,
    /// What failed.
    pub failures: Vec<EventFailure>,
    /// What is worth knowing.
    pub warnings: Vec<Warning>,
    /// Up to when time rules have run.
    pub as_of: Option<Timestamp>,
    /// Nothing was done: the plan only.
    pub dry_run: bool,
    /// What an earlier build had done before it was interrupted, where this one went on. The counts are of the whole, these
    /// included; failures are listed from there on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumed: Option<Resumed>,
    /// Time spent.
    pub timing: Timing,
}

/// What a full build had done when it was interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Resumed {
    /// Events applied.
    pub events_processed: u64,
    /// Effects executed.
    pub effects_produced: u64,
    /// Transitions executed.
    pub transitions: u64,
    /// Entities that began to exist.
    pub entities_created: u64,
    /// Entities whose history changed otherwise.
    pub entities_updated: u64,
    /// Events that failed.
    pub events_failed: u64,
}

/// What a tick did.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct TickResult {
    /// Effects executed.
    pub effects_produced: u64,
    /// Entities whose history changed.
    pub entities_affected: u64,
    /// Transitions executed.
    pub transitions: u64,
    /// Instant up to which rules have run.
    pub as_of: Option<Timestamp>,
    /// States without an entity that were removed.
    pub orphans_removed: u64,
    /// Rules that failed.
    pub failures: Vec<EventFailure>,
}

/// What a merge did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MergeResult {
    /// The entity that ceased.
    pub from_entity_id: EntityId,
    /// The survivor.
    pub into_entity_id: EntityId,
    /// Events that now belong to the survivor.
    pub events_reassigned: u64,
    /// Entities recomputed.
    pub entities_rebuilt: u64,
    /// Entities that ceased.
    pub tombstones_produced: u64,
    /// What failed in recomputing.
    pub failures: Vec<EventFailure>,
}

/// What taking back a merge did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UnmergeResult {
    /// The entity that is one of its own again.
    pub entity_id: EntityId,
    /// The entity that it was merged into.
    pub from_entity_id: EntityId,
    /// Events that belong to it again.
    pub events_returned: u64,
    /// Hints that lead to it again.
    pub hints_returned: u64,
    /// Entities recomputed.
    pub entities_rebuilt: u64,
    /// What failed in recomputing.
    pub failures: Vec<EventFailure>,
}

/// What keeping two entities apart did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BlockResult {
    /// One of them.
    pub entity_id: EntityId,
    /// The other.
    pub other_entity_id: EntityId,
    /// Whether they were not kept apart before.
    pub newly_blocked: bool,
}

/// What an erasure did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EraseResult {
    /// The entity asked for.
    pub entity_id: EntityId,
    /// Entities erased: it and those merged into it.
    pub entities_erased: u64,
    /// Events deleted.
    pub events_deleted: u64,
    /// Rows of the merge log deleted.
    pub merge_log_cleaned: u64,
    /// Events shared with other entities, kept without what named the erased one.
    pub events_scrubbed: u64,
    /// Events deleted from cold storage.
    pub cold_events_deleted: u64,
}

/// What a redaction did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RedactResult {
    /// The entity.
    pub entity_id: EntityId,
    /// Events redacted.
    pub events_redacted: u64,
    /// History rows written anew.
    pub rows_rewritten: u64,
    /// Hints replaced.
    pub hints_replaced: u64,
}

/// Where the active version stands (engine.md 3.8).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Version.
    pub version: String,
    /// Every event up to here is in the history.
    pub cursor: Sequence,
    /// Canonical events of the ledger.
    pub total_events: u64,
    /// Events beyond the cursor.
    pub pending_events: u64,
    /// Last sequence.
    pub head: Sequence,
    /// Largest event time applied.
    pub watermark: Option<Timestamp>,
    /// Up to when time rules have run.
    pub tick_as_of: Option<Timestamp>,
    /// When the last build ended.
    pub last_build_time: Option<Timestamp>,
    /// Its mode.
    pub last_build_mode: String,
    /// Mode that a build would have now.
    pub next_build_mode: String,
    /// Why.
    pub next_build_reason: String,
    /// Hash of the entity definitions.
    pub definition_hash: String,
    /// Hash of the sources.
    pub source_hash: String,
    /// Hash of the identity blocks.
    pub identity_hash: String,
    /// Whether a full build was left unfinished.
    pub dirty: bool,
    /// Live entities by type.
    pub entities: Vec<(String, u64)>,
    /// The modules that the definitions use, and what each has done in this process.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<ModuleMetrics>,
}
