use std::fmt::Write;

use clap::Args;

use crate::failure::Outcome;
use crate::output::Output;
use crate::project;
use crate::settings::Settings;

/// Options of `defacto status`.
#[derive(Debug, Args)]
pub(crate) struct Options {}

/// Shows where the version stands.
pub(crate) async fn run(_: &Options, settings: &Settings) -> Outcome {
    let engine = project::open(settings).await?;
    let status = engine.status().await.map_err(project::engine_failure)?;
    let mut text = String::new();
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<14}{value}");
    };
    line("version", &status.version);
    line("events", &status.total_events);
    line("pending", &status.pending_events);
    line("next build", &format!("{} ({})", status.next_build_mode, status.next_build_reason));
    if let Some(at) = status.last_build_time {
        line("last build", &format!("{} at {at}", status.last_build_mode));
    }
    if let Some(at) = status.watermark {
        line("newest event", &at);
    }
    if let Some(at) = status.tick_as_of {
        line("rules run to", &at);
    }
    for (entity, count) in &status.entities {
        line(entity, &count);
    }
    for module in &status.modules {
        let short = module.digest.get(..8).unwrap_or_default();
        line(module.world, &format!("{} (module of digest {short}…)", module.module));
    }
    let mut output = Output::open(settings)?;
    output.object(&serde_json::to_value(&status).unwrap_or_default(), &text)?;
    output.finish()
}
