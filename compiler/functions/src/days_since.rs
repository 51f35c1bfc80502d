//! The function `days_since` (language.md 4.9).

use defacto_model::calendar;

use crate::example::gives;
use crate::function::unfit;
use crate::{Cx, Example, Fault, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature =
    Signature::fixed("days_since", &[Parameter::DateTime], Returns::Int);

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(&[Val::DateTime(1)], Val::Int(9)),
    gives(&[Val::DateTime(0)], Val::Int(10)),
    gives(&[Val::DateTime(12 * 86_400_000_000)], Val::Int(-2)),
];

/// `days_since(t)`: whole days from an instant to `now()`, truncated toward zero; negative when it lies ahead.
///
/// # Errors
/// [`FaultKind::Argument`](crate::FaultKind::Argument).
pub fn call<'a>(args: &[Val<'a>], cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [Val::DateTime(instant)] => Ok(Val::Int((cx.now - instant) / calendar::DAY)),
        _ => unfit(Function::DaysSince, &SIGNATURE, args),
    }
}
