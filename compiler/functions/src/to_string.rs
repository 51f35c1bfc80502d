//! The function `to_string` (language.md 4.9).

use crate::example::gives;
use crate::function::unfit;
use crate::{Cx, Example, Fault, Function, Parameter, Returns, Signature, Val, text_of};

/// How it is called.
pub const SIGNATURE: Signature = Signature::fixed("to_string", &[Parameter::Any], Returns::String);

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(&[Val::Null], Val::Str("")),
    gives(&[Val::Int(-7)], Val::Str("-7")),
    gives(&[Val::Float(1.0)], Val::Str("1")),
    gives(&[Val::Bool(true)], Val::Str("true")),
    gives(&[Val::DateTime(1_500_000)], Val::Str("1970-01-01T00:00:01.500+00:00")),
    gives(&[Val::Duration(90_000_000)], Val::Str("1m30s")),
    gives(
        &[Val::List(&[Val::Float(1.0), Val::Null, Val::Str("a\"")])],
        Val::Str("[1.0,null,\"a\\\"\"]"),
    ),
    gives(&[Val::Object(&[("k", Val::Duration(1_500_000))])], Val::Str("{\"k\":1.5}")),
];

/// `to_string(v)`: the text of any value; Null gives the empty text.
///
/// # Errors
/// [`FaultKind::Argument`](crate::FaultKind::Argument).
pub fn call<'a>(args: &[Val<'a>], cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [value] => Ok(Val::Str(text_of(value, cx.arena))),
        _ => unfit(Function::ToString, &SIGNATURE, args),
    }
}
