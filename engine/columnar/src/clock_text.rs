//! Dates, times of day and instants of any unit as text.

use defacto_model::Timestamp;

const NANOS: i64 = 1_000_000_000;
const DAY_SECONDS: i64 = 86_400;
const MICROS: i64 = 1_000_000;

/// What is wrong with an instant that no event can have.
pub(crate) const OUT_OF_RANGE: &str = "is outside the years 0001 to 9999";

/// RFC 3339 text of an instant given in so many units a second; without offset when it is local.
/// The fraction has 0, 3, 6 or 9 digits, whichever is shortest exact.
pub(crate) fn instant(value: i64, per_second: i64, local: bool) -> Result<String, String> {
    let mut text = whole(value.div_euclid(per_second))?;
    push_fraction(&mut text, value.rem_euclid(per_second) * (NANOS / per_second));
    if !local {
        text.push_str("+00:00");
    }
    Ok(text)
}

/// `YYYY-MM-DD` of a day counted from 1970-01-01.
pub(crate) fn date(days: i64) -> Result<String, String> {
    let mut text = whole(days.checked_mul(DAY_SECONDS).ok_or(OUT_OF_RANGE)?)?;
    text.truncate("0000-00-00".len());
    Ok(text)
}

/// `HH:MM:SS` of a time of day given in so many units a second.
pub(crate) fn time_of_day(value: i64, per_second: i64) -> Result<String, String> {
    let seconds = value.div_euclid(per_second);
    if !(0..DAY_SECONDS).contains(&seconds) {
        return Err("is no time of day".to_owned());
    }
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let mut text = format!("{hour:02}:{minute:02}:{second:02}");
    push_fraction(&mut text, value.rem_euclid(per_second) * (NANOS / per_second));
    Ok(text)
}

/// Date and time of a second counted from 1970-01-01, without offset.
fn whole(seconds: i64) -> Result<String, String> {
    let at = seconds.checked_mul(MICROS).and_then(Timestamp::from_micros).ok_or(OUT_OF_RANGE)?;
    let mut text = at.to_zulu();
    text.pop();
    Ok(text)
}

fn push_fraction(text: &mut String, nanos: i64) {
    if nanos == 0 {
    } else if nanos % 1_000_000 == 0 {
        text.push_str(&format!(".{:03}", nanos / 1_000_000));
    } else if nanos % 1_000 == 0 {
        text.push_str(&format!(".{:06}", nanos / 1_000));
    } else {
        text.push_str(&format!(".{nanos:09}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_of_every_unit() {
        for (value, per_second, text) in [
            (0, 1, "1970-01-01T00:00:00"),
            (-1, 1_000, "1969-12-31T23:59:59.999"),
            (1_705_312_800_123_456, 1_000_000, "2024-01-15T10:00:00.123456"),
            (1_705_312_800_123_456_789, NANOS, "2024-01-15T10:00:00.123456789"),
            (1_705_312_800_500_000_000, NANOS, "2024-01-15T10:00:00.500"),
        ] {
            assert_eq!(instant(value, per_second, true).unwrap(), text);
            assert_eq!(instant(value, per_second, false).unwrap(), format!("{text}+00:00"));
        }
        for value in [i64::MAX, i64::MIN, 253_402_300_800] {
            assert_eq!(instant(value, 1, true).unwrap_err(), OUT_OF_RANGE);
        }
    }

    #[test]
    fn dates_and_times_of_day() {
        assert_eq!(date(-719_162).unwrap(), "0001-01-01");
        assert_eq!(date(19_737).unwrap(), "2024-01-15");
        assert!(date(i64::MAX).is_err());
        assert_eq!(time_of_day(86_399_999, 1_000).unwrap(), "23:59:59.999");
        assert_eq!(time_of_day(0, NANOS).unwrap(), "00:00:00");
        for value in [-1, 86_400] {
            assert!(time_of_day(value, 1).is_err());
        }
    }
}
