use clap::Args;

use crate::commands::history::entity_id;
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::project;
use crate::settings::Settings;

/// Options of `defacto merge`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Entity that ceases
    from: String,
    /// Entity that gets everything
    into: String,
    /// Why, kept in the ledger
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    reason: String,
}

/// Merges two entities for good.
pub(crate) async fn run(options: &Options, settings: &Settings) -> Outcome {
    let (from, into) = (entity_id(&options.from)?, entity_id(&options.into)?);
    let engine = project::open(settings).await?;
    let result =
        engine.merge(from, into, &options.reason).await.map_err(project::engine_failure)?;
    for failure in result.failures.iter().take(20) {
        crate::say(&format!("{}: {}\n", failure.code, failure.error));
    }
    let summary = if result.tombstones_produced == 0 {
        "they are one already\n".to_owned()
    } else {
        format!(
            "merged {from} into {into}: {} events moved, {} entities rebuilt\n",
            result.events_reassigned, result.entities_rebuilt
        )
    };
    let mut output = Output::open(settings)?;
    let json = serde_json::to_value(&result).unwrap_or_default();
    output.object(&json, if settings.quiet { "" } else { &summary })?;
    output.finish()?;
    if result.failures.is_empty() { Ok(()) } else { Err(Failure::findings()) }
}
