use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use defacto_engine::{AsOf, BuildOptions, HistoryQuery};

use crate::args::Format;
use crate::commands::history;
use crate::failure::{Failure, Outcome};
use crate::input::Records;
use crate::project;
use crate::settings::Settings;

/// Options of `defacto demo`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Folder of the project that the demo makes
    #[arg(default_value = "defacto-demo")]
    dir: PathBuf,
}

const FILES: &[(&str, &str)] = &[
    (
        "entities/aircraft.yaml",
        include_str!("../../../../definitions-examples/flights/entities/aircraft.yaml"),
    ),
    (
        "entities/airline.yaml",
        include_str!("../../../../definitions-examples/flights/entities/airline.yaml"),
    ),
    (
        "sources/operations.yaml",
        include_str!("../../../../definitions-examples/flights/sources/operations.yaml"),
    ),
    (
        "sources/registry.yaml",
        include_str!("../../../../definitions-examples/flights/sources/registry.yaml"),
    ),
    (
        "data/operations.jsonl",
        include_str!("../../../../definitions-examples/flights/data/operations.jsonl"),
    ),
    (
        "data/registry.jsonl",
        include_str!("../../../../definitions-examples/flights/data/registry.jsonl"),
    ),
];

/// End of the year of the data: rules run up to here, so that everybody sees the same.
const AS_OF: &str = "2014-01-01T00:00:00Z";
const AIRCRAFT: &str = "N108UW";
const FLEET_COLUMNS: [&str; 7] =
    ["aircraft_id", "aircraft_state", "model", "carrier", "last_airport", "flights", "miles"];
const LIFE_COLUMNS: [&str; 6] =
    ["valid_from", "valid_to", "aircraft_state", "last_airport", "flights", "delay_per_flight"];

/// Compiles, ingests, builds, and shows what came of it.
pub(crate) async fn run(options: &Options, settings: &Settings) -> Outcome {
    let dir = &options.dir;
    write(dir)?;
    let settings = Settings { project: dir.clone(), database: None, ..settings.clone() };
    let say = |text: &str| {
        if !settings.quiet {
            crate::say(&format!("{text}\n"));
        }
    };
    let engine = project::open(&settings).await?;
    say(&format!("Compiled the definitions in {} to WebAssembly.", dir.display()));
    for source in ["registry", "operations"] {
        let path = dir.join("data").join(format!("{source}.jsonl"));
        let mut records = Records::open(&path, None, defacto_model::RawInput::Json)?;
        let mut ingestion =
            engine.ingestion(source, false).await.map_err(project::engine_failure)?;
        loop {
            let batch = records.next_batch(ingestion.piece_records(), usize::MAX)?;
            if batch.is_empty() {
                break;
            }
            let texts: Vec<&str> = batch.iter().map(|record| record.text.as_str()).collect();
            ingestion.push(&texts).await.map_err(project::engine_failure)?;
        }
        let result = ingestion.finish();
        say(&format!(
            "Ingested {source}: {} events, {} known already.",
            result.events_ingested, result.duplicates_skipped
        ));
    }
    let build =
        BuildOptions { as_of: AsOf::At(project::instant(AS_OF)?), ..BuildOptions::default() };
    let built = engine.build(build).await.map_err(project::engine_failure)?;
    say(&format!(
        "Built: {} events, {} effects in {:.2} s.\n\nThe fleet on 1 January 2014:",
        built.events_processed,
        built.effects_produced,
        built.duration_ms / 1e3
    ));
    let view = engine.view(None).await.map_err(project::engine_failure)?;
    let fleet = HistoryQuery { current: true, ..HistoryQuery::default() };
    history::print(&view, "aircraft", fleet, 0, &FLEET_COLUMNS.map(str::to_owned), &settings)
        .await?;
    let hints =
        engine.lookup(AIRCRAFT, Some("aircraft"), None).await.map_err(project::engine_failure)?;
    let Some(id) = hints.first().map(|hint| hint.entity_id) else {
        return Err(Failure::usage(format!("{AIRCRAFT} is not in {}", dir.display())));
    };
    say(&format!("\nThe first days of {AIRCRAFT} ({id}), one row per change:"));
    let life = HistoryQuery { entity_id: Some(id), ..HistoryQuery::default() };
    history::print(&view, "aircraft", life, 12, &LIFE_COLUMNS.map(str::to_owned), &settings)
        .await?;
    if settings.format == Format::Table && settings.output.is_none() && !settings.quiet {
        next(dir)?;
    }
    Ok(())
}

fn next(dir: &Path) -> Outcome {
    let shown = dir.display();
    let text = format!(
        "\nNext, with the same binary (`cargo run --release --` or target/release/defacto in place of `defacto`):\n\n  \
         defacto --project {shown} history aircraft --limit 20\n  \
         defacto --project {shown} identity lookup n108uw\n  \
         defacto --project {shown} relationships operates\n  \
         defacto --project {shown} verify --fingerprint\n  \
         defacto init my-project\n"
    );
    use std::io::Write;
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::storage(format!("write standard output: {e}")))
        }
        _ => Ok(()),
    }
}

fn write(dir: &Path) -> Outcome {
    for (name, text) in FILES {
        let path = dir.join(name);
        if path.exists() {
            continue;
        }
        let written =
            path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, text));
        written.map_err(|e| {
            Failure::storage(format!("write {}: {e}", path.display())).with_help(
                "run the demo in a folder that may be written, or name one: defacto demo DIR",
            )
        })?;
    }
    Ok(())
}
