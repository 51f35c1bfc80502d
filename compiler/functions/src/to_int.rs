//! The function `to_int` (language.md 4.9).

use crate::coerce::truncate;
use crate::example::{fails, gives};
use crate::function::unfit;
use crate::{Cx, Example, Fault, FaultKind, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature =
    Signature::fixed("to_int", &[Parameter::NumberBoolOrString], Returns::Int);

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(&[Val::Float(-12.9)], Val::Int(-12)),
    gives(&[Val::Bool(true)], Val::Int(1)),
    gives(&[Val::Str("+42")], Val::Int(42)),
    fails(&[Val::Str("4.2")], FaultKind::Domain),
    fails(&[Val::Str(" 4")], FaultKind::Domain),
    fails(&[Val::Float(1e19)], FaultKind::Domain),
    fails(&[Val::List(&[])], FaultKind::Argument),
];

/// `to_int(v)`: a Float truncated toward zero, a Bool as 1 or 0, a text of an optional sign and digits.
///
/// # Errors
/// [`FaultKind::Argument`], [`FaultKind::Domain`].
pub fn call<'a>(args: &[Val<'a>], _cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args.first().copied().unwrap_or_default().settled() {
        Val::Int(int) => Ok(Val::Int(int)),
        Val::Float(float) => {
            truncate(float).ok_or(Fault::domain(Function::ToInt, Val::Float(float)))
        }
        Val::Bool(value) => Ok(Val::Int(i64::from(value))),
        Val::Str(text) => match text.parse() {
            Ok(int) => Ok(Val::Int(int)),
            Err(_) => Err(Fault::domain(Function::ToInt, Val::Str(text))),
        },
        _ => unfit(Function::ToInt, &SIGNATURE, args),
    }
}
