//! Operations on entities and on versions of the definitions.

use std::fs;

use serde_json::Value;

use crate::project::Project;

const AS_OF: [&str; 2] = ["--as-of", "2026-06-01T00:00:00Z"];
const NOBODY: &str = "00000000-0000-8000-8000-000000000000";

fn built(example: &str) -> Project {
    let project = Project::example(example);
    project.ingest(&[]);
    build(&project);
    project
}

fn build(project: &Project) {
    project.ok(&[&["build"][..], &AS_OF].concat());
}

fn json(project: &Project, args: &[&str]) -> Value {
    serde_json::from_str(&project.ok(&[args, &["--format", "json"]].concat())).unwrap()
}

fn id_of(project: &Project, hint: &str) -> String {
    json(project, &["identity", "lookup", hint])[0]["entity_id"].as_str().unwrap().to_owned()
}

fn edit(project: &Project, path: &str, from: &str, to: &str) {
    let path = project.dir.join(path);
    let old = fs::read_to_string(&path).unwrap();
    assert!(old.contains(from));
    fs::write(path, old.replacen(from, to, 1)).unwrap();
}

#[test]
fn merged_entities_are_one_and_a_rebuild_repeats_it() {
    let project = built("quickstart");
    let (ada, grace) = (id_of(&project, "ada@example.org"), id_of(&project, "grace@example.org"));
    let apart = json(&project, &["identity", "explain", &ada, &grace]);
    assert_eq!(apart["joined"], false);
    let result = json(&project, &["merge", &grace, &ada, "--reason", "same person"]);
    assert_eq!(
        (&result["from_entity_id"], &result["into_entity_id"]),
        (&grace.clone().into(), &ada.clone().into())
    );
    assert_eq!(result["events_reassigned"], 3);
    assert_eq!(id_of(&project, "grace@example.org"), ada);
    let again = json(&project, &["merge", &grace, &ada]);
    assert_eq!(
        (&again["events_reassigned"], &again["tombstones_produced"]),
        (&0.into(), &0.into())
    );

    let merges = json(&project, &["identity", "merges", &ada]);
    assert_eq!(
        (&merges[0]["from"], &merges[0]["reason"]),
        (&grace.clone().into(), &"same person".into())
    );
    let hints = json(&project, &["identity", "hints", &grace]);
    assert_eq!(hints.as_array().unwrap().len(), 2, "{hints}");
    for (a, b) in [(grace.as_str(), ada.as_str()), ("grace@example.org", "ada@example.org")] {
        let why = json(&project, &["identity", "explain", a, b]);
        assert_eq!(why["joined"], true);
        assert_eq!(why["joins"][0]["event_type"], "_defacto_merge", "{why}");
        assert_eq!(why["joins"][0]["reason"], "same person");
    }
    let timeline = json(&project, &["timeline", &grace]);
    let last = timeline["entries"].as_array().unwrap().last().unwrap();
    assert_eq!(last["effects"][0], format!("Merged into {ada}"), "{timeline}");
    project.ok(&["verify"]);
    let compared = json(&project, &["verify", "--rebuild"]);
    assert_eq!(compared["equal"], true, "{compared}");
}

#[test]
fn merge_refuses_what_makes_no_sense() {
    let project = built("orders");
    let before = project.fingerprint();
    let ada = id_of(&project, "ada@example.org");
    let order = id_of(&project, "A-1001");
    assert!(project.fails(2, &["merge", &ada, &ada]).contains("into itself"));
    assert!(project.fails(2, &["merge", &ada, &order]).contains("different types"));
    assert!(project.fails(2, &["merge", &ada, NOBODY]).contains(NOBODY));
    assert!(project.fails(2, &["merge", "ada", NOBODY]).contains("'ada' is no entity id"));
    assert_eq!(project.fingerprint(), before);
}

#[test]
fn the_event_that_joined_two_hints_is_found() {
    let project = built("orders");
    let why = json(&project, &["identity", "explain", "grace@example.org", "+12025550102"]);
    assert_eq!(why["joined"], true);
    assert_eq!(why["joins"].as_array().unwrap().len(), 1);
    assert_eq!(why["joins"][0]["event_type"], "ordered");
    let text = project.ok(&["identity", "explain", "grace@example.org", "ada@example.org"]);
    assert!(text.starts_with("two entities"), "{text}");
    let message =
        project.fails(2, &["identity", "explain", "ada@example.org", "nobody@example.org"]);
    assert!(message.contains("nobody@example.org"), "{message}");
    for what in ["hints", "merges"] {
        assert!(project.fails(2, &["identity", what, NOBODY]).contains("not found"));
    }
}

#[test]
fn the_events_of_an_entity_are_told_with_their_records() {
    let project = built("quickstart");
    let grace = id_of(&project, "grace@example.org");
    let rows = |arguments: &[&str]| -> Vec<Value> {
        let text = project.ok(&[&["ledger", "events", "--format", "jsonl"], arguments].concat());
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let of_grace = rows(&["--entity", &grace]);
    let told: Vec<_> =
        rows(&[]).into_iter().filter(|row| row.to_string().contains("grace@example.org")).collect();
    assert!(told.len() > 1);
    assert_eq!(of_grace, told);
    assert_eq!(rows(&["--entity", &grace, "--limit", "1"]), told[..1]);
    assert!(project.fails(2, &["ledger", "events", "--entity", NOBODY]).contains("not found"));
}

#[test]
fn erased_entities_leave_nothing() {
    let project = built("quickstart");
    let grace = id_of(&project, "grace@example.org");
    let message = project.fails(2, &["erase", &grace]);
    assert!(message.contains("--yes"), "{message}");
    assert!(project.fails(2, &["erase", NOBODY, "--yes"]).contains("not found"));
    let result = json(&project, &["erase", &grace, "--yes"]);
    assert_eq!((&result["entities_erased"], &result["events_deleted"]), (&1.into(), &3.into()));
    project.fails(2, &["identity", "lookup", "grace@example.org"]);
    project.fails(2, &["timeline", &grace]);
    assert!(!project.ok(&["ledger", "events", "--format", "jsonl"]).contains("grace"));
    project.ok(&["verify"]);
    assert_eq!(json(&project, &["verify", "--rebuild"])["equal"], true);
}

#[test]
fn erasure_reaches_versions_that_are_not_active() {
    let project = built("quickstart");
    let new = Project::example("quickstart");
    edit(&new, "entities/customer.yaml", "30d", "200d");
    project.ok(&["definitions", "register", "patient", "--from", new.dir.to_str().unwrap()]);
    let beside = || project.ok(&[&["build", "--version", "patient"][..], &AS_OF].concat());
    let rows = || project.ok(&["history", "customer", "--version", "patient", "--format", "jsonl"]);
    beside();
    assert!(rows().contains("grace@"));
    let grace = id_of(&project, "grace@example.org");
    let result = json(&project, &["erase", &grace, "--yes"]);
    assert!(rows().contains("ada@") && !rows().contains("grace@"));
    assert_eq!(json(&project, &["erase", &grace, "--yes"]), result);
    beside();
    assert!(rows().contains("ada@") && !rows().contains("grace@"));
    project.ok(&["verify"]);
}

#[test]
fn redaction_keeps_the_entity_and_takes_what_is_sensitive() {
    let project = built("quickstart");
    let grace = id_of(&project, "grace@example.org");
    assert!(project.fails(2, &["redact", NOBODY]).contains("not found"));
    let result = json(&project, &["redact", &grace]);
    assert_eq!(
        (&result["entity_id"], &result["events_redacted"]),
        (&grace.clone().into(), &3.into())
    );
    assert!(!project.ok(&["ledger", "events", "--format", "jsonl"]).contains("grace@"));
    assert!(!project.ok(&["history", "customer", "--format", "jsonl"]).contains("grace@"));
    project.ok(&["assert", &grace, "email=[REDACTED]", "plan=pro"]);
    assert_eq!(id_of(&project, "grace@example.org"), grace, "found by whoever knows the address");
    project.ok(&["verify"]);
    assert_eq!(json(&project, &["verify", "--rebuild"])["equal"], true);
}

/// Whoever was erased after a redaction comes again under another id, which a second redaction must not give away: a rebuild
/// would bring the erased one back.
#[test]
fn an_erased_id_does_not_come_back_with_a_second_redaction() {
    let project = built("quickstart");
    let first = id_of(&project, "grace@example.org");
    project.ok(&["redact", &first]);
    project.ok(&["erase", &first, "--yes"]);
    for (source, path) in project.data() {
        project.ok(&["ingest", &source, &path]);
    }
    project.ok(&["build"]);
    let second = id_of(&project, "grace@example.org");
    assert_ne!(second, first);
    assert_eq!(json(&project, &["redact", &second])["events_redacted"], 3);
    assert_eq!(json(&project, &["verify", "--rebuild"])["equal"], true);
    project.ok(&["build", "--from-raw"]);
    assert_eq!(id_of(&project, "grace@example.org"), second);
    project.fails(2, &["timeline", &first]);
}

#[test]
fn timeline_tells_events_and_rules() {
    let project = built("quickstart");
    let ada = id_of(&project, "ada@example.org");
    let timeline = json(&project, &["timeline", &ada]);
    assert_eq!(
        (&timeline["entity_id"], &timeline["entity_type"]),
        (&ada.clone().into(), &"customer".into())
    );
    let entries = timeline["entries"].as_array().unwrap();
    let first = &entries[0];
    assert_eq!((&first["event_type"], &first["state_before"]), (&"signed_up".into(), &Value::Null));
    assert_eq!(first["effects"][0], "Entity created");
    let rule =
        entries.iter().find(|entry| entry["event_type"] == "_time_rule").expect("a rule fired");
    assert_eq!(rule["effects"][0], "State: active → churned");
    assert_eq!(rule["event_id"], Value::Null);
    let upgrade = entries.iter().find(|entry| entry["event_type"] == "upgraded").unwrap();
    assert_eq!(upgrade["effects"], serde_json::json!(["plan: free → pro"]));
    assert_eq!(project.ok(&["timeline", &ada, "--format", "jsonl"]).lines().count(), entries.len());
    assert!(project.fails(2, &["timeline", NOBODY]).contains("not found"));
}

#[test]
fn assert_tells_what_differs() {
    let project = built("quickstart");
    let ada = id_of(&project, "ada@example.org");
    assert_eq!(project.ok(&["assert", &ada, "--state", "churned", "plan=team", "logins=2"]), "");
    let output = project.run(&["assert", &ada, "--state", "active", "plan=pro", "logins=2"]);
    assert_eq!(output.status.code(), Some(1));
    let shown = crate::project::text(&output.stdout);
    assert!(shown.contains("state: expected \"active\", is \"churned\""), "{shown}");
    assert!(
        shown.contains("plan: expected \"pro\", is \"team\"") && !shown.contains("logins"),
        "{shown}"
    );
    for (bad, named) in [
        (&["--state", "asleep"][..], "unknown state 'asleep'"),
        (&["plam=pro"], "unknown property 'plam'"),
        (&["logins=many"], "'many'"),
        (&["logins"], "PROPERTY=VALUE"),
        (&[], "nothing to compare"),
    ] {
        let message = project.fails(2, &[&["assert", &ada][..], bad].concat());
        assert!(message.contains(named), "{message}");
    }
    project.fails(2, &["assert", NOBODY, "--state", "active"]);
}

#[test]
fn plan_is_what_build_does() {
    let project = Project::example("quickstart");
    project.ingest(&[]);
    let plan = json(&project, &["plan"]);
    assert_eq!(
        (&plan["mode"], &plan["events"], &plan["entities"]),
        (&"INCREMENTAL".into(), &8.into(), &2.into())
    );
    assert_eq!(json(&project, &["build", "--dry-run"]), plan);
    let done = json(&project, &[&["build"][..], &AS_OF].concat());
    assert_eq!((&done["mode"], &done["events_processed"]), (&plan["mode"], &plan["events"]));
    let idle = json(&project, &["plan"]);
    assert_eq!(
        (&idle["mode"], &idle["events"], &idle["entities"]),
        (&"SKIP".into(), &0.into(), &0.into())
    );
    assert_eq!(json(&project, &["plan", "--full"])["mode"], "FULL");
    edit(&project, "entities/customer.yaml", "30d", "20d");
    let plan = json(&project, &["plan"]);
    assert_eq!((&plan["mode"], &plan["events"]), (&"FULL".into(), &8.into()));
    assert_eq!(plan["reason"], "entity definitions changed");
}

#[test]
fn readers_see_the_old_history_until_the_new_one_is_built() {
    let project = built("quickstart");
    let before = project.ok(&["history", "customer", "--format", "csv"]);
    edit(&project, "entities/customer.yaml", "30d", "200d");
    assert_eq!(project.ok(&["history", "customer", "--format", "csv"]), before);
    build(&project);
    assert_ne!(project.ok(&["history", "customer", "--format", "csv"]), before);
}

#[test]
fn versions_are_registered_compared_activated_and_dropped() {
    let project = built("quickstart");
    let first = project.ok(&["definitions", "active"]).trim().to_owned();
    let before = project.ok(&["history", "customer", "--format", "csv"]);
    let figure = project.fingerprint();
    let new = Project::example("quickstart");
    edit(&new, "entities/customer.yaml", "30d", "200d");
    let new_dir = new.dir.to_str().unwrap();

    let registered = json(&project, &["definitions", "register", "patient", "--from", new_dir]);
    assert_eq!(
        (&registered["version"], &registered["build_mode"]),
        (&"patient".into(), &"FULL".into())
    );
    let path = "entities.customer.states.active.after[0].threshold";
    assert_eq!(registered["changes"]["modified"][0]["path"], path, "{registered}");
    assert_eq!(project.ok(&["definitions", "active"]).trim(), first);
    let text = project.ok(&["definitions", "diff", &first, "patient"]);
    assert!(
        text.contains(path) && text.contains("[behaviour]") && text.contains("\"200d\""),
        "{text}"
    );
    assert_eq!(project.ok(&["definitions", "diff"]), "no difference\n");
    assert!(
        project
            .fails(2, &["history", "customer", "--version", "patient"])
            .contains("not been built")
    );

    // Beside the active version.
    project.ok(&[&["build", "--version", "patient"][..], &AS_OF].concat());
    let other = project.ok(&["history", "customer", "--version", "patient", "--format", "csv"]);
    assert_ne!(other, before);
    assert_eq!(project.ok(&["history", "customer", "--format", "csv"]), before);
    assert_eq!(project.fingerprint(), figure);

    // Active, and so it stays although the folder holds the first version.
    let impact = json(&project, &["definitions", "impact", "patient"]);
    let done = json(&project, &[&["definitions", "activate", "patient"][..], &AS_OF].concat());
    assert_eq!(impact["build_mode"], done["mode"]);
    build(&project);
    assert_eq!(project.ok(&["definitions", "active"]).trim(), "patient");
    assert_eq!(project.ok(&["history", "customer", "--format", "csv"]), other);
    project.ok(&["verify"]);
    assert_eq!(json(&project, &["verify", "--rebuild"])["equal"], true);

    // And back.
    let shown: Value = serde_json::from_str(&project.ok(&["definitions", "show", &first])).unwrap();
    assert_eq!(shown["entities"]["customer"]["states"]["active"]["after"][0]["threshold"], "30d");
    project.ok(&[&["definitions", "activate", &first][..], &AS_OF].concat());
    assert_eq!(project.fingerprint(), figure);
    let message = project.fails(2, &["definitions", "drop", &first]);
    assert!(message.contains("in use"), "{message}");
    project.ok(&["definitions", "drop", "patient"]);
    let list = json(&project, &["definitions", "list"]);
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!((&list[0]["version"], &list[0]["active"]), (&first.into(), &true.into()));
}

#[test]
fn activation_renormalizes_where_sources_differ() {
    let project = built("quickstart");
    let new = Project::example("quickstart");
    edit(&new, "sources/app.yaml", "      raw_type: login\n", "      raw_type: sign_in\n");
    project.ok(&["definitions", "register", "renamed", "--from", new.dir.to_str().unwrap()]);
    let impact = json(&project, &["definitions", "impact", "renamed"]);
    assert_eq!(
        (&impact["build_mode"], &impact["reason"]),
        (&"FULL_RENORMALIZE".into(), &"source mappings changed".into())
    );
    let message = project.fails(2, &["build", "--version", "renamed"]);
    assert!(message.contains("activate it"), "{message}");
}

#[test]
fn unknown_and_taken_versions_are_told() {
    let project = built("quickstart");
    for args in [
        &["definitions", "show", "v9"][..],
        &["definitions", "activate", "v9"],
        &["definitions", "impact", "v9"],
        &["definitions", "drop", "v9"],
        &["definitions", "diff", "v9"],
        &["history", "customer", "--version", "v9"],
        &["table", "customer", "--version", "v9"],
        &["build", "--version", "v9"],
    ] {
        assert!(project.fails(2, args).contains("version 'v9' not found"), "{args:?}");
    }
    project.ok(&["definitions", "register", "v1"]);
    project.ok(&["definitions", "register", "v1"]);
    edit(&project, "entities/customer.yaml", "30d", "31d");
    let message = project.fails(3, &["definitions", "register", "v1"]);
    assert!(message.contains("'v1' already exists"), "{message}");
    assert!(project.fails(2, &["definitions", "register", "a/b"]).contains("a/b"));
}

#[test]
fn a_plan_of_edited_definitions_changes_nothing() {
    let project = built("quickstart");
    let versions = project.ok(&["definitions", "list"]);
    let stored = || {
        let files = fs::read_dir(project.dir.join(".defacto")).unwrap();
        let mut files: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.to_string_lossy().contains("defacto.db"));
        files.sort();
        files.into_iter().map(|path| (fs::read(&path).unwrap(), path)).collect::<Vec<_>>()
    };
    let before = stored();
    edit(&project, "entities/customer.yaml", "30d", "200d");
    let plan = json(&project, &[&["plan"][..], &AS_OF].concat());
    assert_eq!((&plan["mode"], &plan["dry_run"]), (&"FULL".into(), &true.into()), "{plan}");
    assert!(plan["rows"]["changed"].as_u64().unwrap() > 0, "{plan}");
    for args in [
        &["build", "--dry-run"][..],
        &["build", "--dry-run", "--full"],
        &["plan", "--from-raw"],
        &["definitions", "impact"],
        &["definitions", "diff"],
        &["status"],
        &["history", "customer"],
    ] {
        project.ok(args);
        assert!(stored() == before, "{args:?} wrote to the store");
    }
    assert_eq!(project.ok(&["definitions", "list"]), versions);
    assert!(project.fails(2, &["verify"]).contains("not been built"));
    let done = json(&project, &[&["build"][..], &AS_OF].concat());
    assert_eq!((&done["mode"], &done["version"]), (&plan["mode"], &plan["version"]));
    let list = json(&project, &["definitions", "list"]);
    assert_eq!((list.as_array().unwrap().len(), &list[1]["active"]), (2, &true.into()));
}
