use clap::{Args, Subcommand};
use defacto_engine::ShardsState;

use crate::args::SHARDS_MAX;
use crate::failure::Outcome;
use crate::output::Output;
use crate::project;
use crate::settings::Settings;

/// Options of `defacto shard`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show who works on which shard, and how far each has got
    Status,
    /// Divide the namespace into so many shards; workers pause meanwhile, and no history is made again
    Resize {
        /// Number of shards
        #[arg(value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(SHARDS_MAX)))]
        total: u32,
    },
}

/// Does one of them, and shows how the namespace is divided.
pub(crate) async fn run(options: &Options, settings: &Settings) -> Outcome {
    let engine = project::open(settings).await?;
    if let Command::Resize { total } = options.command {
        engine.resize_shards(total).await.map_err(project::engine_failure)?;
    }
    let state = engine.shard_status().await.map_err(project::engine_failure)?;
    let mut output = Output::open(settings)?;
    let json = serde_json::to_value(&state).unwrap_or_default();
    output.object(&json, &summary(state.as_ref()))?;
    output.finish()
}

fn summary(state: Option<&ShardsState>) -> String {
    let Some(state) = state else { return "the namespace is not divided\n".to_owned() };
    let mut text = format!(
        "{} shards, epoch {}, {} workers, ledger to {}, resolved to {}{}\n",
        state.total,
        state.epoch,
        state.workers.len(),
        state.head,
        state.resolved,
        if state.held { ", held as a whole" } else { "" },
    );
    for shard in &state.shards {
        let owner = match (shard.owner, shard.lease_left_s) {
            (Some(owner), Some(left)) => format!("worker {owner}, {left:.1} s of its lease left"),
            (Some(owner), None) => format!("worker {owner}, whose lease has run out"),
            (None, _) => "free".to_owned(),
        };
        text += &format!("shard {}: applied to {}, {owner}\n", shard.shard, shard.cursor);
    }
    text
}
