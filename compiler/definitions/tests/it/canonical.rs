use std::{fs, path::Path};

use defacto_definitions::{Canonical, canonical, hashes, load_document};
use serde_json::Value;

use crate::support::{PROJECT, form, sound};

/// Storing and reading again changes nothing, not even the written order.
fn assert_round_trip(form: &Canonical) {
    let stored = form.stored();
    let again = canonical(&sound(&stored).definitions);
    assert_eq!(again.stored(), stored);
}

#[test]
fn is_read_again_as_it_was_stored() {
    assert_round_trip(&form(PROJECT));
    let cases = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/conformance/cases/invalid_definitions/cases.jsonl");
    let mut accepted = 0;
    for line in fs::read_to_string(cases).unwrap().lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        if case["accepted"] == true {
            assert_round_trip(&form(&case["definitions"].to_string()));
            accepted += 1;
        }
    }
    assert!(accepted > 40, "{accepted}");
}

#[test]
fn makes_defaults_explicit_and_sorts_nothing_but_the_hashed_form() {
    let value = form(PROJECT);
    assert_eq!(
        value.sorted(),
        concat!(
            r#"{"entities":{"client":{"always":{},"identity":{"email":{"match":"case_insensitive","#,
            r#""normalize":"str::trim(value)"}},"properties":{"city":{"default":"Rome","type":"string"},"#,
            r#""spent":{"default":0.0,"type":"number"},"visits":{"default":0,"min":0,"type":"integer"}},"#,
            r#""relationships":[{"cardinality":"many_to_many","target":"client","type":"knows"}],"#,
            r#""starts":"idle","states":{"busy":{"after":[{"effects":[{"transition":{"to":"idle"}}],"#,
            r#""threshold":"60d","type":"inactivity"}],"when":{"worked":{"effects":[{"increment":{"by":1,"#,
            r#""property":"visits"}}]}}},"idle":{"when":{"opened":{"effects":["create",{"set":{"from":"event.city","#,
            r#""property":"city"}},{"transition":{"to":"busy"}}],"guard":"event.city != null"}}}}}},"schemas":{},"#,
            r#""sources":{"desk":{"event_type":"kind","events":{"opened":{"hints":{"client":["email"]},"#,
            r#""mappings":{"city":{"from":"address.city"},"email":{"from":"mail"}},"raw_type":"open"}},"timestamp":"at"}}}"#,
        )
    );
    assert!(value.stored().starts_with(r#"{"entities":{"client":{"starts":"idle","identity":"#));
}

/// Everything that is only another way to write the same.
#[test]
fn is_equal_for_equal_meaning() {
    let base = hashes(&form(PROJECT));
    let replacements = [
        (
            "{type: number, default: 0}",
            "{default: 0.0, type: number, min: null, description: money}",
        ),
        ("- increment: {property: visits}", "- increment: {by: 1, property: visits, x-note: 1}"),
        ("    starts: idle\n", "    starts: idle\n    always:\n    owner: me\n    tags: [a]\n"),
        ("- transition: {to: busy}", "- {transition: busy}"),
        ("- create", "- {create: }"),
        ("{type: inactivity, threshold: 60d,", "{inactivity: ' 60d ',"),
        ("raw_type: open", "raw_type: [open]"),
        ("email: {from: mail}", "email: mail"),
        ("timestamp: at", "timestamp: {from: at}"),
        ("guard: event.city != null", "guard: |\n              event.city != null"),
        ("sources:", "schemas:\nsources:"),
    ];
    for (from, to) in replacements {
        let text = PROJECT.replace(from, to);
        assert_ne!(text, PROJECT, "{from}");
        assert_eq!(hashes(&form(&text)), base, "{from} -> {to}");
    }
}

#[test]
fn hashes_change_with_their_part_only() {
    let base = hashes(&form(PROJECT));
    assert_eq!(base.version_name(), &base.content[..8]);
    assert_eq!(base.content.len(), 64);
    let changed = |from: &str, to: &str| {
        let text = PROJECT.replace(from, to);
        assert_ne!(text, PROJECT, "{from}");
        let new = hashes(&form(&text));
        assert_ne!(new.content, base.content);
        [
            new.source != base.source,
            new.identity != base.identity,
            new.definition != base.definition,
            new.label != base.label,
            new.entities != base.entities,
        ]
    };
    assert_eq!(changed("raw_type: open", "raw_type: o"), [true, false, false, false, false]);
    assert_eq!(
        changed("sources:", "schemas: {opened: {fields: {}}}\nsources:"),
        [true, false, false, false, false]
    );
    assert_eq!(changed("case_insensitive", "exact"), [false, true, false, false, false]);
    assert_eq!(changed("60d", "61d"), [false, false, true, false, true]);
    assert_eq!(
        changed("default: Rome", "default: Rome, sensitive: pii"),
        [false, false, false, true, false]
    );
    assert_eq!(
        changed("many_to_many}", "many_to_many, properties: {w: {type: string, sensitive: pii}}}"),
        [false, false, true, true, true]
    );
}

/// A version of definitions is known by this hash in every store: it must never change.
#[test]
fn hashes_are_pinned() {
    let empty = canonical(&load_document("x", "").definitions);
    assert_eq!(empty.sorted(), r#"{"entities":{},"schemas":{},"sources":{}}"#);
    // printf '{"entities":{},"schemas":{},"sources":{}}' | sha256sum
    assert_eq!(
        hashes(&empty).content,
        "98cd7ec39191bce2ae4d2b55461f98a4ac86156f828ac653503e028879b7f8e4"
    );
}
