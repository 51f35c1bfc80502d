//! The function `to_float` (language.md 4.9).

use crate::arithmetic::to_float;
use defacto_model::read_float;

use crate::example::{fails, gives};
use crate::function::unfit;
use crate::{Cx, Example, Fault, FaultKind, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature =
    Signature::fixed("to_float", &[Parameter::NumberOrString], Returns::Float);

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(&[Val::Int(2)], Val::Float(2.0)),
    gives(&[Val::Str("-1e3")], Val::Float(-1000.0)),
    fails(&[Val::Str("inf")], FaultKind::Domain),
    fails(&[Val::Str("")], FaultKind::Domain),
    fails(&[Val::Bool(true)], FaultKind::Argument),
];

/// `to_float(v)`: an Int as Float, a text in decimal or exponent form.
///
/// # Errors
/// [`FaultKind::Argument`], [`FaultKind::Domain`].
pub fn call<'a>(args: &[Val<'a>], _cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args.first().copied().unwrap_or_default().settled() {
        Val::Int(int) => Ok(Val::Float(to_float(int))),
        float @ Val::Float(_) => Ok(float),
        Val::Str(text) => match read_float(text) {
            Some(float) => Ok(Val::Float(float)),
            None => Err(Fault::domain(Function::ToFloat, Val::Str(text))),
        },
        _ => unfit(Function::ToFloat, &SIGNATURE, args),
    }
}
