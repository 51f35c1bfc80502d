//! Text of an expression → tree → typed tree → code.

use defacto_compiler::{ExpressionCase, ExpressionError, ExpressionScope, compile_expressions};

/// Compiles the text in each scope that an expression can have.
pub fn run(text: &str) {
    let scopes = [
        ExpressionScope::Free { value: false },
        ExpressionScope::Free { value: true },
        ExpressionScope::Normalize,
    ];
    let cases = scopes.map(|scope| ExpressionCase { text, scope });
    let expressions = compile_expressions(&cases).expect("the compiler is intact");
    for number in &expressions.numbers {
        if let Err(ExpressionError::Parse { range, .. }) = number {
            let inside = usize::try_from(range.end).is_ok_and(|end| end <= text.len());
            assert!(range.start <= range.end && inside, "{range:?} is outside the text");
        }
    }
    if expressions.numbers.iter().any(Result::is_ok) {
        crate::assert_valid(&expressions.compiled.component);
    }
}
