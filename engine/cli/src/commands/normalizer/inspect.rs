use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use clap::Args;
use defacto_componentize::{Facts, Interface, World};
use defacto_host::{Functions, Limits, Module, Normalizer};
use defacto_model::{NormalizerDescription, ValueType};

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
        let place =
            |world| folder::modules(world, settings).join(format!("{}.wasm", options.module));
        let normalizer = place(World::Normalizer);
        let functions = place(World::Functions);
        if functions.is_file() && !normalizer.is_file() { functions } else { normalizer }
    };
    let refused = |e: String| Failure::usage(format!("{}: {e}", path.display()));
    let bytes = fs::read(&path).map_err(|e| refused(e.to_string()))?;
    let facts = Facts::read(&bytes).map_err(|e| refused(e.to_string()))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let worlds = facts.worlds();
    let seen = if worlds.contains(&World::Functions) && !worlds.contains(&World::Normalizer) {
        Seen::functions(&folder::load_functions(&name, &path, settings)?)
    } else {
        let module = folder::load(&name, &path, settings)?;
        let described = module.describe(&options.module_config);
        Seen::normalizer(&module, &described.map_err(|e| refused(e.to_string()))?)
    };
    let Seen { bytes, digest, imports, limits, memory, described, summary: made } = seen;
    let worlds: Vec<&str> = worlds.into_iter().map(World::name).collect();
    let json = serde_json::json!({
        "module": name,
        "bytes": bytes,
        "digest": digest,
        "worlds": worlds,
        "imports": imports,
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
        "memory_at_start": memory,
        "describe": described,
    });
    let summary = format!(
        "{name}: {bytes} bytes, digest {digest}\nworld    {}\nimports  {}\nmemory   {} KiB at the start, {} MiB at most\nlimits   {}\n{made}",
        worlds.join(", "),
        if imports.is_empty() { "nothing".into() } else { imports.join(", ") },
        memory / 1024,
        limits.memory_bytes >> 20,
        bounds(&limits),
    );
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
        "{fuel_per_row} fuel a record or call, {deadline_ms} ms a call, {} MiB of results and {} KiB of log a call",
        output_bytes >> 20,
        log_bytes >> 10
    )
}

/// What there is to show of a module of either world.
struct Seen {
    bytes: usize,
    digest: String,
    imports: Vec<String>,
    limits: Limits,
    memory: u64,
    described: serde_json::Value,
    summary: String,
}

impl Seen {
    fn new(module: &Module, described: serde_json::Value, summary: String) -> Self {
        Self {
            bytes: module.bytes(),
            digest: module.digest().to_owned(),
            imports: module.imports(),
            limits: *module.limits(),
            memory: module.metrics().peak_memory,
            described,
            summary,
        }
    }

    fn normalizer(module: &Normalizer, described: &NormalizerDescription) -> Self {
        let mut summary = format!("makes    {} {}\n", described.name, described.version);
        for event in &described.events {
            let fields: Vec<String> = event
                .fields
                .iter()
                .map(|field| format!("{}: {}", field.name, word(field.r#type.declared())))
                .collect();
            // Writing to a text cannot fail.
            writeln!(summary, "  {} {{ {} }}", event.r#type, fields.join(", ")).ok();
            if let Some(text) = &event.description {
                writeln!(summary, "      {text}").ok();
            }
        }
        Self::new(module, serde_json::json!(described), summary)
    }

    fn functions(module: &Functions) -> Self {
        let described = module.description();
        let mut summary = format!("offers   {} {}\n", described.name, described.version);
        for function in &described.functions {
            let parameters: Vec<String> = function
                .parameters
                .iter()
                .map(|parameter| format!("{}: {}", parameter.name, word(Some(parameter.r#type))))
                .collect();
            let (name, returns) = (&function.name, word(Some(function.returns)));
            let module = module.name();
            writeln!(summary, "  {module}::{name}({}): {returns}", parameters.join(", ")).ok();
            if let Some(text) = &function.description {
                writeln!(summary, "      {text}").ok();
            }
        }
        Self::new(module, serde_json::json!(described), summary)
    }
}

fn word(declared: Option<ValueType>) -> String {
    declared.map_or("any".into(), |kind| format!("{kind:?}").to_lowercase())
}
