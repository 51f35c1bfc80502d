//! Guards, conditions and `if` ask only whether a value is true, which a compiler may use; what is no boolean is
//! a failure all the same wherever it is evaluated (language.md 4.5, 4.7).

use defacto_compiler::{Input, compile};
use defacto_host::{Host, HostOptions};
use defacto_test_support::{Oracle, RawEvent};

use crate::compare::compare;

const TESTS: [&str; 9] = [
    "event.a and event.b",
    "event.a or event.b",
    "event.a and event.t",
    "(event.a and event.b) or event.c",
    "event.a and (event.b and event.c)",
    "event.a and (event.t or event.b)",
    "not (event.a and event.b)",
    "contains(entity.id, null) and coalesce(event.a, event.b)",
    "(if event.a and event.b then event.t else event.c) and event.t",
];
const VALUES: [&str; 4] = ["true", "false", "null", "3"];

#[test]
fn every_test_of_truth_fails_where_it_must() {
    let (mut handlers, mut events) = (String::new(), String::new());
    for (number, test) in TESTS.iter().enumerate() {
        handlers += &format!(
            "          g{number}: {{ guard: '{test}', effects: [create] }}
          c{number}: {{ effects: [create, {{ increment: {{ property: n, condition: '{test}' }} }}] }}
          i{number}: {{ effects: [create, {{ set: {{ property: n, compute: 'if {test} then 1 else 2' }} }}] }}
"
        );
        for kind in ["g", "c", "i"] {
            events += &format!(
                "      {kind}{number}: {{ mappings: {{ k: k, a: a, b: b, c: c, t: {{ from: t, type: boolean }} }}, hints: {{ e: [k] }} }}\n"
            );
        }
    }
    let text = format!(
        "entities:
  e:
    starts: s
    identity: {{ k: {{}} }}
    properties: {{ n: {{ type: integer }} }}
    states:
      s:
        when:
{handlers}sources:
  app:
    event_type: kind
    timestamp: at
    events:
{events}"
    );
    let mut raw = Vec::new();
    for number in 0..TESTS.len() * 3 {
        let kind = ["g", "c", "i"][number % 3];
        for case in 0..VALUES.len().pow(3) {
            let [a, b, c] = [1, 4, 16].map(|step| VALUES[case / step % 4]);
            let t = ["true", "false", "null"][case % 3];
            raw.push(RawEvent {
                source: "app".to_owned(),
                text: format!(
                    r#"{{"kind":"{kind}{}","at":"2024-01-01","k":"k{number}-{case}","a":{a},"b":{b},"c":{c},"t":{t}}}"#,
                    number / 3
                ),
            });
        }
    }
    let oracle = Oracle::from_text(&text).unwrap();
    let outcome = compile(&Input::Document { name: "truths.yaml", text: &text }).unwrap();
    let host = Host::new(HostOptions::default()).unwrap();
    let compiled = host.load(&outcome.compiled.unwrap().component).unwrap();
    let compared = compare(&oracle, &compiled, "", &raw).unwrap();
    assert!(compared.failures > 100 && compared.items > 1000, "{compared:?}");
}
