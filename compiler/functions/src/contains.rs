//! The function `contains` (language.md 4.9).

use crate::example::{fails, gives};
use crate::function::unfit;
use crate::{Cx, Example, Fault, FaultKind, Function, Parameter, Returns, Signature, Val, eq};

/// How it is called.
pub const SIGNATURE: Signature =
    Signature::fixed("contains", &[Parameter::StringOrList, Parameter::Any], Returns::Bool);

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(&[Val::Str("abc"), Val::Str("bc")], Val::Bool(true)),
    gives(&[Val::Str("abc"), Val::Str("")], Val::Bool(true)),
    gives(&[Val::List(&[Val::Int(1)]), Val::Float(1.0)], Val::Bool(true)),
    gives(&[Val::List(&[Val::Null]), Val::Null], Val::Bool(true)),
    gives(&[Val::List(&[]), Val::Null], Val::Bool(false)),
    gives(&[Val::Null, Val::Int(1)], Val::Null),
    fails(&[Val::Str("abc"), Val::Int(1)], FaultKind::Argument),
    fails(&[Val::Str("abc"), Val::Null], FaultKind::Argument),
    fails(&[Val::Int(1), Val::Int(1)], FaultKind::Argument),
];

/// `contains(s, sub)`: whether a text contains another; `contains(list, v)`: whether a list has an element
/// equal to a value. The second argument may be Null, which is found in lists and refused in a text;
/// only a Null first argument gives Null.
///
/// # Errors
/// [`FaultKind::Argument`].
pub fn call<'a>(args: &[Val<'a>], _cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [Val::Str(text), Val::Str(part)] => Ok(Val::Bool(text.contains(part))),
        [Val::List(elements), value] => {
            Ok(Val::Bool(elements.iter().any(|element| eq(element, value))))
        }
        [Val::Null, _] => Ok(Val::Null),
        [Val::Str(_), value] | [value, _] => {
            Err(Fault::new(FaultKind::Argument, Function::Contains as u32, *value))
        }
        _ => unfit(Function::Contains, &SIGNATURE, args),
    }
}
