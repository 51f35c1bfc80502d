//! Modules written by hand: start one, build it, test it, look at it.
//!
//! The source of a normalizer lies in `normalizers/src/NAME` of the project, the module itself in `normalizers/NAME.wasm`; of
//! functions likewise in `functions/`.

mod build;
mod calls;
mod cases;
mod check;
mod folder;
mod inspect;
mod language;
mod new;
mod template;
mod test;
mod toolchain;

use clap::{Args, Subcommand};

use crate::failure::Outcome;
use crate::settings::Settings;

/// Options of `defacto normalizer`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a module in a language of your choice
    New(new::Options),
    /// Compile a module and wrap it as a component that can reach nothing
    Build(build::Options),
    /// Hold a module against recorded records and the events expected of them
    Test(test::Options),
    /// Show what a module makes, imports and costs
    Inspect(inspect::Options),
    /// Run the recorded records in every way that must not matter
    Check(check::Options),
}

/// Runs a command on a module.
pub(crate) fn run(options: &Options, settings: &Settings) -> Outcome {
    match &options.command {
        Command::New(options) => new::run(options, settings),
        Command::Build(options) => build::run(options, settings),
        Command::Test(options) => test::run(options, settings),
        Command::Inspect(options) => inspect::run(options, settings),
        Command::Check(options) => check::run(options, settings),
    }
}
