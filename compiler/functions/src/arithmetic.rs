use crate::{Arena, Fault, FaultKind, Operator, Val};
use defacto_model::calendar;

type Outcome<'a> = Result<Val<'a>, Fault<'a>>;

/// `a + b`, `a - b`, `a * b`, `a / b`, `a % b` or `a ** b` (language.md 4.7). A Null operand gives
/// Null. Other operators than these six take no operands.
///
/// # Errors
/// Operands of the wrong types, overflow, a zero divisor, a result that is not finite or no instant.
pub fn arith<'a>(op: Operator, a: &Val<'a>, b: &Val<'a>, arena: &dyn Arena<'a>) -> Outcome<'a> {
    match op {
        Operator::Add => add(a, b, arena),
        Operator::Sub => sub(a, b),
        Operator::Mul => mul(a, b),
        Operator::Div => div(a, b),
        Operator::Rem => rem(a, b),
        Operator::Pow => pow(a, b),
        _ => unfit(op, a, b),
    }
}

/// `a + b`: numbers, text with text, durations, an instant and a duration in either order.
///
/// # Errors
/// As [`arith`].
pub fn add<'a>(a: &Val<'a>, b: &Val<'a>, arena: &dyn Arena<'a>) -> Outcome<'a> {
    let op = Operator::Add;
    match (a.settled(), b.settled()) {
        (Val::Str(x), Val::Str(y)) => Ok(Val::Str(concat(x, y, arena))),
        (Val::DateTime(x), Val::Duration(y)) | (Val::Duration(x), Val::DateTime(y)) => {
            instant(op, x.checked_add(y), a, b)
        }
        (Val::Duration(x), Val::Duration(y)) => checked_span(op, x.checked_add(y), a, b),
        _ => add_numbers(a, b),
    }
}

/// `a + b` where both are numbers.
///
/// # Errors
/// As [`arith`].
pub fn add_numbers<'a>(a: &Val<'a>, b: &Val<'a>) -> Outcome<'a> {
    let op = Operator::Add;
    match (a.settled(), b.settled()) {
        (Val::Int(x), Val::Int(y)) => checked_int(op, x.checked_add(y), a, b),
        (x, y) => match both_floats(&x, &y) {
            Some((x, y)) => finite(op, x + y, a, b),
            None => unfit(op, a, b),
        },
    }
}

/// `+`, `-`, `*` or `/` of doubles.
///
/// # Errors
/// [`FaultKind::ZeroDivisor`], [`FaultKind::NotFinite`].
pub fn floats(op: Operator, a: f64, b: f64) -> Result<f64, FaultKind> {
    let result = match op {
        Operator::Add => a + b,
        Operator::Sub => a - b,
        Operator::Mul => a * b,
        _ if b == 0.0 => return Err(FaultKind::ZeroDivisor),
        _ => a / b,
    };
    if result.is_finite() { Ok(result) } else { Err(FaultKind::NotFinite) }
}

/// `*`, `/` or `%` of integers, or of a duration and an integer.
///
/// # Errors
/// [`FaultKind::ZeroDivisor`], [`FaultKind::Overflow`].
pub fn whole(op: Operator, a: i64, b: i64) -> Result<i64, FaultKind> {
    let result = match op {
        Operator::Mul => a.checked_mul(b),
        _ if b == 0 => return Err(FaultKind::ZeroDivisor),
        Operator::Div => a.checked_div(b),
        _ => Some(a.wrapping_rem(b)),
    };
    result.ok_or(FaultKind::Overflow)
}

/// `a - b`: numbers, durations, instants, an instant less a duration.
///
/// # Errors
/// As [`arith`].
pub fn sub<'a>(a: &Val<'a>, b: &Val<'a>) -> Outcome<'a> {
    let op = Operator::Sub;
    match (a.settled(), b.settled()) {
        (Val::Int(x), Val::Int(y)) => checked_int(op, x.checked_sub(y), a, b),
        (Val::DateTime(x), Val::Duration(y)) => instant(op, x.checked_sub(y), a, b),
        (Val::DateTime(x), Val::DateTime(y)) | (Val::Duration(x), Val::Duration(y)) => {
            checked_span(op, x.checked_sub(y), a, b)
        }
        (x, y) => match both_floats(&x, &y) {
            Some((x, y)) => finite(op, x - y, a, b),
            None => unfit(op, a, b),
        },
    }
}

/// `a * b`: numbers, a duration and a number in either order. A duration times a float is the
/// nearest microsecond, half away from zero.
///
/// # Errors
/// As [`arith`].
pub fn mul<'a>(a: &Val<'a>, b: &Val<'a>) -> Outcome<'a> {
    let op = Operator::Mul;
    match (a.settled(), b.settled()) {
        (Val::Int(x), Val::Int(y)) => checked_int(op, x.checked_mul(y), a, b),
        (Val::Duration(x), Val::Int(y)) | (Val::Int(x), Val::Duration(y)) => {
            checked_span(op, x.checked_mul(y), a, b)
        }
        (Val::Duration(span), Val::Float(factor)) | (Val::Float(factor), Val::Duration(span)) => {
            checked_span(op, scale(span, factor), a, b)
        }
        (x, y) => match both_floats(&x, &y) {
            Some((x, y)) => finite(op, x * y, a, b),
            None => unfit(op, a, b),
        },
    }
}

/// `a / b`: Int by Int truncates toward zero, as does a duration by an Int; a duration by a Float
/// is the nearest microsecond; a duration by a duration is a Float.
///
/// # Errors
/// As [`arith`].
pub fn div<'a>(a: &Val<'a>, b: &Val<'a>) -> Outcome<'a> {
    let op = Operator::Div;
    match (a.settled(), b.settled()) {
        (Val::Int(_) | Val::Duration(_), Val::Int(0)) => Err(zero(op, a, b)),
        (Val::Int(x), Val::Int(y)) => checked_int(op, x.checked_div(y), a, b),
        (Val::Duration(x), Val::Int(y)) => checked_span(op, x.checked_div(y), a, b),
        (Val::Duration(_), Val::Duration(0)) => Err(zero(op, a, b)),
        (Val::Duration(x), Val::Duration(y)) => finite(op, to_float(x) / to_float(y), a, b),
        (Val::Duration(_), Val::Float(0.0)) => Err(zero(op, a, b)),
        (Val::Duration(span), Val::Float(divisor)) => {
            checked_span(op, unscale(span, divisor), a, b)
        }
        (x, y) => match both_floats(&x, &y) {
            Some((_, 0.0)) => Err(zero(op, a, b)),
            Some((x, y)) => finite(op, x / y, a, b),
            None => unfit(op, a, b),
        },
    }
}

/// `a % b`: the remainder with the sign of the dividend.
///
/// # Errors
/// As [`arith`].
pub fn rem<'a>(a: &Val<'a>, b: &Val<'a>) -> Outcome<'a> {
    let op = Operator::Rem;
    match (a.settled(), b.settled()) {
        (Val::Int(_), Val::Int(0)) => Err(zero(op, a, b)),
        (Val::Int(x), Val::Int(y)) => Ok(Val::Int(x.wrapping_rem(y))),
        (x, y) => match both_floats(&x, &y) {
            Some((_, 0.0)) => Err(zero(op, a, b)),
            Some((x, y)) => finite(op, rem_float(x, y), a, b),
            None => unfit(op, a, b),
        },
    }
}

/// `a ** b`: Int to a non-negative Int is Int; with a Float it is a Float.
///
/// # Errors
/// As [`arith`]; also [`FaultKind::NegativeExponent`] for Int to a negative Int.
pub fn pow<'a>(a: &Val<'a>, b: &Val<'a>) -> Outcome<'a> {
    let op = Operator::Pow;
    match (a.settled(), b.settled()) {
        (Val::Int(x), Val::Int(y)) => pow_int(x, y),
        (x, y) => match both_floats(&x, &y) {
            Some((x, y)) => finite(op, pow_float(x, y), a, b),
            None => unfit(op, a, b),
        },
    }
}

/// Int to an Int power.
///
/// # Errors
/// [`FaultKind::NegativeExponent`], [`FaultKind::Overflow`].
pub fn pow_int<'a>(base: i64, exponent: i64) -> Outcome<'a> {
    let (a, b) = (Val::Int(base), Val::Int(exponent));
    let op = Operator::Pow;
    if exponent < 0 {
        return Err(Fault::of_two(FaultKind::NegativeExponent, op as u32, a, b));
    }
    let result = match (base, u32::try_from(exponent)) {
        (0 | 1, _) => Some(if exponent == 0 { 1 } else { base }),
        (-1, _) => Some(if exponent % 2 == 0 { 1 } else { -1 }),
        (_, Ok(exponent)) => base.checked_pow(exponent),
        (_, Err(_)) => None,
    };
    checked_int(op, result, &a, &b)
}

/// Float power by the routine that every host shares; perhaps not finite.
pub fn pow_float(base: f64, exponent: f64) -> f64 {
    libm::pow(base, exponent)
}

/// Float remainder, with the sign of the dividend.
pub fn rem_float(dividend: f64, divisor: f64) -> f64 {
    libm::fmod(dividend, divisor)
}

/// `-a`: numbers and durations.
///
/// # Errors
/// [`FaultKind::Operands`], [`FaultKind::Overflow`].
pub fn neg<'a>(a: &Val<'a>) -> Outcome<'a> {
    let op = Operator::Neg;
    match a.settled() {
        Val::Null => Ok(Val::Null),
        Val::Int(x) => checked_int(op, x.checked_neg(), a, &Val::Null),
        Val::Float(x) => Ok(Val::Float(-x)),
        Val::Duration(x) => checked_span(op, x.checked_neg(), a, &Val::Null),
        _ => Err(Fault::new(FaultKind::Operands, op as u32, *a)),
    }
}

fn concat<'a>(a: &'a str, b: &'a str, arena: &dyn Arena<'a>) -> &'a str {
    if a.is_empty() {
        return b;
    }
    if b.is_empty() {
        return a;
    }
    let mut text = String::with_capacity(a.len() + b.len());
    text.push_str(a);
    text.push_str(b);
    arena.text(text)
}

#[expect(clippy::cast_precision_loss, reason = "the nearest float is what is meant")]
pub(crate) const fn to_float(int: i64) -> f64 {
    int as f64
}

/// Both operands as floats, when both are numbers.
fn both_floats(a: &Val<'_>, b: &Val<'_>) -> Option<(f64, f64)> {
    let number = |value: &Val<'_>| match value {
        Val::Int(int) => Some(to_float(*int)),
        Val::Float(float) => Some(*float),
        _ => None,
    };
    Some((number(a)?, number(b)?))
}

fn unfit<'a>(op: Operator, a: &Val<'a>, b: &Val<'a>) -> Outcome<'a> {
    if matches!(a, Val::Null) || matches!(b, Val::Null) {
        return Ok(Val::Null);
    }
    Err(Fault::of_two(FaultKind::Operands, op as u32, *a, *b))
}

fn zero<'a>(op: Operator, a: &Val<'a>, b: &Val<'a>) -> Fault<'a> {
    Fault::of_two(FaultKind::ZeroDivisor, op as u32, *a, *b)
}

fn checked_int<'a>(op: Operator, result: Option<i64>, a: &Val<'a>, b: &Val<'a>) -> Outcome<'a> {
    match result {
        Some(int) => Ok(Val::Int(int)),
        None => Err(Fault::of_two(FaultKind::Overflow, op as u32, *a, *b)),
    }
}

fn checked_span<'a>(op: Operator, result: Option<i64>, a: &Val<'a>, b: &Val<'a>) -> Outcome<'a> {
    match result {
        Some(micros) => Ok(Val::Duration(micros)),
        None => Err(Fault::of_two(FaultKind::Overflow, op as u32, *a, *b)),
    }
}

fn instant<'a>(op: Operator, result: Option<i64>, a: &Val<'a>, b: &Val<'a>) -> Outcome<'a> {
    match result {
        Some(micros) if (calendar::MIN..=calendar::MAX).contains(&micros) => {
            Ok(Val::DateTime(micros))
        }
        _ => Err(Fault::of_two(FaultKind::TimeRange, op as u32, *a, *b)),
    }
}

fn finite<'a>(op: Operator, result: f64, a: &Val<'a>, b: &Val<'a>) -> Outcome<'a> {
    if result.is_finite() {
        Ok(Val::Float(result))
    } else {
        Err(Fault::of_two(FaultKind::NotFinite, op as u32, *a, *b))
    }
}

/// A finite float as `mantissa * 2^exponent` with an odd mantissa (or zero).
fn parts(float: f64) -> (i128, i32) {
    let bits = float.to_bits();
    let biased = i32::from(u16::try_from((bits >> 52) & 0x7ff).unwrap_or_default());
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, exponent) =
        if biased == 0 { (fraction, -1_074) } else { (fraction | (1 << 52), biased - 1_075) };
    if mantissa == 0 {
        return (0, 0);
    }
    let zeros = mantissa.trailing_zeros();
    let odd = i128::from(mantissa >> zeros);
    let sign = if float.is_sign_negative() { -1 } else { 1 };
    (sign * odd, exponent + i32::try_from(zeros).unwrap_or_default())
}

/// `span * factor` by the exact value of the factor: nearest, half away from zero.
fn scale(span: i64, factor: f64) -> Option<i64> {
    let (mantissa, exponent) = parts(factor);
    let product = i128::from(span) * mantissa;
    if product == 0 {
        return Some(0);
    }
    let scaled = if exponent >= 0 {
        // Odd mantissas and spans of at least 1: a shift by 63 is always too much.
        let shift = u32::try_from(exponent).ok().filter(|shift| *shift < 63)?;
        product.checked_mul(1 << shift)?
    } else {
        match u32::try_from(-exponent).ok().filter(|shift| *shift < 120) {
            Some(shift) => round_div(product, 1 << shift),
            None => 0,
        }
    };
    i64::try_from(scaled).ok()
}

/// `span / divisor` by the exact value of the divisor: nearest, half away from zero.
fn unscale(span: i64, divisor: f64) -> Option<i64> {
    let (mantissa, exponent) = parts(divisor);
    if span == 0 {
        return Some(0);
    }
    let quotient = if exponent <= 0 {
        // More than 118 bits over a mantissa of at most 53 cannot fit the result.
        let shift = exponent.unsigned_abs();
        let bits = 64 - span.unsigned_abs().leading_zeros();
        if bits + shift > 118 {
            return None;
        }
        round_div(i128::from(span) << shift, mantissa)
    } else if exponent > 66 {
        0
    } else {
        round_div(i128::from(span), mantissa << exponent)
    };
    i64::try_from(quotient).ok()
}

/// Quotient rounded to the nearest integer, half away from zero.
fn round_div(dividend: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (dividend / divisor, dividend % divisor);
    let doubled = rest.unsigned_abs() * 2;
    if doubled < divisor.unsigned_abs() {
        quotient
    } else if (dividend < 0) == (divisor < 0) {
        quotient + 1
    } else {
        quotient - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HeapArena;

    const DAY: i64 = calendar::DAY;

    fn of<'a>(op: Operator, a: Val<'a>, b: Val<'a>) -> Result<Val<'a>, FaultKind> {
        let arena = Box::leak(Box::new(HeapArena::default()));
        arith(op, &a, &b, &&*arena).map_err(|fault| fault.kind)
    }

    #[test]
    fn numbers() {
        use Operator::*;
        use Val::{BigInt, Float, Int};
        for (a, op, b, result) in [
            (Int(7), Div, Int(2), Ok(Int(3))),
            (Int(-7), Div, Int(2), Ok(Int(-3))),
            (Int(7), Div, Float(2.0), Ok(Float(3.5))),
            (Float(7.0), Div, Int(0), Err(FaultKind::ZeroDivisor)),
            (Int(i64::MIN), Div, Int(-1), Err(FaultKind::Overflow)),
            (Int(i64::MIN), Rem, Int(-1), Ok(Int(0))),
            (Int(-7), Rem, Int(2), Ok(Int(-1))),
            (Float(-7.5), Rem, Int(2), Ok(Float(-1.5))),
            (Int(1), Rem, Float(0.0), Err(FaultKind::ZeroDivisor)),
            (Int(2), Pow, Int(62), Ok(Int(1 << 62))),
            (Int(2), Pow, Int(64), Err(FaultKind::Overflow)),
            (Int(-1), Pow, Int(i64::MAX), Ok(Int(-1))),
            (Int(0), Pow, Int(0), Ok(Int(1))),
            (Int(2), Pow, Int(-1), Err(FaultKind::NegativeExponent)),
            (Float(2.0), Pow, Int(-1), Ok(Float(0.5))),
            (Int(2), Pow, Float(0.5), Ok(Float(core::f64::consts::SQRT_2))),
            (Int(-2), Pow, Float(0.5), Err(FaultKind::NotFinite)),
            (Float(1e308), Mul, Int(10), Err(FaultKind::NotFinite)),
            (Int(i64::MAX), Add, Int(1), Err(FaultKind::Overflow)),
            (BigInt("9223372036854775808"), Sub, Int(0), Ok(Float(9_223_372_036_854_775_808.0))),
            (Int(1), Add, Val::Null, Ok(Val::Null)),
            (Val::Str("a"), Add, Int(1), Err(FaultKind::Operands)),
            (Val::Str("a"), Add, Val::Str("b"), Ok(Val::Str("ab"))),
            (Val::Bool(true), Add, Val::Bool(true), Err(FaultKind::Operands)),
        ] {
            assert_eq!(of(op, a, b), result, "{a:?} {op:?} {b:?}");
        }
    }

    #[test]
    fn times_and_spans() {
        use Operator::*;
        use Val::{DateTime, Duration, Float, Int};
        for (a, op, b, result) in [
            (DateTime(0), Add, Duration(5), Ok(DateTime(5))),
            (Duration(5), Add, DateTime(0), Ok(DateTime(5))),
            (DateTime(0), Sub, DateTime(5), Ok(Duration(-5))),
            (DateTime(0), Sub, Duration(5), Ok(DateTime(-5))),
            (Duration(0), Sub, DateTime(5), Err(FaultKind::Operands)),
            (DateTime(calendar::MAX), Add, Duration(1), Err(FaultKind::TimeRange)),
            (DateTime(calendar::MIN), Sub, Duration(1), Err(FaultKind::TimeRange)),
            (Duration(DAY), Sub, Duration(2 * DAY), Ok(Duration(-DAY))),
            (Int(2), Mul, Duration(DAY), Ok(Duration(2 * DAY))),
            (Duration(i64::MAX), Mul, Int(2), Err(FaultKind::Overflow)),
            (Duration(3), Mul, Float(0.5), Ok(Duration(2))),
            (Duration(-3), Mul, Float(0.5), Ok(Duration(-2))),
            (Duration(i64::MAX), Mul, Float(1.0), Ok(Duration(i64::MAX))),
            (Duration(1), Mul, Float(1e300), Err(FaultKind::Overflow)),
            (Duration(1), Mul, Float(5e-324), Ok(Duration(0))),
            (Duration(-7), Div, Int(2), Ok(Duration(-3))),
            (Duration(-7), Div, Float(2.0), Ok(Duration(-4))),
            (Duration(1), Div, Float(0.1), Ok(Duration(10))),
            (Duration(1), Div, Float(5e-324), Err(FaultKind::Overflow)),
            (Duration(1), Div, Float(1e300), Ok(Duration(0))),
            (Duration(i64::MAX), Div, Float(0.5), Err(FaultKind::Overflow)),
            (Duration(DAY), Div, Duration(2 * DAY), Ok(Float(0.5))),
            (Duration(DAY), Div, Float(-0.0), Err(FaultKind::ZeroDivisor)),
            (Duration(DAY), Div, Int(0), Err(FaultKind::ZeroDivisor)),
            (Duration(DAY), Rem, Duration(7), Err(FaultKind::Operands)),
        ] {
            assert_eq!(of(op, a, b), result, "{a:?} {op:?} {b:?}");
        }
    }

    #[test]
    fn negation() {
        assert_eq!(neg(&Val::Int(3)), Ok(Val::Int(-3)));
        assert_eq!(neg(&Val::Duration(3)), Ok(Val::Duration(-3)));
        assert_eq!(neg(&Val::Null), Ok(Val::Null));
        assert_eq!(neg(&Val::Int(i64::MIN)).unwrap_err().kind, FaultKind::Overflow);
        assert_eq!(neg(&Val::Str("a")).unwrap_err().kind, FaultKind::Operands);
    }
}
