//! The function `parse_datetime` (language.md 4.9).

use chrono::format::{Item, Parsed, StrftimeItems};
use chrono::{NaiveDateTime, NaiveTime};
use defacto_model::calendar;

use crate::example::{fails, gives};
use crate::function::unfit;
use crate::{Cx, Example, Fault, FaultKind, Function, Parameter, Returns, Signature, Val};

/// How it is called.
pub const SIGNATURE: Signature =
    Signature::fixed("parse_datetime", &[Parameter::String, Parameter::String], Returns::DateTime);

/// Calls and their results.
pub const EXAMPLES: &[Example] = &[
    gives(
        &[Val::Str("1970-01-02 00:00:00.25"), Val::Str("%Y-%m-%d %H:%M:%S%.f")],
        Val::DateTime(86_400_250_000),
    ),
    gives(&[Val::Str("02.01.1970"), Val::Str("%d.%m.%Y")], Val::DateTime(86_400_000_000)),
    gives(&[Val::Str("1970-01-01 02:00 +0200"), Val::Str("%Y-%m-%d %H:%M %z")], Val::DateTime(0)),
    gives(&[Val::Str("86400"), Val::Str("%s")], Val::DateTime(86_400_000_000)),
    gives(&[Val::Str("1969-12-31 23:59:60"), Val::Str("%F %T")], Val::DateTime(0)),
    gives(
        &[Val::Str("Jan 1 1970 3 PM"), Val::Str("%b %d %Y %I %p")],
        Val::DateTime(54_000_000_000),
    ),
    fails(&[Val::Str("1970-02-30"), Val::Str("%Y-%m-%d")], FaultKind::Domain),
    fails(&[Val::Str("1970-01-01x"), Val::Str("%Y-%m-%d")], FaultKind::Domain),
    fails(&[Val::Str("10:00"), Val::Str("%H:%M")], FaultKind::Domain),
    fails(&[Val::Str("x"), Val::Str("%Q")], FaultKind::Domain),
    fails(&[Val::Int(1), Val::Str("%s")], FaultKind::Argument),
];

/// `parse_datetime(s, fmt)`: an instant from a text by strftime codes. The text is in UTC unless it
/// carries an offset that the format reads; a date without time is midnight.
///
/// # Errors
/// [`FaultKind::Argument`]; [`FaultKind::Domain`] when text and format do not match, the format is
/// invalid, or the instant is out of range.
pub fn call<'a>(args: &[Val<'a>], _cx: &Cx<'a>) -> Result<Val<'a>, Fault<'a>> {
    match args {
        [Val::Str(text), Val::Str(format)] => match parse(text, format, 0) {
            Some(micros) => Ok(Val::DateTime(micros)),
            None => Err(Fault::of_two(
                FaultKind::Domain,
                Function::ParseDatetime as u32,
                Val::Str(text),
                Val::Str(format),
            )),
        },
        _ => unfit(Function::ParseDatetime, &SIGNATURE, args),
    }
}

/// Whether a format consists of known codes only.
pub fn format_is_valid(format: &str) -> bool {
    StrftimeItems::new(format).all(|item| !matches!(item, Item::Error))
}

/// The instant of a text, in microseconds; `offset` (seconds east of UTC) is that of texts whose
/// format reads none.
pub(crate) fn parse(text: &str, format: &str, offset: i32) -> Option<i64> {
    let mut parsed = Parsed::new();
    chrono::format::parse(&mut parsed, text, StrftimeItems::new(format)).ok()?;
    let offset = parsed.offset().unwrap_or(offset);
    let local = local_date_time(&parsed, offset)?;
    let micros = local.and_utc().timestamp_micros() - i64::from(offset) * calendar::SECOND;
    (calendar::MIN..=calendar::MAX).contains(&micros).then_some(micros)
}

fn local_date_time(parsed: &Parsed, offset: i32) -> Option<NaiveDateTime> {
    if parsed.timestamp().is_some() {
        return parsed.to_naive_datetime_with_offset(offset).ok();
    }
    let date = parsed.to_naive_date().ok()?;
    let timeless = parsed.hour_div_12().is_none() && parsed.hour_mod_12().is_none();
    if timeless && parsed.minute().is_none() && parsed.second().is_none() {
        return Some(date.and_time(NaiveTime::MIN));
    }
    let mut timed = parsed.clone();
    if timed.minute().is_none() && timed.second().is_none() {
        timed.set_minute(0).ok()?;
    }
    Some(date.and_time(timed.to_naive_time().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_judged_without_text() {
        assert!(format_is_valid("%Y-%m-%dT%H:%M:%S%.3f%:z literal"));
        assert!(!format_is_valid("%Q"));
        assert!(!format_is_valid("%"));
    }

    #[test]
    fn an_offset_serves_texts_without_one() {
        assert_eq!(parse("1970-01-01 02:00", "%F %R", 7_200), Some(0));
        assert_eq!(parse("1970-01-01 00:00 +0000", "%F %R %z", 7_200), Some(0));
        assert_eq!(parse("0", "%s", 7_200), Some(0));
        assert_eq!(parse("10000-01-01", "%Y-%m-%d", 0), None);
        assert_eq!(parse("+10000-01-01", "%Y-%m-%d", 0), None);
    }
}
