//! `defacto eval` in both forms.

use std::io::Write;
use std::process::Stdio;

use crate::project::{Project, text};

#[test]
fn one_expression_with_contexts() {
    let project = Project::empty();
    let value = project.ok(&[
        "eval",
        "event.a + entity.b * 2",
        "--event",
        r#"{"a":1}"#,
        "--entity",
        r#"{"b":3.5}"#,
    ]);
    assert_eq!(value, "8.0\n");
    assert_eq!(project.ok(&["eval", "str::trim(value)", "--value", "\" x \""]), "\"x\"\n");
    let message = project.fails(3, &["eval", "1 +"]);
    assert!(message.contains("error"), "{message}");
    let message = project.fails(1, &["eval", "1 / 0"]);
    assert!(message.contains("zero"), "{message}");
}

#[test]
fn cases_from_standard_input() {
    let project = Project::empty();
    let mut child = project
        .command(&["eval", "--cases", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let cases = [
        r#"{"expr":"year_of(event.t)","event":{"t":{"$datetime":"2024-02-03T00:00:00Z"}}}"#,
        r#"{"expr":"1 +"}"#,
        r#"{"expr":"nothing(1)"}"#,
        r#"{"expr":"1/0"}"#,
        r#"{"expr":"days_since(event.t)","event":{"t":{"$datetime":"2024-02-03T00:00:00Z"}},"now":"2024-02-05T12:00:00Z"}"#,
        r#"{"expr":"event.d * 2","event":{"d":{"$duration_s":90}}}"#,
    ];
    child.stdin.take().unwrap().write_all(cases.join("\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let lines: Vec<serde_json::Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0], serde_json::json!({"value": 2024}));
    assert_eq!(lines[1]["error"]["stage"], "parse");
    assert_eq!(lines[2]["error"]["stage"], "check");
    assert_eq!(lines[3]["error"]["stage"], "eval");
    assert_eq!(lines[4], serde_json::json!({"value": 2}));
    assert_eq!(lines[5], serde_json::json!({"value": 180.0}));
}
