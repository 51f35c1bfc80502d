//! What the host knows about compiled definitions: tables, hints, timers, raw paths, layouts.
//!
//! The compiler writes the manifest into the component (custom section `defacto-manifest` and the
//! export `describe`); the host reads nothing else at run time. All lists are in the order that
//! frames use: a position in a list is the index that crosses the boundary.

use crate::{DescribedEvent, FunctionManifest, RawInput};

/// The five declared types (language.md 2.3), and what is known of a value at compile time.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names of the definition language")]
pub enum ValueType {
    String,
    Number,
    Integer,
    Boolean,
    Datetime,
}

/// Number of partners on each side of a relationship (language.md 2.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names of the definition language")]
pub enum Cardinality {
    HasMany,
    HasOne,
    BelongsTo,
    ManyToMany,
}

/// Label of a sensitive property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names of the definition language")]
pub enum Sensitivity {
    Pii,
    Phi,
    Pci,
}

/// What `redact` writes in place of a sensitive value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names of the definition language")]
pub enum Treatment {
    Hash,
    Mask,
    Redact,
}

/// Everything the host needs to run one compiled set of definitions.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Manifest {
    /// Version of frames and manifest; a host refuses another one.
    pub abi: u32,
    /// Checksum over every layout below; the first field of each frame, checked by the module.
    pub layout: u32,
    /// Address of the frame in the module's memory (FRAMES.md).
    pub origin: u32,
    /// SHA-256 of the canonical definitions, hexadecimal; its first eight digits name the version.
    pub content_hash: String,
    /// Over sources and schemas.
    pub source_hash: String,
    /// Over the identity blocks.
    pub identity_hash: String,
    /// Over entities without identity and labels.
    pub definition_hash: String,
    /// Over `sensitive` and `treatment`.
    pub label_hash: String,
    /// Per entity the hash of its behaviour, in the order of `entities` (for narrower rebuilds).
    pub entity_hashes: Vec<String>,
    /// Entity types, sorted by name.
    pub entities: Vec<EntityManifest>,
    /// Sources, sorted by name.
    pub sources: Vec<SourceManifest>,
    /// Functions of modules that expressions may call; their places are the numbers that cross the boundary.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<FunctionManifest>,
}

/// One entity type.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct EntityManifest {
    /// Name of the type.
    pub name: String,
    /// Index of the start state.
    pub start: u32,
    /// States, in written order.
    pub states: Vec<StateManifest>,
    /// Properties, in written order: the order of history columns and of cells in a record.
    pub properties: Vec<PropertyManifest>,
    /// Identity fields, in written order.
    pub identity: Vec<IdentityFieldManifest>,
    /// Relationships declared by this type, in written order.
    pub relationships: Vec<RelationshipManifest>,
    /// Event types that reach this type: those that some handler takes, sorted by name. Other
    /// events that hint at it only move `last_event_time`: they cross as [`Self::UNHANDLED`].
    pub events: Vec<EntityEventManifest>,
    /// Whether an expression reads `entity.id`: then a record carries it in one more cell.
    pub reads_id: bool,
}

impl EntityManifest {
    /// Event index in a frame of an event that no handler of the type takes.
    pub const UNHANDLED: u32 = u32::MAX;
}

/// One state.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct StateManifest {
    /// Name of the state.
    pub name: String,
    /// Number of time rules.
    pub rules: u32,
}

/// One property.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PropertyManifest {
    /// Name, also of the column.
    pub name: String,
    /// Declared type.
    pub r#type: ValueType,
    /// Whether it has `compute`.
    pub computed: bool,
    /// Label, if any.
    pub sensitive: Option<Sensitivity>,
    /// Effective treatment: `redact` when only `sensitive` is set.
    pub treatment: Option<Treatment>,
    /// Event fields that flow into a sensitive property through `set … from`, sorted; empty for others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fed_by: Vec<String>,
}

/// One identity field.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct IdentityFieldManifest {
    /// Name of the field.
    pub name: String,
    /// Value space; the field's name unless given.
    pub space: String,
    /// Whether hints are lower-cased after `normalize`.
    pub case_insensitive: bool,
    /// Whether the field has a `normalize` expression.
    pub normalize: bool,
}

/// One relationship, seen from the type that declares it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RelationshipManifest {
    /// Name of the type.
    pub name: String,
    /// Target entity type.
    pub target: String,
    /// As declared on this side.
    pub cardinality: Cardinality,
    /// Name of the paired relationship on the target.
    pub inverse: String,
    /// As declared on the other side.
    pub inverse_cardinality: Cardinality,
    /// Properties of the edge (name and type).
    pub properties: Vec<(String, ValueType)>,
}

/// How one event type reaches one entity type.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct EntityEventManifest {
    /// Name of the event type.
    pub event_type: String,
    /// Fields that some expression of the type reads for this event: the cells of an event row.
    pub fields: Vec<FieldManifest>,
    /// `relate` effects that may run for this event, in the order of [`RelateManifest`] indices.
    pub relates: Vec<RelateManifest>,
}

/// One cell of an event row.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct FieldManifest {
    /// Where the value comes from.
    pub origin: FieldOrigin,
    /// Type that the module relies on. The host puts null where the stored value has another kind.
    pub r#type: Option<ValueType>,
}

/// Where the value of an event cell comes from.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldOrigin {
    /// A normalized field.
    Data(String),
    /// The event's timestamp.
    Timestamp,
    /// The event's type.
    Type,
    /// The source's name.
    Source,
    /// The event id.
    Id,
}

/// A `relate` effect: the host finds its target before the call.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RelateManifest {
    /// Index into the type's relationships.
    pub relationship: u32,
    /// Event fields tried in turn; empty means the event's own hints for the target.
    pub hint_fields: Vec<String>,
}

/// One source.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SourceManifest {
    /// Name of the source.
    pub name: String,
    /// Raw path of the event type.
    pub event_type: RawPath,
    /// What failures N03 and N04 name as their field (`timestamp` for a computed timestamp).
    pub timestamp_field: String,
    /// Raw path of the timestamp; absent when it is computed.
    pub timestamp: Option<RawPath>,
    /// Event definitions, sorted by name.
    pub events: Vec<SourceEventManifest>,
    /// Explicit `event_id` list, in written order; `None` means all mapped fields and `$timestamp`.
    pub event_id: Option<Vec<String>>,
    /// The module that makes events of its records. Then `event_type` means nothing, and the raw paths of an event are
    /// names of the module's fields and [`SourceManifest::MADE_TIMESTAMP`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalizer: Option<NormalizerManifest>,
}

impl SourceManifest {
    /// Raw path of the timestamp that a normalizer gives.
    pub const MADE_TIMESTAMP: &str = "$timestamp";
}

/// The module of a source.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct NormalizerManifest {
    /// Name in the project.
    pub name: String,
    /// SHA-256 of its bytes and tables, hexadecimal.
    pub digest: String,
    /// Configuration, as JSON with sorted keys.
    pub config: String,
    /// Form of the records.
    pub input: RawInput,
    /// Limits that differ from the defaults, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<(String, u64)>,
    /// What it makes: types and fields in the order of its indices.
    pub events: Vec<DescribedEvent>,
}

/// One event definition of a source.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SourceEventManifest {
    /// Name of the event type.
    pub name: String,
    /// Raw types that select it (exact, case-sensitive).
    pub raw_types: Vec<String>,
    /// Raw values that its mappings (and a computed timestamp) read: cells 1… of a raw row.
    pub paths: Vec<RawPath>,
    /// Mapped fields, sorted by name: the cells of a normalized row.
    pub fields: Vec<MappedFieldManifest>,
    /// Hints in written order of entity types and fields: the cells of a hint row.
    pub hints: Vec<HintManifest>,
}

/// A place in a raw record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct RawPath {
    /// Dot-path: keys, and indices into arrays (negative from the end).
    pub path: String,
    /// Whether a top-level key equal to the whole path wins (mappings' `from`, event type,
    /// timestamp; not paths inside expressions).
    pub literal_first: bool,
}

/// One mapped field of an event.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct MappedFieldManifest {
    /// Name of the field.
    pub name: String,
    /// Type of every non-null value, where mapping or schema fix it.
    pub r#type: Option<ValueType>,
    /// Raw paths from which the value derives, for redaction.
    pub lineage: Vec<String>,
}

/// One possible hint of an event.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct HintManifest {
    /// Index of the entity type.
    pub entity: u32,
    /// Index of the identity field in the type.
    pub identity_field: u32,
    /// Index of the mapped field that carries it.
    pub field: u32,
}

impl Manifest {
    /// Finds an entity type by name.
    pub fn find_entity(&self, name: &str) -> Option<(u32, &EntityManifest)> {
        (0..).zip(&self.entities).find(|(_, e)| e.name == name)
    }

    /// Finds a source by name.
    pub fn find_source(&self, name: &str) -> Option<(u32, &SourceManifest)> {
        (0..).zip(&self.sources).find(|(_, s)| s.name == name)
    }
}
