//! What a newcomer types, in the order of the README.

use crate::project::Project;

#[test]
fn init_gives_a_project_that_works() {
    let project = Project::empty();
    project.ok(&["init", "shop"]);
    let shop = ["--project", "shop"];
    let run = |args: &[&str]| project.ok(&[&shop[..], args].concat());
    let validated = project.run(&[&shop[..], &["validate"]].concat());
    assert!(validated.status.success());
    assert_eq!(crate::project::text(&[validated.stdout, validated.stderr].concat()), "");
    run(&["ingest", "app", "shop/data/app.jsonl"]);
    run(&["build", "--as-of", "2026-06-01T00:00:00Z"]);
    assert!(run(&["table", "customer"]).contains("customer_state"));
    let rows = run(&["history", "customer", "--format", "jsonl"]);
    assert_eq!(rows.lines().count(), 11, "{rows}");
    assert!(run(&["identity", "lookup", " ADA@example.org"]).contains("ada@example.org"));
    let message = project.fails(2, &["init", "shop"]);
    assert!(message.contains("exists already"), "{message}");
}

#[test]
fn demo_shows_the_fleet_and_what_to_type_next() {
    let project = Project::empty();
    let output = project.run(&["demo"]);
    assert!(output.status.success(), "{}", crate::project::text(&output.stderr));
    let shown = crate::project::text(&output.stdout);
    assert!(shown.contains("aircraft_state") && shown.contains("airborne"), "{shown}");
    assert!(crate::project::text(&output.stderr).contains("N108UW"), "the aircraft is not named");
    assert!(shown.contains("defacto --project defacto-demo history aircraft"), "{shown}");
    // A second time everything is known already.
    project.ok(&["demo"]);
    project.ok(&["verify", "--project", "defacto-demo"]);
}

#[test]
fn compile_prints_text_manifest_and_bytes() {
    let project = Project::example("quickstart");
    let text = project.ok(&["compile", "--emit", "wat"]);
    assert!(
        text.starts_with("(component") && text.contains("customer.states.active.when.upgraded"),
        "no names"
    );
    let manifest = project.ok(&["compile", "--emit", "manifest"]);
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["entities"][0]["name"], "customer");
    project.ok(&["compile", "--emit", "wasm", "-o", "a.wasm"]);
    project.ok(&["compile", "--emit", "wasm", "-o", "b.wasm"]);
    let a = std::fs::read(project.dir.join("a.wasm")).unwrap();
    assert!(a.starts_with(b"\0asm"));
    assert_eq!(a, std::fs::read(project.dir.join("b.wasm")).unwrap());
}

#[test]
fn normalize_stores_nothing() {
    let project = Project::example("orders");
    let shown = project.ok(&["normalize", "shop", "data/shop.jsonl", "--format", "jsonl"]);
    let first: serde_json::Value = serde_json::from_str(shown.lines().next().unwrap()).unwrap();
    assert_eq!(first["event_type"], "registered");
    assert_eq!(first["hints"]["customer"]["phone"], "+442079460001");
    assert!(!project.dir.join(".defacto/defacto.db").exists());
}

#[test]
fn tick_moves_only_what_is_due() {
    let project = Project::example("quickstart");
    project.ingest(&[]);
    project.ok(&["build", "--as-of", "2026-01-20T00:00:00Z"]);
    let tick = |at: &str| -> serde_json::Value {
        serde_json::from_str(&project.ok(&["tick", "--as-of", at, "--format", "json"])).unwrap()
    };
    let first = tick("2026-06-01T00:00:00Z");
    assert!(first["transitions"].as_u64().unwrap() > 0);
    let again = tick("2026-06-01T00:00:00Z");
    assert_eq!((&again["effects_produced"], &again["entities_affected"]), (&0.into(), &0.into()));
}

#[test]
fn output_of_every_format_is_well_formed() {
    let project = Project::example("orders");
    project.ingest(&["--process"]);
    project.ok(&["build", "--as-of", "2026-06-01T00:00:00Z"]);
    let json: Vec<serde_json::Value> =
        serde_json::from_str(&project.ok(&["history", "order", "--format", "json"])).unwrap();
    let lines = project.ok(&["history", "order", "--format", "jsonl"]);
    assert_eq!(json.len(), lines.lines().count());
    let csv = project.ok(&["history", "order", "--format", "csv"]);
    assert_eq!(csv.lines().count(), json.len() + 1);
    assert!(
        csv.starts_with("order_id,order_state,total,paid,carrier,open_amount,valid_from,valid_to,")
    );
    project.ok(&["history", "order", "-o", "rows.csv", "--format", "csv"]);
    assert_eq!(std::fs::read_to_string(project.dir.join("rows.csv")).unwrap(), csv);
    assert!(project.ok(&["ledger", "events", "--format", "jsonl"]).lines().count() == 11);
    assert!(project.ok(&["completions", "bash"]).contains("defacto"));
    assert!(project.ok(&["explain", "DF0105"]).contains("starts"));
}

#[test]
fn log_lines_are_json_objects_of_the_agreed_loggers() {
    let project = Project::example("quickstart");
    project.ingest(&[]);
    let args =
        ["build", "--as-of", "2026-06-01T00:00:00Z", "--log-level", "info", "--log-format", "json"];
    let output = project.run(&args);
    let lines: Vec<serde_json::Value> = crate::project::text(&output.stderr)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let built = lines
        .iter()
        .find(|line| line["message"] == "build completed")
        .expect("no line about the build");
    assert_eq!((&built["logger"], &built["level"]), (&"defacto.pipeline".into(), &"INFO".into()));
    assert_eq!(built["events_processed"], 8);
    assert!(built["timestamp"].as_str().unwrap().ends_with("+00:00"));
}
