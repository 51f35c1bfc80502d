use clap::Args;

use crate::commands::history::entity_id;
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::project;
use crate::settings::Settings;

/// Options of `defacto unmerge`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Entity that ceased in the merge
    loser: String,
    /// Entity that it was merged into
    #[arg(long, value_name = "WINNER")]
    from: String,
    /// Why, kept in the ledger
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    reason: String,
}

/// Takes a merge back.
pub(crate) async fn run(options: &Options, settings: &Settings) -> Outcome {
    let (loser, winner) = (entity_id(&options.loser)?, entity_id(&options.from)?);
    let engine = project::open(settings).await?;
    let result =
        engine.unmerge(loser, winner, &options.reason).await.map_err(project::engine_failure)?;
    for failure in result.failures.iter().take(20) {
        crate::say(&format!("{}: {}\n", failure.code, failure.error));
    }
    let summary = if result.hints_returned == 0 {
        "they are two already\n".to_owned()
    } else {
        format!(
            "{loser} is one of its own again: {} events and {} hints returned, {} entities rebuilt\n",
            result.events_returned, result.hints_returned, result.entities_rebuilt
        )
    };
    let mut output = Output::open(settings)?;
    let json = serde_json::to_value(&result).unwrap_or_default();
    output.object(&json, if settings.quiet { "" } else { &summary })?;
    output.finish()?;
    if result.failures.is_empty() { Ok(()) } else { Err(Failure::findings()) }
}
