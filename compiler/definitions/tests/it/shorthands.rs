use defacto_definitions::{
    AmountDef, EffectDef, HandlerDef, Literal, RuleKind, TimestampDef, load_document,
};

use crate::support::{findings, sound};

const TEXT: &str = "
entities:
  e:
    starts: s
    identity:
      a:
      b: {}
      c: exact
      d: case_insensitive
      f: {match: case_insensitive, space: mail}
    properties:
    states:
      s:
      t:
        terminal: true
        when:
        after:
          - {state_duration: 2h, effects: [{transition: s}]}
    relationships:
    always:
      x:
        guard: true
        effects:
          - create
          - create:
          - {create: {}}
          - {transition: t}
          - {transition: {to: t, condition: false}}
          - {increment: {property: p, by: event.n * 2}}
          - {increment: {property: p, by: 2.5}}
          - {increment: {property: p}}
          - {set: {property: p, value: null}}
          - {relate: {type: r, target: e, hints: {e: [u, v]}, properties: {w: {compute: event.w}}}}
sources:
  s:
    event_type: kind
    timestamp: {from: at, format: '%Y', zone: UTC}
    event_id: id
    events:
      x:
        raw_type: [X, x]
        mappings: [a, b]
        hints: {e: [a]}
      y:
        raw_type: 404
        mappings:
          c: some.path
          d:
          f: {from: x, default: null}
        hints: {e: [c]}
      z:
        mappings:
        hints: {e: [c]}
  t:
    event_type: kind
    timestamp: {compute: 'to_datetime(event.t)'}
    events: {x: {hints: {e: [a]}}}
";

#[test]
fn all_are_understood() {
    let loaded = sound(TEXT);
    let entity = &loaded.definitions.entities[0];
    let identity: Vec<_> =
        entity.identity.iter().map(|it| (it.case_insensitive, it.space.as_str())).collect();
    assert_eq!(identity, [(false, "a"), (false, "b"), (false, "c"), (true, "d"), (true, "mail")]);
    assert!(entity.states[1].terminal && !entity.states[0].terminal);
    let rule = &entity.states[1].after[0];
    assert_eq!(rule.kind, RuleKind::StateDuration);
    assert_eq!(rule.threshold.value, Literal::String("2h".to_owned()));
    assert_eq!(rule.threshold.path, "entities.e.states.t.after[0].state_duration");

    let HandlerDef { guard, effects, .. } = &entity.always[0];
    assert_eq!(guard.as_ref().unwrap().text, "true");
    let effects: Vec<_> = effects.iter().map(|it| &it.value).collect();
    assert!(effects[..3].iter().all(|it| **it == EffectDef::Create));
    let EffectDef::Transition { to, condition: None } = effects[3] else { panic!() };
    assert_eq!(
        (to.value.as_str(), to.path.as_str()),
        ("t", "entities.e.always.x.effects[3].transition.to")
    );
    let EffectDef::Transition { condition: Some(condition), .. } = effects[4] else { panic!() };
    assert_eq!(condition.text, "false");
    let by = |index: usize| match effects[index] {
        EffectDef::Increment { by, .. } => by,
        other => panic!("{other:?}"),
    };
    assert!(matches!(by(5), AmountDef::Compute(text) if text.text == "event.n * 2"));
    assert!(matches!(by(6), AmountDef::Literal(it) if it.value == Literal::Float(2.5)));
    assert!(matches!(by(7), AmountDef::Literal(it) if it.value == Literal::Int(1)));
    let EffectDef::Relate { hints, properties, .. } = effects[9] else { panic!() };
    assert_eq!((hints[0].1.len(), properties.len()), (2, 1));

    let source = &loaded.definitions.sources[0];
    assert!(
        matches!(&source.timestamp, TimestampDef::Format { format: Some(it), .. } if it.value == "%Y")
    );
    assert_eq!(source.event_id.as_ref().unwrap()[0].value, "id");
    let raw = |index: usize| -> Vec<_> {
        source.events[index].raw_types.iter().map(|it| it.value.as_str()).collect()
    };
    assert_eq!((raw(0), raw(1), raw(2)), (vec!["X", "x"], vec!["404"], vec![]));
    let from: Vec<_> = source
        .events
        .iter()
        .flat_map(|event| &event.mappings)
        .map(|it| (it.name.value.as_str(), it.from.as_ref().map(|it| it.value.as_str())))
        .collect();
    assert_eq!(
        from,
        [
            ("a", Some("a")),
            ("b", Some("b")),
            ("c", Some("some.path")),
            ("d", None),
            ("f", Some("x"))
        ]
    );
    assert!(matches!(&loaded.definitions.sources[1].timestamp, TimestampDef::Compute(_)));
}

#[test]
fn contradictions_are_refused() {
    let cases = [
        (
            "{state_duration: 2h,",
            "{state_duration: 2h, type: expiration,",
            "E-01 entities.e.states.t.after[0].state_duration: a time rule has one type and one threshold",
        ),
        (
            "guard: true",
            "guard: 1",
            "E-18 entities.e.always.x.guard: an expression is a text, not a number",
        ),
        (
            "guard: true",
            "guard: []",
            "E-01 entities.e.always.x.guard: the text of an expression is expected here, not a list",
        ),
        (
            "- create:\n",
            "- create: {condition: x}\n",
            "E-02 entities.e.always.x.effects[1].create.condition: unknown key `condition` of `create`",
        ),
        (
            "{transition: t}",
            "transition",
            "E-06 entities.e.always.x.effects[3]: `transition` needs to know what to do",
        ),
        (
            "{transition: t}",
            "{transition: }",
            "E-03 entities.e.always.x.effects[3].transition: `transition` needs the key `to`",
        ),
        ("event_id: id", "event_id: []", "E-28 sources.s.event_id: `event_id` names no field"),
        (
            "event_id: id",
            "config: {}",
            "E-02 sources.s.config: `config` is for sources with a `normalizer`",
        ),
        (
            "mappings: [a, b]",
            "mappings: [a, a]",
            "E-01 sources.s.events.x.mappings[1]: field `a` stands here twice",
        ),
        (
            "raw_type: [X, x]",
            "raw_type: []",
            "E-04 sources.s.events.x.raw_type: `raw_type` needs at least one name",
        ),
        (
            "hints: {e: [a]}",
            "hints: {e: }",
            "E-04 sources.s.events.x.hints.e: the hints for `e` need at least one field",
        ),
        (
            "{from: at, ",
            "{compute: now(), from: at, ",
            "E-25 sources.s.timestamp: `timestamp` has either `compute` or `from`, not both",
        ),
        (
            "{from: at, ",
            "{",
            "E-03 sources.s.timestamp: `timestamp` needs the key `from` or `compute`",
        ),
        (
            "{from: at, ",
            "{from: '', ",
            "E-24 sources.s.timestamp.from: the name of a raw field is expected, not an empty text",
        ),
        (
            "f: {from: x,",
            "f: {from: x, compute: event.y,",
            "E-25 sources.s.events.y.mappings.f: a mapping has either `from` or `compute`, not both",
        ),
        ("      a:\n", "      a: fuzzy\n", "E-06 entities.e.identity.a: unknown match `fuzzy`"),
        (
            "    relationships:\n",
            "    relationships: [{type: r, target: e, cardinality: has_one, properties: {Ab: {type: string}, aB: {type: string}}}]\n",
            "E-02 entities.e.relationships[0].properties.aB: `Ab` and `aB` differ in letter case only",
        ),
        (
            "      s:\n",
            "      s s:\n",
            "E-02 entities.e.states.s s: illegal state name `s s`: letters, digits `_`, `.` and `-` are allowed, a letter or `_` first",
        ),
        (
            "      x:\n        guard",
            "      _defacto_x:\n        guard",
            "E-02 entities.e.always._defacto_x: event name `_defacto_x` is reserved: it begins with `_defacto_`",
        ),
    ];
    for (from, to, wanted) in cases {
        let text = TEXT.replacen(from, to, 1);
        assert_ne!(text, TEXT, "{from}");
        assert_eq!(findings(&load_document("t", &text)), [wanted], "{to}");
    }
}

/// Every wrong part is reported in one go, and the rest stays usable.
#[test]
fn reading_never_stops_at_the_first() {
    let text = "
entities:
  a: 5
  b:
    starts: s
    colour: red
    identity: []
    states: {s: {when: {e: {effects: [jump, {set: {}}, {create: }, 7]}}, after: [{type: now}]}}
sources:
  c: {event_type: '', events: {e: {hints: {}}}, timestmp: x}
";
    let loaded = load_document("t", text);
    let found: Vec<_> =
        loaded.diagnostics.iter().map(|it| format!("{} {}", it.code.name(), it.path)).collect();
    assert_eq!(
        found,
        [
            "E-01 entities.a",
            "E-02 entities.b.colour",
            "E-01 entities.b.identity",
            "E-06 entities.b.states.s.when.e.effects[0]",
            "E-03 entities.b.states.s.when.e.effects[1].set",
            "E-01 entities.b.states.s.when.e.effects[3]",
            "E-03 entities.b.states.s.after[0]",
            "E-03 entities.b.states.s.after[0]",
            "E-06 entities.b.states.s.after[0].type",
            "E-03 sources.c",
            "E-24 sources.c.event_type",
            "E-04 sources.c.events.e.hints",
            "E-02 sources.c.timestmp",
        ]
    );
    let definitions = &loaded.definitions;
    assert_eq!((definitions.entities.len(), definitions.sources.len()), (2, 1));
    assert_eq!(definitions.entities[1].states[0].when[0].effects.len(), 1);
}
