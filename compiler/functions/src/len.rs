//! The function `len` (language.md 4.9).

use crate::example::{fails, gives};
use crate::function::unfit;
use crate::{Cx, Example, Fault, FaultKind, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature =
    Signature::fixed("len", &[Parameter::StringListOrObject], Returns::Int);

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(&[Val::Str("héllo")], Val::Int(5)),
    gives(&[Val::List(&[Val::Null])], Val::Int(1)),
    gives(&[Val::Object(&[])], Val::Int(0)),
    fails(&[Val::Int(1)], FaultKind::Argument),
];

/// `len(v)`: characters of a text, elements of a list, keys of an object.
///
/// # Errors
/// [`FaultKind::Argument`].
pub fn call<'a>(args: &[Val<'a>], _cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [Val::Str(text)] => Ok(count(text.chars().count())),
        [Val::List(elements)] => Ok(count(elements.len())),
        [Val::Object(entries)] => Ok(count(entries.len())),
        _ => unfit(Function::Len, &SIGNATURE, args),
    }
}

fn count<'a>(count: usize) -> Val<'a> {
    Val::Int(i64::try_from(count).unwrap_or(i64::MAX))
}
