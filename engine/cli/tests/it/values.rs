//! What the result objects say (engine.md 5.2), of events few enough to count by hand.

use serde_json::{Value, json};

use crate::project::Project;

const ENTITIES: &str = "
account:
  starts: open
  identity:
    email: { match: case_insensitive }
    phone: {}
  properties:
    logins: { type: integer, default: 0 }
    plan: { type: string, default: free, allowed: [free, pro] }
    mail: { type: string, sensitive: pii, treatment: mask }
  relationships:
    - { type: bought, target: order, cardinality: has_many }
  states:
    open:
      when:
        opened:
          effects:
            - create
            - { set: { property: plan, from: event.plan } }
            - { set: { property: mail, from: event.email } }
      after:
        - { type: inactivity, threshold: 10d, effects: [{ transition: { to: idle } }] }
    idle: {}
  always:
    seen:
      effects:
        - { increment: { property: logins } }
    got:
      effects:
        - relate: { type: bought, target: order, hints: { order: [number] } }
order:
  starts: placed
  identity:
    number: {}
  properties:
    total: { type: number }
  relationships:
    - type: bought_by
      target: account
      cardinality: belongs_to
      properties: { channel: { type: string } }
  states:
    placed:
      when:
        ordered:
          effects:
            - create
            - { set: { property: total, from: event.total } }
            - relate:
                type: bought_by
                target: account
                hints: { account: [email] }
                properties: { channel: { from: event.channel } }
";

const SOURCES: &str = "
app:
  event_type: type
  timestamp: at
  events:
    opened:
      mappings: { email: { from: mail }, phone: { from: tel }, plan: { from: plan } }
      hints: { account: [email, phone] }
    seen:
      mappings: { email: { from: mail }, n: { from: n, type: integer } }
      hints: { account: [email] }
    got:
      mappings: { email: { from: mail }, number: { from: no } }
      hints: { account: [email], order: [number] }
    ordered:
      mappings:
        email: { from: mail }
        number: { from: no }
        total: { from: total, type: number }
        channel: { from: via }
      hints: { order: [number] }
";

/// Two accounts open, the second with a plan that is not allowed; one login comes twice, one is nobody's, and one line is
/// of no known kind. Two orders are placed, one by an account that nobody knows yet.
const EVENTS: &str = r#"{"type":"opened","at":"2026-01-01T00:00:00Z","mail":"ann@x.test","tel":"1","plan":"pro"}
{"type":"seen","at":"2026-01-02T00:00:00Z","mail":"ANN@x.test","n":1}
{"type":"seen","at":"2026-01-02T00:00:00Z","mail":"ANN@x.test","n":1}
{"type":"opened","at":"2026-01-03T00:00:00Z","mail":"bob@x.test","tel":"2","plan":"gold"}
{"type":"seen","at":"2026-01-04T00:00:00Z","n":2}
{"type":"nothing known"}
{"type":"ordered","at":"2026-01-05T00:00:00Z","mail":"bob@x.test","no":"o1","total":5,"via":"web"}
{"type":"ordered","at":"2026-01-06T00:00:00Z","mail":"carl@x.test","no":"o2","total":6,"via":"web"}
"#;

fn shop() -> Project {
    let project = Project::empty();
    project.write("entities/shop.yaml", ENTITIES);
    project.write("sources/app.yaml", SOURCES);
    project
}

fn json(project: &Project, args: &[&str]) -> Value {
    serde_json::from_str(&project.ok(&[args, &["--format", "json"]].concat())).unwrap()
}

fn ingest(project: &Project, events: &str) -> Value {
    let path = project.write("events.jsonl", events);
    let args = ["ingest", "app", path.to_str().unwrap(), "--process", "--format", "json"];
    serde_json::from_slice(&project.run(&args).stdout).unwrap()
}

fn id_of(project: &Project, hint: &str) -> String {
    json(project, &["identity", "lookup", hint])[0]["entity_id"].as_str().unwrap().to_owned()
}

/// The fields of an object that are given.
fn assert_fields(object: &Value, fields: &Value) {
    for (name, value) in fields.as_object().unwrap() {
        assert_eq!(&object[name], value, "{name} of {object}");
    }
}

#[test]
fn results_of_ingest_and_tick_count_what_happened() {
    let project = shop();
    let result = ingest(&project, EVENTS);
    let counts = json!({"events_ingested": 6, "events_failed": 2, "duplicates_skipped": 1,
        "events_buffered": 0, "events_unresolved": 1, "foreign_events": 0});
    assert_fields(&result, &counts);
    assert_eq!(result["duplicate_ids"].as_array().unwrap().len(), 1);
    assert_eq!(result["warnings"][0]["code"], "N10");
    let build = &result["build_result"];
    let counts = json!({"mode": "INCREMENTAL", "events_processed": 6, "effects_produced": 10,
        "transitions": 0, "entities_created": 3, "entities_updated": 0, "merges_detected": 0,
        "late_arrivals": 0, "events_failed": 1, "dry_run": false, "as_of": null});
    assert_fields(build, &counts);
    let [unknown, refused] = result["failures"].as_array().unwrap().as_slice() else {
        panic!("{result}")
    };
    let fields = json!({"code": "N02", "stage": "normalization", "source": "app", "field": "type",
        "raw": {"type": "nothing known"}, "index": 5, "sequence": null, "event_id": null,
        "entity_id": null, "attempt": 1, "recoverable": false, "namespace": "defacto"});
    assert_fields(unknown, &fields);
    let raw: Value = serde_json::from_str(EVENTS.lines().nth(3).unwrap()).unwrap();
    let fields = json!({"code": "I04", "stage": "interpretation", "source": "app", "raw": raw,
        "field": "plan", "handler": "opened", "event_type": "opened", "entity_type": "account",
        "entity_id": id_of(&project, "bob@x.test"), "sequence": 3, "index": null,
        "occurred_at": "2026-01-03T00:00:00+00:00"});
    assert_fields(refused, &fields);
    assert_eq!(build["failures"][0], *refused);

    let tick = ["tick", "--as-of", "2026-01-20"];
    let counts = json!({"effects_produced": 1, "entities_affected": 1, "transitions": 1,
        "orphans_removed": 0, "as_of": "2026-01-20T00:00:00+00:00", "failures": []});
    assert_eq!(json(&project, &tick), counts);
    let again = json!({"effects_produced": 0, "entities_affected": 0, "transitions": 0});
    assert_fields(&json(&project, &tick), &again);

    let status = json!({"cursor": 6, "total_events": 6, "pending_events": 0, "dirty": false,
        "watermark": "2026-01-06T00:00:00+00:00", "tick_as_of": "2026-01-20T00:00:00+00:00",
        "next_build_mode": "SKIP", "entities": [["account", 1], ["order", 2]]});
    assert_fields(&json(&project, &["status"]), &status);
    let build = json(&project, &["build", "--as-of", "2026-01-20"]);
    assert_fields(&build, &json!({"mode": "SKIP", "events_processed": 0, "effects_produced": 0}));
    let args = ["build", "--full", "--as-of", "2026-01-20", "--format", "json"];
    let output = project.run(&args);
    assert_eq!(output.status.code(), Some(1), "an event failed");
    let full: Value = serde_json::from_slice(&output.stdout).unwrap();
    let counts = json!({"mode": "FULL", "reason": "asked for", "events_processed": 6,
        "effects_produced": 11, "transitions": 1, "entities_created": 3, "events_failed": 1});
    assert_fields(&full, &counts);
}

#[test]
fn results_of_operations_on_entities_count_what_happened() {
    let project = shop();
    ingest(&project, EVENTS);
    let dora = r#"{"type":"opened","at":"2026-01-05T12:00:00Z","mail":"dora@x.test","tel":"4","plan":"free"}"#;
    let late = ingest(&project, dora);
    assert_fields(&late["build_result"], &json!({"events_processed": 1, "late_arrivals": 1}));
    let (ann, dora) = (id_of(&project, "ann@x.test"), id_of(&project, "dora@x.test"));
    let merged = json!({"from_entity_id": dora, "into_entity_id": ann, "events_reassigned": 1,
        "entities_rebuilt": 1, "tombstones_produced": 1, "failures": []});
    assert_eq!(json(&project, &["merge", &dora, &ann]), merged);
    let again = json!({"from_entity_id": dora, "into_entity_id": ann, "events_reassigned": 0,
        "entities_rebuilt": 0, "tombstones_produced": 0, "failures": []});
    assert_eq!(json(&project, &["merge", &dora, &ann]), again);
    let unmerged = json(&project, &["unmerge", &dora, "--from", &ann]);
    let fields = json!({"entity_id": dora, "from_entity_id": ann, "events_returned": 1,
        "hints_returned": 2, "failures": []});
    assert_fields(&unmerged, &fields);
    let redacted = json!({"entity_id": dora, "events_redacted": 1, "rows_rewritten": 1,
        "hints_replaced": 1});
    assert_eq!(json(&project, &["redact", &dora]), redacted);
    assert_eq!(id_of(&project, "dora@x.test"), dora, "the hint still leads to it");
    let erased = json!({"entity_id": dora, "entities_erased": 1, "events_deleted": 1,
        "merge_log_cleaned": 1, "events_scrubbed": 0, "cold_events_deleted": 0});
    assert_eq!(json(&project, &["erase", &dora, "--yes"]), erased);
    assert_eq!(json(&project, &["erase", &dora, "--yes"]), erased, "it is remembered");
    project.ok(&["verify", "--rebuild"]);
}

#[test]
fn edges_have_the_properties_of_both_sides() {
    let project = shop();
    let result = ingest(
        &project,
        r#"{"type":"opened","at":"2026-01-01T00:00:00Z","mail":"ann@x.test","tel":"1","plan":"pro"}
{"type":"got","at":"2026-01-02T00:00:00Z","mail":"ann@x.test","no":"o1"}
{"type":"ordered","at":"2026-01-03T00:00:00Z","mail":"ann@x.test","no":"o2","total":5,"via":"web"}
"#,
    );
    assert_fields(&result, &json!({"events_ingested": 3, "events_failed": 0}));
    let read = |name: &str| -> Vec<Value> {
        let lines = project.ok(&["relationships", name, "--format", "jsonl"]);
        let mut rows: Vec<Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        rows.sort_by_key(|row| row["valid_from"].to_string());
        rows
    };
    let (ann, o1) = (id_of(&project, "ann@x.test"), id_of(&project, "o1"));
    let rows = read("bought");
    let first = json!({"source_id": ann, "target_id": o1, "relationship_type": "bought",
        "channel": null, "valid_from": "2026-01-02T00:00:00+00:00", "valid_to": null});
    assert_eq!(rows[0], first);
    assert_eq!((&rows[1]["channel"], rows.len()), (&"web".into(), 2));
    let rows = read("bought_by");
    let fields = json!({"source_id": o1, "target_id": ann, "relationship_type": "bought_by"});
    assert_fields(&rows[0], &fields);
    assert_eq!((&rows[1]["channel"], rows.len()), (&"web".into(), 2));
    project.ok(&["verify", "--rebuild"]);
}
