use std::fs;
use std::path::PathBuf;

use clap::Args;
use defacto_componentize::{World, componentize};

use super::folder::{self, Folder};
use super::toolchain;
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::settings::Settings;

/// Options of `defacto normalizer build`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Module [default: the only one]
    name: Option<String>,
    /// Wrap this WebAssembly module, which any toolchain has made, instead of compiling the source
    #[arg(long, value_name = "FILE", requires = "name")]
    module: Option<PathBuf>,
    /// With --module: it is a module of functions
    #[arg(long, requires = "module")]
    functions: bool,
}

/// Compiles with the language's own tools, and makes a component of what they give.
pub(super) fn run(options: &Options, settings: &Settings) -> Outcome {
    let (name, world, raw) = match (&options.module, &options.name) {
        (Some(module), Some(name)) => {
            let world = if options.functions { World::Functions } else { World::Normalizer };
            (name.clone(), world, module.clone())
        }
        _ => {
            let folder = Folder::find(options.name.as_deref(), settings)?;
            let scratch = settings.project.join(".defacto/normalizers").join(&folder.name);
            let raw = toolchain::compile(&folder, &scratch)?;
            (folder.name, folder.world, raw)
        }
    };
    let failed =
        |place: &PathBuf, e: std::io::Error| Failure::usage(format!("{}: {e}", place.display()));
    let bytes = fs::read(&raw).map_err(|e| failed(&raw, e))?;
    let component = componentize(&bytes, world)
        .map_err(|e| Failure::usage(format!("{}: {e}", raw.display())))?;
    let modules = folder::modules(world, settings);
    let path = modules.join(format!("{name}.wasm"));
    fs::create_dir_all(&modules)
        .and_then(|()| fs::write(&path, &component))
        .map_err(|e| failed(&path, e))?;
    // Whatever the engine refuses is better refused now.
    let (bytes, digest) = match world {
        World::Normalizer => {
            let module = folder::load(&name, &path, settings)?;
            (module.bytes(), module.digest().to_owned())
        }
        World::Functions => {
            let module = folder::load_functions(&name, &path, settings)?;
            (module.bytes(), module.digest().to_owned())
        }
    };
    let json = serde_json::json!({
        "module": name, "path": path.display().to_string(), "bytes": bytes, "digest": digest,
    });
    let short = digest.get(..8).unwrap_or_default();
    let mut output = Output::open(settings)?;
    output.object(&json, &format!("{}: {bytes} bytes, digest {short}…\n", path.display()))?;
    output.finish()
}
