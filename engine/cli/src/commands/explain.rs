use clap::Args;
use defacto_diagnostics::Code;

use crate::failure::{Failure, Outcome};
use crate::output::{Output, text_columns};
use crate::settings::Settings;

/// Options of `defacto explain`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// A code such as DF0105, E-05 or N06; without one, all codes are listed
    code: Option<String>,
}

/// Prints the page of a code.
pub(crate) fn run(options: &Options, settings: &Settings) -> Outcome {
    let mut output = Output::open(settings)?;
    match &options.code {
        Some(text) => {
            let code: Code = text.parse().map_err(|_| {
                Failure::usage(format!("unknown code '{text}'"))
                    .with_help("`defacto explain` lists all codes")
            })?;
            output.text(code.page())?;
        }
        None => {
            let mut rows = output.rows(text_columns(["code", "name", "title"]))?;
            for code in Code::all() {
                rows.push(vec![code.to_string().into(), code.name().into(), code.title().into()])?;
            }
            rows.finish()?;
        }
    }
    output.finish()
}
