use std::path::PathBuf;

use clap::Args;
use defacto_compiler::diagnostics::{Diagnostic, Severity, render_json};

use crate::args::Format;
use crate::failure::{Failure, Kind, Outcome};
use crate::output::Output;
use crate::project;
use crate::settings::Settings;

/// Options of `defacto validate`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Folder or file of definitions [default: the project]
    path: Option<PathBuf>,
    /// Warnings fail too
    #[arg(long)]
    strict: bool,
}

/// Checks; silent when all is well.
pub(crate) fn run(options: &Options, settings: &Settings) -> Outcome {
    let source = project::source(settings, options.path.as_deref())?;
    let state = settings.project.join(".defacto");
    let analysis = source.analyze(state.is_dir().then_some(&*state));
    let (errors, warnings): (Vec<Diagnostic>, Vec<Diagnostic>) =
        analysis.diagnostics.iter().cloned().partition(|d| d.severity() == Severity::Error);
    let mut output = Output::open(settings)?;
    match output.format {
        Format::Json | Format::Jsonl => {
            let json = serde_json::json!({
                "valid": errors.is_empty(),
                "errors": render_json(&errors, &analysis.source_map),
                "warnings": render_json(&warnings, &analysis.source_map),
            });
            output.object(&json, "")?;
        }
        _ => crate::say(&project::findings(&analysis.diagnostics, &analysis.source_map)),
    }
    output.finish()?;
    if !errors.is_empty() {
        return Err(Failure::new(Kind::Definitions, ""));
    }
    if options.strict && !warnings.is_empty() {
        return Err(Failure::findings());
    }
    Ok(())
}
