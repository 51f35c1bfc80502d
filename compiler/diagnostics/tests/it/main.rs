//! What renderers print, byte for byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use defacto_diagnostics::{
    Code, Diagnostic, Label, SourceMap, Span, nearest, render_json, render_text,
};
use serde_json::json;

fn sample() -> (Vec<Diagnostic>, SourceMap) {
    let mut sources = SourceMap::default();
    let file = sources.add("entities/order.yaml", "ordér:\n  stats: {}\n  starts: open\n");
    let other = sources.add("entities/more.yaml", "ordér: {}\n");
    let span = |file, start, end| Span { file, start, end };
    let mut first = Diagnostic::new(
        Code::E02,
        "entities.ordér.stats",
        Some(span(file, 10, 15)),
        "unknown key `stats` of an entity",
    )
    .with_help("did you mean `states`?");
    first.labels.push(Label { span: span(file, 0, 6), text: "in this entity".to_owned() });
    first.labels.push(Label { span: span(other, 0, 6), text: "also\nhere".to_owned() });
    let second = Diagnostic::new(Code::W01, "entities.ordér", None, "a \u{1b}[31mremark");
    (vec![first, second], sources)
}

#[test]
fn text_shows_the_lines() {
    let (diagnostics, sources) = sample();
    assert_eq!(
        render_text(&diagnostics, &sources, false),
        "\
error[DF0102]: unknown key `stats` of an entity
 --> entities/order.yaml:2:3
  |
1 | ordér:
  | ----- in this entity
2 |   stats: {}
  |   ^^^^^
  |
 ::: entities/more.yaml:1:1
  |
1 | ordér: {}
  | ----- also here
  |
  = note: at `entities.ordér.stats`
  = help: did you mean `states`?

warning[DF0601]: a \u{fffd}[31mremark
 |
 = note: at `entities.ordér`
"
    );
}

#[test]
fn colour_only_adds_escapes() {
    let (diagnostics, sources) = sample();
    let coloured = render_text(&diagnostics, &sources, true);
    assert!(coloured.contains("\u{1b}["));
    let mut plain = String::new();
    let mut parts = coloured.split('\u{1b}');
    plain.push_str(parts.next().unwrap());
    for part in parts {
        plain.push_str(part.split_once('m').unwrap().1);
    }
    assert_eq!(plain, render_text(&diagnostics, &sources, false));
}

#[test]
fn json_has_every_place() {
    let (diagnostics, sources) = sample();
    assert_eq!(
        render_json(&diagnostics, &sources),
        json!([
            {
                "code": "DF0102", "name": "E-02", "severity": "error",
                "path": "entities.ordér.stats",
                "message": "unknown key `stats` of an entity",
                "help": "did you mean `states`?",
                "file": "entities/order.yaml", "span": [10, 15],
                "start": {"line": 2, "column": 3}, "end": {"line": 2, "column": 8},
                "labels": [
                    {
                        "text": "in this entity", "file": "entities/order.yaml", "span": [0, 6],
                        "start": {"line": 1, "column": 1}, "end": {"line": 1, "column": 6}
                    },
                    {
                        "text": "also\nhere", "file": "entities/more.yaml", "span": [0, 6],
                        "start": {"line": 1, "column": 1}, "end": {"line": 1, "column": 6}
                    }
                ]
            },
            {
                "code": "DF0601", "name": "W-1", "severity": "warning",
                "path": "entities.ordér", "message": "a \u{1b}[31mremark", "help": null,
                "file": null, "span": null, "start": null, "end": null, "labels": []
            }
        ])
    );
}

#[test]
fn places_outside_the_text_do_no_harm() {
    let mut sources = SourceMap::default();
    let file = sources.add("a", "ä");
    for (start, end) in [(0, 1), (1, 2), (1, 1), (2, 2), (5, 9), (2, 0)] {
        let span = Some(Span { file, start, end });
        let text = render_text(&[Diagnostic::new(Code::E01, "", span, "x")], &sources, false);
        assert!(text.starts_with("error[DF0101]: x\n"), "{text}");
    }
    assert_eq!(nearest("ab", ["ba"]), Some("ba"));
}
