//! The engine for programs without an async runtime.
//!
//! ```
//! use defacto_engine::{AsOf, BuildOptions, Source, blocking::Engine};
//!
//! let text = "
//! entities:
//!   door:
//!     starts: shut
//!     identity: { number: { match: exact } }
//!     properties: { openings: { type: integer, default: 0 } }
//!     states:
//!       shut: { when: { opened: { effects: [create, { increment: { property: openings } }] } } }
//! sources:
//!   sensor:
//!     event_type: kind
//!     timestamp: at
//!     events:
//!       opened: { mappings: [number], hints: { door: [number] } }
//! ";
//! let state = std::env::temp_dir().join(format!("defacto-blocking-{}", std::process::id()));
//! let engine = Engine::open(defacto_engine::Engine::builder(Source::text("doors.yaml", text), &state))?;
//! engine.ingest("sensor", &[r#"{"kind":"opened","at":"2026-03-01T08:00:00Z","number":"7"}"#], false)?;
//! engine.build(BuildOptions { as_of: AsOf::Keep, ..BuildOptions::default() })?;
//! for row in engine.history("door", Default::default())? {
//!     assert_eq!(row?.row.state, "shut");
//! }
//! # drop(engine);
//! # std::fs::remove_dir_all(state)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::VecDeque;

use defacto_model::{EntityId, Manifest, Timestamp, Value};
use tokio::runtime::Runtime;

use crate::{
    BlockResult, BuildOptions, BuildResult, Builder, Changes, Comparison, Difference, Draft, Edges,
    EraseResult, Error, Explanation, HintPages, HintRow, HistoryPages, HistoryQuery, HistoryRecord,
    Impact, IngestResult, LedgerPages, LedgerRow, MergeResult, MergeRow, RedactResult,
    RegisterResult, ReplayCheck, RowChanges, Separation, Source, Status, TickResult, Timeline,
    UnmergeResult, Verification, Version,
};

/// As [`crate::Engine`], with methods that return when the work is done. Not for use inside an async runtime: there a
/// method panics.
#[derive(Debug)]
pub struct Engine {
    inner: crate::Engine,
    runtime: Runtime,
}

/// Rows, read a page at a time.
#[derive(Debug)]
pub struct Rows<'e, P: Pages> {
    runtime: &'e Runtime,
    pages: P,
    page: VecDeque<P::Row>,
    ended: bool,
}

/// What [`Rows`] reads from.
pub trait Pages {
    /// One row.
    type Row;

    /// The next rows; empty at the end.
    #[expect(async_fn_in_trait, reason = "only called from this module, on one thread")]
    async fn next_rows(&mut self) -> Result<Vec<Self::Row>, Error>;
}

macro_rules! pages {
    ($($pages:ty => $row:ty),*) => {$(
        impl Pages for $pages {
            type Row = $row;

            async fn next_rows(&mut self) -> Result<Vec<$row>, Error> {
                self.next_page().await
            }
        }
    )*};
}

pages!(HistoryPages => HistoryRecord, HintPages => HintRow, LedgerPages => LedgerRow);

impl<P: Pages> Iterator for Rows<'_, P> {
    type Item = Result<P::Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty() && !self.ended {
            match self.runtime.block_on(self.pages.next_rows()) {
                Ok(page) => {
                    self.ended = page.is_empty();
                    self.page = page.into();
                }
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
        self.page.pop_front().map(Ok)
    }
}

/// Each method is that of [`crate::Engine`] with the same name; see there.
macro_rules! facade {
    ($($(#[$doc:meta])* fn $name:ident(&self $(, $arg:ident: $type:ty)*) -> $out:ty;)*) => {
        impl Engine {$(
            $(#[$doc])*
            ///
            /// # Errors
            ///
            /// As there.
            pub fn $name(&self $(, $arg: $type)*) -> Result<$out, Error> {
                self.runtime.block_on(self.inner.$name($($arg),*))
            }
        )*}
    };
}

facade! {
    /// As [`crate::Engine::ingest`].
    fn ingest(&self, source: &str, records: &[&str], process: bool) -> IngestResult;
    /// As [`crate::Engine::build`].
    fn build(&self, options: BuildOptions) -> BuildResult;
    /// As [`crate::Engine::plan`].
    fn plan(&self, options: BuildOptions) -> Impact;
    /// As [`crate::Engine::preview_rows`].
    fn preview_rows(&self, options: BuildOptions) -> RowChanges;
    /// As [`crate::Engine::check_replay`].
    fn check_replay(&self, version: &str) -> ReplayCheck;
    /// As [`crate::Engine::tick`].
    fn tick(&self, as_of: Option<Timestamp>) -> TickResult;
    /// As [`crate::Engine::status`].
    fn status(&self) -> Status;
    /// As [`crate::Engine::fingerprint`].
    fn fingerprint(&self) -> String;
    /// As [`crate::Engine::verify`].
    fn verify(&self) -> Verification;
    /// As [`crate::Engine::compare_with_rebuild`].
    fn compare_with_rebuild(&self) -> Comparison;
    /// As [`crate::Engine::edges`].
    fn edges(&self, relationship: &str) -> Edges;
    /// As [`crate::Engine::timeline`].
    fn timeline(&self, id: EntityId) -> Timeline;
    /// As [`crate::Engine::assert_entity`].
    fn assert_entity(&self, id: EntityId, state: Option<&str>, properties: &[(String, Value)]) -> Vec<Difference>;
    /// As [`crate::Engine::lookup`].
    fn lookup(&self, value: &str, entity_type: Option<&str>, field: Option<&str>) -> Vec<HintRow>;
    /// As [`crate::Engine::hints_of`].
    fn hints_of(&self, id: EntityId) -> Vec<HintRow>;
    /// As [`crate::Engine::merges_of`].
    fn merges_of(&self, id: EntityId) -> Vec<MergeRow>;
    /// As [`crate::Engine::explain`].
    fn explain(&self, a: &str, b: &str) -> Explanation;
    /// As [`crate::Engine::merge`].
    fn merge(&self, from: EntityId, into: EntityId, reason: &str) -> MergeResult;
    /// As [`crate::Engine::unmerge`].
    fn unmerge(&self, loser: EntityId, winner: EntityId, reason: &str) -> UnmergeResult;
    /// As [`crate::Engine::block`].
    fn block(&self, a: EntityId, b: EntityId, reason: &str) -> BlockResult;
    /// As [`crate::Engine::separations_of`].
    fn separations_of(&self, id: EntityId) -> Vec<Separation>;
    /// As [`crate::Engine::erase`].
    fn erase(&self, id: EntityId) -> EraseResult;
    /// As [`crate::Engine::erasure_of`].
    fn erasure_of(&self, id: EntityId) -> Option<EraseResult>;
    /// As [`crate::Engine::redact`].
    fn redact(&self, id: EntityId) -> RedactResult;
    /// As [`crate::Engine::events_of`].
    fn events_of(&self, id: EntityId) -> Vec<LedgerRow>;
    /// As [`crate::Engine::count_events`].
    fn count_events(&self, source: Option<&str>) -> u64;
    /// As [`crate::Engine::versions`].
    fn versions(&self) -> Vec<Version>;
    /// As [`crate::Engine::active_version`].
    fn active_version(&self) -> String;
    /// As [`crate::Engine::definitions`].
    fn definitions(&self, version: Option<&str>) -> String;
    /// As [`crate::Engine::diff`].
    fn diff(&self, from: Option<&str>, to: Option<&str>) -> Changes;
    /// As [`crate::Engine::impact`].
    fn impact(&self, version: Option<&str>) -> Impact;
    /// As [`crate::Engine::impact_of`].
    fn impact_of(&self, source: &Source) -> Impact;
    /// As [`crate::Engine::draft`]; [`Draft::source`] is what [`Engine::register`] takes.
    fn draft(&self, version: &str, based_on: Option<&str>) -> Draft;
    /// As [`crate::Engine::register`].
    fn register(&self, name: &str, source: Option<&Source>) -> RegisterResult;
    /// As [`crate::Engine::build_version`].
    fn build_version(&self, version: &str, options: BuildOptions) -> BuildResult;
    /// As [`crate::Engine::drop_version`].
    fn drop_version(&self, version: &str) -> ();
}

impl Engine {
    /// Opens what a builder describes.
    ///
    /// # Errors
    ///
    /// As [`Builder::open`]; [`Error::File`] when the system gives no threads.
    pub fn open(builder: Builder) -> Result<Self, Error> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|source| {
                Error::File { operation: "start threads for", path: "the engine".into(), source }
            })?;
        let inner = runtime.block_on(builder.open())?;
        Ok(Self { inner, runtime })
    }

    /// The async engine.
    pub fn inner(&self) -> &crate::Engine {
        &self.inner
    }

    /// As [`crate::Engine::manifest`].
    pub fn manifest(&self) -> &Manifest {
        self.inner.manifest()
    }

    /// As [`crate::Engine::activate`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn activate(&mut self, version: &str, options: BuildOptions) -> Result<BuildResult, Error> {
        self.runtime.block_on(self.inner.activate(version, options))
    }

    /// As [`crate::Engine::history`], row by row.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn history(
        &self,
        entity_type: &str,
        query: HistoryQuery,
    ) -> Result<Rows<'_, HistoryPages>, Error> {
        self.rows(self.runtime.block_on(self.inner.history(entity_type, query))?)
    }

    /// As [`crate::Engine::hints`], row by row.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn hints(&self) -> Result<Rows<'_, HintPages>, Error> {
        self.rows(self.runtime.block_on(self.inner.hints())?)
    }

    /// As [`crate::Engine::ledger`], event by event.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn ledger(&self) -> Result<Rows<'_, LedgerPages>, Error> {
        self.rows(self.runtime.block_on(self.inner.ledger())?)
    }

    fn rows<P: Pages>(&self, pages: P) -> Result<Rows<'_, P>, Error> {
        Ok(Rows { runtime: &self.runtime, pages, page: VecDeque::new(), ended: false })
    }
}
