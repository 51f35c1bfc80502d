//! The `defacto` binary: reads the command line, runs one command, turns its outcome into an exit code.

mod args;
mod commands;
mod failure;
mod input;
mod logging;
mod output;
mod progress;
mod project;
mod settings;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::args::{Cli, Command, Format};
use crate::failure::{Failure, Kind, Outcome};
use crate::settings::Settings;

fn main() -> ExitCode {
    let matches = Cli::command().try_get_matches();
    let parsed = matches.and_then(|found| Cli::from_arg_matches(&found).map(|cli| (cli, found)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(e) => {
            // Help and version are results; everything else is a usage error.
            let shown = e.print();
            return match (e.use_stderr(), shown) {
                (false, Ok(())) => ExitCode::SUCCESS,
                _ => ExitCode::from(Kind::Usage.exit_code()),
            };
        }
    };
    let settings = match Settings::load(&cli.global, &matches) {
        Ok(settings) => settings,
        Err(failure) => return end(&failure, false),
    };
    logging::install(settings.log_level, settings.log_format);
    match run(&cli.command, &settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => end(&failure, settings.format == Format::Json),
    }
}

fn end(failure: &Failure, json: bool) -> ExitCode {
    if !failure.message.is_empty() {
        say(&if json { failure.to_json() + "\n" } else { format!("{failure}\n") });
    }
    ExitCode::from(failure.kind.exit_code())
}

/// Talks to the user, on standard error. A closed standard error is not worth failing for.
fn say(text: &str) {
    std::io::stderr().lock().write_all(text.as_bytes()).ok();
}

fn run(command: &Command, settings: &Settings) -> Outcome {
    match command {
        Command::Init(options) => commands::init::run(options, settings),
        Command::Validate(options) => commands::validate::run(options, settings),
        Command::Compile(options) => commands::compile::run(options, settings),
        Command::Config(options) => commands::config::run(options, settings),
        Command::Explain(options) => commands::explain::run(options, settings),
        Command::Completions(options) => commands::completions::run(options, settings),
        Command::Eval(options) => commands::eval::run(options, settings),
        Command::Normalize(options) => commands::normalize::run(options, settings),
        Command::Normalizer(options) => commands::normalizer::run(options, settings),
        // It ends by a signal, and in order.
        Command::Run(options) => runtime()?.block_on(commands::run::run(options, settings)),
        other => block_on(engine_command(other, settings)),
    }
}

/// Commands that open the database.
async fn engine_command(command: &Command, settings: &Settings) -> Outcome {
    match command {
        Command::Ingest(options) => commands::ingest::run(options, settings).await,
        Command::Build(options) => commands::build::run(options, settings).await,
        Command::Replay(options) => commands::replay::run(options, settings).await,
        Command::Tick(options) => commands::tick::run(options, settings).await,
        Command::Status(options) => commands::status::run(options, settings).await,
        Command::Table(options) => commands::table::run(options, settings).await,
        Command::History(options) => commands::history::run(options, settings).await,
        Command::Relationships(options) => commands::relationships::run(options, settings).await,
        Command::Plan(options) => commands::plan::run(options, settings).await,
        Command::Timeline(options) => commands::timeline::run(options, settings).await,
        Command::Assert(options) => commands::assert::run(options, settings).await,
        Command::Merge(options) => commands::merge::run(options, settings).await,
        Command::Unmerge(options) => commands::unmerge::run(options, settings).await,
        Command::Block(options) => commands::block::run(options, settings).await,
        Command::Erase(options) => commands::erase::run(options, settings).await,
        Command::Redact(options) => commands::redact::run(options, settings).await,
        Command::Shard(options) => commands::shard::run(options, settings).await,
        Command::Definitions(options) => commands::definitions::run(options, settings).await,
        Command::Identity(options) => commands::identity::run(options, settings).await,
        Command::Ledger(options) => commands::ledger::run(options, settings).await,
        Command::Verify(options) => commands::verify::run(options, settings).await,
        Command::Demo(options) => commands::demo::run(options, settings).await,
        _ => Err(Failure::new(Kind::Internal, "command without an implementation")),
    }
}

fn runtime() -> Outcome<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(Kind::Internal, format!("start the runtime: {e}")))
}

/// Runs to the end, or until the user interrupts: whatever was committed stays.
fn block_on(work: impl Future<Output = Outcome>) -> Outcome {
    runtime()?.block_on(async {
        tokio::select! {
            outcome = work => outcome,
            _ = tokio::signal::ctrl_c() => Err(Failure::new(
                Kind::Interrupted,
                "interrupted; what was committed stays, and the same command goes on from there",
            )),
        }
    })
}
