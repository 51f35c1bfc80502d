//! The function `max` (language.md 4.9).

use core::cmp::Ordering;

use crate::example::{fails, gives};
use crate::function::unfit;
use crate::order::extreme;
use crate::{Cx, Example, Fault, FaultKind, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature = Signature {
    name: "max",
    parameters: &[Parameter::Ordered, Parameter::Ordered],
    required: 2,
    variadic: true,
    returns: Returns::Common,
};

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(&[Val::Int(3), Val::Int(2)], Val::Int(3)),
    gives(&[Val::Int(3), Val::Float(2.5)], Val::Float(3.0)),
    gives(&[Val::Duration(1), Val::Duration(3), Val::Duration(2)], Val::Duration(3)),
    gives(&[Val::Str("a"), Val::Null], Val::Null),
    fails(&[Val::Int(1), Val::Str("a")], FaultKind::Argument),
    fails(&[Val::DateTime(1), Val::Duration(1)], FaultKind::Argument),
    fails(&[Val::Bool(true), Val::Bool(false)], FaultKind::Argument),
];

/// `max(a, b, …)`: the greatest of numbers, instants, durations or texts of one type. Numbers of both types
/// give a Float.
///
/// # Errors
/// [`FaultKind::Argument`].
pub fn call<'a>(args: &[Val<'a>], _cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match extreme(args, Ordering::Greater) {
        Some(value) => Ok(value),
        None => unfit(Function::Max, &SIGNATURE, args),
    }
}
