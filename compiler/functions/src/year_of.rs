//! The function `year_of` (language.md 4.9).

use defacto_model::calendar;

use crate::example::{fails, gives};
use crate::function::unfit;
use crate::{Cx, Example, Fault, FaultKind, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature = Signature::fixed("year_of", &[Parameter::DateTime], Returns::Int);

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(&[Val::DateTime(1_711_861_567_250_000)], Val::Int(2024)),
    fails(&[Val::Str("2024-03-31")], FaultKind::Argument),
];

/// `year_of(t)`: the year, in UTC.
///
/// # Errors
/// [`FaultKind::Argument`].
pub fn call<'a>(args: &[Val<'a>], _cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [Val::DateTime(instant)] => Ok(Val::Int(calendar::date(*instant).year)),
        _ => unfit(Function::YearOf, &SIGNATURE, args),
    }
}
