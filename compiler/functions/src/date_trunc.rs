//! The function `date_trunc` (language.md 4.9).

use defacto_model::calendar::{self, Unit};

use crate::example::{fails, gives};
use crate::function::unfit;
use crate::{Cx, Example, Fault, FaultKind, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature =
    Signature::fixed("date_trunc", &[Parameter::DateTime, Parameter::String], Returns::DateTime);

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(
        &[Val::DateTime(1_711_861_567_250_000), Val::Str("month")],
        Val::DateTime(1_709_251_200_000_000),
    ),
    gives(
        &[Val::DateTime(1_711_861_567_250_000), Val::Str("week")],
        Val::DateTime(1_711_324_800_000_000),
    ),
    fails(&[Val::DateTime(1_711_861_567_250_000), Val::Str("fortnight")], FaultKind::Domain),
];

/// `date_trunc(t, unit)`: the start, in UTC, of the `year`, `quarter`, `month`, `week` (from Monday), `day`,
/// `hour`, `minute` or `second` that contains an instant.
///
/// # Errors
/// [`FaultKind::Argument`], [`FaultKind::Domain`].
pub fn call<'a>(args: &[Val<'a>], _cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [Val::DateTime(instant), Val::Str(name)] => match Unit::from_name(name) {
            Some(unit) => Ok(Val::DateTime(calendar::truncate(*instant, unit))),
            None => Err(Fault::domain(Function::DateTrunc, Val::Str(name))),
        },
        _ => unfit(Function::DateTrunc, &SIGNATURE, args),
    }
}
