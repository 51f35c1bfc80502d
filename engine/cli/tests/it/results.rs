//! The result objects, key by key (engine.md 5.2).

use std::fs;

use serde_json::Value;

use crate::project::Project;

const AS_OF: [&str; 2] = ["--as-of", "2026-06-01T00:00:00Z"];

fn json(project: &Project, args: &[&str]) -> Value {
    serde_json::from_str(&project.ok(&[args, &["--format", "json"]].concat())).unwrap()
}

fn id_of(project: &Project, hint: &str) -> String {
    json(project, &["identity", "lookup", hint])[0]["entity_id"].as_str().unwrap().to_owned()
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

const TIMING: &[&str] =
    &["interpret_ms", "io_ms", "normalize_ms", "overhead_ms", "publish_ms", "total_ms"];
const BUILD: &[&str] = &[
    "as_of",
    "dry_run",
    "duration_ms",
    "effects_produced",
    "entities_created",
    "entities_updated",
    "events_failed",
    "events_processed",
    "failures",
    "late_arrivals",
    "merges_detected",
    "mode",
    "reason",
    "timing",
    "transitions",
    "version",
    "warnings",
];
const INGEST: &[&str] = &[
    "build_result",
    "duplicate_ids",
    "duplicates_skipped",
    "events_buffered",
    "events_failed",
    "events_ingested",
    "events_unresolved",
    "failures",
    "foreign_events",
    "timing",
    "warnings",
];
const FAILURE: &[&str] = &[
    "attempt",
    "code",
    "entity_id",
    "entity_type",
    "error",
    "event_id",
    "event_type",
    "field",
    "handler",
    "index",
    "namespace",
    "occurred_at",
    "raw",
    "recoverable",
    "sequence",
    "source",
    "stage",
    "version",
];

#[test]
fn results_have_the_fields_agreed() {
    let project = Project::example("orders");
    let (source, path) = project.data().pop().unwrap();
    let result = json(&project, &["ingest", &source, &path, "--process"]);
    assert_eq!(keys(&result), INGEST);
    assert_eq!(keys(&result["timing"]), TIMING);
    assert_eq!(keys(&result["build_result"]), BUILD);
    project.ingest(&[]);
    let result = json(&project, &[&["build"][..], &AS_OF].concat());
    assert_eq!(keys(&result), BUILD);
    assert_eq!(keys(&result["timing"]), TIMING);
    let result = json(&project, &["tick", "--as-of", "2026-07-01T00:00:00Z"]);
    let tick = [
        "as_of",
        "effects_produced",
        "entities_affected",
        "failures",
        "orphans_removed",
        "transitions",
    ];
    assert_eq!(keys(&result), tick);
    let (ada, grace) = (id_of(&project, "ada@example.org"), id_of(&project, "grace@example.org"));
    let result = json(&project, &["merge", &grace, &ada]);
    let merge = [
        "entities_rebuilt",
        "events_reassigned",
        "failures",
        "from_entity_id",
        "into_entity_id",
        "tombstones_produced",
    ];
    assert_eq!(keys(&result), merge);
    let result = json(&project, &["redact", &ada]);
    assert_eq!(keys(&result), ["entity_id", "events_redacted", "hints_replaced", "rows_rewritten"]);
    let result = json(&project, &["erase", &ada, "--yes"]);
    let erase = [
        "cold_events_deleted",
        "entities_erased",
        "entity_id",
        "events_deleted",
        "events_scrubbed",
        "merge_log_cleaned",
    ];
    assert_eq!(keys(&result), erase);

    let broken = project.write("broken.jsonl", "{\"type\":\"nothing known\"}\n");
    let args = ["ingest", "shop", broken.to_str().unwrap(), "--format", "json"];
    let output = project.run(&args);
    assert_eq!(output.status.code(), Some(1));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let failure = &result["failures"][0];
    assert_eq!(keys(failure), FAILURE);
    assert_eq!(failure["raw"]["type"], "nothing known", "the object, not its text");
    assert_eq!(
        (&failure["stage"], &failure["recoverable"]),
        (&"normalization".into(), &false.into())
    );
}

#[test]
fn plans_say_which_rows_will_differ() {
    let project = Project::example("quickstart");
    project.ingest(&[]);
    let dry = json(&project, &[&["build", "--dry-run"][..], &AS_OF].concat());
    assert_eq!((&dry["mode"], &dry["rows"]["removed"]), (&"INCREMENTAL".into(), &0.into()));
    assert!(dry["events"].as_u64().unwrap() > 0 && dry["entities"].as_u64().unwrap() > 0, "{dry}");
    project.ok(&[&["build"][..], &AS_OF].concat());
    let rows = project.ok(&["history", "customer", "--format", "jsonl"]);
    assert_eq!(dry["rows"]["added"], rows.lines().count());
    let plan = json(&project, &[&["plan"][..], &AS_OF].concat());
    assert_eq!((&plan["mode"], &plan["rows"]["rows"]), (&"SKIP".into(), &Value::Array(Vec::new())));

    // Other definitions: what differs is told, and nothing is done.
    let path = project.dir.join("entities/customer.yaml");
    let old = fs::read_to_string(&path).unwrap();
    fs::write(&path, old.replacen("default: free", "default: team", 1)).unwrap();
    let plan = json(&project, &[&["plan"][..], &AS_OF].concat());
    assert_eq!((&plan["mode"], &plan["rows"]["added"]), (&"FULL".into(), &0.into()), "{plan}");
    let change = &plan["rows"]["rows"][0];
    assert_eq!(
        (&change["table"], &change["before"]["plan"], &change["after"]["plan"]),
        (&"customer_history".into(), &"free".into(), &"team".into())
    );
    assert_eq!(project.ok(&["history", "customer", "--format", "jsonl"]), rows);
}

#[test]
fn a_replay_by_another_version_lists_entities_that_differ() {
    let project = Project::example("quickstart");
    project.ingest(&[]);
    project.ok(&[&["build"][..], &AS_OF].concat());
    let before = project.fingerprint();
    project.ok(&["definitions", "register", "same"]);
    let path = project.dir.join("entities/customer.yaml");
    let old = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        old.replace("increment: { property: logins }", "increment: { property: logins, by: 2 }"),
    )
    .unwrap();
    project.ok(&["definitions", "register", "double"]);
    fs::write(&path, old).unwrap();
    let same = json(&project, &["replay", "--check", "--to", "same"]);
    assert_eq!(same["differing"], 0);
    let output = project.run(&["replay", "--check", "--to", "double", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let entity = &found["entities"][0];
    let logins = |side: &Value| side["logins"].as_i64().unwrap();
    assert_eq!(logins(&entity["after"]), 2 * logins(&entity["before"]), "{found}");
    assert_eq!(project.fingerprint(), before);
    assert!(project.fails(2, &["replay", "--check", "--to", "nothing"]).contains("nothing"));
}
