//! The engine as a library: definitions in, events in, history out.
//!
//! ```
//! use defacto_engine::{AsOf, BuildOptions, Engine, HistoryQuery, Source};
//!
//! let text = "
//! entities:
//!   customer:
//!     starts: lead
//!     identity: { email: { match: case_insensitive } }
//!     properties: { plan: { type: string, default: free } }
//!     states:
//!       lead:
//!         when: { signed_up: { effects: [create, { transition: { to: active } }] } }
//!       active:
//!         when: { upgraded: { effects: [{ set: { property: plan, from: event.plan } }] } }
//! sources:
//!   app:
//!     event_type: event
//!     timestamp: at
//!     events:
//!       signed_up: { mappings: [email], hints: { customer: [email] } }
//!       upgraded: { mappings: [email, plan], hints: { customer: [email] } }
//! ";
//! # let state = std::env::temp_dir().join(format!("defacto-example-{}", std::process::id()));
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let mut engine = Engine::builder(Source::text("shop.yaml", text), &state).open().await?;
//!
//! // Durable when it returns; the same records again change nothing.
//! let records = [
//!     r#"{"event":"signed_up","at":"2026-01-01T09:00:00Z","email":"ada@example.org"}"#,
//!     r#"{"event":"upgraded","at":"2026-01-05T12:00:00Z","email":"Ada@Example.org","plan":"pro"}"#,
//! ];
//! assert_eq!(engine.ingest("app", &records, false).await?.events_ingested, 2);
//! assert_eq!(engine.ingest("app", &records, false).await?.duplicates_skipped, 2);
//!
//! engine.build(BuildOptions { as_of: AsOf::Keep, ..BuildOptions::default() }).await?;
//! let rows = engine.history("customer", HistoryQuery::default()).await?.next_page().await?;
//! assert_eq!(rows.len(), 2);
//! assert_eq!(rows[1].row.state, "active");
//!
//! // Whom a hint means, and what happened to them.
//! let ada = engine.lookup("ADA@example.org", None, None).await?[0].entity_id;
//! let timeline = engine.timeline(ada).await?;
//! assert_eq!(timeline.entries[1].effects, ["plan: free → pro"]);
//!
//! // The history is what a rebuild gives.
//! assert!(engine.compare_with_rebuild().await?.equal);
//!
//! // Other definitions: registered, measured, built beside the present history, then shown.
//! let patched = Source::text("shop.yaml", text.replace("default: free", "default: basic"));
//! engine.register("v2", Some(&patched)).await?;
//! assert_eq!(engine.impact(Some("v2")).await?.build_mode, "FULL");
//! engine.activate("v2", BuildOptions { as_of: AsOf::Keep, ..BuildOptions::default() }).await?;
//! assert_eq!(engine.timeline(ada).await?.entries[1].effects, ["plan: basic → pro"]);
//! # Ok::<(), defacto_engine::Error>(())
//! # })?;
//! # std::fs::remove_dir_all(&state)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`Engine::project`] opens a project folder, [`Engine::builder`] definitions from anywhere; [`Builder`] holds every
//!   setting.
//! - [`Engine`] is what most programs need. Reading is by pages ([`HistoryPages`], [`HintPages`], [`LedgerPages`]), of
//!   one version of the definitions ([`View`]).
//! - Everything that ends an operation is an [`Error`], whose [`ErrorKind`] says what to do about it. What single records
//!   do wrong is no error: it stands in the results.
//! - [`blocking`] has the same for programs without an async runtime.
//!
//! Invariant: never reads the environment; whoever embeds the engine decides.

pub mod blocking;
mod builder;
mod clock;
mod copy;
mod database;
mod desk;
mod draft;
mod draft_path;
mod engine;
mod error;
mod joins;
mod lifecycle;
mod log;
mod modules;
mod preview;
mod project_modules;
mod read;
mod rebuild;
mod shard_worker;
mod source;
mod timeline;
mod versions;
mod view;
mod worker;

pub use builder::Builder;
pub use clock::SystemClock;
pub use defacto_model::Shard;
pub use defacto_pipeline::{
    AsOf, BlockResult, BuildOptions, BuildResult, EraseResult, EventFailure, Finding, Impact,
    IngestResult, MergeResult, RedactResult, Resumed, Separation, Status, TickResult, Timing,
    UnmergeResult, Verification, Warning,
};
pub use defacto_ports::{
    Clock, EdgeRow, HintKey, HintRow, HistoryQuery, HistoryRecord, HistoryRow, LedgerRow, MergeRow,
    NewEvent,
};
pub use draft::{Draft, Validation};
pub use engine::{Engine, Ingestion};
pub use error::{Error, ErrorKind};
pub use joins::{Explanation, Join};
pub use modules::{Modules, Question, Refusal, evaluate};
pub use preview::{DifferingEntity, ReplayCheck, RowChange, RowChanges};
pub use project_modules::module_tables;
pub use read::{HintPages, LedgerPages};
pub use rebuild::{ComparedTable, Comparison};
pub use source::Source;
pub use timeline::{Difference, Timeline, TimelineEntry};
pub use versions::{ChangedPath, Changes, RegisterResult, Version};
pub use view::{Edges, HistoryPages, View};
pub use worker::{ShardState, ShardsState, Share, WorkOptions};
