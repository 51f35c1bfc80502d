//! The function `days_between` (language.md 4.9).

use defacto_model::calendar;

use crate::example::gives;
use crate::function::unfit;
use crate::{Cx, Example, Fault, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature =
    Signature::fixed("days_between", &[Parameter::DateTime, Parameter::DateTime], Returns::Int);

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(&[Val::DateTime(0), Val::DateTime(86_399_999_999)], Val::Int(0)),
    gives(&[Val::DateTime(172_800_000_000), Val::DateTime(0)], Val::Int(2)),
];

/// `days_between(a, b)`: whole days between two instants, whichever comes first.
///
/// # Errors
/// [`FaultKind::Argument`](crate::FaultKind::Argument).
pub fn call<'a>(args: &[Val<'a>], _cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [Val::DateTime(a), Val::DateTime(b)] => Ok(Val::Int((a - b).abs() / calendar::DAY)),
        _ => unfit(Function::DaysBetween, &SIGNATURE, args),
    }
}
