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

/// A module whose function takes about ten units of fuel for each of `n` turns, and gives `n`.
const TURNS: &str = r#"(module
  (memory (export "memory") 8)
  (global $heap (mut i32) (i32.const 65536))
  (data (i32.const 4096) "{\22name\22:\22spin\22,\22version\22:\221\22,\22functions\22:[{\22name\22:\22turns\22,\22parameters\22:[{\22name\22:\22n\22,\22type\22:\22integer\22}],\22returns\22:\22integer\22}]}")
  (func $alloc (param $n i32) (result i32) (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
    (global.set $heap (i32.add (local.get $at) (local.get $n)))
    (local.get $at))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (call $alloc (local.get 3)))
  (func (export "describe") (result i32)
    (i32.store (i32.const 32) (i32.const 4096)) (i32.store (i32.const 36) (i32.const LENGTH))
    (i32.const 32))
  (func (export "cabi_post_call") (param i32) (global.set $heap (i32.const 65536)))
  (func (export "call") (param $f i32) (param $b i32) (param $n i32) (result i32)
    (local $i i32) (local $out i32) (local $r i32) (local $a i32) (local $left i64)
    (local.set $out (call $alloc (i32.mul (local.get $n) (i32.const 24))))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
      (local.set $r (i32.add (local.get $out) (i32.mul (local.get $i) (i32.const 24))))
      (local.set $a (i32.load (i32.add (local.get $b) (i32.mul (local.get $i) (i32.const 8)))))
      (i64.store (local.get $r) (i64.const 0))
      (i64.store offset=8 (local.get $r) (i64.load (local.get $a)))
      (i64.store offset=16 (local.get $r) (i64.load offset=8 (local.get $a)))
      (local.set $left (i64.load offset=8 (local.get $a)))
      (block $still (loop $turn
        (br_if $still (i64.le_s (local.get $left) (i64.const 0)))
        (local.set $left (i64.sub (local.get $left) (i64.const 1)))
        (br $turn)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (i32.store (i32.const 8) (local.get $out))
    (i32.store (i32.const 12) (local.get $n))
    (i32.const 8)))"#;

fn spinning() -> Project {
    let project = Project::empty();
    project.write("entities/visit.yaml", &ENTITY.replace("string", "integer"));
    let source = SOURCE.replace("geo::country(event.ip)", "spin::turns(event.n)");
    project.write("sources/log.yaml", &source.replace("string", "integer"));
    let start = TURNS.find("\"{\\22").unwrap() + 1;
    let description = &TURNS[start..start + TURNS[start..].find("\")").unwrap()];
    let length = description.replace("\\22", "_").len();
    let core = wat::parse_str(TURNS.replace("LENGTH", &length.to_string())).unwrap();
    fs::write(project.dir.join("spin.core.wasm"), core).unwrap();
    project.ok(&["normalizer", "build", "spin", "--functions", "--module", "spin.core.wasm"]);
    project
}

#[test]
fn limits_of_functions_are_set_beside_the_module() {
    let project = spinning();
    project.write(
        "events.jsonl",
        "{\"type\":\"visited\",\"at\":\"2026-01-01T00:00:00Z\",\"id\":\"1\",\"n\":10}\n\
         {\"type\":\"visited\",\"at\":\"2026-01-01T00:00:01Z\",\"id\":\"2\",\"n\":1000000}\n",
    );
    project.ok(&["ingest", "log", "events.jsonl"]);
    build(&project);
    let long = ["eval", "spin::turns(1000000)"];
    assert_eq!(project.ok(&long), "1000000\n");

    // Less fuel is another version, under which the second event fails alone.
    project.write("functions/spin.yaml", "spin: { limits: { fuel: 100000 } }\n");
    let said = project.fails(1, &["build", "--as-of", "2026-02-01"]);
    assert!(said.contains("FULL_RENORMALIZE") && said.contains("N05: event e_"), "{said}");
    assert!(said.contains("takes more than 100000 units of fuel"), "{said}");
    let said = project.fails(1, &long);
    assert!(
        said.contains("`spin::turns`: the function takes more than 100000 units of fuel"),
        "{said}"
    );
    assert_eq!(project.ok(&["eval", "spin::turns(10)"]), "10\n");

    // What is wrong with it is told with its place.
    project.write("functions/spin.yaml", "spin: { limits: { fuel: 5, memory: 3 } }\n");
    let said = project.fails(3, &["validate"]);
    assert!(said.contains("`fuel` is an integer from 10000 to 100000000000"), "{said}");
    assert!(said.contains("unknown key `memory` of `limits`"), "{said}");
    assert!(said.contains("functions/spin.yaml:1:"), "{said}");
    project.write("functions/spin.yaml", "spun: { limits: { fuel: 100000 } }\n");
    let said = project.fails(3, &["validate"]);
    assert!(said.contains("there is no module of functions `spun`"), "{said}");
}

#[test]
fn expressions_outside_of_definitions_call_functions_of_the_project() {
    let project = project();
    let country = ["eval", "geo::country(event.ip)", "--event", r#"{"ip":"203.0.113.9"}"#];
    assert_eq!(project.ok(&country), "\"DE\"\n");
    assert_eq!(project.ok(&["eval", "geo::country(null)"]), "null\n");
    let said = project.fails(1, &["eval", "geo::country('nowhere')"]);
    assert!(said.contains("`geo::country`: 'nowhere' is no address"), "{said}");
    let said = project.fails(3, &["eval", "geo::countri('::1')"]);
    assert!(said.contains("did you mean `geo::country`?"), "{said}");
    let said = project.fails(3, &["eval", "geo::country(1)"]);
    assert!(said.contains("argument 1 (`address`) of `geo::country`"), "{said}");
    project
        .write("cases.jsonl", "{\"expr\":\"geo::country('203.0.113.9')\"}\n{\"expr\":\"1 + 1\"}\n");
    let answers = project.ok(&["eval", "--cases", "cases.jsonl"]);
    assert_eq!(answers, "{\"value\":\"DE\"}\n{\"value\":2}\n");
}
