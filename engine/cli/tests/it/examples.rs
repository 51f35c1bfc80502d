//! Every example prints what its `expected/` holds. `BLESS=1` rewrites the files.

use std::fs;

use crate::project::{Project, examples};

/// Folder, instant of the build, and the tables that are compared.
const EXAMPLES: &[(&str, &str, &[&[&str]])] = &[
    ("quickstart", "2026-06-01T00:00:00Z", &[&["history", "customer"], &["table", "customer"]]),
    (
        "orders",
        "2026-06-01T00:00:00Z",
        &[
            &["history", "customer"],
            &["history", "order"],
            &["relationships", "placed"],
            &["relationships", "placed_by"],
            &["identity", "list"],
        ],
    ),
    (
        "bank",
        "2026-03-01T00:00:00Z",
        &[&["history", "account"], &["table", "party"], &["relationships", "deals_with"]],
    ),
    (
        "weblog",
        "2026-02-11T00:00:00Z",
        &[&["history", "visitor"], &["history", "page"], &["relationships", "viewed"]],
    ),
    (
        "flights",
        "2014-01-01T00:00:00Z",
        &[&["table", "aircraft"], &["history", "airline"], &["relationships", "operates"]],
    ),
];

#[test]
fn examples_print_what_they_promise() {
    for (name, as_of, tables) in EXAMPLES {
        let project = Project::example(name);
        project.ok(&["validate"]);
        project.ingest(&[]);
        project.ok(&["build", "--as-of", as_of]);
        for table in *tables {
            let mut args = table.to_vec();
            args.extend(["--format", "jsonl"]);
            let got = project.ok(&args);
            let file =
                examples().join(name).join("expected").join(format!("{}.jsonl", table.join("-")));
            if std::env::var_os("BLESS").is_some() {
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(&file, &got).unwrap();
            }
            let want = fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(got, want, "{} differs", file.display());
        }
    }
}

#[test]
fn ingesting_again_changes_nothing() {
    let project = Project::example("orders");
    project.ingest(&[]);
    project.ok(&["build", "--as-of", "2026-06-01T00:00:00Z"]);
    let before = project.fingerprint();
    for (source, path) in project.data() {
        let result = project.ok(&["ingest", &source, &path, "--format", "json"]);
        let result: serde_json::Value = serde_json::from_str(&result).unwrap();
        assert_eq!(result["events_ingested"], 0);
        assert!(result["duplicates_skipped"].as_u64().unwrap() > 0);
    }
    let build = project.ok(&["build", "--as-of", "2026-06-01T00:00:00Z", "--format", "json"]);
    let build: serde_json::Value = serde_json::from_str(&build).unwrap();
    assert_eq!(build["mode"], "SKIP");
    assert_eq!(project.fingerprint(), before);
}
