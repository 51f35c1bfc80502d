//! The function `regex_extract` (language.md 4.9).

use regex::Regex;

use crate::example::{fails, gives};
use crate::function::unfit;
use crate::regex_match::compile;
use crate::{Cx, Example, Fault, FaultKind, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature =
    Signature::fixed("regex_extract", &[Parameter::String, Parameter::String], Returns::String);

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(&[Val::Str("ORD-12"), Val::Str("ORD-([0-9]+)")], Val::Str("12")),
    gives(&[Val::Str("ORD-12"), Val::Str("[0-9]+")], Val::Str("12")),
    gives(&[Val::Str("x"), Val::Str("y")], Val::Null),
    gives(&[Val::Str("b"), Val::Str("(a)|b")], Val::Null),
    fails(&[Val::Str("x"), Val::Str("[")], FaultKind::Pattern),
];

/// `regex_extract(s, re)`: what a pattern finds first in a text: its first group if it has groups
/// (Null when that group took no part), else the whole match; Null when nothing is found.
///
/// # Errors
/// [`FaultKind::Argument`]; [`FaultKind::Pattern`] for an invalid pattern.
pub fn call<'a>(args: &[Val<'a>], _cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [Val::Str(text), Val::Str(pattern)] => Ok(extract(text, &compile(pattern)?)),
        _ => unfit(Function::RegexExtract, &SIGNATURE, args),
    }
}

/// As [`call`], with the pattern already compiled; the second argument is not read.
///
/// # Errors
/// [`FaultKind::Argument`].
pub fn call_compiled<'a>(args: &[Val<'a>], pattern: &Regex) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [Val::Str(text), ..] => Ok(extract(text, pattern)),
        _ => unfit(Function::RegexExtract, &SIGNATURE, args),
    }
}

fn extract<'a>(text: &'a str, pattern: &Regex) -> Val<'a> {
    let found = if pattern.captures_len() > 1 {
        pattern.captures(text).and_then(|captures| captures.get(1))
    } else {
        pattern.find(text)
    };
    found.map(|found| Val::Str(found.as_str())).unwrap_or_default()
}
