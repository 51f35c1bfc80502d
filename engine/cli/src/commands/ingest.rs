use std::path::PathBuf;

use clap::Args;
use defacto_engine::{EventFailure, IngestResult, Ingestion};

use crate::failure::{Failure, Outcome};
use crate::input::{self, InputFormat, Record, Records};
use crate::output::Output;
use crate::progress;
use crate::project;
use crate::settings::Settings;

/// Options of `defacto ingest`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Source, as named in sources/
    source: String,
    /// Files of events, or - for standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Interpret at once instead of leaving it to the next build
    #[arg(long)]
    process: bool,
    /// Events in one transaction
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batch_size: Option<u32>,
    /// Threads that normalize and interpret, 0 for all cores
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=256))]
    workers: Option<u32>,
    /// Kind of the input, for standard input and unknown suffixes
    #[arg(long, value_name = "FORMAT")]
    input_format: Option<InputFormat>,
}

/// Bytes of text that one transaction takes at most: records may be large.
const BATCH_BYTES_MAX: usize = 16 << 20;
/// Failures that are shown one by one on standard error.
const FAILURES_SHOWN: usize = 20;

/// Reads every file to its end, a transaction a batch.
pub(crate) async fn run(options: &Options, settings: &Settings) -> Outcome {
    let engine = project::open_with(settings, options.batch_size, options.workers).await?;
    let form = input::form(engine.manifest(), &options.source);
    let mut inputs = Vec::new();
    for file in &options.files {
        inputs.push(Records::open(file, options.input_format, form)?);
    }
    // A shard that another process works on is interpreted there.
    let process = options.process && project::claim(&engine, settings).await?;
    let mut ingestion =
        engine.ingestion(&options.source, process).await.map_err(project::engine_failure)?;
    let mut told = Told::default();
    for mut input in inputs {
        let outcome = one_file(&mut input, &mut ingestion, &mut told, settings).await;
        if let Err(failure) = outcome {
            let stored = ingestion.result().events_ingested;
            crate::say(&format!(
                "stopped in {}: {stored} events are stored, run the same command again\n",
                input.name()
            ));
            return Err(failure);
        }
    }
    let mut result = ingestion.finish();
    if options.process && !process {
        result.foreign_events = std::mem::take(&mut result.events_buffered);
    }
    project::release(&engine, settings).await?;
    told.tell_interpretation(&result);
    let mut output = Output::open(settings)?;
    let json = serde_json::to_value(&result).unwrap_or_default();
    output.object(&json, &if settings.quiet { String::new() } else { summary(&result) })?;
    output.finish()?;
    if result.events_failed > 0 { Err(Failure::findings()) } else { Ok(()) }
}

async fn one_file(
    input: &mut Records,
    ingestion: &mut Ingestion<'_>,
    told: &mut Told,
    settings: &Settings,
) -> Outcome {
    let bar =
        progress::bar(input.length, settings.quiet, "bytes").with_message(input.name().to_owned());
    let limit = ingestion.piece_records();
    loop {
        let batch = input.next_batch(limit, BATCH_BYTES_MAX)?;
        if batch.is_empty() {
            break;
        }
        let texts: Vec<&str> = batch.iter().map(|record| record.text.as_str()).collect();
        let failures = ingestion.push(&texts).await.map_err(project::engine_failure)?;
        told.tell(input.name(), &batch, failures);
        bar.set_position(input.position().bytes());
    }
    bar.finish_and_clear();
    Ok(())
}

/// Failures told so far.
#[derive(Default)]
struct Told {
    shown: usize,
    hidden: usize,
}

impl Told {
    fn tell(&mut self, file: &str, batch: &[Record], failures: &[EventFailure]) {
        for failure in failures {
            let index = failure.index.and_then(|index| usize::try_from(index).ok());
            // What failed later is no failure of a line, and told at the end.
            let Some(record) = index.and_then(|index| batch.get(index)) else { continue };
            let line = record.line;
            let field = failure.field.as_ref().map_or(String::new(), |f| format!(" [{f}]"));
            self.line(&format!("{file}:{line}: {}{field}: {}", failure.code, failure.error));
        }
    }

    fn tell_interpretation(&mut self, result: &IngestResult) {
        for failure in result.build_result.iter().flat_map(|build| &build.failures) {
            let event = failure.event_id.map_or(String::new(), |id| format!(" event {id}"));
            self.line(&format!("{}:{event}: {}", failure.code, failure.error));
        }
        for warning in &result.warnings {
            let code = warning.code.map_or(String::new(), |code| format!("{code}: "));
            self.line(&format!("warning: {code}{} ({}x)", warning.message, warning.count));
        }
        if self.hidden > 0 {
            crate::say(&format!("… and {} more; --format json lists them\n", self.hidden));
        }
    }

    fn line(&mut self, text: &str) {
        if self.shown < FAILURES_SHOWN {
            self.shown += 1;
            crate::say(&format!("{text}\n"));
        } else {
            self.hidden += 1;
        }
    }
}

fn summary(result: &IngestResult) -> String {
    let mut text = format!("{} events ingested", result.events_ingested);
    for (count, what) in [
        (result.duplicates_skipped, "known already"),
        (result.events_failed, "failed"),
        (result.events_unresolved, "without a hint for any entity"),
    ] {
        if count > 0 {
            text += &format!(", {count} {what}");
        }
    }
    if let Some(build) = &result.build_result {
        text +=
            &format!("; {} processed, {} effects", build.events_processed, build.effects_produced);
    }
    text + &format!(" in {:.1} s\n", result.timing.total_ms / 1e3)
}
