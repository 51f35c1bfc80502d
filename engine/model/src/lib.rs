//! Ids, instants, values and the manifest: the words that every other crate speaks.
//!
//! Invariant: depends on no other Defacto crate, and offers no type whose bytes depend on map order.

pub mod calendar;
mod event_id;
mod failure;
mod functions;
mod ids;
mod instant_text;
mod manifest;
mod normalizer;
mod number;
mod read_float;
mod timestamp;
mod value;

pub use event_id::{canonical_event, event_id, push_json_string};
pub use failure::{FailureCode, Stage};
pub use functions::{
    DescribedFunction, DescribedParameter, FUNCTIONS_MAX, FunctionManifest, FunctionsDescription,
    PARAMETERS_MAX,
};
pub use ids::{EntityId, EventId, IdError, Sequence, Shard, entity_id, shard_hash};
pub use manifest::{
    Cardinality, EntityEventManifest, EntityManifest, FieldManifest, FieldOrigin, HintManifest,
    IdentityFieldManifest, Manifest, MappedFieldManifest, NormalizerManifest, PropertyManifest,
    RawPath, RelateManifest, RelationshipManifest, Sensitivity, SourceEventManifest,
    SourceManifest, StateManifest, Treatment, ValueType,
};
pub use normalizer::{
    DescribedEvent, DescribedField, DescribedType, EVENT_FIELDS_MAX, EVENT_TYPES_MAX,
    NormalizerDescription, RawInput,
};
pub use number::{display_float, json_float, nearest_float};
pub use read_float::read_float;
pub use timestamp::{Micros, Timestamp, TimestampError};
pub use value::Value;
