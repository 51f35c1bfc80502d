//! The longest expressions that the language allows (language.md 4.1: 16 KiB of text).

use defacto_compiler::{ExpressionCase, ExpressionScope, Input, compile, compile_expressions};

/// Half of what threads of the product have; code without optimization needs more.
const STACK: usize = if cfg!(debug_assertions) { 8 << 20 } else { 1 << 20 };

fn accepts(text: &str) {
    let case = ExpressionCase { text, scope: ExpressionScope::Free { value: false } };
    let expressions = compile_expressions(&[case]).unwrap();
    assert_eq!(expressions.numbers, [Ok(0)]);
}

#[test]
fn long_chains_of_operators_compile() {
    for (term, operator) in [("1", "+"), ("event.a", "*"), ("event.a", " and "), ("1", "==")] {
        let terms = 16_000 / (term.len() + operator.len());
        accepts(&vec![term; terms].join(operator));
    }
}

#[test]
fn many_arguments_compile() {
    let arguments = vec!["event.a"; 1_900].join(",");
    accepts(&format!("coalesce({arguments})"));
    accepts(&format!("min({arguments})"));
}

#[test]
fn definitions_with_long_chains_need_no_deep_stack() {
    let chains = [
        vec!["1"; 8_000].join("+"),
        vec!["event.load"; 1_200].join(" * "),
        vec!["event.load"; 800].join(" + 1.5 / "),
        format!("{} > 1", vec!["event.load"; 800].join(" == 1 and ")),
        format!("{}1{}", "max(1, ".repeat(250), ")".repeat(250)),
        format!("coalesce({})", vec!["event.load"; 1_000].join(", ")),
    ];
    for chain in &chains {
        let text = format!(
            "
entities:
  m:
    starts: a
    identity: {{ n: {{ match: exact }} }}
    properties: {{ x: {{ type: number }} }}
    states:
      a: {{ when: {{ r: {{ guard: '({chain}) != 2', effects: [create, {{ set: {{ property: x, compute: '{chain}' }} }}] }} }} }}
sources:
  s:
    event_type: k
    timestamp: at
    events: {{ r: {{ mappings: {{ n: n, load: {{ from: load, type: number }} }}, hints: {{ m: [n] }} }} }}
"
        );
        let work = || {
            let outcome = compile(&Input::Document { name: "m.yaml", text: &text }).unwrap();
            let (first, compiled) = (outcome.diagnostics.first(), outcome.compiled.is_some());
            assert!(compiled, "{first:?}");
            // What was read is dropped here, on the small stack.
            drop(outcome.definitions);
        };
        std::thread::scope(|scope| {
            let small = std::thread::Builder::new().stack_size(STACK);
            small.spawn_scoped(scope, work).unwrap().join().unwrap();
        });
    }
}
