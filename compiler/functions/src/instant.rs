use defacto_model::{Timestamp, nearest_float};

use crate::{Fault, FaultKind, Val, parse_datetime};

/// The instant of a raw timestamp, in microseconds (language.md 5.3). An instant is taken as it is.
///
/// # Errors
/// [`FaultKind::Timestamp`].
pub fn timestamp<'a>(value: &Val<'a>) -> Result<i64, Fault<'a>> {
    timestamp_at(value, 0)
}

/// As [`timestamp`], with the offset (seconds east of UTC) that texts without one have.
///
/// # Errors
/// [`FaultKind::Timestamp`].
pub fn timestamp_at<'a>(value: &Val<'a>, offset: i32) -> Result<i64, Fault<'a>> {
    read(value, offset).ok_or(Fault::new(FaultKind::Timestamp, 0, *value))
}

/// The instant of a raw timestamp by a strftime format. Texts whose format reads no offset have
/// the one given. An Int is read by its decimal digits.
///
/// # Errors
/// [`FaultKind::Timestamp`].
pub fn timestamp_by_format<'a>(
    value: &Val<'a>,
    format: &str,
    offset: i32,
) -> Result<i64, Fault<'a>> {
    let found = match value {
        Val::Str(text) => parse_datetime::parse(text, format, offset),
        Val::Int(int) => parse_datetime::parse(&int.to_string(), format, offset),
        _ => None,
    };
    found.ok_or(Fault::new(FaultKind::Timestamp, 0, *value))
}

/// What text and numbers mean as instants.
pub(crate) fn read(value: &Val<'_>, offset: i32) -> Option<i64> {
    let instant = match value {
        Val::Str(text) => Timestamp::parse_text_at(text, offset),
        Val::Int(int) => Timestamp::from_number(*int),
        Val::Float(float) => Timestamp::from_float(*float),
        Val::BigInt(digits) => Timestamp::from_float(nearest_float(digits)),
        Val::DateTime(micros) => return Some(*micros),
        _ => return None,
    };
    instant.ok().map(Timestamp::as_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_timestamps() {
        let of = |value: Val<'static>| timestamp(&value).map_err(|fault| fault.kind);
        assert_eq!(of(Val::Str("1970-01-02")), Ok(86_400_000_000));
        assert_eq!(of(Val::Int(-1)), Ok(-1_000_000));
        assert_eq!(of(Val::Float(-0.5)), Ok(-500_000));
        assert_eq!(of(Val::BigInt("9223372036854775808")), Ok(9_223_372_036_854_776));
        for bad in [Val::Null, Val::Bool(true), Val::List(&[]), Val::Object(&[]), Val::Str("now")] {
            assert_eq!(of(bad), Err(FaultKind::Timestamp));
        }
    }

    #[test]
    fn formats_read_text_and_digits() {
        let of = |value: Val<'static>, format, offset| {
            timestamp_by_format(&value, format, offset).map_err(|fault| fault.kind)
        };
        assert_eq!(of(Val::Str("02.01.1970"), "%d.%m.%Y", 0), Ok(86_400_000_000));
        assert_eq!(of(Val::Str("02.01.1970"), "%d.%m.%Y", 3_600), Ok(82_800_000_000));
        assert_eq!(of(Val::Int(19_700_102), "%Y%m%d", 0), Ok(86_400_000_000));
        assert_eq!(of(Val::Float(1.0), "%Y", 0), Err(FaultKind::Timestamp));
        assert_eq!(of(Val::Str("x"), "%Y", 0), Err(FaultKind::Timestamp));
    }
}
