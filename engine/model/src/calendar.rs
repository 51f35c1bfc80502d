//! Arithmetic of the proleptic Gregorian calendar on microseconds since 1970-01-01T00:00:00Z.
//!
//! Whole-number arithmetic only, without tables or allocation, so that a module that asks for one
//! field of an instant carries little else. All functions are total; instants are taken to lie in
//! the years 0001 to 9999 ([`MIN`] to [`MAX`]).

/// Microseconds of a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds of a minute.
pub const MINUTE: i64 = 60 * SECOND;
/// Microseconds of an hour.
pub const HOUR: i64 = 60 * MINUTE;
/// Microseconds of a day.
pub const DAY: i64 = 24 * HOUR;
/// 0001-01-01T00:00:00Z.
pub const MIN: i64 = -719_162 * DAY;
/// The last microsecond of 9999-12-31.
pub const MAX: i64 = 2_932_897 * DAY - 1;

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Year, 1 to 9999 for instants in range.
    pub year: i64,
    /// Month, 1 to 12.
    pub month: i64,
    /// Day of the month, 1 to 31.
    pub day: i64,
}

/// Unit of truncation (language.md 4.9, `date_trunc`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the language")]
pub enum Unit {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
}

impl Unit {
    /// The unit of that name.
    pub fn from_name(name: &str) -> Option<Unit> {
        Some(match name {
            "year" => Unit::Year,
            "quarter" => Unit::Quarter,
            "month" => Unit::Month,
            "week" => Unit::Week,
            "day" => Unit::Day,
            "hour" => Unit::Hour,
            "minute" => Unit::Minute,
            "second" => Unit::Second,
            _ => return None,
        })
    }
}

/// Days from 1970-01-01 to a date.
pub const fn days_from_date(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Date of a day counted from 1970-01-01.
pub const fn date_from_days(days: i64) -> Date {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    Date { year, month, day }
}

/// Number of days of a month.
pub const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Day of an instant, counted from 1970-01-01.
pub const fn day_number(micros: i64) -> i64 {
    micros.div_euclid(DAY)
}

/// Date of an instant, in UTC.
pub const fn date(micros: i64) -> Date {
    date_from_days(day_number(micros))
}

/// Microseconds since midnight.
pub const fn time_of_day(micros: i64) -> i64 {
    micros.rem_euclid(DAY)
}

/// Hour, 0 to 23.
pub const fn hour(micros: i64) -> i64 {
    time_of_day(micros) / HOUR
}

/// Minute, 0 to 59.
pub const fn minute(micros: i64) -> i64 {
    time_of_day(micros) / MINUTE % 60
}

/// Second, 0 to 59.
pub const fn second(micros: i64) -> i64 {
    time_of_day(micros) / SECOND % 60
}

/// Microsecond of the second.
pub const fn microsecond(micros: i64) -> i64 {
    micros.rem_euclid(SECOND)
}

/// Day of the week: 0 Monday to 6 Sunday.
pub const fn day_of_week(micros: i64) -> i64 {
    (day_number(micros) + 3).rem_euclid(7)
}

/// Week of the ISO 8601 calendar, 1 to 53: the week of the Thursday nearest the day.
pub const fn iso_week(micros: i64) -> i64 {
    let thursday = day_number(micros) - day_of_week(micros) + 3;
    let year = date_from_days(thursday).year;
    (thursday - days_from_date(year, 1, 1)) / 7 + 1
}

/// Start of the unit that contains an instant; weeks start on Monday. The first days of year 1
/// have their week's Monday in year 1 as well.
pub const fn truncate(micros: i64, unit: Unit) -> i64 {
    match unit {
        Unit::Second => micros - micros.rem_euclid(SECOND),
        Unit::Minute => micros - micros.rem_euclid(MINUTE),
        Unit::Hour => micros - micros.rem_euclid(HOUR),
        Unit::Day => day_number(micros) * DAY,
        Unit::Week => (day_number(micros) - day_of_week(micros)) * DAY,
        Unit::Month => {
            let Date { year, month, .. } = date(micros);
            days_from_date(year, month, 1) * DAY
        }
        Unit::Quarter => {
            let Date { year, month, .. } = date(micros);
            days_from_date(year, (month - 1) / 3 * 3 + 1, 1) * DAY
        }
        Unit::Year => days_from_date(date(micros).year, 1, 1) * DAY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_is_years_1_to_9999() {
        assert_eq!(date(MIN), Date { year: 1, month: 1, day: 1 });
        assert_eq!(date(MAX), Date { year: 9999, month: 12, day: 31 });
        assert_eq!(date(MIN - 1).year, 0);
        assert_eq!(date(MAX + 1).year, 10_000);
        assert_eq!(day_of_week(MIN), 0);
    }

    #[test]
    fn every_day_leads_back_and_follows_its_predecessor() {
        let mut expected = Date { year: 1, month: 1, day: 1 };
        for days in day_number(MIN)..=day_number(MAX) {
            let date = date_from_days(days);
            assert_eq!(date, expected);
            assert_eq!(days_from_date(date.year, date.month, date.day), days);
            expected.day += 1;
            if expected.day > days_in_month(date.year, date.month) {
                expected = Date { year: date.year, month: date.month + 1, day: 1 };
            }
            if expected.month > 12 {
                expected = Date { year: date.year + 1, month: 1, day: 1 };
            }
        }
    }

    #[test]
    fn weeks_are_those_of_iso_8601() {
        let week = |year, month, day| iso_week(days_from_date(year, month, day) * DAY);
        assert_eq!(week(2024, 1, 1), 1);
        assert_eq!(week(2023, 1, 1), 52);
        assert_eq!(week(2021, 1, 3), 53);
        assert_eq!(week(2020, 12, 31), 53);
        assert_eq!(week(2024, 12, 30), 1);
    }

    #[test]
    fn truncation_goes_to_the_start_before_and_after_1970() {
        let at = |year, month, day, rest| days_from_date(year, month, day) * DAY + rest;
        let instant = at(1969, 8, 14, 13 * HOUR + 7 * MINUTE + 9 * SECOND + 5);
        for (unit, start) in [
            (Unit::Year, at(1969, 1, 1, 0)),
            (Unit::Quarter, at(1969, 7, 1, 0)),
            (Unit::Month, at(1969, 8, 1, 0)),
            (Unit::Week, at(1969, 8, 11, 0)),
            (Unit::Day, at(1969, 8, 14, 0)),
            (Unit::Hour, at(1969, 8, 14, 13 * HOUR)),
            (Unit::Minute, at(1969, 8, 14, 13 * HOUR + 7 * MINUTE)),
            (Unit::Second, instant - 5),
        ] {
            assert_eq!(truncate(instant, unit), start);
        }
    }
}
