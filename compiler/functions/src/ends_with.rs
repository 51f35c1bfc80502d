//! The function `ends_with` (language.md 4.9).

use crate::example::gives;
use crate::function::unfit;
use crate::{Cx, Example, Fault, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature =
    Signature::fixed("ends_with", &[Parameter::String, Parameter::String], Returns::Bool);

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(&[Val::Str("abc"), Val::Str("bc")], Val::Bool(true)),
    gives(&[Val::Str("abc"), Val::Str("b")], Val::Bool(false)),
    gives(&[Val::Str("abc"), Val::Str("")], Val::Bool(true)),
];

/// `ends_with(s, p)`: whether a text ends with another. Every text ends with the empty one.
///
/// # Errors
/// [`FaultKind::Argument`](crate::FaultKind::Argument).
pub fn call<'a>(args: &[Val<'a>], _cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [Val::Str(text), Val::Str(end)] => Ok(Val::Bool(text.ends_with(end))),
        _ => unfit(Function::EndsWith, &SIGNATURE, args),
    }
}
