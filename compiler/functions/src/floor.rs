//! The function `floor` (language.md 4.9).

use crate::coerce::truncate;
use crate::example::{fails, gives};
use crate::function::unfit;
use crate::{Cx, Example, Fault, FaultKind, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature = Signature::fixed("floor", &[Parameter::Number], Returns::Int);

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(&[Val::Float(-1.2)], Val::Int(-2)),
    gives(&[Val::Float(1.9)], Val::Int(1)),
    gives(&[Val::Int(7)], Val::Int(7)),
    fails(&[Val::Float(1e19)], FaultKind::Domain),
    fails(&[Val::Bool(true)], FaultKind::Argument),
];

/// `floor(n)`: the greatest integer not above a number.
///
/// # Errors
/// [`FaultKind::Argument`], [`FaultKind::Domain`].
pub fn call<'a>(args: &[Val<'a>], _cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args.first().copied().unwrap_or_default().settled() {
        Val::Int(int) => Ok(Val::Int(int)),
        Val::Float(float) => {
            truncate(float.floor()).ok_or(Fault::domain(Function::Floor, Val::Float(float)))
        }
        _ => unfit(Function::Floor, &SIGNATURE, args),
    }
}
