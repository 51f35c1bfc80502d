//! The function `day_of_week` (language.md 4.9).

use defacto_model::calendar;

use crate::example::{fails, gives};
use crate::function::unfit;
use crate::{Cx, Example, Fault, FaultKind, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature =
    Signature::fixed("day_of_week", &[Parameter::DateTime], Returns::Int);

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(&[Val::DateTime(1_711_861_567_250_000)], Val::Int(6)),
    fails(&[Val::Str("2024-03-31")], FaultKind::Argument),
];

/// `day_of_week(t)`: the day of the week, 0 Monday to 6 Sunday, in UTC.
///
/// # Errors
/// [`FaultKind::Argument`].
pub fn call<'a>(args: &[Val<'a>], _cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [Val::DateTime(instant)] => Ok(Val::Int(calendar::day_of_week(*instant))),
        _ => unfit(Function::DayOfWeek, &SIGNATURE, args),
    }
}
