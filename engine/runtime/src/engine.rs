use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use defacto_diagnostics::Diagnostic;
use defacto_model::{EntityManifest, Manifest, Timestamp};
use defacto_pipeline::{
    BuildOptions, BuildResult, Definitions, EventFailure, Impact, IngestOptions, IngestResult,
    Options, Pipeline, Status, TickResult, Verification,
};
use defacto_ports::{Clock, Machines, Store};
use tokio::sync::{Mutex, MutexGuard};

use crate::database::Database;
use crate::log;
use crate::{Builder, Error, Source};

/// Definitions at work on a database. `Send + Sync`; operations that write follow one another.
///
/// ```no_run
/// # async fn example() -> Result<(), defacto_engine::Error> {
/// use defacto_engine::{BuildOptions, Engine};
///
/// let engine = Engine::project("shop")?.open().await?;
/// engine.ingest("app", &[r#"{"event":"signup","at":0,"user":{"email":"ada@example.org"}}"#], false).await?;
/// engine.build(BuildOptions::default()).await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Engine {
    pub(crate) pipeline: Mutex<Pipeline>,
    pub(crate) machines: Arc<dyn Machines>,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) options: Options,
    pub(crate) place: Place,
    warnings: Vec<Diagnostic>,
    /// Whether nobody has been told of the warnings.
    untold: AtomicBool,
}

/// Where an engine lives, and with which definitions it was opened.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) database: Database,
    pub(crate) state: PathBuf,
    pub(crate) clock: Arc<dyn Clock>,
    /// The definitions given at opening; another version may be at work.
    pub(crate) own: Definitions,
}

impl Engine {
    /// An engine for a project folder; its state lives in `.defacto/` there.
    ///
    /// # Errors
    ///
    /// [`Error::Project`] when there are no definitions.
    pub fn project(dir: impl AsRef<Path>) -> Result<Builder, Error> {
        let dir = dir.as_ref();
        Ok(Builder::new(Source::read(dir)?, dir.join(".defacto")))
    }

    /// An engine for definitions from anywhere, with a folder for its state.
    pub fn builder(source: Source, state: impl AsRef<Path>) -> Builder {
        Builder::new(source, state.as_ref().to_owned())
    }

    pub(crate) fn new(
        pipeline: Pipeline,
        machines: Arc<dyn Machines>,
        store: Arc<dyn Store>,
        options: Options,
        warnings: Vec<Diagnostic>,
        place: Place,
        known: bool,
    ) -> Self {
        let manifest = Arc::new(machines.manifest().clone());
        let (pipeline, untold) = (Mutex::new(pipeline), AtomicBool::new(!known));
        Self { pipeline, machines, manifest, store, options, place, warnings, untold }
    }

    /// Logs the warnings about definitions that the database did not know when they were opened, once.
    fn tell_warnings(&self) {
        if self.untold.swap(false, Ordering::Relaxed) {
            log::definition_warnings(&self.warnings);
        }
    }

    /// An operation failed: a failure of the store is logged.
    pub(crate) fn failed(&self, operation: &'static str, error: impl Into<Error>) -> Error {
        log::failed(operation, self.place.database.driver(), error.into())
    }

    /// The definitions at work, compiled.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Name of the version at work: events are processed by it, and builds are of it.
    pub async fn version(&self) -> String {
        self.pipeline.lock().await.version().to_owned()
    }

    /// Warnings about the definitions.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// An entity type by name.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownName`] with the names that exist.
    pub fn entity(&self, name: &str) -> Result<&EntityManifest, Error> {
        known(&self.manifest, name)
    }

    /// Stores raw records of one source, given as JSON texts, and with `process` interprets them at once. Durable
    /// when it returns; sending the same records again changes nothing.
    ///
    /// # Errors
    ///
    /// An unknown source, or what module and store say; what single records do wrong is in the result.
    pub async fn ingest(
        &self,
        source: &str,
        records: &[&str],
        process: bool,
    ) -> Result<IngestResult, Error> {
        let options = IngestOptions { process, batch_size: None };
        let result = self.pipeline.lock().await.ingest(source, records, options).await;
        let result = result.map_err(|error| self.failed("ingest", error))?;
        self.tell_warnings();
        if !records.is_empty() {
            log::ingested(&result);
        }
        Ok(result)
    }

    /// Starts a long ingest that is fed piece by piece.
    ///
    /// # Errors
    ///
    /// An unknown source.
    pub async fn ingestion(&self, source: &str, process: bool) -> Result<Ingestion<'_>, Error> {
        // An empty ingest checks the name.
        let result = self.ingest(source, &[], false).await?;
        Ok(Ingestion { engine: self, source: source.to_owned(), process, result, fresh: 0 })
    }

    /// Brings the history up to date with ledger and definitions.
    ///
    /// # Errors
    ///
    /// What module and store say; failures of single events are in the result.
    pub async fn build(&self, options: BuildOptions) -> Result<BuildResult, Error> {
        let result = self.pipeline.lock().await.build(options).await;
        let result = result.map_err(|error| self.failed("build", error))?;
        if !result.dry_run {
            self.tell_warnings();
        }
        log::built(&result);
        Ok(result)
    }

    /// What [`Engine::build`] with these options would do; does nothing.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn plan(&self, options: BuildOptions) -> Result<Impact, Error> {
        Ok(self.pipeline.lock().await.preview(options).await?)
    }

    /// Runs the time rules due before an instant, or before now.
    ///
    /// # Errors
    ///
    /// What module and store say.
    pub async fn tick(&self, as_of: Option<Timestamp>) -> Result<TickResult, Error> {
        let result = self.pipeline.lock().await.tick(as_of).await;
        let result = result.map_err(|error| self.failed("tick", error))?;
        log::ticked(&result);
        Ok(result)
    }

    /// Where the version stands, and what the modules that its definitions use have done since the engine was opened.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn status(&self) -> Result<Status, Error> {
        Ok(self.pipeline.lock().await.status().await?)
    }

    /// SHA-256 over every public row (decisions.md 41), hexadecimal.
    ///
    /// # Errors
    ///
    /// [`Error::NotBuilt`] for definitions that are no version yet; what the store says.
    pub async fn fingerprint(&self) -> Result<String, Error> {
        Ok(self.with_history().await?.fingerprint().await?.to_string())
    }

    /// Checks the shape of the history.
    ///
    /// # Errors
    ///
    /// [`Error::NotBuilt`] for definitions that are no version yet; what the store says; findings are in the result.
    pub async fn verify(&self) -> Result<Verification, Error> {
        Ok(self.with_history().await?.verify().await?)
    }

    async fn with_history(&self) -> Result<MutexGuard<'_, Pipeline>, Error> {
        let pipeline = self.pipeline.lock().await;
        match pipeline.is_registered() {
            true => Ok(pipeline),
            false => Err(Error::NotBuilt(pipeline.version().to_owned())),
        }
    }
}

/// An entity type by name.
pub(crate) fn known<'m>(manifest: &'m Manifest, name: &str) -> Result<&'m EntityManifest, Error> {
    manifest.find_entity(name).map(|(_, entity)| entity).ok_or_else(|| {
        let known: Vec<&str> = manifest.entities.iter().map(|e| e.name.as_str()).collect();
        Error::UnknownName { what: "entity type", name: name.to_owned(), known: known.join(", ") }
    })
}

/// A long ingest: records come in pieces, the result is of the whole.
#[derive(Debug)]
pub struct Ingestion<'e> {
    engine: &'e Engine,
    source: String,
    process: bool,
    result: IngestResult,
    fresh: usize,
}

/// Transactions in a piece: within one, records are normalized while the store has those before them.
const PIECE_BATCHES: usize = 4;
/// Records in a piece, at least.
const PIECE_RECORDS_MIN: usize = 20_000;
/// Failures kept in the result of a long ingest; all are counted.
const FAILURES_KEPT: usize = 10_000;

impl Ingestion<'_> {
    /// How many records a piece should have.
    pub fn piece_records(&self) -> usize {
        self.engine.options.batch_size.saturating_mul(PIECE_BATCHES).max(PIECE_RECORDS_MIN)
    }

    /// Stores a piece; returns the failures of its records ([`EventFailure::index`] counts within the piece).
    ///
    /// # Errors
    ///
    /// What module and store say.
    pub async fn push(&mut self, records: &[&str]) -> Result<&[EventFailure], Error> {
        let piece = self.engine.ingest(&self.source, records, self.process).await?;
        self.add(piece);
        Ok(self.result.failures.get(self.fresh..).unwrap_or_default())
    }

    /// What has been done so far.
    pub fn result(&self) -> &IngestResult {
        &self.result
    }

    /// Ends; returns the result of the whole.
    pub fn finish(self) -> IngestResult {
        self.result
    }

    fn add(&mut self, piece: IngestResult) {
        let sum = &mut self.result;
        if sum.failures.len() > FAILURES_KEPT {
            sum.failures.truncate(FAILURES_KEPT);
        }
        self.fresh = sum.failures.len();
        sum.absorb(piece);
    }
}
