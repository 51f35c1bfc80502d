//! Ports: what the pipeline needs from modules and stores, in words that name no product.
//!
//! Invariant: names no database, broker or Wasm engine, and exposes no connection.

mod clock;
pub mod codec;
#[cfg(feature = "testing")]
pub mod conformance;
mod error;
pub mod layout;
mod machines;
mod shards;
mod store;

pub use clock::Clock;
pub use error::{Disposition, Error};
pub use machines::{
    EntityInput, EntityOutput, EventInput, FaultReport, HintRequest, Interpreted, Item, ItemCause,
    Machines, ModuleMetrics, Normalized, NormalizedEvent, RawRecord, Record, RecordFailure,
};
pub use shards::{Claim, ClaimedShard, Fence, ShardMap, ShardStatus, Shards, Worker};
pub use store::{
    Appended, BuildState, DefinitionVersion, EdgeChange, EdgeKey, EdgeRequest, EdgeRow,
    EntityEventRow, EntityStateRow, HintKey, HintRow, HintText, HistoryChange, HistoryQuery,
    HistoryRecord, HistoryRow, LastRow, LedgerRow, MergeRow, NewEvent, OpenEdge, OrderKey, Reader,
    Realm, Store, Transaction,
};
