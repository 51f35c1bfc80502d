use std::path::PathBuf;

use clap::Args;
use defacto_columnar::{Column, ColumnType};
use defacto_engine::{Clock, Modules, SystemClock};
use defacto_ports::{Normalized, RawRecord};

use crate::failure::{Failure, Outcome};
use crate::input::{self, InputFormat, Records};
use crate::output::{Cell, Output};
use crate::project;
use crate::settings::Settings;

/// Options of `defacto normalize`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Source, as named in sources/
    source: String,
    /// File of events, or - for standard input
    file: PathBuf,
    /// Instant of ingestion: what `now()` gives in mappings [default: now]
    #[arg(long, value_name = "T")]
    ingested_at: Option<String>,
    /// Kind of the input, for standard input and unknown suffixes
    #[arg(long, value_name = "FORMAT")]
    input_format: Option<InputFormat>,
}

const BATCH_RECORDS: usize = 4_096;
const BATCH_BYTES: usize = 16 << 20;

/// Prints what normalization makes of each record.
pub(crate) fn run(options: &Options, settings: &Settings) -> Outcome {
    let at = match &options.ingested_at {
        Some(text) => project::instant(text)?,
        None => SystemClock.now(),
    };
    let source = project::source(settings, None)?;
    let state = settings.project.join(".defacto");
    let cache = state.is_dir().then(|| state.join("modules"));
    let modules = Modules::load(&source, cache.as_deref()).map_err(project::engine_failure)?;
    let manifest = modules.machines.manifest();
    let Some((index, _)) = manifest.find_source(&options.source) else {
        let known: Vec<&str> = manifest.sources.iter().map(|s| s.name.as_str()).collect();
        return Err(Failure::usage(format!(
            "unknown source '{}'; known: {}",
            options.source,
            known.join(", ")
        )));
    };
    let form = input::form(manifest, &options.source);
    let mut records = Records::open(&options.file, options.input_format, form)?;
    let columns = [
        "line",
        "event_id",
        "event_type",
        "timestamp",
        "data",
        "hints",
        "code",
        "handler",
        "field",
        "error",
    ];
    let mut output = Output::open(settings)?;
    let types = columns.map(|name| match name {
        "line" => Column::new(name, ColumnType::Integer),
        "timestamp" => Column::new(name, ColumnType::Timestamp),
        _ => Column::new(name, ColumnType::Text),
    });
    let mut rows = output.rows(types.to_vec())?;
    let mut failed = false;
    loop {
        let batch = records.next_batch(BATCH_RECORDS, BATCH_BYTES)?;
        if batch.is_empty() {
            break;
        }
        let raw: Vec<RawRecord<'_>> =
            batch.iter().map(|record| RawRecord { text: &record.text }).collect();
        let results = modules
            .machines
            .normalize(index, &raw, at)
            .map_err(|e| project::engine_failure(e.into()))?;
        for Normalized { record, result } in results {
            failed |= result.is_err();
            let line = batch.get(record).map_or(0, |record| record.line);
            rows.push(cells(line, result))?;
        }
    }
    rows.finish()?;
    output.finish()?;
    if failed { Err(Failure::findings()) } else { Ok(()) }
}

fn cells(
    line: u64,
    result: Result<defacto_ports::NormalizedEvent, defacto_ports::RecordFailure>,
) -> Vec<Cell> {
    let text = |text: Option<String>| text.map_or(Cell::Null, Cell::String);
    match result {
        Ok(event) => {
            let data =
                event.data.iter().map(|(name, value)| (name.clone(), project::value_cell(value)));
            let data = Cell::Object(data.collect());
            let mut hints = serde_json::Map::new();
            for (entity, field, value) in event.hints {
                let fields =
                    hints.entry(entity).or_insert_with(|| Cell::Object(serde_json::Map::new()));
                if let Some(fields) = fields.as_object_mut() {
                    fields.insert(field, value.into());
                }
            }
            let mut cells = vec![
                line.into(),
                event.event_id.to_string().into(),
                event.event_type.into(),
                event.timestamp.to_string().into(),
                data,
                Cell::Object(hints),
            ];
            cells.resize(10, Cell::Null);
            cells
        }
        Err(failure) => {
            let mut cells = vec![line.into()];
            cells.resize(6, Cell::Null);
            cells.extend([
                failure.code.to_string().into(),
                text(failure.handler),
                text(failure.field),
                failure.message.into(),
            ]);
            cells
        }
    }
}
