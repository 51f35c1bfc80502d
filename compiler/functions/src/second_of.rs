//! The function `second_of` (language.md 4.9).

use defacto_model::calendar;

use crate::example::{fails, gives};
use crate::function::unfit;
use crate::{Cx, Example, Fault, FaultKind, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature =
    Signature::fixed("second_of", &[Parameter::DateTime], Returns::Int);

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(&[Val::DateTime(1_711_861_567_250_000)], Val::Int(7)),
    fails(&[Val::Str("2024-03-31")], FaultKind::Argument),
];

/// `second_of(t)`: the second, 0 to 59.
///
/// # Errors
/// [`FaultKind::Argument`].
pub fn call<'a>(args: &[Val<'a>], _cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [Val::DateTime(instant)] => Ok(Val::Int(calendar::second(*instant))),
        _ => unfit(Function::SecondOf, &SIGNATURE, args),
    }
}
