//! Random valid definitions → component: accepted, valid and the same each time. And the same a little damaged, which
//! exercises the checker more than texts that mostly do not parse.

use defacto_compiler::diagnostics::{Code, Severity};
use defacto_compiler::{Input, compile};
use defacto_test_support::Random;

/// A required field of a schema is always null: once in some ten thousand sets its expression gives nothing else.
const ALWAYS_NULL: Code = Code(509);

/// Compiles the definition set of this seed.
///
/// # Panics
///
/// When it is refused for another reason, or the component is invalid or not the same twice.
pub fn run(seed: u64) {
    let set = defacto_test_support::definitions(seed);
    let input = Input::Document { name: "random.json", text: &set.text };
    let [first, second] = [(), ()].map(|()| compile(&input).expect("the compiler is intact"));
    let errors = first.diagnostics.iter().filter(|d| d.severity() == Severity::Error);
    let others: Vec<_> = errors.filter(|d| d.code != ALWAYS_NULL).collect();
    assert!(others.is_empty(), "refused: {others:?}");
    let Some(first) = first.compiled else { return };
    let second = second.compiled.expect("it was accepted before");
    assert!(first.component == second.component, "two compilations differ");
    crate::assert_valid(&first.component);
}

/// Words that stand in for each other in damaged definitions.
const WORDS: [&str; 24] = [
    "integer", "string", "number", "boolean", "datetime", "event.", "entity.", "p0", "p1", "c0",
    "f0", "f1", "s0", "s1", "e0", "e1", "client", "order", " + ", " and ", " < ", "len(",
    "to_int(", "split(",
];

/// Compiles the definition set of this seed after a few parts have been removed and words exchanged.
///
/// # Panics
///
/// When it is refused without a reason, or accepted with an invalid component.
pub fn damaged(seed: u64) {
    let mut random = Random::new(seed);
    let mut set = defacto_test_support::definitions(seed);
    for _ in 0..random.below(4) {
        let part = random.below(400);
        set = set.without(part).unwrap_or(set);
    }
    let mut text = set.text;
    for _ in 0..random.below(4) {
        let (from, to) = (random.pick(&WORDS), random.pick(&WORDS));
        let places: Vec<usize> = text.match_indices(from).map(|(at, _)| at).collect();
        if let Some(&at) = places.get(random.below(places.len())) {
            text.replace_range(at..at + from.len(), to);
        }
    }
    crate::definitions::run(&text);
}
