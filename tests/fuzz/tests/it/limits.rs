//! Inputs made to cost: refused or handled at once. "At once" is measured against a plain input of a size that is
//! allowed, so that a slow machine does not matter.

use std::time::{Duration, Instant};

use defacto_compiler::diagnostics::Severity;
use defacto_compiler::{ExpressionCase, ExpressionScope, Input, analyze, compile_expressions};

use crate::{BYTES_MAX, STACK, alone, peak};

/// Runs in a thread as the product has them; returns time and memory.
fn measure(work: impl FnOnce() + Send) -> (Duration, usize) {
    std::thread::scope(|scope| {
        let work = || {
            let started = Instant::now();
            let bytes = peak(work);
            (started.elapsed(), bytes)
        };
        std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, work)
            .unwrap()
            .join()
            .unwrap()
    })
}

/// Milliseconds allowed: 50, or more where a known piece of work is slow too.
fn allowed() -> Duration {
    let plain: String = (0..2_000).map(|n| format!("key_{n}: [1, 2, 3]\n")).collect();
    let (time, _) =
        measure(|| drop(analyze(&Input::Document { name: "plain.yaml", text: &plain })));
    Duration::from_millis(50).max(time * 8)
}

fn refused(what: &str, text: &str) {
    let allowed = allowed();
    let (time, bytes) = measure(|| {
        let analysis = analyze(&Input::Document { name: "bomb.yaml", text });
        assert!(
            analysis.diagnostics.iter().any(|d| d.severity() == Severity::Error),
            "{what} is accepted"
        );
    });
    assert!(time <= allowed, "{what} takes {time:?}, more than {allowed:?}");
    assert!(bytes < BYTES_MAX, "{what} takes {bytes} bytes");
}

fn handled(what: &str, text: &str) {
    let (_, bytes) = measure(|| {
        let case = ExpressionCase { text, scope: ExpressionScope::Free { value: false } };
        drop(compile_expressions(&[case]).unwrap());
    });
    assert!(bytes < BYTES_MAX, "{what} takes {bytes} bytes");
}

#[test]
fn deep_nesting_of_definitions() {
    let _alone = alone();
    for depth in [65, 1_000, 1_000_000] {
        refused("nested lists", &"[".repeat(depth));
        refused("closed lists", &format!("entities: {}{}", "[".repeat(depth), "]".repeat(depth)));
        refused("nested mappings", &"{a: ".repeat(depth));
        refused("nested JSON", &"{\"a\":".repeat(depth));
        refused("dashes", &"- ".repeat(depth));
        refused("keys", &"? ".repeat(depth));
    }
    let indented: String = (0..2_000).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    refused("indented mappings", &indented);
}

#[test]
fn alias_bombs() {
    let _alone = alone();
    let mut laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for n in 1..60 {
        let list = vec![format!("*a{}", n - 1); 9].join(", ");
        laughs.push_str(&format!("a{n}: &a{n} [{list}]\n"));
    }
    refused("a billion laughs", &laughs);
    let mut merges = "m0: &m0 {k: 1}\n".to_owned();
    for n in 1..60 {
        merges.push_str(&format!(
            "m{n}: &m{n} {{<<: [*m{0}, *m{0}], x{n}: *m{0}, y{n}: *m{0}}}\n",
            n - 1
        ));
    }
    refused("merges of merges", &merges);
    refused("an anchor within itself", "a: &a [*a]\n");
    let wide = format!("t: &t {}\nl: [{}]\n", "x".repeat(100_000), "*t, ".repeat(10_000));
    refused("one long text many times", &wide);
}

#[test]
fn huge_scalars() {
    let _alone = alone();
    let size = 100 << 20;
    for text in [
        "a".repeat(size),
        format!("entities: \"{}\"", "a".repeat(size)),
        format!("entities: |\n  {}", "a\n  ".repeat(size / 4)),
        "1".repeat(size),
    ] {
        refused("100 MB in one scalar", &text);
    }
    refused("an endless key", &format!("{}: 1", "k".repeat(2_000_000)));
    refused("an endless number", &format!("entities: {}", "9".repeat(2_000_000)));
}

#[test]
fn thousands_of_findings() {
    let _alone = alone();
    let entity =
        "  a: { starts: s, identity: { k: { match: exact } }, states: { s: {} }, properties: {\n";
    for (what, line, count) in
        [("unknown keys", "key_{n}: 1\n", 10_000), ("one key many times", "entities: 1\n", 10_000)]
    {
        let text: String = (0..count).map(|n| line.replace("{n}", &n.to_string())).collect();
        refused(what, &text);
    }
    let properties: String = (0..10_000).map(|n| format!("p{n}: {{ type: strin }},\n")).collect();
    refused("unknown types", &format!("entities:\n{entity}{properties} }} }}\n"));
}

#[test]
fn longest_expressions() {
    let _alone = alone();
    let most = 16 * 1024;
    for (term, operator) in [
        ("1", "+"),
        ("event.a", "*"),
        ("1", "**"),
        ("event.a", " and "),
        ("1", "=="),
        ("event.a", "/"),
        ("1.5", "-"),
    ] {
        let terms = most / (term.len() + operator.len());
        handled("a chain", &vec![term; terms].join(operator));
    }
    for (open, close) in [
        ("(", ")"),
        ("-", ""),
        ("not ", ""),
        ("[", "]"),
        ("max(", ")"),
        ("if true then ", " else 1"),
    ] {
        for depth in [255, 256, 257, most / (open.len() + close.len() + 1)] {
            handled("nesting", &format!("{}1{}", open.repeat(depth), close.repeat(depth)));
        }
    }
    handled("indices", &format!("event.a{}", "[0]".repeat(5_000)));
    handled("members", &format!("event{}", ".a".repeat(8_000)));
    handled("a megabyte", &"1+".repeat(500_000));
}

#[test]
fn long_chains_in_definitions() {
    let _alone = alone();
    let chain = vec!["event.load"; 1_300].join(" + ");
    let text = format!(
        "entities:
  m:
    starts: a
    identity: {{ n: {{ match: exact }} }}
    properties: {{ x: {{ type: number, default: 0, compute: '{computed}' }}, y: {{ type: number }} }}
    states:
      a:
        when:
          r:
            guard: '{chain} > 1'
            effects: [create, {{ set: {{ property: y, compute: '{chain}' }} }}]
sources:
  s: {{ event_type: k, timestamp: at, events: {{ r: {{ mappings: {{ n: n, load: {{ from: load, type: number }} }}, hints: {{ m: [n] }} }} }} }}
",
        computed = vec!["1"; 8_000].join("+"),
    );
    let (_, bytes) = measure(|| defacto_test_fuzz::definitions::run(&text));
    assert!(bytes < BYTES_MAX, "{bytes} bytes");
}
