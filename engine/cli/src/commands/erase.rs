use std::io::{self, BufRead, IsTerminal};

use clap::Args;

use crate::commands::history::entity_id;
use crate::failure::{Failure, Kind, Outcome};
use crate::output::Output;
use crate::project;
use crate::settings::Settings;

/// Options of `defacto erase`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Entity
    id: String,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

/// Removes an entity and everything known only through it.
pub(crate) async fn run(options: &Options, settings: &Settings) -> Outcome {
    let id = entity_id(&options.id)?;
    if !options.yes && !io::stdin().is_terminal() {
        return Err(Failure::usage("erasing cannot be undone, and there is no terminal to ask on")
            .with_help("say --yes to erase without being asked"));
    }
    let engine = project::open(settings).await?;
    if engine.erasure_of(id).await.map_err(project::engine_failure)?.is_none() {
        // An unknown id is told before the question.
        let timeline = engine.timeline(id).await.map_err(project::engine_failure)?;
        if !options.yes && !confirmed(&timeline.entity_type, &id.to_string())? {
            return Err(Failure::new(Kind::Findings, "nothing was erased"));
        }
    }
    let result = engine.erase(id).await.map_err(project::engine_failure)?;
    let mut output = Output::open(settings)?;
    let summary = format!(
        "erased {} entities: {} events deleted, {} kept without what named them\n",
        result.entities_erased, result.events_deleted, result.events_scrubbed
    );
    let json = serde_json::to_value(&result).unwrap_or_default();
    output.object(&json, if settings.quiet { "" } else { &summary })?;
    output.finish()
}

fn confirmed(entity_type: &str, id: &str) -> Outcome<bool> {
    crate::say(&format!(
        "Erase {entity_type} {id}, its history and every event that only it explains? This cannot be undone. [y/N] "
    ));
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|e| Failure::storage(format!("read the answer: {e}")))?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
