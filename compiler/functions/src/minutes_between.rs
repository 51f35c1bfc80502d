//! The function `minutes_between` (language.md 4.9).

use defacto_model::calendar;

use crate::example::gives;
use crate::function::unfit;
use crate::{Cx, Example, Fault, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature =
    Signature::fixed("minutes_between", &[Parameter::DateTime, Parameter::DateTime], Returns::Int);

/// Calls and their results.
pub const EXAMPLES: &[Example] =
    &[gives(&[Val::DateTime(0), Val::DateTime(119_000_000)], Val::Int(1))];

/// `minutes_between(a, b)`: whole minutes between two instants, whichever comes first.
///
/// # Errors
/// [`FaultKind::Argument`](crate::FaultKind::Argument).
pub fn call<'a>(args: &[Val<'a>], _cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [Val::DateTime(a), Val::DateTime(b)] => Ok(Val::Int((a - b).abs() / calendar::MINUTE)),
        _ => unfit(Function::MinutesBetween, &SIGNATURE, args),
    }
}
