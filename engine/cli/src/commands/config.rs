use clap::{Args, Subcommand};

use crate::failure::Outcome;
use crate::output::{Output, text_columns};
use crate::settings::Settings;

/// Options of `defacto config`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print every setting with its value and its origin, passwords masked
    Show,
}

pub(crate) fn run(options: &Options, settings: &Settings) -> Outcome {
    match options.command {
        Command::Show => show(settings),
    }
}

fn show(settings: &Settings) -> Outcome {
    let mut output = Output::open(settings)?;
    let mut rows = output.rows(text_columns(["setting", "value", "origin"]))?;
    for setting in &settings.shown {
        rows.push(vec![
            setting.name.into(),
            setting.value.clone().into(),
            setting.origin.clone().into(),
        ])?;
    }
    rows.finish()?;
    output.finish()
}
