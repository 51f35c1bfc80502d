use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use defacto_host::{HostOptions, Limits, Normalizer, NormalizerHost};
use defacto_model::RawInput;
use serde::Deserialize;

use super::language::Language;
use crate::failure::{Failure, Outcome};
use crate::settings::Settings;

/// File of a module's source that tells of it.
pub(super) const FILE: &str = "normalizer.toml";

/// Where the modules of a project are.
pub(super) fn modules(settings: &Settings) -> PathBuf {
    settings.project.join("normalizers")
}

/// A module's source.
#[derive(Debug)]
pub(super) struct Folder {
    /// Its name.
    pub(super) name: String,
    /// Where it is.
    pub(super) path: PathBuf,
    /// What `normalizer.toml` says.
    pub(super) file: File,
}

/// `normalizer.toml`.
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
        serde_json::to_string(&self.config).map_err(|e| Failure::usage(format!("{FILE}: {e}")))
    }
}

impl Folder {
    /// Finds a module by name, or the only one when none is named.
    pub(super) fn find(name: Option<&str>, settings: &Settings) -> Outcome<Self> {
        let sources = modules(settings).join("src");
        let name = match name {
            Some(name) => name.to_owned(),
            None => only(&sources)?,
        };
        let path = sources.join(&name);
        let text = fs::read_to_string(path.join(FILE)).map_err(|e| {
            Failure::usage(format!("read {}: {e}", path.join(FILE).display())).with_help(format!(
                "start the module with: defacto normalizer new --lang rust {name}"
            ))
        })?;
        let file = toml::from_str(&text).map_err(|e| {
            let place = path.join(FILE);
            Failure::usage(format!("{}: {}", place.display(), e.to_string().trim_end()))
        })?;
        Ok(Self { name, path, file })
    }

    /// Where the finished module is.
    pub(super) fn module(&self, settings: &Settings) -> PathBuf {
        modules(settings).join(format!("{}.wasm", self.name))
    }

    /// Loads the finished module into the engine's own host.
    pub(super) fn load(&self, settings: &Settings) -> Outcome<Normalizer> {
        load(&self.name, &self.module(settings), settings)
    }
}

/// Loads a module into the engine's own host. Machine code is kept inside a project.
pub(super) fn load(name: &str, path: &Path, settings: &Settings) -> Outcome<Normalizer> {
    let bytes = fs::read(path).map_err(|e| {
        Failure::usage(format!("read {}: {e}", path.display()))
            .with_help(format!("build it with: defacto normalizer build {name}"))
    })?;
    let state = settings.project.join(".defacto");
    let cache = state.is_dir().then(|| state.join("modules"));
    let options = HostOptions { cache, ..HostOptions::default() };
    let failed =
        |e: defacto_host::NormalizerError| Failure::usage(format!("{}: {e}", path.display()));
    let host = NormalizerHost::new(options).map_err(failed)?;
    // Tables lie in the folder beside the module.
    let tables = defacto_engine::normalizer_tables(&path.with_extension(""))
        .map_err(crate::project::engine_failure)?;
    host.load(name, &bytes, tables, Limits::default()).map_err(failed)
}

fn only(sources: &Path) -> Outcome<String> {
    let mut names: Vec<String> = fs::read_dir(sources)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().join(FILE).is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    match names.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Failure::usage(format!("there is no module in {}", sources.display()))
            .with_help("start one with: defacto normalizer new --lang rust NAME")),
        several => Err(Failure::usage("which module?")
            .with_help(format!("name one of: {}", several.join(", ")))),
    }
}
