//! Random valid definitions → component: accepted, valid and the same each time.

use defacto_compiler::diagnostics::{Code, Severity};
use defacto_compiler::{Input, compile};

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
