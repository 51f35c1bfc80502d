//! Merges taken back, and entities that are never one.

use serde_json::Value;

use crate::project::Project;

const AS_OF: [&str; 2] = ["--as-of", "2026-06-01T00:00:00Z"];

fn json(project: &Project, args: &[&str]) -> Value {
    serde_json::from_str(&project.ok(&[args, &["--format", "json"]].concat())).unwrap()
}

fn id_of(project: &Project, hint: &str) -> String {
    json(project, &["identity", "lookup", hint])[0]["entity_id"].as_str().unwrap().to_owned()
}

fn history(project: &Project) -> String {
    project.ok(&["history", "customer", "--format", "jsonl"])
}

fn built(example: &str) -> Project {
    let project = Project::example(example);
    project.ingest(&[]);
    project.ok(&[&["build"][..], &AS_OF].concat());
    project
}

fn rebuild_agrees(project: &Project) {
    project.ok(&["verify"]);
    let compared = json(project, &["verify", "--rebuild"]);
    assert_eq!(compared["equal"], true, "{compared}");
}

#[test]
fn a_merge_taken_back_leaves_the_history_as_it_was() {
    let project = built("quickstart");
    let before = history(&project);
    let (ada, grace) = (id_of(&project, "ada@example.org"), id_of(&project, "grace@example.org"));
    assert!(project.fails(2, &["unmerge", &grace, "--from", &ada]).contains("not one"));
    project.ok(&["merge", &grace, &ada]);
    assert_ne!(history(&project), before);
    assert!(project.fails(2, &["unmerge", &ada, "--from", &grace]).contains("ceased first"));
    let result = json(&project, &["unmerge", &grace, "--from", &ada, "--reason", "a mistake"]);
    let keys: Vec<&str> = result.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "entity_id",
            "from_entity_id",
            "events_returned",
            "hints_returned",
            "entities_rebuilt",
            "failures"
        ]
    );
    assert_eq!(
        (&result["events_returned"], &result["entities_rebuilt"]),
        (&3.into(), &2.into()),
        "{result}"
    );
    assert_eq!(history(&project), before);
    assert_eq!(id_of(&project, "grace@example.org"), grace);
    let again = json(&project, &["unmerge", &grace, "--from", &ada]);
    assert_eq!(again["hints_returned"], 0);
    assert!(project.fails(2, &["merge", &grace, &ada]).contains("kept apart"));

    let merges = json(&project, &["identity", "merges", &grace]);
    assert_eq!((&merges[0]["kind"], &merges[1]["kind"]), (&"merge".into(), &"unmerge".into()));
    assert_eq!(merges[0]["undone_by"], merges[1]["sequence"], "{merges}");
    let why = json(&project, &["identity", "explain", &grace, &ada]);
    assert_eq!((&why["joined"], &why["apart"][0]["a"]), (&false.into(), &grace.clone().into()));
    rebuild_agrees(&project);
    for flags in [&["build", "--full"][..], &["build", "--from-raw"]] {
        project.ok(&[flags, &AS_OF].concat());
        assert_eq!(history(&project), before, "{flags:?}");
    }
}

#[test]
fn entities_kept_apart_are_never_one() {
    let project = built("orders");
    let (ada, grace) = (id_of(&project, "ada@example.org"), id_of(&project, "grace@example.org"));
    assert!(project.fails(2, &["block", &ada, &ada]).contains("are one"));
    assert_eq!(json(&project, &["block", &ada, &grace])["newly_blocked"], true);
    assert_eq!(json(&project, &["block", &grace, &ada])["newly_blocked"], false);
    let both = r#"{"id":"s9","type":"order.placed","time":"2026-05-05T10:00:00Z","order":{"number":"A-9","email":"ada@example.org","phone":"+1 202-555-0102","total":5}}"#;
    let both = project.write("both.jsonl", both);
    let result = json(&project, &["ingest", "shop", both.to_str().unwrap(), "--process"]);
    let warning = &result["warnings"][0];
    assert!(warning["message"].as_str().unwrap().contains("kept apart"), "{result}");
    assert_eq!(result["build_result"]["merges_detected"], 0);
    assert_eq!(id_of(&project, "+12025550102"), grace);
    let timeline = json(&project, &["timeline", &ada]).to_string();
    assert!(timeline.contains("2026-05-05"), "{timeline}");
    rebuild_agrees(&project);

    // What the other brought leaves the event when the other is erased.
    project.ok(&["erase", &grace, "--yes"]);
    let ledger = project.ok(&["ledger", "events", "--format", "jsonl"]);
    assert!(ledger.contains("A-9") && !ledger.contains("555"), "{ledger}");
    rebuild_agrees(&project);
}
