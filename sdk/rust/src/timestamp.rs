/// An instant: microseconds since 1970-01-01T00:00:00Z, within the years 0001 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// 0001-01-01T00:00:00Z.
const FIRST: i64 = -62_135_596_800 * SECOND;
/// The last microsecond of 9999.
const LAST: i64 = 253_402_300_800 * SECOND - 1;

impl Timestamp {
    /// From microseconds since 1970, or `None` outside of the years 0001 to 9999.
    pub const fn from_micros(micros: i64) -> Option<Self> {
        if micros < FIRST || micros > LAST { None } else { Some(Self(micros)) }
    }

    /// From Unix seconds.
    pub const fn from_seconds(seconds: i64) -> Option<Self> {
        match seconds.checked_mul(SECOND) {
            Some(micros) => Self::from_micros(micros),
            None => None,
        }
    }

    /// From Unix milliseconds.
    pub const fn from_millis(millis: i64) -> Option<Self> {
        match millis.checked_mul(1_000) {
            Some(micros) => Self::from_micros(micros),
            None => None,
        }
    }

    /// Midnight UTC of a day of the calendar, or `None` when there is no such day.
    ///
    /// ```
    /// use defacto_sdk::Timestamp;
    ///
    /// let day = Timestamp::from_date(2024, 2, 29).unwrap();
    /// assert_eq!(day.to_string(), "2024-02-29T00:00:00+00:00");
    /// assert_eq!(Timestamp::from_date(2023, 2, 29), None);
    /// ```
    pub const fn from_date(year: i32, month: u32, day: u32) -> Option<Self> {
        if year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 {
            return None;
        }
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        if day > last {
            return None;
        }
        // Days since 0000-03-01, counted in years that start in March.
        let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let years = years as i64;
        let days = years * 365 + years / 4 - years / 100
            + years / 400
            + ((153 * months + 2) / 5) as i64
            + (day - 1) as i64;
        Self::from_micros((days - 719_468) * DAY)
    }

    /// The same day at a time of the clock, `offset` minutes east of UTC; `None` when there is no such time.
    ///
    /// ```
    /// use defacto_sdk::Timestamp;
    ///
    /// let day = Timestamp::from_date(2000, 10, 10).unwrap();
    /// let at = day.at_clock(13, 55, 36, -7 * 60).unwrap();
    /// assert_eq!(at.to_string(), "2000-10-10T20:55:36+00:00");
    /// ```
    pub const fn at_clock(self, hour: u32, minute: u32, second: u32, offset: i32) -> Option<Self> {
        if hour > 23 || minute > 59 || second > 59 || offset.unsigned_abs() >= 1_440 {
            return None;
        }
        let seconds = hour as i64 * 3_600 + minute as i64 * 60 + second as i64;
        Self::from_micros(self.0 + (seconds - offset as i64 * 60) * SECOND)
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }
}

impl std::fmt::Display for Timestamp {
    /// RFC 3339 with `+00:00`, and as many digits of a second as it takes: 0, 3 or 6.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (days, time) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        // The inverse of `from_date`.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let years = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * years + years / 4 - years / 100);
        let months = (5 * of_year + 2) / 153;
        let day = of_year - (153 * months + 2) / 5 + 1;
        let month = if months < 10 { months + 3 } else { months - 9 };
        let year = years + era * 400 + i64::from(month <= 2);
        let (seconds, micros) = (time / SECOND, time % SECOND);
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        match micros {
            0 => {}
            whole if whole % 1_000 == 0 => write!(f, ".{:03}", whole / 1_000)?,
            micros => write!(f, ".{micros:06}")?,
        }
        f.write_str("+00:00")
    }
}
