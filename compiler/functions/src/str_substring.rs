//! The function `str::substring` (language.md 4.9).

use crate::example::{fails, gives};
use crate::function::unfit;
use crate::{Cx, Example, Fault, FaultKind, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature = Signature {
    name: "str::substring",
    parameters: &[Parameter::String, Parameter::Int, Parameter::Int],
    required: 2,
    variadic: false,
    returns: Returns::String,
};

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(&[Val::Str("hello"), Val::Int(1), Val::Int(3)], Val::Str("ell")),
    gives(&[Val::Str("héllo"), Val::Int(1)], Val::Str("éllo")),
    gives(&[Val::Str("hello"), Val::Int(3), Val::Int(99)], Val::Str("lo")),
    gives(&[Val::Str("hello"), Val::Int(9), Val::Int(3)], Val::Str("")),
    gives(&[Val::Str("hello"), Val::Int(-3), Val::Int(2)], Val::Str("ll")),
    gives(&[Val::Str("hello"), Val::Int(-9), Val::Int(2)], Val::Str("he")),
    gives(&[Val::Str("hello"), Val::Int(1), Val::Int(-1)], Val::Str("")),
    gives(&[Val::Str("hello"), Val::Int(1), Val::Null], Val::Null),
    fails(&[Val::Str("hello"), Val::Float(1.0)], FaultKind::Argument),
];

/// `str::substring(s, start, len)`: part of a text, by characters. A negative start counts from the
/// end, below the beginning it is 0; without `len` the part reaches to the end.
///
/// # Errors
/// [`FaultKind::Argument`].
pub fn call<'a>(args: &[Val<'a>], _cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [Val::Str(text), Val::Int(start)] => Ok(Val::Str(substring(text, *start, i64::MAX))),
        [Val::Str(text), Val::Int(start), Val::Int(length)] => {
            Ok(Val::Str(substring(text, *start, *length)))
        }
        _ => unfit(Function::StrSubstring, &SIGNATURE, args),
    }
}

fn substring(text: &str, start: i64, length: i64) -> &str {
    let start = if start < 0 {
        let count = text.chars().count();
        let back = usize::try_from(start.unsigned_abs()).unwrap_or(usize::MAX);
        count.saturating_sub(back)
    } else {
        usize::try_from(start).unwrap_or(usize::MAX)
    };
    let length = usize::try_from(length.max(0)).unwrap_or(usize::MAX);
    let rest = text.get(byte_of(text, start)..).unwrap_or_default();
    rest.get(..byte_of(rest, length)).unwrap_or_default()
}

/// Where a character begins; the end of the text when there are fewer.
fn byte_of(text: &str, character: usize) -> usize {
    text.char_indices().nth(character).map_or(text.len(), |(at, _)| at)
}
