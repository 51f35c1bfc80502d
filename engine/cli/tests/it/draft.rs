//! Drafts: copies of a version, changed step by step (language.md 8.6, engine.md 9.3).

use serde_json::{Value, json};

use crate::project::Project;

fn read(project: &Project, args: &[&str]) -> Value {
    serde_json::from_str(&project.ok(&[args, &["--format", "json"]].concat())).unwrap()
}

fn draft(project: &Project, args: &[&str]) -> Value {
    read(project, &[&["definitions", "draft"], args].concat())
}

fn refused(project: &Project, args: &[&str]) -> String {
    project.fails(3, &[&["definitions", "draft"], args].concat())
}

fn built() -> Project {
    let project = Project::empty();
    project.write(
        "entities/door.yaml",
        "
door:
  starts: shut
  identity: { number: {} }
  properties: { openings: { type: integer, default: 0 } }
  states:
    shut: { when: { opened: { effects: [create, { increment: { property: openings } }] } } }
",
    );
    project.write(
        "sources/sensor.yaml",
        "
sensor:
  event_type: kind
  timestamp: at
  events:
    opened: { mappings: [number], hints: { door: [number] } }
    door.kicked: { mappings: [number, force], hints: { door: [number] } }
",
    );
    project.write(
        "events.jsonl",
        r#"{"kind":"opened","at":"2026-01-01T00:00:00Z","number":"7"}
{"kind":"door.kicked","at":"2026-01-02T00:00:00Z","number":"7","force":12}
"#,
    );
    project
}

#[test]
fn a_draft_becomes_a_version() {
    let project = built();
    let file = project.dir.join("events.jsonl");
    project.ok(&["ingest", "sensor", file.to_str().unwrap()]);
    project.ok(&["build", "--as-of", "2026-06-01T00:00:00Z"]);

    draft(&project, &["new", "v2"]);
    assert!(project.fails(2, &["definitions", "draft", "new", "v2"]).contains("exists already"));
    let added = draft(&project, &["add-state", "v2", "door", "broken"]);
    assert!(added["open"][0].as_str().unwrap().contains("broken"), "{added}");
    assert_eq!(draft(&project, &["list"])[0]["valid"], false);
    project.fails(3, &["definitions", "draft", "validate", "v2"]);
    project.fails(3, &["definitions", "draft", "register", "v2"]);

    let closed =
        draft(&project, &["add-transition", "v2", "door", "shut", "door.kicked", "broken"]);
    assert_eq!(closed["open"], json!([]));
    let body = r#"{"type": "number"}"#;
    draft(&project, &["add-property", "v2", "door", "dent", body]);
    let place = r#"entities.door.states.shut.when.door.kicked.effects[1]"#;
    draft(
        &project,
        &["put", "v2", place, r#"{"set": {"property": "dent", "from": "event.force"}}"#],
    );
    draft(
        &project,
        &[
            "add-handler",
            "v2",
            "door",
            "broken",
            "opened",
            r#"[{"transition": "shut"}]"#,
            "--guard",
            "entity.dent < 20",
        ],
    );
    draft(
        &project,
        &["put", "v2", "sources.sensor.events.\"door.kicked\".mappings.force.type", "\"integer\""],
    );
    assert_eq!(draft(&project, &["validate", "v2"])["valid"], true);

    let diff = draft(&project, &["diff", "v2"]);
    let paths: Vec<&str> =
        diff["added"].as_array().unwrap().iter().map(|c| c["path"].as_str().unwrap()).collect();
    assert!(paths.contains(&"entities.door.states.broken"), "{diff}");
    assert_eq!(diff["summary"]["modified"]["door"]["added_states"], json!(["broken"]));
    let impact = draft(&project, &["impact", "v2"]);
    assert_eq!((&impact["build_mode"], &impact["events"]), (&json!("FULL_RENORMALIZE"), &json!(2)));

    let registered = draft(&project, &["register", "v2"]);
    assert_eq!(registered["build_mode"], "FULL_RENORMALIZE");
    assert_eq!(draft(&project, &["list"]), json!([]));
    assert_eq!(project.ok(&["history", "door", "--format", "jsonl"]).lines().count(), 1);
    let result =
        read(&project, &["definitions", "activate", "v2", "--as-of", "2026-06-01T00:00:00Z"]);
    assert_eq!(result["mode"], impact["build_mode"]);
    let history = project.ok(&["history", "door", "--format", "jsonl"]);
    let last: Value = serde_json::from_str(history.lines().last().unwrap()).unwrap();
    assert_eq!((&last["door_state"], &last["dent"]), (&json!("broken"), &json!(12.0)));
    assert!(refused(&project, &["new", "v2"]).contains("already exists"));
}

#[test]
fn an_operation_that_fails_changes_nothing() {
    let project = built();
    draft(&project, &["new", "v2"]);
    let before = draft(&project, &["show", "v2"]);
    let cases: [(&[&str], &str); 13] = [
        (
            &["add-property", "v2", "window", "x", r#"{"type": "string"}"#],
            "unknown entity `window`; known: door",
        ),
        (&["add-property", "v2", "door", "openings", r#"{"type": "string"}"#], "exists already"),
        (
            &["add-property", "v2", "door", "x", r#"{"type": "text"}"#],
            "Draft validation failed: DF0106",
        ),
        (&["add-property", "v2", "door", "x", r#"{"type": "string", "compute": "1 +"}"#], "DF0118"),
        (&["add-state", "v2", "door", "shut"], "exists already"),
        (
            &["add-transition", "v2", "door", "shut", "opened", "ajar"],
            "no state `ajar`; known: shut",
        ),
        (&["add-handler", "v2", "door", "ajar", "opened", "[\"create\"]"], "no state `ajar`"),
        (&["add-handler", "v2", "door", "shut", "door.kicked", "[]"], "DF0104"),
        (&["add-handler", "v2", "door", "shut", "opened", "[\"create\"]"], "exists already"),
        (&["update-identity", "v2", "door", "{}"], "DF0104"),
        (&["remove-property", "v2", "door", "colour"], "no property `colour`"),
        (&["put", "v2", "entities.door.colour", "1"], "DF0102"),
        (&["remove", "v2", "entities.door.starts"], "DF0103"),
    ];
    for (args, message) in cases {
        let found = refused(&project, args);
        assert!(found.contains(message), "{args:?}: {found}");
    }
    assert!(refused(&project, &["remove", "v2", "entities.window"]).contains("nothing at"));
    assert_eq!(draft(&project, &["show", "v2"]), before);
    let diff = draft(&project, &["diff", "v2"]);
    assert_eq!((&diff["added"], &diff["modified"]), (&json!([]), &json!([])));

    // What else refers to the property is open until the end.
    let removed = draft(&project, &["remove-property", "v2", "door", "openings"]);
    assert!(removed["open"][0].as_str().unwrap().starts_with("DF0110"), "{removed}");
    project.fails(3, &["definitions", "draft", "validate", "v2"]);
    draft(&project, &["discard", "v2"]);
    assert!(project.fails(2, &["definitions", "draft", "show", "v2"]).contains("unknown draft"));
}
