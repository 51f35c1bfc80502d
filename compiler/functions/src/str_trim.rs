//! The function `str::trim` (language.md 4.9).

use crate::example::gives;
use crate::function::unfit;
use crate::{Cx, Example, Fault, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature =
    Signature::fixed("str::trim", &[Parameter::String], Returns::String);

/// Calls and their results.
pub const EXAMPLES: &[Example] =
    &[gives(&[Val::Str("\u{a0} a b\n")], Val::Str("a b")), gives(&[Val::Str("  ")], Val::Str(""))];

/// `str::trim(s)`: without Unicode white space at both ends.
///
/// # Errors
/// [`FaultKind::Argument`](crate::FaultKind::Argument).
pub fn call<'a>(args: &[Val<'a>], _cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [Val::Str(text)] => Ok(Val::Str(text.trim())),
        _ => unfit(Function::StrTrim, &SIGNATURE, args),
    }
}
