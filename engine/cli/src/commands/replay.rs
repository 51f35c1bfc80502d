use clap::Args;

use crate::commands::plan;
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::project;
use crate::settings::Settings;

/// Options of `defacto replay`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Change nothing: replay in a copy and compare (the only way so far to replay by another version; `defacto
    /// definitions activate` makes it the one that readers see)
    #[arg(long, required = true)]
    check: bool,
    /// Registered version by which events are replayed
    #[arg(long, value_name = "VERSION")]
    to: String,
}

/// Tells which entities would have another state under another version.
pub(crate) async fn run(options: &Options, settings: &Settings) -> Outcome {
    let engine = project::open(settings).await?;
    let found = engine.check_replay(&options.to).await.map_err(project::engine_failure)?;
    let mut text = String::new();
    for entity in &found.entities {
        text += &format!("{} {}", entity.entity_type, entity.entity_id);
        text += &match (entity.before.as_object(), entity.after.as_object()) {
            (Some(before), Some(after)) => plan::differing_columns(before, after),
            (None, _) => format!(": none → {}", entity.after),
            (_, None) => format!(": {} → none", entity.before),
        };
        text.push('\n');
    }
    if found.differing > 0 || !settings.quiet {
        text += &format!(
            "{} entities differ between {} and {}\n",
            found.differing, found.from_version, found.to_version
        );
    }
    let mut output = Output::open(settings)?;
    output.object(&serde_json::to_value(&found).unwrap_or_default(), &text)?;
    output.finish()?;
    if found.differing == 0 { Ok(()) } else { Err(Failure::findings()) }
}
