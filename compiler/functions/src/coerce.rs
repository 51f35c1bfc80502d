use defacto_model::{ValueType, display_float, nearest_float, read_float};

use crate::arithmetic::to_float;
use crate::{Arena, Fault, FaultKind, Val, instant, text};

/// Converts a value to a declared type (language.md 5.4). Null stays Null.
///
/// # Errors
/// [`FaultKind::Coercion`].
pub fn coerce<'a>(
    to: ValueType,
    value: &Val<'a>,
    arena: &dyn Arena<'a>,
) -> Result<Val<'a>, Fault<'a>> {
    coerce_with(read_float, to, value, arena)
}

/// [`coerce`] with another way to read a number from text.
///
/// # Errors
/// [`FaultKind::Coercion`].
pub fn coerce_with<'a>(
    parse: impl Fn(&str) -> Option<f64>,
    to: ValueType,
    value: &Val<'a>,
    arena: &dyn Arena<'a>,
) -> Result<Val<'a>, Fault<'a>> {
    let coerced = match to {
        _ if matches!(value, Val::Null) => Some(Val::Null),
        ValueType::String => string(value, arena),
        ValueType::Number => number(parse, value),
        ValueType::Integer => integer(value),
        ValueType::Boolean => boolean(value),
        ValueType::Datetime => instant::read(value, 0).map(Val::DateTime),
    };
    coerced.ok_or_else(|| misfit(to, value))
}

/// Converts a value for a property (language.md 6.6): as [`coerce`], but a Float becomes an integer
/// only if it is integral.
///
/// # Errors
/// [`FaultKind::Coercion`].
pub fn convert<'a>(
    to: ValueType,
    value: &Val<'a>,
    arena: &dyn Arena<'a>,
) -> Result<Val<'a>, Fault<'a>> {
    convert_with(read_float, to, value, arena)
}

/// [`convert`] with another way to read a number from text.
///
/// # Errors
/// [`FaultKind::Coercion`].
pub fn convert_with<'a>(
    parse: impl Fn(&str) -> Option<f64>,
    to: ValueType,
    value: &Val<'a>,
    arena: &dyn Arena<'a>,
) -> Result<Val<'a>, Fault<'a>> {
    match (to, value) {
        (ValueType::Integer, Val::Float(float)) if float.fract() != 0.0 => Err(misfit(to, value)),
        _ => coerce_with(parse, to, value, arena),
    }
}

/// Checks a normalized value against its schema's type and converts it to that type
/// (language.md 3.4). Null passes.
///
/// # Errors
/// [`FaultKind::Coercion`].
pub fn schema_convert<'a>(to: ValueType, value: &Val<'a>) -> Result<Val<'a>, Fault<'a>> {
    let converted = match (to, value.settled()) {
        (_, Val::Null) => Some(Val::Null),
        (ValueType::String, Val::Str(_)) | (ValueType::Boolean, Val::Bool(_)) => Some(*value),
        (ValueType::Integer, Val::Int(_)) => Some(*value),
        (ValueType::Integer, Val::Float(float)) if float.fract() == 0.0 => truncate(float),
        (ValueType::Number, number @ Val::Float(_)) => Some(number),
        (ValueType::Number, Val::Int(int)) => Some(Val::Float(to_float(int))),
        (ValueType::Datetime, Val::Str(_) | Val::DateTime(_)) => {
            instant::read(value, 0).map(Val::DateTime)
        }
        _ => None,
    };
    converted.ok_or_else(|| misfit(to, value))
}

fn misfit<'a>(to: ValueType, value: &Val<'a>) -> Fault<'a> {
    Fault::new(FaultKind::Coercion, type_number(to), *value)
}

/// Number of a type at the boundary (`abi::desc::value_type`).
const fn type_number(value_type: ValueType) -> u32 {
    match value_type {
        ValueType::String => 0,
        ValueType::Number => 1,
        ValueType::Integer => 2,
        ValueType::Boolean => 3,
        ValueType::Datetime => 4,
    }
}

fn string<'a>(value: &Val<'a>, arena: &dyn Arena<'a>) -> Option<Val<'a>> {
    Some(Val::Str(match value {
        Val::Str(text) | Val::BigInt(text) => text,
        Val::Int(int) => arena.text(int.to_string()),
        Val::Float(float) => arena.text(display_float(*float)),
        Val::Bool(true) => "true",
        Val::Bool(false) => "false",
        Val::DateTime(micros) => arena.text(text::instant(*micros)),
        _ => return None,
    }))
}

fn number<'a>(parse: impl Fn(&str) -> Option<f64>, value: &Val<'a>) -> Option<Val<'a>> {
    Some(Val::Float(match value {
        Val::Str(text) => parse(text)?,
        Val::Int(int) => to_float(*int),
        Val::Float(float) => *float,
        Val::BigInt(digits) => nearest_float(digits),
        Val::Duration(micros) => defacto_model::Micros(*micros).as_seconds(),
        _ => return None,
    }))
}

fn integer<'a>(value: &Val<'a>) -> Option<Val<'a>> {
    match value {
        Val::Str(text) => text.parse().ok().map(Val::Int),
        Val::Int(_) => Some(*value),
        Val::Float(float) => truncate(*float),
        _ => None,
    }
}

fn boolean<'a>(value: &Val<'a>) -> Option<Val<'a>> {
    Some(Val::Bool(match value {
        Val::Str(text) => {
            let is = |word: &&str| text.eq_ignore_ascii_case(word);
            if ["true", "1", "yes"].iter().any(is) {
                true
            } else if ["false", "0", "no"].iter().any(is) {
                false
            } else {
                return None;
            }
        }
        Val::Int(int) => *int != 0,
        Val::Bool(value) => *value,
        _ => return None,
    }))
}

/// The whole part of a float, if it lies within `i64`.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
pub(crate) fn truncate<'a>(float: f64) -> Option<Val<'a>> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let whole = float.trunc();
    (-LIMIT..LIMIT).contains(&whole).then_some(Val::Int(whole as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HeapArena;

    fn table(
        run: impl Fn(ValueType, &Val<'static>) -> Result<Val<'static>, FaultKind>,
        rows: &[(ValueType, Val<'static>, Option<Val<'static>>)],
    ) {
        for (to, value, expected) in rows {
            let expected = expected.ok_or(FaultKind::Coercion);
            assert_eq!(run(*to, value), expected, "{value:?} to {to:?}");
        }
    }

    fn arena() -> &'static HeapArena<'static> {
        Box::leak(Box::new(HeapArena::default()))
    }

    #[test]
    fn mappings() {
        use Val::{BigInt, Bool, DateTime, Duration, Float, Int, Str};
        use ValueType::*;
        table(
            |to, value| coerce(to, value, &arena()).map_err(|fault| fault.kind),
            &[
                (String, Int(5), Some(Str("5"))),
                (String, Float(5.0), Some(Str("5"))),
                (String, BigInt("18446744073709551617"), Some(Str("18446744073709551617"))),
                (String, DateTime(0), Some(Str("1970-01-01T00:00:00+00:00"))),
                (String, Duration(0), None),
                (String, Val::List(&[]), None),
                (Number, Str("1e3"), Some(Float(1e3))),
                (Number, Str("+.5"), Some(Float(0.5))),
                (Number, Str("1e999"), None),
                (Number, Str("inf"), None),
                (Number, Str("nan"), None),
                (Number, Str(""), None),
                (Number, Str(" 1"), None),
                (Number, Str("1_0"), None),
                (Number, Str("0x1"), None),
                (Number, Int(2), Some(Float(2.0))),
                (Number, Bool(true), None),
                (Number, Duration(1_500_000), Some(Float(1.5))),
                (Integer, Str("+7"), Some(Int(7))),
                (Integer, Str("12.5"), None),
                (Integer, Str("9223372036854775808"), None),
                (Integer, Float(-12.9), Some(Int(-12))),
                (Integer, Float(9_223_372_036_854_775_808.0), None),
                (Integer, BigInt("9223372036854775808"), None),
                (Integer, Bool(true), None),
                (Boolean, Str("YES"), Some(Bool(true))),
                (Boolean, Str("0"), Some(Bool(false))),
                (Boolean, Str("on"), None),
                (Boolean, Int(-2), Some(Bool(true))),
                (Boolean, Float(1.0), None),
                (Datetime, Str("1970-01-01T00:00:01Z"), Some(DateTime(1_000_000))),
                (Datetime, Int(1), Some(DateTime(1_000_000))),
                (Datetime, Bool(true), None),
                (Integer, Val::Null, Some(Val::Null)),
            ],
        );
    }

    #[test]
    fn properties_take_only_integral_floats_for_integers() {
        table(
            |to, value| convert(to, value, &arena()).map_err(|fault| fault.kind),
            &[
                (ValueType::Integer, Val::Float(2.0), Some(Val::Int(2))),
                (ValueType::Integer, Val::Float(2.5), None),
                (ValueType::Integer, Val::Str("12"), Some(Val::Int(12))),
                (ValueType::String, Val::Int(1), Some(Val::Str("1"))),
            ],
        );
    }

    #[test]
    fn schemas_convert_within_a_kind_only() {
        table(
            |to, value| schema_convert(to, value).map_err(|fault| fault.kind),
            &[
                (ValueType::Integer, Val::Float(2.0), Some(Val::Int(2))),
                (ValueType::Integer, Val::Float(2.5), None),
                (ValueType::Integer, Val::Str("2"), None),
                (ValueType::Integer, Val::BigInt("9223372036854775808"), None),
                (ValueType::Number, Val::Int(2), Some(Val::Float(2.0))),
                (ValueType::String, Val::Int(2), None),
                (ValueType::Boolean, Val::Int(1), None),
                (ValueType::Datetime, Val::Str("1970-01-01"), Some(Val::DateTime(0))),
                (ValueType::Datetime, Val::Int(0), None),
                (ValueType::Datetime, Val::Null, Some(Val::Null)),
            ],
        );
    }
}
