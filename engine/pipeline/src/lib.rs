//! The engine between ports: ingest, resolve, interpret, build, tick and the operations on entities.
//!
//! [`Pipeline`] drives compiled definitions ([`defacto_ports::Machines`]) and a store
//! ([`defacto_ports::Store`]). Each batch is one transaction that also stores its position, so that it can be
//! killed at any point and continues to the same result.
//!
//! Invariant: history is a pure function of ledger rows, definitions, module bytes and the `as_of` of the
//! last tick. Nothing here depends on batch boundaries, on the order of a hash map or on the wall clock,
//! except where the clock is the instant asked for.

mod ahead;
mod apart;
mod apply;
mod base;
mod blocking;
mod build;
mod cache;
mod catalog;
mod columns;
mod decode;
mod edges;
mod elsewhere;
mod erase;
mod error;
mod fingerprint;
mod fold;
mod ingest;
mod instead;
mod lifecycle;
mod made;
mod member;
mod merges;
mod pairs;
mod parted;
mod pipeline;
mod purge;
mod recompute;
mod redact;
mod renew;
mod renormalize;
mod resolve;
mod results;
mod retire;
mod retry;
mod rows;
mod scrub;
mod secrets;
mod separate;
mod shards;
mod siblings;
mod sorted;
mod status;
mod system;
mod tick;
mod told;
mod treatment;
mod unmerge;
mod verify;
mod versions;
mod visits;

pub use apart::Separation;
pub use build::{AsOf, BuildOptions};
pub use elsewhere::OtherVersion;
pub use error::Error;
pub use fingerprint::Fingerprint;
pub use ingest::IngestOptions;
pub use member::Member;
pub use pairs::canonical_pair;
pub use pipeline::{Definitions, Options, Pipeline};
pub use results::{
    BlockResult, BuildResult, EraseResult, EventFailure, IngestResult, MergeResult, RedactResult,
    Resumed, Status, TickResult, Timing, UnmergeResult, Warning,
};
pub use verify::{Finding, Verification};
pub use versions::Impact;
