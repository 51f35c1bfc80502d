//! Functions of modules in a project: change, loss, and the commands that make them.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::project::{Project, examples};

const ENTITY: &str = r#"
visit:
  starts: seen
  identity: { id: {} }
  properties:
    country: { type: string }
  states:
    seen:
      when:
        visited: { effects: [create, { set: { property: country, from: event.country } }] }
"#;

const SOURCE: &str = r#"
log:
  event_type: type
  timestamp: at
  events:
    visited:
      mappings:
        id: { from: id }
        country: { compute: "geo::country(event.ip)", type: string }
      hints: { visit: [id] }
"#;

const EVENTS: &str = r#"{"type":"visited","at":"2026-01-01T00:00:00Z","id":"1","ip":"203.0.113.9"}
{"type":"visited","at":"2026-01-01T00:00:01Z","id":"2","ip":"198.51.100.9"}
{"type":"visited","at":"2026-01-01T00:00:02Z","id":"3","ip":"nowhere"}
{"type":"visited","at":"2026-01-01T00:00:03Z","id":"4"}
"#;

fn project() -> Project {
    let project = Project::empty();
    project.write("entities/visit.yaml", ENTITY);
    project.write("sources/log.yaml", SOURCE);
    project.write("events.jsonl", EVENTS);
    let functions = examples().join("weblog/functions");
    fs::create_dir_all(project.dir.join("functions/geo")).unwrap();
    for file in ["geo.wasm", "geo/networks.csv"] {
        fs::copy(functions.join(file), project.dir.join("functions").join(file)).unwrap();
    }
    project
}

fn countries(project: &Project) -> Vec<Option<String>> {
    let rows = project.ok(&["table", "visit", "--format", "jsonl"]);
    let mut rows: Vec<(String, Option<String>)> = rows
        .lines()
        .map(|row| serde_json::from_str::<Value>(row).unwrap())
        .map(|row| {
            let at = row["created_time"].as_str().unwrap().to_owned();
            (at, row["country"].as_str().map(str::to_owned))
        })
        .collect();
    rows.sort();
    rows.into_iter().map(|(_, country)| country).collect()
}

fn build(project: &Project) -> String {
    let built = project.ok(&["build", "--as-of", "2026-02-01", "--format", "json"]);
    serde_json::from_str::<Value>(&built).unwrap()["mode"].as_str().unwrap().to_owned()
}

#[test]
fn another_table_normalizes_anew_and_old_versions_keep_theirs() {
    let project = project();
    let said = project.fails(1, &["ingest", "log", "events.jsonl"]);
    assert!(said.contains("`geo::country`: 'nowhere' is no address"), "{said}");
    build(&project);
    let some = |name: &str| Some(name.to_owned());
    assert_eq!(countries(&project), [some("DE"), some("NL"), None]);

    let table = project.dir.join("functions/geo/networks.csv");
    fs::write(&table, "network,country\n0.0.0.0/0,EU\n").unwrap();
    assert_eq!(build(&project), "FULL_RENORMALIZE");
    assert_eq!(countries(&project), [some("EU"), some("EU"), None]);
    assert_eq!(build(&project), "SKIP");

    // The first version runs with its own table, from its copy.
    let versions = project.ok(&["definitions", "list", "--format", "json"]);
    let versions: Value = serde_json::from_str(&versions).unwrap();
    let first = versions[0]["version"].as_str().or(versions["versions"][0]["version"].as_str());
    let first = first.unwrap().to_owned();
    project.ok(&["definitions", "activate", &first]);
    let rows = countries(&project);
    assert_eq!(rows, [some("DE"), some("NL"), None], "{first}");
}

#[test]
fn a_missing_module_is_named_at_the_call() {
    let project = project();
    fs::remove_file(project.dir.join("functions/geo.wasm")).unwrap();
    let said = project.fails(3, &["validate"]);
    assert!(said.contains("unknown function `geo::country`"), "{said}");
    assert!(said.contains("put it into the project as `functions/geo.wasm`"), "{said}");
    fs::write(project.dir.join("functions/geo.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let said = project.fails(3, &["validate"]);
    assert!(said.contains("the module of functions `geo` cannot be used"), "{said}");
}

#[test]
fn modules_of_functions_are_inspected_tested_and_checked() {
    let project = project();
    let source = examples().join("weblog/functions/src/geo");
    let own = project.dir.join("functions/src/geo");
    fs::create_dir_all(own.join("cases")).unwrap();
    for file in ["functions.toml", "cases/calls.jsonl"] {
        fs::copy(source.join(file), own.join(file)).unwrap();
    }
    let said = project.ok(&["normalizer", "inspect", "geo"]);
    assert!(said.contains("geo::network(address: string, bits: integer): string"), "{said}");
    assert!(project.ok(&["normalizer", "test"]).contains("9 calls: as expected"));
    assert!(project.ok(&["normalizer", "check"]).contains("8 calls: the same in every way"));
    let wrong = r#"{"call":"country","with":["203.0.113.25"],"gives":"FR"}"#;
    fs::write(own.join("cases/calls.jsonl"), wrong).unwrap();
    project.fails(1, &["normalizer", "test", "geo"]);
    project.ok(&["normalizer", "test", "geo", "--update"]);
    assert!(fs::read_to_string(own.join("cases/calls.jsonl")).unwrap().contains(r#""gives":"DE""#));
}

#[test]
fn a_new_module_of_functions_has_what_it_needs() {
    let project = Project::empty();
    project.ok(&["normalizer", "new", "--functions", "--lang", "rust", "web"]);
    let source = project.dir.join("functions/src/web");
    let manifest = fs::read_to_string(source.join("Cargo.toml")).unwrap();
    assert!(manifest.contains("name = \"web\"") && manifest.contains("path = \"defacto-sdk\""));
    assert!(source.join("defacto-sdk/src/functions.rs").is_file());
    let said = project.fails(2, &["normalizer", "new", "--functions", "--lang", "go", "other"]);
    assert!(said.contains("no template for functions in Go"), "{said}");
    assert!(!Path::new(&project.dir).join("functions/src/other").exists());
}
