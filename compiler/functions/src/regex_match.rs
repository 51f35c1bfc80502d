//! The function `regex_match` (language.md 4.9).

use regex::Regex;

use crate::example::{fails, gives};
use crate::function::unfit;
use crate::{Cx, Example, Fault, FaultKind, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature =
    Signature::fixed("regex_match", &[Parameter::String, Parameter::String], Returns::Bool);

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(&[Val::Str("ORD-12"), Val::Str("[0-9]+")], Val::Bool(true)),
    gives(&[Val::Str("ORD"), Val::Str("^[0-9]+$")], Val::Bool(false)),
    gives(&[Val::Str(""), Val::Str("")], Val::Bool(true)),
    gives(&[Val::Null, Val::Str("(")], Val::Null),
    fails(&[Val::Str("x"), Val::Str("(")], FaultKind::Pattern),
    fails(&[Val::Int(1), Val::Str("1")], FaultKind::Argument),
];

/// `regex_match(s, re)`: whether a pattern is found anywhere in a text. Patterns are those of the
/// crate `regex`: linear time, Unicode, without look-around and back-references.
///
/// # Errors
/// [`FaultKind::Argument`]; [`FaultKind::Pattern`] for an invalid pattern.
pub fn call<'a>(args: &[Val<'a>], _cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [Val::Str(text), Val::Str(pattern)] => Ok(found(text, &compile(pattern)?)),
        _ => unfit(Function::RegexMatch, &SIGNATURE, args),
    }
}

/// As [`call`], with the pattern already compiled; the second argument is not read.
///
/// # Errors
/// [`FaultKind::Argument`].
pub fn call_compiled<'a>(args: &[Val<'a>], pattern: &Regex) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [Val::Str(text), ..] => Ok(found(text, pattern)),
        _ => unfit(Function::RegexMatch, &SIGNATURE, args),
    }
}

fn found<'a>(text: &str, pattern: &Regex) -> Val<'a> {
    Val::Bool(pattern.is_match(text))
}

/// Compiles a pattern.
///
/// # Errors
/// [`FaultKind::Pattern`], also for a pattern whose automaton would be too large.
pub fn compile(pattern: &str) -> Result<Regex, Fault<'_>> {
    Regex::new(pattern).map_err(|_| Fault::new(FaultKind::Pattern, 0, Val::Str(pattern)))
}

/// Why a pattern is invalid, in words; `None` when it is valid.
pub fn pattern_error(pattern: &str) -> Option<String> {
    Regex::new(pattern).err().map(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiled_patterns_give_the_same() {
        let pattern = compile("[0-9]+").unwrap();
        assert_eq!(call_compiled(&[Val::Str("a1"), Val::Null], &pattern), Ok(Val::Bool(true)));
        assert_eq!(call_compiled(&[Val::Null, Val::Str("x")], &pattern), Ok(Val::Null));
        assert!(pattern_error("(").is_some());
        assert!(pattern_error("(?=a)").is_some());
        assert_eq!(pattern_error("a|b"), None);
    }
}
