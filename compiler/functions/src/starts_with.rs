//! The function `starts_with` (language.md 4.9).

use crate::example::gives;
use crate::function::unfit;
use crate::{Cx, Example, Fault, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature =
    Signature::fixed("starts_with", &[Parameter::String, Parameter::String], Returns::Bool);

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(&[Val::Str("abc"), Val::Str("ab")], Val::Bool(true)),
    gives(&[Val::Str("abc"), Val::Str("b")], Val::Bool(false)),
    gives(&[Val::Str("abc"), Val::Str("")], Val::Bool(true)),
    gives(&[Val::Int(1), Val::Null], Val::Null),
];

/// `starts_with(s, p)`: whether a text begins with another. Every text begins with the empty one.
///
/// # Errors
/// [`FaultKind::Argument`](crate::FaultKind::Argument).
pub fn call<'a>(args: &[Val<'a>], _cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [Val::Str(text), Val::Str(start)] => Ok(Val::Bool(text.starts_with(start))),
        _ => unfit(Function::StartsWith, &SIGNATURE, args),
    }
}
