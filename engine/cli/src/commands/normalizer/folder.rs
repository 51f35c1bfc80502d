use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use defacto_componentize::World;
use defacto_host::{Functions, HostOptions, Limits, ModuleError, ModuleHost, Normalizer, Tables};
use defacto_model::RawInput;
use serde::Deserialize;

use super::language::Language;
use crate::failure::{Failure, Outcome};
use crate::settings::Settings;

/// File of a module's source that tells of it.
pub(super) const fn file(world: World) -> &'static str {
    match world {
        World::Normalizer => "normalizer.toml",
        World::Functions => "functions.toml",
    }
}

/// Where the modules of a project are.
pub(super) fn modules(world: World, settings: &Settings) -> PathBuf {
    settings.project.join(match world {
        World::Normalizer => "normalizers",
        World::Functions => "functions",
    })
}

/// A module's source.
#[derive(Debug)]
pub(super) struct Folder {
    /// Its name.
    pub(super) name: String,
    /// What it is.
    pub(super) world: World,
    /// Where it is.
    pub(super) path: PathBuf,
    /// What its file says.
    pub(super) file: File,
}

/// `normalizer.toml` or `functions.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) language: Option<Language>,
    #[serde(default)]
    pub(super) input: RawInput,
    #[serde(default)]
    config: BTreeMap<String, serde_json::Value>,
}

impl File {
    /// The configuration, as a source would give it.
    pub(super) fn config(&self) -> Outcome<String> {
        serde_json::to_string(&self.config).map_err(|e| Failure::usage(format!("`config`: {e}")))
    }
}

impl Folder {
    /// Finds a module by name, or the only one when none is named.
    pub(super) fn find(name: Option<&str>, settings: &Settings) -> Outcome<Self> {
        let name = match name {
            Some(name) => name.to_owned(),
            None => only(settings)?,
        };
        let source = |world: World| modules(world, settings).join("src").join(&name);
        let exists = |world: &&World| source(**world).join(file(**world)).is_file();
        let world = World::ALL.iter().find(exists).copied().unwrap_or(World::Normalizer);
        let path = source(world);
        let place = path.join(file(world));
        let text = fs::read_to_string(&place).map_err(|e| {
            Failure::usage(format!("read {}: {e}", place.display())).with_help(format!(
                "start the module with: defacto normalizer new --lang rust {name}"
            ))
        })?;
        let file = toml::from_str(&text).map_err(|e| {
            Failure::usage(format!("{}: {}", place.display(), e.to_string().trim_end()))
        })?;
        Ok(Self { name, world, path, file })
    }

    /// Where the finished module is.
    pub(super) fn module(&self, settings: &Settings) -> PathBuf {
        modules(self.world, settings).join(format!("{}.wasm", self.name))
    }

    /// Loads the finished module into the engine's own host.
    pub(super) fn load(&self, settings: &Settings) -> Outcome<Normalizer> {
        load(&self.name, &self.module(settings), settings)
    }

    /// The same for a module of functions.
    pub(super) fn load_functions(&self, settings: &Settings) -> Outcome<Functions> {
        load_functions(&self.name, &self.module(settings), settings)
    }
}

/// Loads a normalizer into the engine's own host. Machine code is kept inside a project.
pub(super) fn load(name: &str, path: &Path, settings: &Settings) -> Outcome<Normalizer> {
    let load =
        |host: &ModuleHost, bytes: &[u8], tables| host.load(name, bytes, tables, Limits::default());
    load_with(name, path, settings, load)
}

/// Loads a module of functions likewise.
pub(super) fn load_functions(name: &str, path: &Path, settings: &Settings) -> Outcome<Functions> {
    let load = |host: &ModuleHost, bytes: &[u8], tables| {
        host.load_functions(name, bytes, tables, Limits::default())
    };
    load_with(name, path, settings, load)
}

fn load_with<T>(
    name: &str,
    path: &Path,
    settings: &Settings,
    load: impl FnOnce(&ModuleHost, &[u8], Tables) -> Result<T, ModuleError>,
) -> Outcome<T> {
    let bytes = fs::read(path).map_err(|e| {
        Failure::usage(format!("read {}: {e}", path.display()))
            .with_help(format!("build it with: defacto normalizer build {name}"))
    })?;
    let state = settings.project.join(".defacto");
    let cache = state.is_dir().then(|| state.join("modules"));
    let options = HostOptions { cache, ..HostOptions::default() };
    let failed = |e: ModuleError| Failure::usage(format!("{}: {e}", path.display()));
    let host = ModuleHost::new(options).map_err(failed)?;
    // Tables lie in the folder beside the module.
    let tables = defacto_engine::module_tables(&path.with_extension(""))
        .map_err(crate::project::engine_failure)?;
    load(&host, &bytes, tables).map_err(failed)
}

fn only(settings: &Settings) -> Outcome<String> {
    let mut names: Vec<String> = Vec::new();
    for world in World::ALL {
        let sources = modules(*world, settings).join("src");
        let found = fs::read_dir(&sources)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.path().join(file(*world)).is_file());
        names.extend(found.filter_map(|entry| entry.file_name().into_string().ok()));
    }
    names.sort();
    match names.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Failure::usage("the project has no module with sources")
            .with_help("start one with: defacto normalizer new --lang rust NAME")),
        several => Err(Failure::usage("which module?")
            .with_help(format!("name one of: {}", several.join(", ")))),
    }
}
