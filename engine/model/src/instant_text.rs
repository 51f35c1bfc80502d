//! Instants as text and as decimal numbers (language.md 5.3). The smaller surface is
//! [`Timestamp`](crate::Timestamp); results here are microseconds.

use crate::TimestampError::{self, OutOfRange, Unreadable};
use crate::calendar::{self, Date};

/// Date and time without offset: `2024-01-15T10:00:00`, with 0, 3 or 6 fraction digits.
pub(crate) fn date_time(micros: i64) -> String {
    let Date { year, month, day } = calendar::date(micros);
    let mut text = String::with_capacity(32);
    push(&mut text, year, 4);
    text.push('-');
    push(&mut text, month, 2);
    text.push('-');
    push(&mut text, day, 2);
    text.push('T');
    push(&mut text, calendar::hour(micros), 2);
    text.push(':');
    push(&mut text, calendar::minute(micros), 2);
    text.push(':');
    push(&mut text, calendar::second(micros), 2);
    match calendar::microsecond(micros) {
        0 => {}
        fraction if fraction % 1_000 == 0 => {
            text.push('.');
            push(&mut text, fraction / 1_000, 3);
        }
        fraction => {
            text.push('.');
            push(&mut text, fraction, 6);
        }
    }
    text
}

/// Appends the last `width` decimal digits of a non-negative number.
fn push(text: &mut String, number: i64, width: u32) {
    for place in (0..width).rev() {
        let digit = number / 10_i64.pow(place) % 10;
        text.push(char::from(b'0' + u8::try_from(digit).unwrap_or_default()));
    }
}

/// Reads a text; `offset` (seconds east of UTC) is that of texts without one.
pub(crate) fn parse(text: &str, offset: i32) -> Result<i64, TimestampError> {
    if let Some(number) = parse_number(text) {
        return number;
    }
    let mut rest = Rest(text.as_bytes());
    let (days, basic) = rest.date().ok_or(Unreadable)?;
    let mut micros = days * calendar::DAY;
    let mut east = i64::from(offset);
    if rest.0.is_empty() {
        if basic {
            return Err(Unreadable);
        }
    } else {
        micros += rest.time_of_day(basic).ok_or(Unreadable)?;
        if let Some(given) = rest.offset().ok_or(Unreadable)? {
            east = given;
        }
    }
    in_range(micros - east * calendar::SECOND)
}

fn in_range(micros: i64) -> Result<i64, TimestampError> {
    if (calendar::MIN..=calendar::MAX).contains(&micros) { Ok(micros) } else { Err(OutOfRange) }
}

/// An optional `-`, nine digits or more, and an optional fraction.
fn parse_number(text: &str) -> Option<Result<i64, TimestampError>> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, text),
    };
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (unsigned, ""),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() < 9 || !digits(whole) || !digits(fraction) {
        return None;
    }
    Some(from_decimal(negative, whole, fraction))
}

/// An epoch number from its decimal digits, cut toward the past.
pub(crate) fn from_decimal(
    negative: bool,
    whole: &str,
    fraction: &str,
) -> Result<i64, TimestampError> {
    let digit = |byte: u8| i64::from(byte - b'0');
    let whole = whole.trim_start_matches('0');
    // Decimal places between the number's unit and microseconds; nanoseconds lose three digits.
    let (places, kept) = match whole.len() {
        0..=11 => (6, whole.len()),
        12..=14 => (3, whole.len()),
        15..=17 => (0, whole.len()),
        18..=21 => (0, whole.len() - 3),
        _ => return Err(OutOfRange),
    };
    let (whole, nanoseconds) = whole.as_bytes().split_at_checked(kept).ok_or(OutOfRange)?;
    let mut number = whole.iter().fold(0, |number, byte| number * 10 + digit(*byte));
    let mut digits = nanoseconds.iter().copied().chain(fraction.bytes());
    for _ in 0..places {
        number = number * 10 + digits.next().map_or(0, digit);
    }
    let cut = digits.any(|byte| byte != b'0');
    if negative {
        number = -number - i64::from(cut);
    }
    in_range(number)
}

/// What is left to read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// Takes one of the given bytes, if it is next.
    fn take(&mut self, wanted: &[u8]) -> bool {
        match self.0.first() {
            Some(byte) if wanted.contains(byte) => self.next().is_some(),
            _ => false,
        }
    }

    #[inline(never)]
    fn digits(&mut self, count: usize) -> Option<i64> {
        let mut number = 0;
        for _ in 0..count {
            let digit = self.next().filter(u8::is_ascii_digit)?;
            number = number * 10 + i64::from(digit - b'0');
        }
        Some(number)
    }

    /// A date, as days since 1970-01-01, and whether it was in basic form.
    fn date(&mut self) -> Option<(i64, bool)> {
        let year = self.digits(4)?;
        let basic = !self.take(b"-");
        let month = self.digits(2)?;
        if !basic && !self.take(b"-") {
            return None;
        }
        let day = self.digits(2)?;
        let exists = year >= 1
            && (1..=12).contains(&month)
            && (1..=calendar::days_in_month(year, month)).contains(&day);
        exists.then(|| (calendar::days_from_date(year, month, day), basic))
    }

    /// Separator and time, as microseconds since midnight. Second 60 is the following second.
    fn time_of_day(&mut self, basic: bool) -> Option<i64> {
        if !self.take(if basic { b"Tt" } else { b"Tt " }) {
            return None;
        }
        let hour = self.digits(2)?;
        if !basic && !self.take(b":") {
            return None;
        }
        let minute = self.digits(2)?;
        let more =
            if basic { self.0.first().is_some_and(u8::is_ascii_digit) } else { self.take(b":") };
        let mut second = 0;
        let mut fraction = 0;
        if more {
            second = self.digits(2)?;
            if self.take(b".,") {
                fraction = self.fraction()?;
            }
        }
        (hour <= 23 && minute <= 59 && second <= 60).then_some(
            hour * calendar::HOUR
                + minute * calendar::MINUTE
                + second * calendar::SECOND
                + fraction,
        )
    }

    /// One digit or more, as microseconds; further digits are cut.
    fn fraction(&mut self) -> Option<i64> {
        let mut scale = 100_000;
        let mut micros = self.digits(1)? * scale;
        while let Some(digit) = self.0.first().filter(|byte| byte.is_ascii_digit()) {
            scale /= 10;
            micros += i64::from(digit - b'0') * scale;
            self.next();
        }
        Some(micros)
    }

    /// Offset in seconds east of UTC up to the end of the text; `Some(None)` when there is none.
    fn offset(&mut self) -> Option<Option<i64>> {
        let sign = match self.next() {
            None => return Some(None),
            Some(b'Z' | b'z') => return self.0.is_empty().then_some(Some(0)),
            Some(b'+') => 1,
            Some(b'-') => -1,
            Some(_) => return None,
        };
        let hours = self.digits(2)?;
        let minutes = if self.0.is_empty() {
            0
        } else {
            self.take(b":");
            self.digits(2)?
        };
        (self.0.is_empty() && hours <= 23 && minutes <= 59)
            .then_some(Some(sign * (hours * 3_600 + minutes * 60)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn accepted_texts() {
        for (text, instant) in [
            ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00+00:00"),
            ("2024-01-15T12:30:00+02:30", "2024-01-15T10:00:00+00:00"),
            ("2024-01-15t10:00:00z", "2024-01-15T10:00:00+00:00"),
            ("2024-01-15 10:00:00Z", "2024-01-15T10:00:00+00:00"),
            ("2024-01-15T10:00:00.123456789Z", "2024-01-15T10:00:00.123456+00:00"),
            ("2024-01-15T10:00:00,5Z", "2024-01-15T10:00:00.500+00:00"),
            ("2024-01-15T10:00:00+0200", "2024-01-15T08:00:00+00:00"),
            ("2024-01-15T10:00:00-02", "2024-01-15T12:00:00+00:00"),
            ("2024-01-15T10:30Z", "2024-01-15T10:30:00+00:00"),
            ("20240115T100000Z", "2024-01-15T10:00:00+00:00"),
            ("20240115T100000.25+0130", "2024-01-15T08:30:00.250+00:00"),
            ("2024-01-15T10:00:00", "2024-01-15T10:00:00+00:00"),
            ("2024-01-15 10:00:00", "2024-01-15T10:00:00+00:00"),
            ("2024-01-15", "2024-01-15T00:00:00+00:00"),
            ("2024-02-29", "2024-02-29T00:00:00+00:00"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00"),
            ("1705312800", "2024-01-15T10:00:00+00:00"),
            ("-100000000.5", "1966-10-31T14:13:19.500+00:00"),
            ("1705312800123.9", "2024-01-15T10:00:00.123900+00:00"),
        ] {
            assert_eq!(Timestamp::parse_text(text).unwrap().to_string(), instant, "{text}");
        }
    }

    #[test]
    fn refused_texts() {
        for text in [
            "",
            " ",
            "now",
            "2024",
            "2024-1-1",
            "2024-13-01",
            "2023-02-29",
            "2024-01-15T24:00:00Z",
            "2024-01-15T10:60:00Z",
            "2024-01-15T10:00:61Z",
            " 2024-01-15",
            "2024-01-15 ",
            "2024-01-15T10:00:00.Z",
            "2024-01-15T",
            "2024-01-15T10Z",
            "2024-01-15Z",
            "20240115",
            "2024-01-15T10:00:00+24:00",
            "2024-01-15T10:00:00+2",
            "2024-01-15T10:00:00Z+01:00",
            "0000-01-01",
            "+10000-01-01T00:00:00Z",
            "12345678",
            "1705312800.",
            "+1705312800",
            "2024-01-15T10:00:00 Z",
            "2024–01–15",
            "Mon, 15 Jan 2024 10:00:00 GMT",
        ] {
            assert_eq!(Timestamp::parse_text(text), Err(Unreadable), "{text}");
        }
        for text in
            ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-01:00", "9".repeat(60).as_str()]
        {
            assert_eq!(Timestamp::parse_text(text), Err(OutOfRange), "{text}");
        }
    }

    #[test]
    fn an_offset_serves_only_texts_without_one() {
        let hour = |text| calendar::hour(parse(text, 7_200).unwrap());
        assert_eq!(hour("2024-01-15T10:00:00"), 8);
        assert_eq!(hour("2024-01-15T10:00:00Z"), 10);
        assert_eq!(hour("1705312800"), 10);
    }
}
