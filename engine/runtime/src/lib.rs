//! The engine as a library: definitions in, events in, history out.
//!
//! [`Engine::project`] opens a project folder; [`Builder`] holds every setting. Invariant: never reads the
//! environment; whoever embeds the engine decides.

mod builder;
mod clock;
mod engine;
mod error;
mod modules;
mod read;
mod source;

pub use builder::Builder;
pub use clock::SystemClock;
pub use defacto_pipeline::{
    AsOf, BuildOptions, BuildResult, EraseResult, EventFailure, IngestResult, MergeResult, RedactResult, Status,
    TickResult, Verification,
};
pub use defacto_ports::{Clock, EdgeRow, HintRow, HistoryQuery, HistoryRecord, HistoryRow, LedgerRow};
pub use engine::{Engine, Ingestion};
pub use error::{Error, ErrorKind};
pub use modules::{Modules, Question, Refusal, evaluate};
pub use read::{Edges, HintPages, HistoryPages, LedgerPages};
pub use source::Source;
