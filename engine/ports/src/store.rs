//! The store: a [`Transaction`] offers every table group, so that what must commit together is visible
//! in a type. Batches go down whole. Timestamps are microseconds in UTC.

use async_trait::async_trait;
use defacto_model::{EntityId, EventId, Manifest, Sequence, Timestamp, Value};

use crate::layout::CopiedType;
use crate::{Error, Fence, Record, Shards};

/// A database with one namespace opened.
#[async_trait]
pub trait Store: Send + Sync + std::fmt::Debug {
    /// Starts the writing transaction. Dropping it without [`Transaction::commit`] undoes everything.
    async fn begin(&self) -> Result<Box<dyn Transaction>, Error>;

    /// Starts the writing transaction and enters it ([`Transaction::enter`]); returns what entering does.
    async fn begin_entered(&self) -> Result<(Box<dyn Transaction>, u64), Error> {
        let mut tx = self.begin().await?;
        let entered = tx.enter().await?;
        Ok((tx, entered))
    }

    /// A view for reading that does not see later commits.
    async fn read(&self) -> Result<Box<dyn Reader>, Error>;

    /// Takes the lock under which builds of a version run. It goes back with [`Store::unlock_build`], or some time after the guard
    /// has dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] when another process builds the same version.
    async fn lock_build(&self, version: &str) -> Result<Box<dyn Send>, Error>;

    /// Gives the lock of a build back: whoever asks for it afterwards gets it.
    async fn unlock_build(&self, lock: Box<dyn Send>) {
        drop(lock);
    }

    /// Rewrites what the store keeps, so that no byte of deleted or replaced rows is left in free space, logs or copies
    /// of its own. Costs as much as reading and writing the whole store; content stays as it is.
    ///
    /// # Errors
    ///
    /// One to retry while somebody still reads an earlier state.
    async fn purge(&self) -> Result<(), Error>;

    /// How several processes divide the namespace; `None` where only one can work on it at a time.
    fn shards(&self) -> Option<&dyn Shards> {
        None
    }

    /// Reads everything and tells what of the store's own structure is damaged, in words; nothing when it is whole.
    async fn damage(&self) -> Result<Vec<String>, Error>;

    /// Ends cleanly.
    async fn close(&self) -> Result<(), Error>;
}

/// Event order: (timestamp, sequence).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderKey {
    /// Event time.
    pub timestamp: Timestamp,
    /// Place in the ledger.
    pub sequence: Sequence,
}

/// Version and generation of state tables. Full builds fill a new generation beside the current one; the
/// public tables or views always show the generation of [`BuildState::generation`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Realm {
    /// Name of the definition version.
    pub version: String,
    /// Generation of its tables.
    pub generation: u32,
}

/// A hint text of an identity field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HintText {
    /// Entity type.
    pub entity_type: String,
    /// Identity field.
    pub field: String,
    /// Text after `normalize` and case folding, or what stands for it after a redaction.
    pub value: String,
    /// For a redacted hint: the id that the event's hints gave to a new entity before (decision 29).
    pub candidate: Option<EntityId>,
}

/// Key of the identity map.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HintKey {
    /// Entity type.
    pub entity_type: String,
    /// Value space.
    pub space: String,
    /// Text.
    pub value: String,
}

/// A row of the identity map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HintRow {
    /// Key.
    pub key: HintKey,
    /// Identity field that brought the hint first.
    pub field: String,
    /// Current entity.
    pub entity_id: EntityId,
}

/// An event to append.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Content id.
    pub event_id: EventId,
    /// Event type.
    pub event_type: String,
    /// Event time.
    pub timestamp: Timestamp,
    /// Source name.
    pub source: String,
    /// Mapped fields as JSON text: an object in field-name order. A date-time without a declared type
    /// is `{"$datetime": "…"}`, a duration `{"$duration_us": n}`.
    pub data: String,
    /// The record as received.
    pub raw: String,
    /// Hints in written order.
    pub hints: Vec<HintText>,
    /// Instant of ingestion.
    pub ingested_at: Timestamp,
}

/// What append did with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the sequence given, or that of the event already there")]
pub enum Appended {
    Inserted(Sequence),
    Duplicate(Sequence),
}

/// An event of the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerRow {
    /// Place in the ledger.
    pub sequence: Sequence,
    /// The event.
    pub event: NewEvent,
    /// Set by re-normalization: the canonical event with the same id.
    pub duplicate_of: Option<Sequence>,
    /// Whether the row was redacted.
    pub redacted: bool,
}

/// Which entity an event belongs to. One row per event and entity type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityEventRow {
    /// The event.
    pub sequence: Sequence,
    /// Entity type.
    pub entity_type: String,
    /// Id at the time of resolution.
    pub origin_id: EntityId,
    /// Current id; follows merges.
    pub entity_id: EntityId,
    /// Per `relate` of the manifest's (entity type, event type): its target as resolved at the event's place
    /// in the ledger. It does not follow merges (the merge log does). Empty for events that relate nothing.
    pub targets: Vec<Option<EntityId>>,
}

/// A merge that took place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeRow {
    /// The id that ceased.
    pub from: EntityId,
    /// The id that it was merged into then.
    pub into: EntityId,
    /// Entity type.
    pub entity_type: String,
    /// Time of the merging event.
    pub timestamp: Timestamp,
    /// Ledger place of the merging event.
    pub sequence: Sequence,
    /// Reason of an explicit merge.
    pub reason: Option<String>,
    /// Ledger place of the unmerge that undid it.
    pub undone_by: Option<Sequence>,
}

/// An edge of the entity's own that interpretation has opened and not closed.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenEdge {
    /// Index of the relationship in the manifest.
    pub relationship: u32,
    /// Target.
    pub target: EntityId,
    /// One value per edge property.
    pub properties: Vec<Value>,
}

/// Durable state of one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityStateRow {
    /// The entity.
    pub entity_id: EntityId,
    /// State as the module sees it. `exists` is false for an id whose events created nothing yet.
    pub record: Record,
    /// Key of the last event applied.
    pub last_key: Option<OrderKey>,
    /// Own open edges.
    pub open_edges: Vec<OpenEdge>,
    /// The newest history row.
    pub last_row: Option<LastRow>,
}

/// What must be known of the newest history row to collapse the changes of one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRow {
    /// Its start.
    pub valid_from: Timestamp,
    /// Digest of the content before it; `None` when it is the first.
    pub before: Option<[u8; 16]>,
}

impl LastRow {
    /// In place of a digest: there was content before it, and nobody knows which. What changes at that instant has to be made
    /// anew with the whole entity.
    pub const UNKNOWN: [u8; 16] = [0xff; 16];
}

/// New rows of one entity's history.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryChange {
    /// The entity.
    pub entity_id: EntityId,
    /// Rows with `valid_from` at or after this are deleted first; `None` keeps all. The row open before it
    /// is closed at the first new row's `valid_from` (or reopened when there is none).
    pub replace_from: Option<Timestamp>,
    /// New rows, `valid_from` strictly rising and after every row kept. Each closes the one before; the
    /// last stays open unless [`Self::ended`].
    pub rows: Vec<HistoryRow>,
    /// A merged-away entity: its last row ends here if it is open or ends later, and all its rows, kept ones too,
    /// carry this winner. With no new rows this only sets the winner.
    pub ended: Option<(Timestamp, EntityId)>,
}

/// One history row without what follows from its neighbours.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryRow {
    /// State name.
    pub state: String,
    /// One value per property.
    pub properties: Vec<Value>,
    /// Start of validity.
    pub valid_from: Timestamp,
    /// Last event when the row was written.
    pub last_event: Option<Timestamp>,
    /// Last transition.
    pub entered: Timestamp,
    /// Creation.
    pub created: Timestamp,
    /// Event behind the row, `None` for a time rule.
    pub event: Option<(Sequence, EventId)>,
}

/// A relationship pair of entity types in its canonical direction: the smaller of `(type, target)` and its
/// inverse by (source entity type, relationship name).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeKey {
    /// Entity type of the canonical source.
    pub source_type: String,
    /// Relationship name on the canonical source.
    pub relationship: String,
}

/// A `relate` that ran.
#[derive(Debug, Clone, PartialEq)]
pub struct EdgeRequest {
    /// Pair.
    pub pair: EdgeKey,
    /// Event behind it.
    pub key: OrderKey,
    /// Ordinal within the event (several relates of one event, or of two entities).
    pub ordinal: u32,
    /// The relating entity.
    pub relater: EntityId,
    /// Whether the relater is the canonical source.
    pub forward: bool,
    /// The other end.
    pub other: EntityId,
    /// One value per edge property.
    pub properties: Vec<Value>,
}

/// One version of an edge, canonical direction.
#[derive(Debug, Clone, PartialEq)]
pub struct EdgeRow {
    /// Canonical source.
    pub source: EntityId,
    /// Canonical target.
    pub target: EntityId,
    /// One value per edge property.
    pub properties: Vec<Value>,
    /// Start of validity.
    pub valid_from: Timestamp,
    /// End, `None` while open.
    pub valid_to: Option<Timestamp>,
}

/// New versions of one edge.
#[derive(Debug, Clone, PartialEq)]
pub struct EdgeChange {
    /// Canonical source.
    pub source: EntityId,
    /// Canonical target.
    pub target: EntityId,
    /// Versions that start at or after this are deleted; one that is open or ends later ends here.
    /// [`Timestamp::MIN`] replaces everything.
    pub from: Timestamp,
    /// New versions, all starting at or after `from`, in order, with their ends.
    pub rows: Vec<EdgeRow>,
}

/// Progress of one version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuildState {
    /// Every event up to here is applied.
    pub cursor: Sequence,
    /// Largest event time applied.
    pub watermark: Option<Timestamp>,
    /// Hash of the entity definitions under which the history was made; empty before the first build.
    pub definition_hash: String,
    /// Hash of the labels.
    pub label_hash: String,
    /// Digest of the module.
    pub module_hash: String,
    /// Generation that readers see.
    pub generation: u32,
    /// A full build under way: its generation, its target, the last key applied.
    pub pending: Option<(u32, Sequence, Option<OrderKey>)>,
    /// Largest instant up to which rules have run.
    pub tick_as_of: Option<Timestamp>,
    /// Mode of the last build.
    pub last_mode: String,
    /// When the last build ended (wall clock).
    pub last_built_at: Option<Timestamp>,
}

/// A registered version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionVersion {
    /// Name.
    pub version: String,
    /// Canonical definitions, JSON.
    pub definitions: String,
    /// Full content hash.
    pub content_hash: String,
    /// Whether it is the active one.
    pub active: bool,
    /// When it was registered.
    pub created_at: Timestamp,
}

/// Everything that one transaction may do.
#[async_trait]
pub trait Transaction: Reader {
    /// Makes everything durable.
    async fn commit(self: Box<Self>) -> Result<(), Error>;

    // Several processes (the defaults are for stores on which one transaction at a time writes) --------
    /// Takes the namespace for this transaction, after others that did, and counts: returns how many transactions
    /// had entered before, so that a process learns whether what it holds in memory is still true.
    async fn enter(&mut self) -> Result<u64, Error>;
    /// Makes sure, until the end of the transaction, that what the fence says holds. Called last before the commit.
    ///
    /// # Errors
    ///
    /// [`Error::Stale`].
    async fn check_fence(&mut self, _fence: &Fence) -> Result<(), Error> {
        Ok(())
    }
    /// Takes resolution for this transaction: waits for another that has it, and sees what that did.
    async fn lock_resolution(&mut self) -> Result<(), Error> {
        Ok(())
    }
    /// Takes the folding of edges for this transaction, likewise.
    async fn lock_edges(&mut self) -> Result<(), Error> {
        Ok(())
    }

    // Ledger ----------------------------------------------------------------------------------------
    /// Gives each new event the next sequence, in the order given; an event id seen before (also within the
    /// batch) keeps its first sequence and is not stored again.
    async fn append(&mut self, events: &[NewEvent]) -> Result<Vec<Appended>, Error>;
    /// Rewrites normalized columns after re-normalization, redaction or erasure (event id, type, timestamp, data, raw, hints,
    /// `duplicate_of`, `redacted`).
    async fn rewrite_events(&mut self, rows: &[LedgerRow]) -> Result<(), Error>;
    /// Lets event ids repeat until [`Transaction::restore_event_ids`] in the same transaction (re-normalization).
    async fn suspend_event_ids(&mut self) -> Result<(), Error>;
    /// Makes event ids unique again: of rows with one id the lowest sequence is canonical, the others are its
    /// duplicates. Returns how many duplicates there are.
    async fn restore_event_ids(&mut self) -> Result<u64, Error>;
    /// Deletes events for good, with their duplicates and the rows of [`EntityEventRow`] that name them.
    async fn delete_events(&mut self, sequences: &[Sequence]) -> Result<u64, Error>;

    // Resolution ------------------------------------------------------------------------------------
    /// Records which entities events belong to.
    async fn add_entity_events(&mut self, rows: &[EntityEventRow]) -> Result<(), Error>;
    /// Moves the current id of events from one entity to another; returns how many.
    async fn move_entity_events(&mut self, from: EntityId, into: EntityId) -> Result<u64, Error>;
    /// Deletes the mappings of events, or everything (identity reset).
    async fn clear_entity_events(&mut self, sequences: Option<&[Sequence]>) -> Result<(), Error>;
    /// Adds hints; keys are new.
    async fn add_hints(&mut self, rows: &[HintRow]) -> Result<(), Error>;
    /// Moves all hints of one entity to another; returns how many.
    async fn move_hints(&mut self, from: EntityId, into: EntityId) -> Result<u64, Error>;
    /// Deletes the hints of entities, or everything.
    async fn clear_hints(&mut self, ids: Option<&[EntityId]>) -> Result<(), Error>;
    /// Records merges.
    async fn add_merges(&mut self, rows: &[MergeRow]) -> Result<(), Error>;
    /// Deletes merges that mention the ids, or everything.
    async fn clear_merges(&mut self, ids: Option<&[EntityId]>) -> Result<(), Error>;
    /// Remembers in which order and how far events are resolved.
    async fn set_resolved(&mut self, position: Sequence) -> Result<(), Error>;

    // State -----------------------------------------------------------------------------------------
    /// Makes the tables of a generation exist and empty.
    async fn create_realm(&mut self, realm: &Realm, manifest: &Manifest) -> Result<(), Error>;
    /// Points the public names at a generation, as part of this transaction.
    async fn publish_realm(&mut self, realm: &Realm, manifest: &Manifest) -> Result<(), Error>;
    /// Drops the tables of a generation.
    async fn drop_realm(&mut self, realm: &Realm) -> Result<(), Error>;
    /// Copies states, checkpoints and history of entity types, and edges with their requests of relationship pairs, into a
    /// generation in which these are empty. Of a type with other properties there, states and history are copied with
    /// these ([`crate::codec::relay_state`]), and no checkpoints.
    async fn copy_types(
        &mut self,
        from: &Realm,
        to: &Realm,
        types: &[CopiedType],
        pairs: &[EdgeKey],
    ) -> Result<(), Error>;
    /// Stores states.
    async fn save_states(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        rows: &[EntityStateRow],
    ) -> Result<(), Error>;
    /// Stores states as they were after events in the past, from which an entity is taken up again when something comes
    /// late. A store may keep none: then what comes late costs the whole entity.
    async fn save_checkpoints(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        rows: &[EntityStateRow],
    ) -> Result<(), Error> {
        let _ = (realm, entity_type, rows);
        Ok(())
    }
    /// Forgets checkpoints of entities from a key on.
    async fn delete_checkpoints(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        ids: &[(EntityId, OrderKey)],
    ) -> Result<(), Error> {
        let _ = (realm, entity_type, ids);
        Ok(())
    }
    /// Deletes states, and the checkpoints of these entities.
    async fn delete_states(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        ids: &[EntityId],
    ) -> Result<(), Error>;
    /// Writes history; at most one change per entity in a call.
    async fn write_history(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        changes: &[HistoryChange],
    ) -> Result<(), Error>;
    /// Deletes all rows of entities.
    async fn delete_history(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        ids: &[EntityId],
    ) -> Result<(), Error>;
    /// Replaces all requests of the relaters from their first key given on (or adds, when later than all).
    async fn add_edge_requests(
        &mut self,
        realm: &Realm,
        requests: &[EdgeRequest],
    ) -> Result<(), Error>;
    /// Deletes the requests made by entities at or after a time.
    async fn delete_edge_requests(
        &mut self,
        realm: &Realm,
        relaters: &[(EntityId, Option<Timestamp>)],
    ) -> Result<(), Error>;
    /// Writes versions of edges; at most one change per edge in a call.
    async fn write_edges(
        &mut self,
        realm: &Realm,
        pair: &EdgeKey,
        changes: &[EdgeChange],
    ) -> Result<(), Error>;
    /// Deletes all versions of the edges that touch the ids (either end).
    async fn delete_edges(
        &mut self,
        realm: &Realm,
        pair: &EdgeKey,
        touching: &[EntityId],
    ) -> Result<(), Error>;

    // Progress and definitions -----------------------------------------------------------------------
    /// Stores progress.
    async fn save_build(&mut self, version: &str, state: &BuildState) -> Result<(), Error>;
    /// Registers a version (not active).
    async fn add_version(&mut self, version: &DefinitionVersion) -> Result<(), Error>;
    /// Makes a version the active one.
    async fn activate_version(&mut self, version: &str) -> Result<(), Error>;
    /// Forgets a version and its state tables.
    async fn drop_version(&mut self, version: &str) -> Result<(), Error>;
    /// Stores a named text: hashes under which normalized columns and the identity map were made, keys.
    async fn set_setting(&mut self, key: &str, value: &str) -> Result<(), Error>;
    /// Records an erased hint; returns the new generation.
    async fn add_erased_hint(&mut self, digest: &str) -> Result<u32, Error>;
}

/// Everything that may be read.
#[async_trait]
pub trait Reader: Send {
    /// How many transactions have entered ([`Transaction::enter`]).
    async fn entered(&mut self) -> Result<u64, Error>;
    /// Last sequence, 0 when empty.
    async fn head(&mut self) -> Result<Sequence, Error>;
    /// Number of canonical events, of one source or all.
    async fn count_events(&mut self, source: Option<&str>) -> Result<u64, Error>;
    /// Source and type of every event there is, each pair once, in order.
    async fn event_types(&mut self) -> Result<Vec<(String, String)>, Error>;
    /// Events in sequence order: `after < sequence <= until`, at most `limit`; duplicates included when asked.
    async fn scan_events(
        &mut self,
        after: Sequence,
        until: Sequence,
        limit: usize,
        duplicates: bool,
    ) -> Result<Vec<LedgerRow>, Error>;
    /// Canonical events with `from < sequence <= until` in event order after a key, with the entities they belong to.
    /// `raw` is left empty here and in the two reads below: fetch it with [`Reader::raw_texts`].
    async fn replay_events(
        &mut self,
        from: Sequence,
        until: Sequence,
        after: Option<OrderKey>,
        limit: usize,
    ) -> Result<Vec<(LedgerRow, Vec<EntityEventRow>)>, Error>;
    /// Canonical events of entities (by current id), from a key on (inclusive), in event order per entity.
    async fn events_of(
        &mut self,
        ids: &[EntityId],
        from: Option<OrderKey>,
    ) -> Result<Vec<(EntityEventRow, LedgerRow)>, Error>;
    /// Canonical events whose id at resolution was one of these.
    async fn events_by_origin(
        &mut self,
        ids: &[EntityId],
    ) -> Result<Vec<(EntityEventRow, LedgerRow)>, Error>;
    /// Canonical events whose relates found one of these ids at resolution. Reads through all events: no index leads there.
    async fn events_relating(
        &mut self,
        ids: &[EntityId],
    ) -> Result<Vec<(EntityEventRow, LedgerRow)>, Error>;
    /// Rows that re-normalization found to be duplicates of these, with their records.
    async fn duplicates_of(&mut self, sequences: &[Sequence]) -> Result<Vec<LedgerRow>, Error>;
    /// The records of events as received, in the order given.
    async fn raw_texts(&mut self, sequences: &[Sequence]) -> Result<Vec<String>, Error>;
    /// Rows that belong to events.
    async fn entity_events(&mut self, sequences: &[Sequence])
    -> Result<Vec<EntityEventRow>, Error>;
    /// Position of resolution.
    async fn resolved(&mut self) -> Result<Sequence, Error>;

    /// Entities of hints, in order.
    async fn find_hints(&mut self, keys: &[HintKey]) -> Result<Vec<Option<EntityId>>, Error>;
    /// Hints with a text, any type or one, any field.
    async fn find_hint_text(&mut self, value: &str) -> Result<Vec<HintRow>, Error>;
    /// Hints of entities.
    async fn hints_of(&mut self, ids: &[EntityId]) -> Result<Vec<HintRow>, Error>;
    /// Hints of an entity in key order, of each space at most `limit`.
    async fn some_hints(&mut self, id: EntityId, limit: usize) -> Result<Vec<HintRow>, Error>;
    /// All hints in key order after a key, at most `limit`.
    async fn list_hints(
        &mut self,
        after: Option<&HintKey>,
        limit: usize,
    ) -> Result<Vec<HintRow>, Error>;
    /// Merges that mention an id, or all, in sequence order.
    async fn merges(&mut self, id: Option<EntityId>) -> Result<Vec<MergeRow>, Error>;
    /// Merges, not undone, in which one of these ids ceased.
    async fn merges_from(&mut self, ids: &[EntityId]) -> Result<Vec<MergeRow>, Error>;
    /// Merges, not undone, into one of these ids as they were then.
    async fn merges_into(&mut self, ids: &[EntityId]) -> Result<Vec<MergeRow>, Error>;
    /// Merges, not undone, with `after < sequence <= until` by (sequence, from), at most `limit`.
    async fn merges_between(
        &mut self,
        after: Sequence,
        until: Sequence,
        limit: usize,
    ) -> Result<Vec<MergeRow>, Error>;
    /// Generation of an erased hint, 0 when never erased.
    async fn erased_generation(&mut self, digest: &str) -> Result<u32, Error>;

    /// States of entities, in the order given; `None` for unknown ones. Values are typed by the manifest.
    async fn load_states(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        ids: &[EntityId],
    ) -> Result<Vec<Option<EntityStateRow>>, Error>;
    /// The newest checkpoint of an entity whose last event is of an earlier instant.
    async fn checkpoint(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        id: EntityId,
        before: OrderKey,
    ) -> Result<Option<EntityStateRow>, Error> {
        let _ = (realm, entity_type, id, before);
        Ok(None)
    }
    /// Entities with a rule due before an instant, in id order after an id, at most `limit`.
    async fn due(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        before: Timestamp,
        after: Option<EntityId>,
        limit: usize,
    ) -> Result<Vec<EntityId>, Error>;
    /// Number of live entities.
    async fn count_entities(&mut self, realm: &Realm, entity_type: &str) -> Result<u64, Error>;
    /// Requests of a pair that touch any of the entities (either end), in (key, ordinal) order.
    async fn edge_requests(
        &mut self,
        realm: &Realm,
        pair: &EdgeKey,
        touching: &[EntityId],
    ) -> Result<Vec<EdgeRequest>, Error>;
    /// Requests made by entities, of every pair.
    async fn edge_requests_by(
        &mut self,
        realm: &Realm,
        relaters: &[EntityId],
    ) -> Result<Vec<EdgeRequest>, Error>;
    /// Open edges of a pair that touch any of the entities (either end).
    async fn open_edges(
        &mut self,
        realm: &Realm,
        pair: &EdgeKey,
        touching: &[EntityId],
    ) -> Result<Vec<EdgeRow>, Error>;
    /// History of a type in (id, valid_from) order, a page at a time.
    async fn history(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        query: &HistoryQuery,
    ) -> Result<Vec<HistoryRecord>, Error>;
    /// Entities of a type that some row of their history shows in one of the states, merged-away ones too: in id order,
    /// each once.
    async fn visitors(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        states: &[String],
    ) -> Result<Vec<EntityId>, Error>;
    /// Versions of edges of a pair in (source, target, valid_from) order after a key, at most `limit`.
    async fn edges(
        &mut self,
        realm: &Realm,
        pair: &EdgeKey,
        after: Option<(EntityId, EntityId, Timestamp)>,
        limit: usize,
    ) -> Result<Vec<EdgeRow>, Error>;

    /// Progress of a version.
    async fn build(&mut self, version: &str) -> Result<Option<BuildState>, Error>;
    /// Registered versions by time of registration.
    async fn versions(&mut self) -> Result<Vec<DefinitionVersion>, Error>;
    /// A named text.
    async fn setting(&mut self, key: &str) -> Result<Option<String>, Error>;
}

/// Which history rows to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistoryQuery {
    /// Only this entity.
    pub entity_id: Option<EntityId>,
    /// Only rows valid at this instant.
    pub as_of: Option<Timestamp>,
    /// Only open rows.
    pub current: bool,
    /// Rows of merged-away entities too.
    pub merged: bool,
    /// After this row.
    pub after: Option<(EntityId, Timestamp)>,
    /// At most so many.
    pub limit: usize,
}

/// A complete history row.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryRecord {
    /// The entity.
    pub entity_id: EntityId,
    /// The row.
    pub row: HistoryRow,
    /// End of validity.
    pub valid_to: Option<Timestamp>,
    /// Winner, for a merged-away entity.
    pub merged_into: Option<EntityId>,
}
