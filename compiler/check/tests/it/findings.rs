//! Findings that the corpus does not cover, each at its place.

use defacto_check::{ExpressionError, ExpressionScope, check, check_expression};
use defacto_definitions::load_document;

/// A sound set; cases replace one text of it.
const BASE: &str = r"
entities:
  order:
    starts: new
    identity: { no: {} }
    properties:
      total: { type: number, default: 0 }
      count: { type: integer, default: 0 }
      note: { type: string }
    states:
      new:
        when:
          placed:
            guard: event.amount > 0
            effects:
              - create
              - { set: { property: note, from: event.note } }
              - { set: { property: total, compute: 'entity.total + 1.0' } }
              - { transition: { to: open } }
      open:
        after:
          - { type: inactivity, threshold: 5d, effects: [ { transition: { to: done } } ] }
      done: { terminal: true }
    relationships:
      - { type: placed_by, target: client, cardinality: belongs_to, properties: { share: { type: number } } }
  client:
    starts: known
    identity: { mail: {} }
    states: { known: { when: { placed: { effects: [create] } } } }
    relationships:
      - { type: places, target: order, cardinality: has_many }
sources:
  shop:
    event_type: kind
    timestamp: at
    event_id: [ref]
    events:
      placed:
        mappings: { no: no, mail: mail, note: { from: note, type: string }, amount: { from: amount, type: integer } }
        hints: { order: [no], client: [mail] }
";

#[test]
fn each_at_its_place() {
    const HANDLER: &str = "entities.order.states.new.when.placed";
    let cases = [
        ("", "", "", ""),
        ("guard: event.amount > 0", "guard: not event.amount == 1", "W-9", "guard"),
        ("guard: event.amount > 0", "guard: event.amount", "W-15", "guard"),
        ("guard: event.amount > 0", "guard: \"event.amount > 'x'\"", "W-18", "guard"),
        ("guard: event.amount > 0", "guard: \"event.timestamp > 'x'\"", "E-19", "guard"),
        ("guard: event.amount > 0", "guard: event.user-id > 0", "E-19", "guard"),
        ("guard: event.amount > 0", "guard: event.amuont > 0", "W-7", "guard"),
        ("guard: event.amount > 0", "guard: event.amount.x == 1", "W-7", "guard"),
        ("'entity.total + 1.0'", "'event.amount / 2'", "W-17", "effects[2].set.compute"),
        ("from: event.note", "from: entity.nota", "E-19", "effects[1].set.from"),
        ("from: event.note", "from: note", "E-11", "effects[1].set.from"),
        (
            "- { transition: { to: open } }",
            "- { relate: { type: placed_by, target: client, properties: { shair: { value: 1 } } } }\n              - { transition: { to: open } }",
            "E-23",
            "effects[3].relate.properties.shair",
        ),
        (
            "- { transition: { to: open } }",
            "- { relate: { type: placed_by, target: client, hints: { client: [no] } } }\n              - { transition: { to: open } }",
            "E-23",
            "effects[3].relate",
        ),
        ("count: {", "state: {", "W-16", "=entities.order.properties.state"),
        ("count: {", "TOTAL: {", "E-02", "=entities.order.properties.TOTAL"),
        ("count: {", "Order_ID: {", "E-07", "=entities.order.properties.Order_ID"),
        (
            "default: 0 }\n      note",
            "min: 2.5, max: 2.2 }\n      note",
            "E-08",
            "=entities.order.properties.count",
        ),
        (
            "note: { type: string }",
            "note: { type: string, compute: \"to_string(now())\" }",
            "W-10",
            "=entities.order.properties.note.compute",
        ),
        ("share: {", "valid_to: {", "E-07", "=entities.order.relationships[0].properties.valid_to"),
        (
            "{ terminal: true }",
            "{ terminal: true, after: [ { type: expiration, threshold: 1d, effects: [ { transition: { to: new } } ] } ] }",
            "E-09",
            "=entities.order.states.done",
        ),
        (
            "{ terminal: true }",
            "{ after: [ { type: expiration, threshold: 1d, effects: [ { transition: { to: open } } ] } ] }",
            "W-12",
            "=entities.order.states.done.after[0]",
        ),
        ("event_id: [ref]", "event_id: [$row]", "E-28", "=sources.shop.event_id[0]"),
        (
            "timestamp: at",
            "timestamp: { from: at, zone: Europe/Berlin }",
            "E-06",
            "=sources.shop.timestamp.zone",
        ),
        (
            "timestamp: at",
            "timestamp: { from: at, format: '%Q' }",
            "E-19",
            "=sources.shop.timestamp.format",
        ),
        (
            "timestamp: at",
            "timestamp: { compute: 'event.at ==' }",
            "E-18",
            "=sources.shop.timestamp.compute",
        ),
        (
            "timestamp: at",
            "timestamp: { compute: '1d' }",
            "E-19",
            "=sources.shop.timestamp.compute",
        ),
    ];
    let mut wrong = Vec::new();
    for (from, to, code, path) in cases {
        let text = if from.is_empty() { BASE.to_owned() } else { BASE.replacen(from, to, 1) };
        assert!(from.is_empty() || text != BASE, "`{from}` is not in the base");
        let loaded = load_document("base.yaml", &text);
        let mut found = loaded.diagnostics;
        found.extend(check(&loaded.definitions).1);
        let found: Vec<(&str, String)> =
            found.iter().map(|d| (d.code.name(), d.path.clone())).collect();
        let usual = [
            ("W-3", "entities.order.properties.note"),
            ("W-11", "entities.order.properties.count"),
        ];
        let found: Vec<_> = found
            .into_iter()
            .filter(|(code, path)| !usual.contains(&(code, path.as_str())))
            .collect();
        let path =
            path.strip_prefix('=').map_or_else(|| format!("{HANDLER}.{path}"), str::to_owned);
        let right =
            if code.is_empty() { found.is_empty() } else { found.contains(&(code, path.clone())) };
        if !right {
            wrong.push(format!("{to}: {found:?} without {code} at {path}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn spans_point_into_the_expression() {
    let text = BASE.replacen("event.amount > 0", "event.amount > nothing", 1);
    let loaded = load_document("base.yaml", &text);
    let (_, found) = check(&loaded.definitions);
    let error = found.iter().find(|d| d.code.name() == "E-19").unwrap();
    let span = error.span.unwrap();
    assert_eq!(text.get(span.start as usize..span.end as usize), Some("nothing"));
}

/// A name in one of the language's own namespaces is one of its functions, misremembered: no module has it.
#[test]
fn unknown_functions_are_told_what_there_is() {
    let help = |text: &str| {
        let scope = ExpressionScope::Free { value: false };
        match check_expression(text, scope, &[]) {
            Err(ExpressionError::Check { help, .. }) => help.unwrap_or_default(),
            other => panic!("{text}: {other:?}"),
        }
    };
    assert_eq!(help("str::upper('a')"), "did you mean `str::to_uppercase`?");
    assert_eq!(help("str::to_lowercas('a')"), "did you mean `str::to_lowercase`?");
    let all = help("str::zzzzzz('a')");
    assert!(all.contains("str::to_uppercase") && !all.contains(".wasm"), "{all}");
    let module = help("geo::distance('a')");
    assert!(module.contains("functions/geo.wasm"), "{module}");
}
