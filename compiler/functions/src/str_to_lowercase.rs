//! The function `str::to_lowercase` (language.md 4.9).

use crate::example::{fails, gives};
use crate::function::unfit;
use crate::{Arena, Cx, Example, Fault, FaultKind, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature =
    Signature::fixed("str::to_lowercase", &[Parameter::String], Returns::String);

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(&[Val::Str("ÀÉ Straße")], Val::Str("àé straße")),
    gives(&[Val::Str("ok")], Val::Str("ok")),
    fails(&[Val::Int(1)], FaultKind::Argument),
];

/// `str::to_lowercase(s)`: lower case by full Unicode rules, whatever the locale.
///
/// # Errors
/// [`FaultKind::Argument`].
pub fn call<'a>(args: &[Val<'a>], cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [Val::Str(text)] => Ok(Val::Str(lowercase(text, cx.arena))),
        _ => unfit(Function::StrToLowercase, &SIGNATURE, args),
    }
}

/// Lower case of a text; also that of case-insensitive hints.
pub(crate) fn lowercase<'a>(text: &'a str, arena: &dyn Arena<'a>) -> &'a str {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        text
    } else if text.is_ascii() {
        arena.text(text.to_ascii_lowercase())
    } else {
        arena.text(text.to_lowercase())
    }
}
