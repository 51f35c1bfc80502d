//! The function `str::to_uppercase` (language.md 4.9).

use crate::example::gives;
use crate::function::unfit;
use crate::{Cx, Example, Fault, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature =
    Signature::fixed("str::to_uppercase", &[Parameter::String], Returns::String);

/// Calls and their results.
pub const EXAMPLES: &[Example] =
    &[gives(&[Val::Str("straße é")], Val::Str("STRASSE É")), gives(&[Val::Str("")], Val::Str(""))];

/// `str::to_uppercase(s)`: upper case by full Unicode rules; `ß` becomes `SS`.
///
/// # Errors
/// [`FaultKind::Argument`](crate::FaultKind::Argument).
pub fn call<'a>(args: &[Val<'a>], cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [Val::Str(text)] => Ok(Val::Str(cx.arena.text(text.to_uppercase()))),
        _ => unfit(Function::StrToUppercase, &SIGNATURE, args),
    }
}
