use std::collections::BTreeMap;

use defacto_check::{ExpressionError, ExpressionScope, Program, check_expression};
use defacto_definitions::Hashes;
use defacto_emit::{Compiled, EmitError, emit};

/// A free-standing expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpressionCase<'a> {
    /// Its text.
    pub text: &'a str,
    /// What it may read.
    pub scope: ExpressionScope,
}

/// Free-standing expressions in one component.
#[derive(Debug, Clone)]
pub struct Expressions {
    /// The component: its `evaluate` takes them by number.
    pub compiled: Compiled,
    /// For each case its number in the component, or why it was refused.
    pub numbers: Vec<Result<u32, ExpressionError>>,
}

/// Compiles many expressions at once (`defacto eval`). Equal ones share a number.
///
/// ```
/// use defacto_compiler::{ExpressionCase, ExpressionError, ExpressionScope, compile_expressions};
///
/// let scope = ExpressionScope::Free { value: false };
/// let cases = ["1 + 2", "1 +", "1 + 2"].map(|text| ExpressionCase { text, scope });
/// let expressions = compile_expressions(&cases)?;
/// assert_eq!(expressions.numbers[0], Ok(0));
/// assert!(matches!(expressions.numbers[1], Err(ExpressionError::Parse { .. })));
/// assert_eq!(expressions.numbers[2], Ok(0));
/// # Ok::<(), defacto_compiler::EmitError>(())
/// ```
///
/// # Errors
///
/// [`EmitError`] when the compiler itself is damaged.
pub fn compile_expressions(cases: &[ExpressionCase<'_>]) -> Result<Expressions, EmitError> {
    let mut program = Program::default();
    let mut known: BTreeMap<(&str, u8), Result<u32, ExpressionError>> = BTreeMap::new();
    let mut numbers = Vec::with_capacity(cases.len());
    for case in cases {
        let number = known.entry((case.text, scope_number(case.scope))).or_insert_with(|| {
            let expr = check_expression(case.text, case.scope)?;
            let number = u32::try_from(program.expressions.len()).unwrap_or(u32::MAX);
            program.expressions.push(expr);
            Ok(number)
        });
        numbers.push(number.clone());
    }
    Ok(Expressions { compiled: emit(&program, &Hashes::default())?, numbers })
}

fn scope_number(scope: ExpressionScope) -> u8 {
    match scope {
        ExpressionScope::Free { value: false } => 0,
        ExpressionScope::Free { value: true } => 1,
        ExpressionScope::Normalize => 2,
    }
}
