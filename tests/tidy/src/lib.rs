//! The repository as its own tests see it: files, manifests, and what they may contain.

use std::fs;
use std::path::{Path, PathBuf};

/// Root of the checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").components().collect()
}

/// Every committed-looking file below a folder whose name ends in `suffix`, sorted; build output and hidden
/// folders are left out.
pub fn files(below: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![below.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if !name.starts_with('.') && name != "target" && name != "node_modules" {
                    folders.push(path);
                }
            } else if name.ends_with(suffix) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A crate of the workspace.
#[derive(Debug, Clone)]
pub struct Crate {
    /// Folder, from the root: `engine/model`.
    pub folder: String,
    /// Package name.
    pub package: String,
    /// Names in `[dependencies]` (not those for tests or build).
    pub dependencies: Vec<String>,
    /// Text of the manifest.
    pub manifest: String,
}

/// The crates of the workspace, sorted by folder.
pub fn crates() -> Vec<Crate> {
    let root = root();
    let mut crates: Vec<Crate> = ["compiler", "engine", "sdk", "tests"]
        .iter()
        .flat_map(|top| files(&root.join(top), "Cargo.toml"))
        .filter(|path| path.components().count() == root.components().count() + 3)
        .map(|path| {
            let manifest = fs::read_to_string(&path).unwrap_or_default();
            let folder = path.parent().unwrap_or(&path).strip_prefix(&root).unwrap_or(&path);
            Crate {
                folder: folder.to_string_lossy().replace('\\', "/"),
                package: value_of(&manifest, "name").unwrap_or_default(),
                dependencies: section(&manifest, "[dependencies]"),
                manifest,
            }
        })
        .collect();
    crates.sort_by(|a, b| a.folder.cmp(&b.folder));
    crates
}

fn value_of(manifest: &str, key: &str) -> Option<String> {
    manifest.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == key).then(|| value.trim().trim_matches('"').to_owned())
    })
}

fn section(manifest: &str, header: &str) -> Vec<String> {
    manifest
        .lines()
        .skip_while(|line| line.trim() != header)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', '=', ' ']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(str::to_owned)
        .collect()
}
