use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::calendar;
use crate::instant_text;

/// An instant in UTC, in microseconds since 1970-01-01T00:00:00Z, within the years 0001 to 9999.
///
/// Its text is RFC 3339 with `+00:00` and 0, 3 or 6 fraction digits, whichever is shortest exact
/// (language.md 4.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A signed span of time in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Micros(pub i64);

/// Why something is no instant (language.md 5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// The text has none of the accepted forms, or names a day or time that does not exist.
    #[error("not a date-time")]
    Unreadable,
    /// The instant lies outside the years 0001 to 9999.
    #[error("outside the years 0001 to 9999")]
    OutOfRange,
}

impl Timestamp {
    /// 0001-01-01T00:00:00Z.
    pub const MIN: Timestamp = Timestamp(calendar::MIN);
    /// The last microsecond of the year 9999.
    pub const MAX: Timestamp = Timestamp(calendar::MAX);
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Timestamp = Timestamp(0);

    /// The instant so many microseconds after 1970-01-01T00:00:00Z; `None` outside the range.
    pub const fn from_micros(micros: i64) -> Option<Timestamp> {
        if micros >= calendar::MIN && micros <= calendar::MAX {
            Some(Timestamp(micros))
        } else {
            None
        }
    }

    /// The nearest instant in range.
    pub const fn saturating_from_micros(micros: i64) -> Timestamp {
        if micros < calendar::MIN {
            Timestamp::MIN
        } else if micros > calendar::MAX {
            Timestamp::MAX
        } else {
            Timestamp(micros)
        }
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The instant a span later (or earlier); `None` outside the range.
    pub fn checked_add(self, span: Micros) -> Option<Timestamp> {
        Timestamp::from_micros(self.0.checked_add(span.0)?)
    }

    /// The span from `earlier` to this instant; it always fits.
    pub const fn since(self, earlier: Timestamp) -> Micros {
        Micros(self.0 - earlier.0)
    }

    /// Reads a text by the rules of language.md 5.3: RFC 3339 and its relatives, and epoch numbers
    /// of nine digits or more. Text without an offset is UTC; digits beyond microseconds are cut.
    ///
    /// # Errors
    /// Any other text, and instants out of range.
    pub fn parse_text(text: &str) -> Result<Timestamp, TimestampError> {
        instant_text::parse(text, 0).map(Timestamp)
    }

    /// As [`Timestamp::parse_text`], with the offset (seconds east of UTC) that text without one
    /// has.
    ///
    /// # Errors
    /// As [`Timestamp::parse_text`].
    pub fn parse_text_at(text: &str, offset_seconds: i32) -> Result<Timestamp, TimestampError> {
        instant_text::parse(text, offset_seconds).map(Timestamp)
    }

    /// Reads an epoch number; its magnitude tells seconds, milliseconds, microseconds and
    /// nanoseconds apart (language.md 5.3).
    ///
    /// # Errors
    /// [`TimestampError::OutOfRange`].
    pub fn from_number(number: i64) -> Result<Timestamp, TimestampError> {
        let micros = match number.unsigned_abs() {
            0..100_000_000_000 => number * 1_000_000,
            100_000_000_000..100_000_000_000_000 => number * 1_000,
            100_000_000_000_000..100_000_000_000_000_000 => number,
            _ => number.div_euclid(1_000),
        };
        Timestamp::from_micros(micros).ok_or(TimestampError::OutOfRange)
    }

    /// Reads an epoch number with a fraction, taken by its shortest decimal digits and cut to
    /// microseconds toward the past (decisions.md 45).
    ///
    /// # Errors
    /// [`TimestampError::OutOfRange`], also for what is not finite.
    pub fn from_float(number: f64) -> Result<Timestamp, TimestampError> {
        if !number.is_finite() || number.abs() >= 1e21 {
            return Err(TimestampError::OutOfRange);
        }
        let text = crate::display_float(number.abs());
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        instant_text::from_decimal(number.is_sign_negative(), whole, fraction).map(Timestamp)
    }

    /// The text with `Z` in place of `+00:00`, as event ids hash it (language.md 5.6).
    pub fn to_zulu(self) -> String {
        let mut text = instant_text::date_time(self.0);
        text.push('Z');
        text
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&instant_text::date_time(self.0))?;
        f.write_str("+00:00")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        Timestamp::parse_text(text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Timestamp::parse_text(&text).map_err(de::Error::custom)
    }
}

impl Micros {
    /// Seconds as a float: how durations appear in JSON.
    #[expect(clippy::cast_precision_loss, reason = "language.md 4.3: seconds as Float")]
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_the_shortest_exact_fraction() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00+00:00"),
            (500_000, "1970-01-01T00:00:00.500+00:00"),
            (1, "1970-01-01T00:00:00.000001+00:00"),
            (-1, "1969-12-31T23:59:59.999999+00:00"),
            (calendar::MIN, "0001-01-01T00:00:00+00:00"),
            (calendar::MAX, "9999-12-31T23:59:59.999999+00:00"),
        ] {
            let timestamp = Timestamp::from_micros(micros).unwrap();
            assert_eq!(timestamp.to_string(), text);
            assert_eq!(text.parse(), Ok(timestamp));
        }
    }

    #[test]
    fn magnitude_tells_the_unit_of_a_number() {
        for (number, text) in [
            (0, "1970-01-01T00:00:00+00:00"),
            (-1, "1969-12-31T23:59:59+00:00"),
            (1_705_312_800, "2024-01-15T10:00:00+00:00"),
            (99_999_999_999, "5138-11-16T09:46:39+00:00"),
            (100_000_000_000, "1973-03-03T09:46:40+00:00"),
            (1_705_312_800_123, "2024-01-15T10:00:00.123+00:00"),
            (1_705_312_800_123_456, "2024-01-15T10:00:00.123456+00:00"),
            (1_705_312_800_123_456_789, "2024-01-15T10:00:00.123456+00:00"),
            (-100_000_000_001, "1966-10-31T14:13:19.999+00:00"),
            (-100_000_000_000_000_001, "1966-10-31T14:13:19.999999+00:00"),
        ] {
            assert_eq!(Timestamp::from_number(number).unwrap().to_string(), text);
            let digits = number.to_string();
            if digits.len() > 9 {
                assert_eq!(digits.parse(), Timestamp::from_number(number));
            }
        }
        for number in [-99_999_999_999, -62_135_596_801] {
            assert_eq!(Timestamp::from_number(number), Err(TimestampError::OutOfRange));
        }
    }

    #[test]
    fn floats_are_cut_by_their_shortest_digits() {
        for (number, text) in [
            (-0.5, "1969-12-31T23:59:59.500+00:00"),
            (-1.5, "1969-12-31T23:59:58.500+00:00"),
            (1_705_312_800.999_999, "2024-01-15T10:00:00.999999+00:00"),
            (0.000_000_1, "1970-01-01T00:00:00+00:00"),
            (-0.000_000_1, "1969-12-31T23:59:59.999999+00:00"),
            (1e12, "2001-09-09T01:46:40+00:00"),
        ] {
            assert_eq!(Timestamp::from_float(number).unwrap().to_string(), text);
        }
        for number in [1e300, -1e25, -9.9e10] {
            assert_eq!(Timestamp::from_float(number), Err(TimestampError::OutOfRange));
        }
    }
}
