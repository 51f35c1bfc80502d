use clap::Args;

use crate::commands::history::entity_id;
use crate::failure::Outcome;
use crate::output::Output;
use crate::project;
use crate::settings::Settings;

/// Options of `defacto redact`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Entity
    id: String,
}

/// Replaces what is sensitive of an entity.
pub(crate) async fn run(options: &Options, settings: &Settings) -> Outcome {
    let id = entity_id(&options.id)?;
    let engine = project::open(settings).await?;
    let result = engine.redact(id).await.map_err(project::engine_failure)?;
    let summary = format!(
        "redacted {} events, {} hints; {} history rows written anew\n",
        result.events_redacted, result.hints_replaced, result.rows_rewritten
    );
    let mut output = Output::open(settings)?;
    let json = serde_json::to_value(&result).unwrap_or_default();
    output.object(&json, if settings.quiet { "" } else { &summary })?;
    output.finish()
}
