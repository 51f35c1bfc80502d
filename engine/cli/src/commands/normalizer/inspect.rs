use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use clap::Args;
use defacto_componentize::{Facts, Interface, World};
use defacto_host::Limits;
use defacto_model::NormalizerDescription;

use super::folder;
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::settings::Settings;

/// Options of `defacto normalizer inspect`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Module of the project, or a file
    module: String,
    /// Configuration under which it describes itself, as JSON
    #[arg(long, value_name = "JSON", default_value = "{}")]
    module_config: String,
}

/// Shows a module.
pub(super) fn run(options: &Options, settings: &Settings) -> Outcome {
    let file = PathBuf::from(&options.module);
    let path = if file.is_file() {
        file
    } else {
        folder::modules(settings).join(format!("{}.wasm", options.module))
    };
    let refused = |e: String| Failure::usage(format!("{}: {e}", path.display()));
    let bytes = fs::read(&path).map_err(|e| refused(e.to_string()))?;
    let facts = Facts::read(&bytes).map_err(|e| refused(e.to_string()))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let module = folder::load(&name, &path, settings)?;
    let described = module.describe(&options.module_config).map_err(|e| refused(e.to_string()))?;
    let worlds: Vec<&str> = facts.worlds().into_iter().map(World::name).collect();
    let limits = module.limits();
    let json = serde_json::json!({
        "module": name,
        "bytes": module.bytes(),
        "digest": module.digest(),
        "worlds": worlds,
        "imports": module.imports(),
        "exports": names(&facts.exports),
        "limits": {
            "memory_bytes": limits.memory_bytes,
            "table_elements": limits.table_elements,
            "stack_bytes": limits.stack_bytes,
            "fuel_per_row": limits.fuel_per_row,
            "deadline_ms": limits.deadline_ms,
            "output_bytes": limits.output_bytes,
            "log_bytes": limits.log_bytes,
        },
        "memory_at_start": module.metrics().peak_memory,
        "describe": described,
    });
    let mut summary = format!(
        "{name}: {} bytes, digest {}\nworld    {}\nimports  {}\nmemory   {} KiB at the start, {} MiB at most\nlimits   {}\n",
        module.bytes(),
        module.digest(),
        worlds.join(", "),
        if module.imports().is_empty() { "nothing".into() } else { module.imports().join(", ") },
        module.metrics().peak_memory / 1024,
        limits.memory_bytes >> 20,
        bounds(limits),
    );
    describe(&described, &mut summary);
    let mut output = Output::open(settings)?;
    output.object(&json, &summary)?;
    output.finish()
}

fn names(interfaces: &[Interface]) -> Vec<&str> {
    interfaces.iter().map(|interface| interface.name.as_str()).collect()
}

fn bounds(limits: &Limits) -> String {
    let Limits { fuel_per_row, deadline_ms, output_bytes, log_bytes, .. } = limits;
    format!(
        "{fuel_per_row} fuel a record, {deadline_ms} ms a call, {} MiB of results and {} KiB of log a call",
        output_bytes >> 20,
        log_bytes >> 10
    )
}

fn describe(described: &NormalizerDescription, summary: &mut String) {
    // Writing to a text cannot fail.
    writeln!(summary, "makes    {} {}", described.name, described.version).ok();
    for event in &described.events {
        let fields: Vec<String> = event
            .fields
            .iter()
            .map(|field| {
                let kind = field
                    .r#type
                    .declared()
                    .map_or("any".into(), |kind| format!("{kind:?}").to_lowercase());
                format!("{}: {kind}", field.name)
            })
            .collect();
        writeln!(summary, "  {} {{ {} }}", event.r#type, fields.join(", ")).ok();
        if let Some(text) = &event.description {
            writeln!(summary, "      {text}").ok();
        }
    }
}
