use std::time::Duration;

use clap::Args;
use defacto_engine::{Share, WorkOptions};

use crate::failure::{Failure, Kind, Outcome};
use crate::project;
use crate::settings::Settings;

/// Options of `defacto run`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Claim shards of a divided namespace, sharing them with the other workers alive
    #[arg(long, conflicts_with = "shard")]
    auto_shard: bool,
    /// Most shards to claim [default: no limit]
    #[arg(long, value_name = "K", requires = "auto_shard", value_parser = clap::value_parser!(u32).range(1..))]
    max_shards: Option<u32>,
    /// Time between runs of time rules, such as 60s
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    tick_interval: Duration,
    /// How long shards stay this worker's without a sign of life, such as 15s
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = duration)]
    lease: Duration,
}

/// Reads `250ms`, `45s`, `90m`, `24h`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("write a number and ms, s, m or h".to_owned()),
    };
    let millis = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    match millis {
        Some(millis) if millis > 0 => Ok(Duration::from_millis(millis)),
        _ => Err("write a number above 0 and ms, s, m or h".to_owned()),
    }
}

/// Works until told to stop.
pub(crate) async fn run(options: &Options, settings: &Settings) -> Outcome {
    let stop = stopped()?;
    let engine = project::open(settings).await?;
    let share = match (settings.shard, options.auto_shard) {
        (Some(shard), _) => Share::One(shard),
        (None, true) => Share::Fair(options.max_shards.unwrap_or(u32::MAX)),
        (None, false) => Share::All,
    };
    let work = WorkOptions { share, tick_interval: options.tick_interval, lease: options.lease };
    engine.work(work, stop).await.map_err(project::engine_failure)
}

/// Ends when the process is asked to.
fn stopped() -> Outcome<impl Future<Output = ()>> {
    #[cfg(unix)]
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .map_err(|e| Failure::new(Kind::Internal, format!("wait for a signal: {e}")))?;
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = terminated.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await.ok();
    })
}
