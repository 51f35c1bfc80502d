//! The engine as a library: definitions in, events in, history out.
//!
//! [`Engine::project`] opens a project folder; [`Builder`] holds every setting. Invariant: never reads the
//! environment; whoever embeds the engine decides.

pub mod blocking;
mod builder;
mod clock;
mod engine;
mod error;
mod joins;
mod lifecycle;
mod modules;
mod read;
mod rebuild;
mod source;
mod timeline;
mod versions;
mod view;

pub use builder::Builder;
pub use clock::SystemClock;
pub use defacto_pipeline::{
    AsOf, BuildOptions, BuildResult, EraseResult, EventFailure, Finding, Impact, IngestResult, MergeResult,
    RedactResult, Status, TickResult, Timing, Verification, Warning,
};
pub use defacto_ports::{
    Clock, EdgeRow, HintKey, HintRow, HistoryQuery, HistoryRecord, HistoryRow, LedgerRow, MergeRow, NewEvent,
};
pub use engine::{Engine, Ingestion};
pub use error::{Error, ErrorKind};
pub use joins::{Explanation, Join};
pub use modules::{Modules, Question, Refusal, evaluate};
pub use read::{HintPages, LedgerPages};
pub use rebuild::{ComparedTable, Comparison};
pub use source::Source;
pub use timeline::{Difference, Timeline, TimelineEntry};
pub use versions::{ChangedPath, Changes, RegisterResult, Version};
pub use view::{Edges, HistoryPages, View};
