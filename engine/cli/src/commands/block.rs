use clap::Args;

use crate::commands::history::entity_id;
use crate::failure::Outcome;
use crate::output::Output;
use crate::project;
use crate::settings::Settings;

/// Options of `defacto block`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Entity
    a: String,
    /// The other one
    b: String,
    /// Why, kept in the ledger
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    reason: String,
}

/// Keeps two entities apart.
pub(crate) async fn run(options: &Options, settings: &Settings) -> Outcome {
    let (a, b) = (entity_id(&options.a)?, entity_id(&options.b)?);
    let engine = project::open(settings).await?;
    let result = engine.block(a, b, &options.reason).await.map_err(project::engine_failure)?;
    let summary = if result.newly_blocked {
        format!("{a} and {b} are never one\n")
    } else {
        "they are kept apart already\n".to_owned()
    };
    let mut output = Output::open(settings)?;
    let json = serde_json::to_value(&result).unwrap_or_default();
    output.object(&json, if settings.quiet { "" } else { &summary })?;
    output.finish()
}
