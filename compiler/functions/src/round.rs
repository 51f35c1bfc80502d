//! The function `round` (language.md 4.9).

use defacto_model::read_float;

use crate::coerce::truncate;
use crate::example::{fails, gives};
use crate::function::unfit;
use crate::{Cx, Example, Fault, FaultKind, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature = Signature {
    name: "round",
    parameters: &[Parameter::Number, Parameter::Int],
    required: 1,
    variadic: false,
    returns: Returns::Round,
};

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(&[Val::Float(2.5)], Val::Int(3)),
    gives(&[Val::Float(-2.5)], Val::Int(-3)),
    gives(&[Val::Int(7)], Val::Int(7)),
    gives(&[Val::Float(0.125), Val::Int(2)], Val::Float(0.13)),
    gives(&[Val::Float(2.675), Val::Int(2)], Val::Float(2.67)),
    gives(&[Val::Float(-1.25), Val::Int(1)], Val::Float(-1.3)),
    gives(&[Val::Int(1250), Val::Int(-2)], Val::Float(1300.0)),
    gives(&[Val::Int(49), Val::Int(-2)], Val::Float(0.0)),
    gives(&[Val::Int(50), Val::Int(-2)], Val::Float(100.0)),
    gives(&[Val::Float(99.96), Val::Int(1)], Val::Float(100.0)),
    gives(&[Val::Float(0.1), Val::Int(400)], Val::Float(0.1)),
    fails(&[Val::Float(1e19)], FaultKind::Domain),
    fails(&[Val::Float(f64::MAX), Val::Int(-308)], FaultKind::Domain),
    fails(&[Val::Float(1.0), Val::Float(1.0)], FaultKind::Argument),
];

/// `round(n)`: the nearest integer, half away from zero. `round(n, digits)`: the nearest number with
/// so many decimal digits, as a Float, judged by the exact binary value; negative digits round to
/// tens, hundreds…
///
/// # Errors
/// [`FaultKind::Argument`]; [`FaultKind::Domain`] when the result is outside its range.
pub fn call<'a>(args: &[Val<'a>], _cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    let number = args.first().copied().unwrap_or_default().settled();
    let rounded = match (number, args.get(1)) {
        (Val::Int(_), None) => Some(number),
        (Val::Float(float), None) => truncate(float.round()),
        (Val::Int(int), Some(Val::Int(digits))) => decimal(&int.to_string(), *digits),
        (Val::Float(float), Some(Val::Int(digits))) => decimal(&exact(float), *digits),
        _ => return unfit(Function::Round, &SIGNATURE, args),
    };
    rounded.ok_or(Fault::domain(Function::Round, number))
}

/// All decimal digits of a float.
fn exact(float: f64) -> String {
    // A double has no more than 1074 binary, thus decimal, places.
    format!("{float:.1074}")
}

/// Rounds a decimal text half away from zero and reads the nearest float.
fn decimal<'a>(text: &str, digits: i64) -> Option<Val<'a>> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", text),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    let point = i64::try_from(whole.len()).ok()?;
    let kept = point.saturating_add(digits);
    let kept = usize::try_from(kept).ok().filter(|kept| *kept <= all.len()).or_else(|| {
        // Beyond the last digit nothing changes; before the first nothing remains.
        (kept > 0).then_some(all.len())
    });
    let Some(kept) = kept else { return Some(Val::Float(0.0)) };
    let (head, tail) = all.split_at_checked(kept)?;
    let mut head = head.to_vec();
    if tail.first().is_some_and(|digit| *digit >= b'5') {
        let nines = head.iter().rev().take_while(|digit| **digit == b'9').count();
        let tens = head.len() - nines;
        head.truncate(tens);
        match head.last_mut() {
            Some(digit) => *digit += 1,
            None => head.push(b'1'),
        }
        head.resize(head.len() + nines, b'0');
    }
    let exponent = i64::try_from(all.len() - kept).ok()? - i64::try_from(fraction.len()).ok()?;
    let mantissa = if head.is_empty() { "0".to_owned() } else { String::from_utf8(head).ok()? };
    read_float(&format!("{sign}{mantissa}e{exponent}")).map(Val::Float)
}
