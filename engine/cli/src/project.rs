//! From settings to an open engine, and from the engine's errors to the command line's.

use std::path::Path;

use defacto_compiler::Outcome as Compilation;
use defacto_compiler::diagnostics::{Diagnostic, Severity, SourceMap, render_text};
use defacto_engine::{Engine, Error, ErrorKind, Source};
use defacto_model::{EntityManifest, Timestamp, Value};
use defacto_ports::Error as StoreError;

use crate::failure::{Failure, Kind, Outcome};
use crate::output::Cell;
use crate::settings::Settings;

/// Set by tests to make a Postgres server serve as one that only speaks its protocol.
const PORTABLE: &str = "DEFACTO_POSTGRES_PORTABLE";

/// Opens the project's engine.
pub(crate) async fn open(settings: &Settings) -> Outcome<Engine> {
    open_with(settings, None, None).await
}

/// Opens the project's engine with a transaction size and a number of threads.
pub(crate) async fn open_with(
    settings: &Settings,
    batch_size: Option<u32>,
    workers: Option<u32>,
) -> Outcome<Engine> {
    let workers = workers.map_or(settings.workers, |n| usize::try_from(n).ok());
    if let Some(workers) = workers {
        // Only the first setting of a process counts, and this is the only place that makes one.
        rayon::ThreadPoolBuilder::new().num_threads(workers).build_global().ok();
    }
    let mut builder =
        Engine::project(&settings.project).map_err(engine_failure)?.namespace(&settings.namespace);
    if let Some(database) = &settings.database {
        builder = builder.database(database);
    }
    if let Some(connections) = settings.pool_size {
        builder = builder.pool_size(connections);
    }
    if settings.index_payload {
        builder = builder.index_payload();
    }
    if std::env::var_os(PORTABLE).is_some() {
        builder = builder.portable();
    }
    let batch_size = batch_size.and_then(|n| usize::try_from(n).ok()).or(settings.batch_size);
    if let Some(events) = batch_size {
        builder = builder.batch_size(events);
    }
    builder.open().await.map_err(engine_failure)
}

/// Claims the shard of the command line, if there is one; false when another process works on it.
pub(crate) async fn claim(engine: &Engine, settings: &Settings) -> Outcome<bool> {
    match settings.shard {
        Some(shard) => engine.claim(shard).await.map_err(engine_failure),
        None => Ok(true),
    }
}

/// The same, where nothing can be done without it.
pub(crate) async fn claim_whole(engine: &Engine, settings: &Settings) -> Outcome {
    if claim(engine, settings).await? {
        return Ok(());
    }
    Err(Failure::new(Kind::Storage, "another process works on this shard")
        .with_help("see `defacto shard status`; what it does is done there"))
}

/// Gives a claimed shard back.
pub(crate) async fn release(engine: &Engine, settings: &Settings) -> Outcome {
    match settings.shard {
        Some(_) => engine.release().await.map_err(engine_failure),
        None => Ok(()),
    }
}

/// Reads definitions from a path, or from the project.
pub(crate) fn source(settings: &Settings, path: Option<&Path>) -> Outcome<Source> {
    Source::read(path.unwrap_or(&settings.project)).map_err(engine_failure)
}

/// An entity type by name.
pub(crate) fn entity<'e>(engine: &'e Engine, name: &str) -> Outcome<&'e EntityManifest> {
    engine.entity(name).map_err(engine_failure)
}

/// Reads an instant: any text of language.md 5.3.
pub(crate) fn instant(text: &str) -> Outcome<Timestamp> {
    Timestamp::parse_text(text).map_err(|e| {
        Failure::usage(format!("'{text}' is no instant: {e}")).with_help(
            "write for instance 2026-06-01, 2026-06-01T12:00:00Z or 2026-06-01T12:00:00+02:00",
        )
    })
}

/// A value as a cell of a result.
pub(crate) fn value_cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(flag) => Cell::Bool(*flag),
        Value::Int(int) => Cell::from(*int),
        Value::Float(float) => Cell::from(*float),
        Value::String(text) => Cell::String(text.clone()),
        Value::DateTime(instant) => Cell::String(instant.to_string()),
        other => serde_json::from_str(&defacto_json::to_json(other)).unwrap_or_default(),
    }
}

/// Tells an error of the engine, findings of definitions included.
pub(crate) fn engine_failure(error: Error) -> Failure {
    let kind = match error.kind() {
        ErrorKind::Usage => Kind::Usage,
        ErrorKind::Definitions => Kind::Definitions,
        ErrorKind::Storage => Kind::Storage,
        ErrorKind::Damaged => Kind::Damaged,
        ErrorKind::Internal => Kind::Internal,
    };
    if let Error::Definitions(outcome) = &error {
        show(outcome);
        return Failure::new(kind, error.to_string());
    }
    let failure = Failure::new(kind, error.to_string());
    match (&error, error.kind()) {
        (Error::Project { .. }, _) => failure
            .with_help("name the project with --project DIR, or start one with `defacto init DIR`"),
        _ if matches!(error.store(), Some(StoreError::Format { .. })) => failure,
        _ if matches!(error.store(), Some(StoreError::Locked { .. })) => {
            failure.with_help("wait until the other process has ended, then run the command again")
        }
        (Error::NotBuilt(version), _) => {
            failure.with_help(format!("build it: `defacto build --version {version}`"))
        }
        (_, ErrorKind::Damaged) => failure.with_help(
            "restore the database from a backup, or move it away and ingest the sources again",
        ),
        (_, ErrorKind::Storage) => {
            failure.with_help("nothing half-written stays; the same command may be run again")
        }
        (_, ErrorKind::Internal) => failure.with_help("this is a bug of defacto; please report it"),
        _ => failure,
    }
}

/// Shows what was found on standard error.
fn show(outcome: &Compilation) {
    crate::say(&findings(&outcome.diagnostics, &outcome.source_map));
}

/// Findings as text, errors before warnings, each with its place; of very many, the first.
pub(crate) fn findings(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    use std::io::IsTerminal;
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let (mut sorted, warnings): (Vec<Diagnostic>, Vec<Diagnostic>) =
        diagnostics.iter().cloned().partition(|d| d.severity() == Severity::Error);
    sorted.extend(warnings);
    let more = sorted.len().saturating_sub(FINDINGS_MAX);
    sorted.truncate(FINDINGS_MAX);
    let mut text = render_text(&sorted, sources, colour);
    if more > 0 {
        text.push_str(&format!("\nand {more} more findings; `--format json` lists all\n"));
    }
    text
}

/// Findings that are shown as text.
const FINDINGS_MAX: usize = 200;
