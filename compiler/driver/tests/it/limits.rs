//! The longest expressions that the language allows (language.md 4.1: 16 KiB of text).

use defacto_compiler::{ExpressionCase, ExpressionScope, compile_expressions};

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
