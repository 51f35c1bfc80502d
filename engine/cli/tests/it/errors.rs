//! Bad input: a message that names place and remedy, the right exit code, and a whole database afterwards.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

use crate::project::{Project, text};

/// A user without rights (`nobody`).
const ORDINARY_USER: u32 = 65_534;

fn good() -> Project {
    let project = Project::example("quickstart");
    project.ingest(&[]);
    project.ok(&["build", "--as-of", "2026-06-01T00:00:00Z"]);
    project
}

fn edit(project: &Project, path: &str, from: &str, to: &str) {
    let path = project.dir.join(path);
    let old = fs::read_to_string(&path).unwrap();
    assert!(old.contains(from));
    fs::write(path, old.replacen(from, to, 1)).unwrap();
}

#[test]
fn bad_yaml_names_file_line_and_column() {
    let project = Project::example("quickstart");
    project.write("entities/broken.yaml", "thing:\n  starts: [a\n  identity: {}\n");
    for command in [&["validate"][..], &["compile"], &["build"]] {
        let message = project.fails(3, command);
        assert!(
            message.contains("DF0101") && message.contains("entities/broken.yaml:"),
            "{message}"
        );
    }
}

#[test]
fn a_file_in_another_encoding_is_named() {
    let project = Project::example("quickstart");
    fs::write(project.dir.join("entities/latin.yaml"), b"# note\n# caf\xe9\n").unwrap();
    let message = project.fails(3, &["validate"]);
    assert!(message.contains("entities/latin.yaml:2: not UTF-8"), "{message}");
}

#[test]
fn unknown_key_gets_a_suggestion() {
    let project = Project::example("quickstart");
    edit(&project, "entities/customer.yaml", "threshold:", "threshhold:");
    let message = project.fails(3, &["validate"]);
    assert!(message.contains("threshhold") && message.contains("`threshold`"), "{message}");
    assert!(message.contains("entities/customer.yaml:"), "{message}");
}

#[test]
fn unknown_property_in_an_expression_points_at_it() {
    let project = Project::example("quickstart");
    edit(
        &project,
        "entities/customer.yaml",
        "event.plan != entity.plan",
        "event.plan != entity.plam",
    );
    let message = project.fails(3, &["validate"]);
    assert!(message.contains("plam") && message.contains("`plan`"), "{message}");
    let json = project.run(&["validate", "--format", "json"]);
    let found: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(found["valid"], false);
    assert_eq!(found["errors"][0]["path"], "entities.customer.states.active.when.upgraded.guard");
}

#[test]
fn broken_line_costs_only_itself() {
    let project = good();
    let before = project.fingerprint();
    let file = project.write("more.jsonl", "{\"event\":\"login\",\n[1,2]\n{\"event\":\"dance\",\"at\":0}\n\
        {\"event\":\"login\",\"at\":\"2026-04-01T00:00:00Z\",\"user\":{\"email\":\"ada@example.org\"}}\n");
    let file = file.to_str().unwrap();
    let message = project.fails(1, &["ingest", "app", file]);
    for place in ["more.jsonl:1", "more.jsonl:2", "more.jsonl:3"] {
        assert!(message.contains(place), "{message}");
    }
    assert!(message.contains("N01") && message.contains("N02"), "{message}");
    project.ok(&["build", "--as-of", "2026-06-01T00:00:00Z"]);
    assert_ne!(project.fingerprint(), before, "the good line counts");
    project.ok(&["verify"]);
}

#[test]
fn missing_file_and_unknown_names_are_usage_errors() {
    let project = good();
    let before = project.fingerprint();
    let message = project.fails(2, &["ingest", "app", "nowhere.jsonl"]);
    assert!(message.contains("nowhere.jsonl"), "{message}");
    let message = project.fails(2, &["ingest", "ap", "data/app.jsonl"]);
    assert!(message.contains("unknown source 'ap'") && message.contains("app"), "{message}");
    let message = project.fails(2, &["history", "custmer"]);
    assert!(
        message.contains("unknown entity type 'custmer'") && message.contains("customer"),
        "{message}"
    );
    project.fails(2, &["no-such-command"]);
    assert_eq!(project.fingerprint(), before);
}

#[test]
fn missing_project_is_a_usage_error() {
    let project = Project::empty();
    let message = project.fails(2, &["build"]);
    assert!(message.contains("entities/"), "{message}");
    let message = project.fails(2, &["build", "--project", "nowhere"]);
    assert!(message.contains("nowhere"), "{message}");
}

#[test]
fn folder_that_may_not_be_written() {
    let project = Project::example("quickstart");
    fs::set_permissions(&project.dir, fs::Permissions::from_mode(0o555)).unwrap();
    let output = as_ordinary_user(&project, &["ingest", "app", "data/app.jsonl"]);
    fs::set_permissions(&project.dir, fs::Permissions::from_mode(0o755)).unwrap();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{message}");
    assert!(message.contains(".defacto") && message.contains("help:"), "{message}");
    project.ingest(&[]);
    project.ok(&["verify"]);
}

/// Runs the binary without root's right to write anywhere; an ordinary user just runs it.
pub(crate) fn as_ordinary_user(project: &Project, args: &[&str]) -> std::process::Output {
    let root =
        fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
    let mut command = project.command(args);
    if root {
        // The build folder may be closed to others: run a copy.
        let copy = std::env::temp_dir().join(format!("defacto-copy-{}", std::process::id()));
        fs::copy(env!("CARGO_BIN_EXE_defacto"), &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
        command = std::process::Command::new(&copy);
        command.current_dir(&project.dir).args(args).uid(ORDINARY_USER).gid(ORDINARY_USER);
        let output = command.output().unwrap();
        fs::remove_file(copy).unwrap();
        return output;
    }
    command.output().unwrap()
}

#[test]
fn full_disk_leaves_the_database_whole() {
    let project = good();
    let before = project.fingerprint();
    let mut lines = String::new();
    for n in 0..20_000 {
        lines += &format!(
            "{{\"event\":\"signup\",\"at\":{},\"user\":{{\"email\":\"u{n}@example.org\"}}}}\n",
            1_700_000_000 + n
        );
    }
    project.write("big.jsonl", &lines);
    let binary = env!("CARGO_BIN_EXE_defacto");
    // Files may not grow beyond 1 MiB: what a full disk looks like to a process.
    let output = std::process::Command::new("bash")
        .current_dir(&project.dir)
        .args([
            "-c",
            &format!(
                "ulimit -f 1024; trap '' XFSZ; exec '{binary}' ingest app big.jsonl --process"
            ),
        ])
        .output()
        .unwrap();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{message}");
    assert!(message.contains("help:"), "{message}");
    project.ok(&["verify"]);
    project.ok(&["build", "--as-of", "2026-06-01T00:00:00Z"]);
    project.ok(&["ingest", "app", "big.jsonl"]);
    project.ok(&["build", "--as-of", "2026-06-01T00:00:00Z"]);
    project.ok(&["verify"]);
    assert_ne!(project.fingerprint(), before);
}

#[test]
fn broken_settings_file_is_named() {
    let project = Project::example("quickstart");
    project.write("defacto.toml", "namespce = \"x\"\n");
    let message = project.fails(2, &["status"]);
    assert!(message.contains("defacto.toml") && message.contains("namespce"), "{message}");
}
