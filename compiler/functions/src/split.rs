//! The function `split` (language.md 4.9).

use crate::example::gives;
use crate::function::unfit;
use crate::{Cx, Example, Fault, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature =
    Signature::fixed("split", &[Parameter::String, Parameter::String], Returns::List);

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(&[Val::Str("a,b"), Val::Str(",")], Val::List(&[Val::Str("a"), Val::Str("b")])),
    gives(&[Val::Str(""), Val::Str("x")], Val::List(&[Val::Str("")])),
    gives(&[Val::Str("aé"), Val::Str("")], Val::List(&[Val::Str("a"), Val::Str("é")])),
    gives(&[Val::Str(""), Val::Str("")], Val::List(&[])),
];

/// `split(s, delim)`: the parts of a text between delimiters; with an empty delimiter its characters.
///
/// # Errors
/// [`FaultKind::Argument`](crate::FaultKind::Argument).
pub fn call<'a>(args: &[Val<'a>], cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [Val::Str(text), Val::Str("")] => {
            let characters = text.char_indices();
            let parts = characters.filter_map(|(at, c)| text.get(at..at + c.len_utf8()));
            Ok(Val::List(cx.arena.list(parts.map(Val::Str).collect())))
        }
        [Val::Str(text), Val::Str(delimiter)] => {
            let parts = text.split(delimiter).map(Val::Str).collect();
            Ok(Val::List(cx.arena.list(parts)))
        }
        _ => unfit(Function::Split, &SIGNATURE, args),
    }
}
