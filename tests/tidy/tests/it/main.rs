//! The repository's rules as tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use defacto_test_tidy::{Crate, crates, files, root};

/// Lines after which a file must be split.
const FILE_LINES_MAX: usize = 800;

/// Row of a crate in the dependency order of ARCHITECTURE.md: it may use lower rows only.
const ROWS: &[(&str, u8)] = &[
    ("engine/model", 0),
    ("sdk/rust", 0),
    ("compiler/diagnostics", 0),
    ("compiler/syntax", 1),
    ("compiler/definitions", 1),
    ("compiler/functions", 1),
    ("compiler/componentize", 1),
    ("engine/json", 1),
    ("engine/frames", 1),
    ("engine/ports", 1),
    ("compiler/guest", 2),
    ("compiler/check", 2),
    ("engine/columnar", 2),
    ("engine/identity", 2),
    ("engine/planner", 2),
    ("compiler/emit", 3),
    ("compiler/driver", 4),
    ("engine/pipeline", 4),
    ("engine/host", 4),
    ("engine/store-postgres", 4),
    ("engine/store-sqlite", 4),
    ("engine/runtime", 5),
    ("engine/cli", 6),
];

/// Heavy dependencies and the only crates that may name them.
const FENCES: &[(&str, &[&str])] = &[
    ("wasmtime", &["engine/host"]),
    ("wasm-encoder", &["compiler/emit", "compiler/componentize"]),
    ("wit-component", &["compiler/componentize"]),
    ("wasmprinter", &["compiler/driver"]),
    ("sqlx", &["engine/store-postgres", "engine/store-sqlite"]),
    ("regex", &["compiler/functions", "compiler/check", "compiler/guest"]),
    ("arrow-array", &["engine/columnar"]),
    ("arrow-ipc", &["engine/columnar"]),
    ("arrow-schema", &["engine/columnar"]),
    ("parquet", &["engine/columnar"]),
    ("saphyr-parser", &["compiler/definitions"]),
    ("clap", &["engine/cli"]),
];

/// Crates without async runtime, clock, randomness, files or network.
const PURE: &[&str] = &[
    "engine/model",
    "engine/json",
    "engine/frames",
    "engine/identity",
    "engine/planner",
    "compiler/diagnostics",
    "compiler/syntax",
    "compiler/definitions",
    "compiler/functions",
    "compiler/check",
    "compiler/componentize",
    "compiler/emit",
    "compiler/guest",
    "compiler/driver",
];

const IMPURE_WORDS: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env::var",
    "SystemTime::now",
    "Instant::now",
    "thread::sleep",
    "tokio::",
];

fn is_test_crate(folder: &str) -> bool {
    folder.starts_with("tests/")
}

#[test]
fn every_crate_has_its_row_and_stands_in_the_map() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for Crate { folder, .. } in crates() {
        if !is_test_crate(&folder) {
            assert!(
                ROWS.iter().any(|(name, _)| *name == folder),
                "{folder} has no row in tests/tidy"
            );
        }
        assert!(map.contains(&format!("`{folder}`")), "{folder} is missing in ARCHITECTURE.md");
    }
}

#[test]
fn dependencies_point_one_way() {
    let crates = crates();
    let folder_of: BTreeMap<&str, &str> =
        crates.iter().map(|c| (c.package.as_str(), c.folder.as_str())).collect();
    let rows: BTreeMap<&str, u8> = ROWS.iter().copied().collect();
    for c in crates.iter().filter(|c| !is_test_crate(&c.folder)) {
        for dependency in &c.dependencies {
            let Some(below) = folder_of.get(dependency.as_str()) else { continue };
            assert!(!is_test_crate(below), "{} uses {below} outside tests", c.folder);
            assert!(rows[below] < rows[c.folder.as_str()], "{} may not use {below}", c.folder);
        }
    }
}

#[test]
fn each_heavy_dependency_has_one_owner() {
    for c in crates().iter().filter(|c| !is_test_crate(&c.folder)) {
        for (heavy, owners) in FENCES {
            if c.dependencies.iter().any(|d| d == heavy) {
                assert!(owners.contains(&c.folder.as_str()), "{} may not use {heavy}", c.folder);
            }
        }
    }
}

#[test]
fn every_crate_takes_the_workspace_lints() {
    for c in crates() {
        assert!(
            c.manifest.contains("[lints]\nworkspace = true"),
            "{} lacks the workspace lints",
            c.folder
        );
    }
}

#[test]
fn pure_crates_do_no_io() {
    for folder in PURE {
        for path in files(&root().join(folder).join("src"), ".rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for word in IMPURE_WORDS {
                assert!(!code.contains(word), "{} uses {word}", path.display());
            }
        }
    }
}

#[test]
fn files_stay_readable() {
    let mut long = Vec::new();
    for top in ["compiler", "engine", "sdk", "tests"] {
        for path in files(&root().join(top), ".rs") {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            if lines > FILE_LINES_MAX {
                long.push(format!("{} ({lines} lines)", path.display()));
            }
        }
    }
    assert!(long.is_empty(), "split these files: {long:#?}");
}

#[test]
fn modules_are_no_drawers() {
    let banned: BTreeSet<&str> =
        ["utils.rs", "util.rs", "helpers.rs", "helper.rs", "common.rs", "misc.rs", "mod.rs"].into();
    for top in ["compiler", "engine", "sdk", "tests"] {
        for path in files(&root().join(top), ".rs") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            assert!(
                !banned.contains(name.as_str()),
                "{} says nothing about its content",
                path.display()
            );
        }
    }
}

#[test]
fn no_unfinished_marks() {
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
    ];
    for top in ["compiler", "engine", "sdk", "tests"] {
        for path in files(&root().join(top), ".rs") {
            let text = fs::read_to_string(&path).unwrap();
            for mark in marks {
                assert!(!text.contains(mark), "{} contains {mark}", path.display());
            }
        }
    }
}

/// An example is a project of its own that can be copied, so it carries what the template in C gives it.
#[test]
fn the_example_in_c_has_the_bindings_of_the_template() {
    let template = root().join("sdk/templates/c");
    let example = root().join("definitions-examples/weblog/normalizers/src/access_log");
    for file in
        ["defacto.h", "bindings/component_type.c", "bindings/normalizer.c", "bindings/normalizer.h"]
    {
        let (own, theirs) = (fs::read(example.join(file)), fs::read(template.join(file)));
        assert!(
            own.unwrap() == theirs.unwrap(),
            "copy sdk/templates/c/{file} to {}",
            example.display()
        );
    }
}
