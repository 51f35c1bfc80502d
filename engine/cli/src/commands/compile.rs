use std::path::PathBuf;

use clap::{Args, ValueEnum};
use defacto_compiler::print_wat;
use defacto_engine::Error;

use crate::failure::{Failure, Kind, Outcome};
use crate::output::Output;
use crate::project;
use crate::settings::Settings;

/// Options of `defacto compile`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Folder or file of definitions [default: the project]
    path: Option<PathBuf>,
    /// What to print; without it, a summary
    #[arg(long, value_name = "WHAT")]
    emit: Option<Emit>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Emit {
    /// The component as readable text
    Wat,
    /// What the host knows of it, as JSON
    Manifest,
    /// The component's bytes
    Wasm,
}

/// Compiles.
pub(crate) fn run(options: &Options, settings: &Settings) -> Outcome {
    let source = project::source(settings, options.path.as_deref())?;
    let internal = |message: String| Failure::new(Kind::Internal, message);
    let state = settings.project.join(".defacto");
    let outcome =
        source.compile(state.is_dir().then_some(&*state)).map_err(project::engine_failure)?;
    let Some(compiled) = &outcome.compiled else {
        return Err(project::engine_failure(Error::Definitions(Box::new(outcome))));
    };
    let emit = match (options.emit, &settings.output) {
        (None, Some(_)) => Some(Emit::Wasm),
        (emit, _) => emit,
    };
    let mut output = Output::open(settings)?;
    match emit {
        Some(Emit::Wasm) => output.bytes(&compiled.component)?,
        Some(Emit::Wat) => {
            output.text(&print_wat(&compiled.component).map_err(|e| internal(e.to_string()))?)?;
        }
        Some(Emit::Manifest) => {
            let manifest = serde_json::to_string_pretty(&compiled.manifest)
                .map_err(|e| internal(e.to_string()))?;
            output.text(&format!("{manifest}\n"))?;
        }
        None => {
            let size = compiled.component.len();
            let functions = compiled.statistics.functions;
            let json = serde_json::json!({
                "version": compiled.manifest.content_hash.get(..8),
                "bytes": size,
                "functions": functions,
                "entities": compiled.manifest.entities.len(),
                "sources": compiled.manifest.sources.len(),
            });
            let version = compiled.manifest.content_hash.get(..8).unwrap_or_default();
            let summary = format!(
                "version {version}: {size} bytes of WebAssembly, {functions} functions compiled\n"
            );
            output.object(&json, if settings.quiet { "" } else { &summary })?;
        }
    }
    output.finish()
}
