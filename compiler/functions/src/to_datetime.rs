//! The function `to_datetime` (language.md 4.9).

use crate::example::{fails, gives};
use crate::function::unfit;
use crate::{Cx, Example, Fault, FaultKind, Function, Parameter, Returns, Signature, Val, instant};

/// How it is called.
pub const SIGNATURE: Signature =
    Signature::fixed("to_datetime", &[Parameter::NumberStringOrDateTime], Returns::DateTime);

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(&[Val::Str("1970-01-01T02:00:00+02:00")], Val::DateTime(0)),
    gives(&[Val::Int(1)], Val::DateTime(1_000_000)),
    gives(&[Val::Float(-0.5)], Val::DateTime(-500_000)),
    gives(&[Val::DateTime(5)], Val::DateTime(5)),
    fails(&[Val::Str("today")], FaultKind::Domain),
    fails(&[Val::Bool(true)], FaultKind::Argument),
];

/// `to_datetime(v)`: a text or an epoch number as an instant, by the rules of language.md 5.3; an instant as it
/// is.
///
/// # Errors
/// [`FaultKind::Argument`], [`FaultKind::Domain`].
pub fn call<'a>(args: &[Val<'a>], _cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [
            value @ (Val::Str(_) | Val::Int(_) | Val::Float(_) | Val::BigInt(_) | Val::DateTime(_)),
        ] => {
            let read = instant::read(value, 0).map(Val::DateTime);
            read.ok_or(Fault::domain(Function::ToDatetime, *value))
        }
        _ => unfit(Function::ToDatetime, &SIGNATURE, args),
    }
}
