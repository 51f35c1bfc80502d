use clap::Args;
use defacto_engine::{AsOf, BuildOptions, BuildResult};

use crate::commands::plan;
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::progress;
use crate::project;
use crate::settings::Settings;

/// Options of `defacto build`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Build this version's history without making it the active one [default: the version at work]
    #[arg(long, value_name = "V", conflicts_with_all = ["dry_run", "from_raw"])]
    version: Option<String>,
    /// Replay everything, whatever the hashes say
    #[arg(long)]
    full: bool,
    /// Normalize everything again from the raw records, then replay
    #[arg(long)]
    from_raw: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Instant up to which time rules run [default: now]
    #[arg(long, value_name = "T", conflicts_with = "no_tick")]
    as_of: Option<String>,
    /// Run no time rule after the last event
    #[arg(long)]
    no_tick: bool,
    /// Events in one transaction
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batch_size: Option<u32>,
    /// Threads that interpret, 0 for all cores
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=256))]
    workers: Option<u32>,
}

/// Builds.
pub(crate) async fn run(options: &Options, settings: &Settings) -> Outcome {
    let as_of = match (&options.as_of, options.no_tick) {
        (Some(text), _) => AsOf::At(project::instant(text)?),
        (None, true) => AsOf::Keep,
        (None, false) => AsOf::Clock,
    };
    let engine = project::open_with(settings, options.batch_size, options.workers).await?;
    if options.dry_run {
        let build = BuildOptions {
            full: options.full,
            from_raw: options.from_raw,
            as_of,
            ..BuildOptions::default()
        };
        return plan::print(&engine, build, settings).await;
    }
    let bar = progress::bar(None, settings.quiet, "events").with_message("building");
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    project::claim_whole(&engine, settings).await?;
    let build =
        BuildOptions { full: options.full, from_raw: options.from_raw, dry_run: false, as_of };
    let result = match &options.version {
        Some(version) => engine.build_version(version, build).await,
        None => engine.build(build).await,
    };
    bar.finish_and_clear();
    project::release(&engine, settings).await?;
    report("", &result.map_err(project::engine_failure)?, settings)
}

/// Prints what a build did, after the words given.
pub(crate) fn report(before: &str, result: &BuildResult, settings: &Settings) -> Outcome {
    for failure in result.failures.iter().take(20) {
        let event = failure.event_id.map_or(String::new(), |id| format!(" event {id}"));
        crate::say(&format!("{}:{event}: {}\n", failure.code, failure.error));
    }
    let mut output = Output::open(settings)?;
    let json = serde_json::to_value(result).unwrap_or_default();
    output.object(
        &json,
        &if settings.quiet { String::new() } else { before.to_owned() + &summary(result) },
    )?;
    output.finish()?;
    if result.events_failed > 0 { Err(Failure::findings()) } else { Ok(()) }
}

fn summary(result: &BuildResult) -> String {
    let mut text = format!(
        "built {} ({}): {} events, {} effects, {} entities created, {} updated",
        result.mode,
        result.reason,
        result.events_processed,
        result.effects_produced,
        result.entities_created,
        result.entities_updated,
    );
    for (count, what) in [
        (result.merges_detected, "merges"),
        (result.late_arrivals, "late events"),
        (result.events_failed, "events failed"),
    ] {
        if count > 0 {
            text += &format!(", {count} {what}");
        }
    }
    text += &format!(" in {:.1} s\n", result.duration_ms / 1e3);
    if let Some(done) = result.resumed {
        text += &format!(
            "  resumed: {} of these events had been applied by a build that was interrupted",
            done.events_processed
        );
        text += &match done.events_failed {
            0 => "\n".to_owned(),
            failed => format!(", {failed} of them failed; `build --full` lists them again\n"),
        };
    }
    text
}
