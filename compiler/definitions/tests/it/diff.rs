use defacto_definitions::diff;
use serde_json::json;

use crate::support::{PROJECT, form};

/// `sign class path` of every change when `from` becomes `to` in the project.
fn changes(from: &str, to: &str) -> Vec<String> {
    let text = PROJECT.replace(from, to);
    assert_ne!(text, PROJECT, "{from}");
    let diff = diff(&form(PROJECT), &form(&text));
    let lists = [("+", &diff.added), ("-", &diff.removed), ("~", &diff.modified)];
    let each = lists.into_iter().flat_map(|(sign, list)| list.iter().map(move |it| (sign, it)));
    each.map(|(sign, it)| format!("{sign} {} {}", it.class.name(), it.path)).collect()
}

#[test]
fn names_every_change_and_its_class() {
    let opened = "entities.client.states.idle.when.opened";
    assert_eq!(
        changes("guard: event.city != null", "guard: event.city == null"),
        [format!("~ behaviour {opened}.guard")]
    );
    assert_eq!(
        changes("from: event.city", "value: Paris"),
        [
            format!("+ behaviour {opened}.effects[1].set.value"),
            format!("- behaviour {opened}.effects[1].set.from")
        ]
    );
    assert_eq!(
        changes("              - create\n", "              - create\n              - create\n"),
        [format!("~ behaviour {opened}.effects")]
    );
}

#[test]
fn classes_follow_the_part() {
    assert_eq!(
        changes("case_insensitive", "exact"),
        ["~ identity entities.client.identity.email.match"]
    );
    assert_eq!(
        changes("default: Rome", "default: Rome, sensitive: pii"),
        [
            "+ label entities.client.properties.city.sensitive",
            "+ label entities.client.properties.city.treatment"
        ]
    );
    assert_eq!(
        changes("many_to_many", "has_many"),
        ["~ behaviour entities.client.relationships.knows.cardinality"]
    );
    assert_eq!(changes("timestamp: at", "timestamp: when"), ["~ source sources.desk.timestamp"]);
    assert_eq!(
        changes("sources:", "schemas: {opened: {fields: {}}}\nsources:"),
        ["+ schema schemas.opened"]
    );
}

#[test]
fn written_order_is_no_change() {
    let moved = PROJECT
        .replace("      city: {type: string, default: Rome}\n", "")
        .replace("    states:\n", "      city: {type: string, default: Rome}\n    states:\n");
    let (before, after) = (form(PROJECT), form(&moved));
    assert_ne!(before.stored(), after.stored());
    assert!(diff(&before, &after).is_empty());
}

#[test]
fn json_and_summary() {
    let text = PROJECT
        .replace("      spent: {type: number, default: 0}\n", "      age: {type: integer}\n")
        .replace("    relationships:", "      gone.away: {}\n    relationships:")
        .replace("  client:\n", "  other: {starts: a, identity: {x: }, states: {a: }}\n  client:\n")
        .replace("case_insensitive", "exact");
    let diff = diff(&form(PROJECT), &form(&text));
    assert_eq!(
        diff.to_json()["removed"],
        json!([{
            "path": "entities.client.properties.spent",
            "from": {"type": "number", "default": 0.0},
            "class": "behaviour"
        }])
    );
    assert_eq!(
        diff.summary(),
        json!({
            "added": {"other": {
                "starts": "a", "identity": {"x": {"match": "exact"}}, "properties": {},
                "states": {"a": {}}, "always": {}, "relationships": []
            }},
            "removed": {},
            "modified": {"client": {
                "added_properties": ["age"], "removed_properties": ["spent"],
                "added_states": ["gone.away"], "removed_states": [], "identity_changed": true
            }}
        })
    );
}
