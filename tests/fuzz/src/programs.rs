//! Random valid definitions → component: accepted, valid and the same each time.

use defacto_compiler::{Input, compile};

/// Compiles the definition set of this seed.
pub fn run(seed: u64) {
    let set = defacto_test_support::definitions(seed);
    let input = Input::Document { name: "random.json", text: &set.text };
    let [first, second] = [(), ()].map(|()| compile(&input).expect("the compiler is intact"));
    let first =
        first.compiled.unwrap_or_else(|| panic!("refused: {:?}", first.diagnostics.first()));
    let second = second.compiled.expect("it was accepted before");
    assert!(first.component == second.component, "two compilations differ");
    crate::assert_valid(&first.component);
}
