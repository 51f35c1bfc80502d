//! Chains of float arithmetic, which the compiler evaluates in one go: nulls, infinities and what fails first are as
//! if each operation stood alone.

use defacto_compiler::{Input, compile};
use defacto_host::{Host, HostOptions};
use defacto_model::Value;
use defacto_ports::{Item, Machines};
use defacto_test_support::{Oracle, Random, RawEvent};

use crate::feed;

const EXPRESSIONS: &[&str] = &[
    "event.a * event.b",
    "entity.a * event.b + event.c",
    "event.a / event.b - entity.n",
    "event.a * event.b + event.c * entity.a",
    "event.a + event.n * 2.5",
    "event.a * event.b - event.a / event.c",
    "HUGE * event.a + (event.b - HUGE) * 10000000000.0",
    "event.a / 3.0 / event.n",
    "if event.a * event.b + event.c > 1.5 then entity.a - event.b else event.n * 0.5",
    "coalesce(event.a * event.b + event.c, event.a + 1.0)",
    "event.a * event.b * event.c + to_float(event.n) / event.b",
];

const NUMBERS: &[&str] = &[
    "null",
    "0",
    "-0.0",
    "1.5",
    "-2.25",
    "1e308",
    "-1e308",
    "1e-308",
    "3",
    "9007199254740993",
    "0.1",
];

fn definitions() -> String {
    let mut handlers = String::new();
    let mut events = String::new();
    for (number, expression) in EXPRESSIONS.iter().enumerate() {
        handlers.push_str(&format!(
            "          e{number}: {{ effects: [create, {{ set: {{ property: r, compute: '{expression}' }} }}, {{ set: {{ property: a, from: event.b }} }}, {{ increment: {{ property: n, by: event.n }} }}] }}
          g{number}: {{ guard: '({expression}) * 2.0 < event.a', effects: [create, {{ set: {{ property: r, from: event.a, condition: '({expression}) + 1.0 > event.b' }} }}] }}
"
        ));
        for kind in ["e", "g"] {
            events.push_str(&format!(
                "      {kind}{number}: {{ mappings: {{ k: k, a: {{ from: a, type: number }}, b: {{ from: b, type: number }}, c: {{ from: c, type: number }}, n: {{ from: n, type: integer }} }}, hints: {{ m: [k] }} }}
"
            ));
        }
    }
    // Literals have no exponent.
    let huge = format!("1{}.0", "0".repeat(300));
    let text = format!(
        "entities:
  m:
    starts: s
    identity: {{ k: {{ match: exact }} }}
    properties:
      a: {{ type: number }}
      r: {{ type: number, max: 1e300 }}
      n: {{ type: integer, default: 2 }}
      computed: {{ type: number, compute: 'entity.a * HUGE / 3.0 + entity.r' }}
    states:
      s:
        when:
{handlers}sources:
  src:
    event_type: type
    timestamp: at
    events:
{events}"
    );
    text.replace("HUGE", &huge)
}

/// A message without the place.
fn what(message: &str) -> &str {
    message.rsplit_once("`: ").map_or(message, |(_, what)| what)
}

#[test]
fn chains_do_what_single_operations_do() {
    let text = definitions();
    let oracle = Oracle::from_text(&text).unwrap();
    let outcome = compile(&Input::Document { name: "chains.yaml", text: &text }).unwrap();
    let host = Host::new(HostOptions::default()).unwrap();
    let compiled = host.load(&outcome.compiled.unwrap().component).unwrap();
    let mut random = Random::new(7);
    let mut second = 0;
    let events: Vec<RawEvent> = (0..4_000)
        .map(|_| {
            second += 1;
            let [a, b, c] = [(); 3].map(|()| random.pick(NUMBERS));
            let (kind, event) = (random.pick(&["e", "g"]), random.below(EXPRESSIONS.len()));
            let n = random.pick(&["null", "0", "1", "-3", "4611686018427387904"]);
            let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
            let key = random.below(40);
            RawEvent {
                source: "src".to_owned(),
                text: format!(
                    r#"{{"type":"{kind}{event}","at":"2024-01-01T{hour:02}:{minute:02}:{second:02}Z","k":"{key}","a":{a},"b":{b},"c":{c},"n":{n}}}"#
                ),
            }
        })
        .collect();
    let normalized = feed::normalized(&oracle, &events);
    let (mut failures, mut nulls) = (0, 0);
    for (_, inputs) in feed::inputs(&oracle, "", &normalized) {
        let ours = oracle.interpret(0, inputs.clone(), None).unwrap();
        let theirs = compiled.interpret(0, inputs, None).unwrap();
        assert_eq!(theirs.entities.len(), ours.entities.len());
        for (a, b) in theirs.entities.iter().zip(&ours.entities) {
            assert_eq!(a.items.len(), b.items.len());
            for (a, b) in a.items.iter().zip(&b.items) {
                match (a, b) {
                    (
                        Item::Failure { fault: a, cause: at, .. },
                        Item::Failure { fault: b, cause, .. },
                    ) => {
                        assert_eq!(
                            (a.code, &a.field, at),
                            (b.code, &b.field, cause),
                            "{a:?} {b:?}"
                        );
                        // The module also says where.
                        assert_eq!(what(&a.message), what(&b.message));
                        failures += 1;
                    }
                    (Item::Snapshot { record: a, .. }, Item::Snapshot { record: b, .. }) => {
                        assert_eq!(format!("{:?}", a.properties), format!("{:?}", b.properties));
                        nulls += usize::from(a.properties.contains(&Value::Null));
                    }
                    _ => panic!("{a:?} {b:?}"),
                }
            }
        }
        assert_eq!((theirs.effects, theirs.transitions), (ours.effects, ours.transitions));
    }
    assert!(failures > 200 && nulls > 200, "{failures} failures, {nulls} rows with nulls");
}
