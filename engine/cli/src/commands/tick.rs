use clap::Args;

use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::project;
use crate::settings::Settings;

/// Options of `defacto tick`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Instant up to which time rules run [default: now]; without an offset it is UTC
    #[arg(long, value_name = "T")]
    as_of: Option<String>,
}

/// Runs what is due.
pub(crate) async fn run(options: &Options, settings: &Settings) -> Outcome {
    let as_of = options.as_of.as_deref().map(project::instant).transpose()?;
    let engine = project::open(settings).await?;
    project::claim_whole(&engine, settings).await?;
    let result = engine.tick(as_of).await.map_err(project::engine_failure)?;
    project::release(&engine, settings).await?;
    for failure in result.failures.iter().take(20) {
        crate::say(&format!("{}: {}\n", failure.code, failure.error));
    }
    let mut output = Output::open(settings)?;
    let summary = format!(
        "{} effects, {} transitions, {} entities affected\n",
        result.effects_produced, result.transitions, result.entities_affected
    );
    let json = serde_json::to_value(&result).unwrap_or_default();
    output.object(&json, if settings.quiet { "" } else { &summary })?;
    output.finish()?;
    if result.failures.is_empty() { Ok(()) } else { Err(Failure::findings()) }
}
