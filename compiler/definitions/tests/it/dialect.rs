use std::time::{Duration, Instant};

use defacto_definitions::{Literal, ValueDef, load_document};

use crate::support::{findings, sound};

/// The literals of `allowed` of one property, as the reader sees them.
fn literals(list: &str) -> Vec<Literal> {
    let text = format!(
        "entities: {{e: {{starts: s, identity: {{i: }}, states: {{s: }}, properties: \
         {{p: {{type: string, allowed: [{list}]}}}}}}}}"
    );
    let loaded = sound(&text);
    let allowed = loaded.definitions.entities[0].properties[0].allowed.clone().unwrap();
    allowed.into_iter().map(|it| it.value).collect()
}

fn document(properties: &str) -> String {
    format!(
        "entities:\n  e:\n    starts: s\n    identity: {{i: }}\n    states: {{s: }}\n{properties}"
    )
}

#[test]
fn only_true_and_false_are_booleans() {
    let text = |text: &str| Literal::String(text.to_owned());
    assert_eq!(
        literals("true, false, yes, No, on, off, 2024-01-01, 12:30:00, 'true', !!str 5, ~"),
        [
            Literal::Bool(true),
            Literal::Bool(false),
            text("yes"),
            text("No"),
            text("on"),
            text("off"),
            text("2024-01-01"),
            text("12:30:00"),
            text("true"),
            text("5"),
            Literal::Null,
        ]
    );
    assert_eq!(
        literals("1, 1.0, 0x10, 0o10, 010, 1e3, -3, .5, [1], {a: 1}"),
        [
            Literal::Int(1),
            Literal::Float(1.0),
            Literal::Int(16),
            Literal::Int(8),
            Literal::Int(10),
            Literal::Float(1000.0),
            Literal::Int(-3),
            Literal::Float(0.5),
            Literal::List(vec![Literal::Int(1)]),
            Literal::Object(vec![("a".to_owned(), Literal::Int(1))]),
        ]
    );
}

#[test]
fn numbers_out_of_range_are_refused() {
    for number in ["9223372036854775808", "-9223372036854775809", "1e999", ".inf", ".nan"] {
        let text = document(&format!("    properties: {{p: {{type: number, default: {number}}}}}"));
        assert_eq!(
            findings(&load_document("t", &text)),
            ["E-01 entities.e.properties.p.default: number out of range"],
            "{number}"
        );
    }
    // Metadata may hold anything.
    sound(&document("    x-big: 99999999999999999999"));
}

#[test]
fn keys_become_their_source_text() {
    let text = "
entities:
  e:
    starts: true
    identity: {i: }
    states:
      true: {}
      null: {}
";
    let loaded = sound(text);
    let entity = &loaded.definitions.entities[0];
    assert_eq!(entity.starts.value, "true");
    let states: Vec<_> = entity.states.iter().map(|it| it.name.value.as_str()).collect();
    assert_eq!(states, ["true", "null"]);
}

#[test]
fn duplicate_keys_are_refused_also_in_other_spellings() {
    let loaded = load_document("t", &document("    properties: {p: {type: string}, 'p': }"));
    assert_eq!(findings(&loaded), ["E-01 entities.e.properties.p: key `p` stands here twice"]);
    assert_eq!(loaded.diagnostics[0].labels.len(), 1);
    let loaded = load_document("t", r#"{"entities": {}, "entities": {}}"#);
    assert_eq!(findings(&loaded), ["E-01 entities: key `entities` stands here twice"]);
}

#[test]
fn anchors_aliases_and_merge_keys_work() {
    let text = "
x-common: &common
  type: integer
  min: 0
  max: 9
x-more: &more {max: 7, default: 1}
entities:
  e:
    starts: s
    identity: {i: }
    states: {s: }
    properties:
      a: *common
      b: {<<: *common, max: 5}
      c: {<<: [*more, *common]}
      d: {'<<': 1, type: string}
";
    let loaded = load_document("t", text);
    assert_eq!(
        findings(&loaded),
        ["E-02 entities.e.properties.d.<<: unknown key `<<` of a property"]
    );
    let properties = &loaded.definitions.entities[0].properties;
    let max = |index: usize| properties[index].max.clone().map(|it| it.value);
    assert_eq!(max(0), Some(Literal::Int(9)));
    assert_eq!(max(1), Some(Literal::Int(5)));
    assert_eq!(max(2), Some(Literal::Int(7)));
    assert_eq!(properties[2].default.clone().map(|it| it.value), Some(Literal::Int(1)));
    assert!(properties[2].min.is_some());
}

#[test]
fn merging_something_else_is_refused() {
    let loaded = load_document("t", &document("    <<: [1]"));
    assert_eq!(findings(&loaded), ["E-01 : `<<` merges mappings only"]);
}

#[test]
fn alias_bombs_are_refused_fast() {
    let mut text = "x-a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..30 {
        let before = format!("*a{}", level - 1);
        text += &format!("x-a{level}: &a{level} [{}]\n", vec![before; 10].join(", "));
    }
    let start = Instant::now();
    let loaded = load_document("t", &text);
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(findings(&loaded), ["E-01 : aliases expand to too much text"]);
    assert!(!loaded.complete);

    let huge =
        format!("x-a: &a '{}'\nx-b: [{}]\n", "y".repeat(1 << 20), vec!["*a"; 1000].join(","));
    assert_eq!(findings(&load_document("t", &huge)), ["E-01 : aliases expand to too much text"]);
}

#[test]
fn aliases_cannot_nest_without_end() {
    let mut text = "x-a0: &a0 [1]\n".to_owned();
    for level in 1..1000 {
        text += &format!("x-a{level}: &a{level} [*a{}]\n", level - 1);
    }
    assert_eq!(findings(&load_document("t", &text)), ["E-01 : nested deeper than 64 levels"]);
    assert_eq!(
        findings(&load_document("t", "a: &a [*a]")),
        ["E-01 : alias inside the block that it names"]
    );
}

#[test]
fn deep_and_long_texts_are_refused() {
    for (open, close) in [("[", "]"), ("{a: ", "}")] {
        let text = format!("x-a: {}1{}", open.repeat(5_000), close.repeat(5_000));
        assert_eq!(findings(&load_document("t", &text)).len(), 1);
    }
    let json = format!(r#"{{"x-a": {}1{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    assert_eq!(
        findings(&load_document("t.json", &json)),
        ["E-01 : invalid JSON: nested deeper than 64 levels"]
    );
    let block: String = (0..5_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert_eq!(findings(&load_document("t", &block)).len(), 1);
    let long = format!("# {}\n", "x".repeat(9 << 20));
    assert_eq!(findings(&load_document("t", &long)), ["E-01 : t is longer than 8388608 bytes"]);
}

#[test]
fn syntax_errors_have_a_place() {
    let loaded = load_document("t.yaml", "entities:\n  ä: [1, 2\nsources: {}\n");
    let diagnostic = &loaded.diagnostics[0];
    assert_eq!(loaded.diagnostics.len(), 1);
    let span = diagnostic.span.unwrap();
    assert_eq!(loaded.sources.position(span.file, span.start).line, 3);
    assert!(!loaded.complete);
    let loaded = load_document("t.json", "{\"entities\": {},\n \"sources\": }");
    let span = loaded.diagnostics[0].span.unwrap();
    let position = loaded.sources.position(span.file, span.start);
    assert_eq!((position.line, position.column), (2, 13));
}

#[test]
fn spans_cover_the_text_also_behind_wide_characters() {
    let text = "\u{feff}# ÄÖÜ 🎈\n".to_owned()
        + &document("    properties: {p: {type: strnig, description: 'ö'}}");
    let loaded = load_document("t", &text);
    let span = loaded.diagnostics[0].span.unwrap();
    assert_eq!(loaded.sources.slice(span), "strnig");
    assert_eq!(loaded.diagnostics[0].help.as_deref(), Some("did you mean `string`?"));
}

/// Where the text of an expression stands in the file, byte for byte.
#[test]
fn expressions_know_their_bytes() {
    let cases = [
        ("event.a > 1", Some("event.a > 1")),
        ("'event.a > 1'", Some("event.a > 1")),
        ("\"event.a > 1\"   # remark", Some("event.a > 1")),
        ("event.a > 1   # remark", Some("event.a > 1")),
        ("'event.a == ''x'''", None),
        ("\"event.a == \\\"x\\\"\"", None),
        ("event.a\n            > 1", None),
        (">-\n            event.a > 1", Some("event.a > 1")),
        ("|\n            event.a\n            > 1", None),
    ];
    for (written, wanted) in cases {
        let text = document(&format!(
            "    always:\n      x:\n        guard: {written}\n        effects: [create]\n"
        ));
        let loaded = sound(&text);
        let guard = loaded.definitions.entities[0].always[0].guard.clone().unwrap();
        let span = guard.span.unwrap();
        let found = guard.offset.map(|offset| {
            let start = usize::try_from(span.start + offset).unwrap();
            &text[start..start + guard.text.len()]
        });
        assert_eq!(found, wanted, "{written}");
        if wanted.is_some() {
            assert_eq!(guard.text, "event.a > 1");
        }
    }
}

#[test]
fn json_text_is_read_with_its_own_rules() {
    let text = r#"{"entities":{"e":{"starts":"s","identity":{"i":null},"states":{"s":{}},
	"always":{"x":{"effects":[{"set":{"property":"p","value":"\ud83d\ude00\/\u00e4"}},
	{"set":{"property":"q","value":-0.5e3}}]}},"properties":{}}}}"#;
    let loaded = load_document("t.json", text);
    assert!(loaded.diagnostics.is_empty(), "{:?}", findings(&loaded));
    let effects = &loaded.definitions.entities[0].always[0].effects;
    let value = |index: usize| match &effects[index].value {
        defacto_definitions::EffectDef::Set { values, .. } => match &values[0] {
            ValueDef::Value(value) => value.value.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    assert_eq!(value(0), Literal::String("😀/ä".to_owned()));
    assert_eq!(value(1), Literal::Float(-500.0));
    for broken in [
        "{\"a\": 01}",
        "{\"a\": .5}",
        "{\"a\": 1.}",
        "{\"a\": +1}",
        "{\"a\": yes}",
        "{\"a\": 0x1}",
        "{a: 1}",
        "{\"a\": 1,}",
        "{} {}",
    ] {
        let loaded = load_document("t.json", broken);
        assert!(!loaded.complete, "{broken}");
    }
    // Without the suffix the same texts are YAML where YAML allows them.
    assert!(load_document("t", "{x-a: yes}").complete);
}
