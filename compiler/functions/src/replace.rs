//! The function `replace` (language.md 4.9).

use crate::example::gives;
use crate::function::unfit;
use crate::{Cx, Example, Fault, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature = Signature::fixed(
    "replace",
    &[Parameter::String, Parameter::String, Parameter::String],
    Returns::String,
);

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(&[Val::Str("aaa"), Val::Str("a"), Val::Str("b")], Val::Str("bbb")),
    gives(&[Val::Str("abc"), Val::Str(""), Val::Str("-")], Val::Str("-a-b-c-")),
    gives(&[Val::Str("abc"), Val::Str("x"), Val::Str("-")], Val::Str("abc")),
];

/// `replace(s, from, to)`: every occurrence, left to right. An empty `from` puts `to` around every character.
///
/// # Errors
/// [`FaultKind::Argument`](crate::FaultKind::Argument).
pub fn call<'a>(args: &[Val<'a>], cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [Val::Str(text), Val::Str(from), Val::Str(to)] => {
            Ok(Val::Str(cx.arena.text(text.replace(from, to))))
        }
        _ => unfit(Function::Replace, &SIGNATURE, args),
    }
}
