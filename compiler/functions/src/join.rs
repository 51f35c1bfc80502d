//! The function `join` (language.md 4.9).

use crate::example::{fails, gives};
use crate::function::unfit;
use crate::{Cx, Example, Fault, FaultKind, Function, Parameter, Returns, Signature, Val, text_of};

/// How it is called.
pub const SIGNATURE: Signature =
    Signature::fixed("join", &[Parameter::List, Parameter::String], Returns::String);

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(
        &[Val::List(&[Val::Str("a"), Val::Null, Val::Float(1.0)]), Val::Str(",")],
        Val::Str("a,,1"),
    ),
    gives(&[Val::List(&[]), Val::Str(",")], Val::Str("")),
    fails(&[Val::Str("ab"), Val::Str(",")], FaultKind::Argument),
];

/// `join(list, delim)`: the elements as `to_string` gives them (Null as nothing), with a text between them.
///
/// # Errors
/// [`FaultKind::Argument`].
pub fn call<'a>(args: &[Val<'a>], cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [Val::List(elements), Val::Str(delimiter)] => {
            let mut text = String::new();
            for (place, element) in elements.iter().enumerate() {
                if place > 0 {
                    text.push_str(delimiter);
                }
                text.push_str(text_of(element, cx.arena));
            }
            Ok(Val::Str(cx.arena.text(text)))
        }
        _ => unfit(Function::Join, &SIGNATURE, args),
    }
}
