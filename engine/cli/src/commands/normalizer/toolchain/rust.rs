use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::{ask, run};
use crate::failure::{Failure, Outcome};

const TARGET: &str = "wasm32-unknown-unknown";
const MISSING: &str = "install Rust: https://rustup.rs";

#[derive(Deserialize)]
struct Manifest {
    package: Package,
    lib: Option<Library>,
    #[serde(default)]
    dependencies: toml::Table,
}

#[derive(Deserialize)]
struct Package {
    name: String,
}

#[derive(Deserialize)]
struct Library {
    name: Option<String>,
}

/// Compiles the crate; returns where cargo has put the module.
pub(super) fn compile(source: &Path) -> Outcome<PathBuf> {
    let place = source.join("Cargo.toml");
    let text = fs::read_to_string(&place)
        .map_err(|e| Failure::usage(format!("read {}: {e}", place.display())))?;
    let manifest: Manifest = toml::from_str(&text).map_err(|e| {
        Failure::usage(format!("{}: {}", place.display(), e.to_string().trim_end()))
    })?;
    let mut libraries = Command::new("rustc");
    libraries.current_dir(source).args(["--print", "target-libdir", "--target", TARGET]);
    let Some(folder) = ask(&mut libraries) else {
        return Err(Failure::usage("rustc is missing").with_help(MISSING));
    };
    if !Path::new(&folder).is_dir() {
        return Err(Failure::usage(format!("Rust has no libraries for {TARGET}"))
            .with_help(format!("install them with: rustup target add {TARGET}")));
    }

    let mut fetch = Command::new("cargo");
    run(fetch.current_dir(source).args(["fetch", "--quiet", "--target", TARGET]), MISSING)?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| source.join("target"), PathBuf::from);
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(source)
        .args(["build", "--release", "--lib", "--target", TARGET, "--target-dir"])
        .arg(&target)
        .env_remove("RUSTFLAGS")
        .env("CARGO_ENCODED_RUSTFLAGS", flags(source, &manifest).join("\u{1f}"));
    run(&mut cargo, MISSING)?;
    let name = manifest.lib.and_then(|lib| lib.name).unwrap_or(manifest.package.name);
    Ok(target.join(TARGET).join("release").join(format!("{}.wasm", name.replace('-', "_"))))
}

/// The standard library's sources have a name of their own unless they are installed.
fn standard_library(source: &Path) -> Option<String> {
    let folder = ask(Command::new("rustc").current_dir(source).args(["--print", "sysroot"]))?;
    let version = ask(Command::new("rustc").current_dir(source).arg("-vV"))?;
    let hash = version.lines().find_map(|line| line.strip_prefix("commit-hash: "))?;
    Some(format!("--remap-path-prefix={folder}/lib/rustlib/src/rust=/rustc/{hash}"))
}

/// Keeps the folders of this machine out of the module, so that it is the same everywhere.
fn flags(source: &Path, manifest: &Manifest) -> Vec<String> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let registries = home.map(|home| home.join("registry/src"));
    let registries = registries.and_then(|folder| fs::read_dir(folder).ok());
    let registries = registries.into_iter().flatten().flatten().map(|entry| entry.path());
    let paths = manifest.dependencies.values().filter_map(|dependency| {
        source.join(dependency.get("path")?.as_str()?).canonicalize().ok()
    });
    let mut flags: Vec<String> = registries
        .chain(paths)
        .map(|folder| format!("--remap-path-prefix={}=/dependencies", folder.display()))
        .collect();
    flags.extend(standard_library(source));
    flags.sort();
    // The last that matches counts.
    flags.insert(0, format!("--remap-path-prefix={}=/source", source.display()));
    flags
}
