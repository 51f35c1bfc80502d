//! The function `math::abs` (language.md 4.9).

use crate::example::{fails, gives};
use crate::function::unfit;
use crate::{Cx, Example, Fault, FaultKind, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature =
    Signature::fixed("math::abs", &[Parameter::Number], Returns::First);

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(&[Val::Int(-3)], Val::Int(3)),
    gives(&[Val::Float(-2.5)], Val::Float(2.5)),
    fails(&[Val::Int(i64::MIN)], FaultKind::Domain),
    fails(&[Val::Str("1")], FaultKind::Argument),
];

/// `math::abs(n)`: the magnitude of a number, of the same type.
///
/// # Errors
/// [`FaultKind::Argument`], [`FaultKind::Domain`].
pub fn call<'a>(args: &[Val<'a>], _cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args.first().copied().unwrap_or_default().settled() {
        Val::Int(int) => match int.checked_abs() {
            Some(magnitude) => Ok(Val::Int(magnitude)),
            None => Err(Fault::domain(Function::MathAbs, Val::Int(int))),
        },
        Val::Float(float) => Ok(Val::Float(float.abs())),
        _ => unfit(Function::MathAbs, &SIGNATURE, args),
    }
}
