//! The compiled definitions, as the pipeline calls them. Pure and deterministic; calls block, the
//! pipeline runs them on its own threads.

use defacto_model::{EventId, FailureCode, Manifest, Timestamp, Value};

use crate::Error;

/// Compiled definitions ready to run. `Send + Sync`: each thread uses its own instance inside.
pub trait Machines: Send + Sync + std::fmt::Debug {
    /// What was compiled.
    fn manifest(&self) -> &Manifest;

    /// SHA-256 of the module's bytes, hexadecimal.
    fn digest(&self) -> &str;

    /// Compiles other definitions, given as they are stored, in the way in which these were compiled: the digest of what
    /// comes out, and its manifest. `None` where that cannot be done.
    fn compile(&self, document: &str) -> Option<(String, Manifest)> {
        let _ = document;
        None
    }

    /// Normalizes raw records of one source (index of the manifest). Results are in the order of records: one for each,
    /// and from a normalizer any number.
    ///
    /// # Errors
    ///
    /// [`Error::Module`] when the module cannot run at all; what single records do wrong is in the results.
    fn normalize(
        &self,
        source: u32,
        records: &[RawRecord<'_>],
        ingested_at: Timestamp,
    ) -> Result<Vec<Normalized>, Error>;

    /// What the modules of the project have done so far: normalizers in the order of sources, then those of functions.
    fn module_metrics(&self) -> Vec<ModuleMetrics> {
        Vec::new()
    }

    /// Applies events to entities of one type (index of the manifest) and then runs time rules due
    /// strictly before `advance_to`.
    ///
    /// # Errors
    ///
    /// As [`Machines::normalize`].
    fn interpret(
        &self,
        entity: u32,
        entities: Vec<EntityInput>,
        advance_to: Option<Timestamp>,
    ) -> Result<Interpreted, Error>;

    /// Builds hint texts from normalized values (language.md 5.7): `None` means no hint.
    ///
    /// # Errors
    ///
    /// As [`Machines::normalize`].
    fn hints(
        &self,
        requests: &[HintRequest],
    ) -> Result<Vec<Result<Option<String>, FaultReport>>, Error>;
}

/// One received record.
#[derive(Debug, Clone, Copy)]
pub struct RawRecord<'a> {
    /// JSON text: an object; where the source's input is `text` or `bytes`, a string (bytes in base64).
    pub text: &'a str,
}

/// One result of normalization.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalized {
    /// Place of the record in the batch.
    pub record: usize,
    /// What it became.
    pub result: Result<NormalizedEvent, RecordFailure>,
}

/// What a module has done since it was loaded. Results never depend on it.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct ModuleMetrics {
    /// `normalizer` or `functions`.
    pub world: &'static str,
    /// Its name in the project.
    pub module: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub digest: String,
    /// Calls of `normalize` or `call`, repeated ones included.
    pub calls: u64,
    /// Records that it answered, or calls of functions.
    pub records: u64,
    /// Events that it made, or results.
    pub events: u64,
    /// Records or calls that it refused, or whose result was wrong.
    pub failures: u64,
    /// Calls that ended in a trap or at a limit.
    pub traps: u64,
    /// Instances started.
    pub instances: u64,
    /// Fuel used.
    pub fuel: u64,
    /// Time spent in calls, in microseconds, summed over threads.
    pub time_us: u64,
    /// Most memory that an instance had, in bytes.
    pub peak_memory: u64,
}

/// A normalized event (language.md 5.1, step 8).
#[derive(Debug, Clone, PartialEq)]
pub struct NormalizedEvent {
    /// Content id.
    pub event_id: EventId,
    /// Event type, the name that entities use.
    pub event_type: String,
    /// Event time.
    pub timestamp: Timestamp,
    /// Every mapped field in name order, nulls included.
    pub data: Vec<(String, Value)>,
    /// Hints present: entity type, identity field, text; in written order.
    pub hints: Vec<(String, String, String)>,
}

/// A record that did not become an event (language.md 3.5).
#[derive(Debug, Clone, PartialEq)]
pub struct RecordFailure {
    /// N01 to N09.
    pub code: FailureCode,
    /// What the text of the code must name.
    pub message: String,
    /// Event name, once known.
    pub handler: Option<String>,
    /// Field at fault.
    pub field: Option<String>,
}

/// State of one entity as the module sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Whether a `create` has run.
    pub exists: bool,
    /// Index of the state.
    pub state: u32,
    /// Time of the creating event.
    pub created: Timestamp,
    /// Last transition, creation included.
    pub entered: Timestamp,
    /// Last event resolved to the entity since it exists.
    pub last_event: Option<Timestamp>,
    /// Bit i: rule i of the state is latched.
    pub latches: u64,
    /// Effective time of the last rule tried.
    pub last_rule: Option<Timestamp>,
    /// When the next rule is due.
    pub next_due: Option<Timestamp>,
    /// One value per property of the manifest.
    pub properties: Vec<Value>,
}

/// One entity with the events to apply, in event order.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityInput {
    /// Its id, for `entity.id`.
    pub id: defacto_model::EntityId,
    /// Its state before; `None` when nothing exists.
    pub record: Option<Record>,
    /// Events.
    pub events: Vec<EventInput>,
}

/// One event as an entity type sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct EventInput {
    /// Index into the entity type's events, `None` when no handler takes it.
    pub event: Option<u32>,
    /// Event time.
    pub timestamp: Timestamp,
    /// One value per field of the manifest's event (empty when `event` is `None`).
    pub cells: Vec<Value>,
}

/// What happened to a batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Interpreted {
    /// One per input, in order.
    pub entities: Vec<EntityOutput>,
    /// Effects executed.
    pub effects: u64,
    /// Transitions executed.
    pub transitions: u64,
}

/// What happened to one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityOutput {
    /// Its state after; `None` when it still does not exist.
    pub record: Option<Record>,
    /// Snapshots, edge requests and failures in the order in which they happened.
    pub items: Vec<Item>,
}

/// Event (ordinal in the input) or time rule (state and index) behind an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named by the type's documentation")]
pub enum ItemCause {
    Event(usize),
    Rule { state: u32, rule: u32 },
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// State after an event or rule. `changed` is false when nothing but edges can have changed:
    /// then it counts only if the source's own edges did.
    Snapshot {
        /// Why.
        cause: ItemCause,
        /// Event time or effective time of the rule.
        instant: Timestamp,
        /// Whether the record differs from before.
        changed: bool,
        /// The record.
        record: Record,
    },
    /// A `relate` ran; comes before the snapshot of its event.
    Relate {
        /// Why.
        cause: ItemCause,
        /// Index into the event's relates of the manifest.
        relate: u32,
        /// One value per edge property.
        properties: Vec<Value>,
    },
    /// An event or rule failed and left no effects.
    Failure {
        /// Which.
        cause: ItemCause,
        /// Event time or due time.
        instant: Timestamp,
        /// Why.
        fault: FaultReport,
    },
}

/// A failure inside the module, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultReport {
    /// I01 to I06, T01, N09.
    pub code: FailureCode,
    /// Property or field at fault.
    pub field: Option<String>,
    /// What the text of the code must name.
    pub message: String,
}

/// Asks for a hint text.
#[derive(Debug, Clone, PartialEq)]
pub struct HintRequest {
    /// Index of the entity type.
    pub entity: u32,
    /// Index of the identity field.
    pub identity_field: u32,
    /// Normalized value of the field.
    pub value: Value,
}
