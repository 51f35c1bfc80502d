//! Days of the calendar.

use defacto_sdk::Timestamp;

#[test]
fn every_day_follows_the_one_before() {
    let mut at = Timestamp::from_date(1, 1, 1).unwrap();
    assert_eq!(at.to_string(), "0001-01-01T00:00:00+00:00");
    let mut days = 0;
    for year in 1..=9999 {
        for month in 1..=12 {
            for day in 1..=31 {
                let Some(next) = Timestamp::from_date(year, month, day) else { continue };
                if days > 0 {
                    assert_eq!(next.micros() - at.micros(), 86_400_000_000);
                }
                if day == 1 || day > 27 {
                    assert!(
                        next.to_string().starts_with(&format!("{year:04}-{month:02}-{day:02}T"))
                    );
                }
                at = next;
                days += 1;
            }
        }
    }
    assert_eq!(days, 3_652_059);
    assert_eq!(Timestamp::from_date(1970, 1, 1).map(Timestamp::micros), Some(0));
}

#[test]
fn what_is_no_instant_is_none() {
    assert_eq!(Timestamp::from_micros(i64::MAX), None);
    assert_eq!(Timestamp::from_seconds(i64::MAX), None);
    assert_eq!(Timestamp::from_millis(i64::MIN), None);
    for (year, month, day) in
        [(0, 1, 1), (10_000, 1, 1), (2023, 0, 1), (2023, 13, 1), (2023, 4, 31)]
    {
        assert_eq!(Timestamp::from_date(year, month, day), None);
    }
    let first = Timestamp::from_date(1, 1, 1).unwrap();
    assert_eq!(first.at_clock(0, 0, 0, 1), None, "a minute before the first");
    assert_eq!(first.at_clock(24, 0, 0, 0), None);
    let last = Timestamp::from_date(9999, 12, 31).unwrap().at_clock(23, 59, 59, 0).unwrap();
    assert_eq!(last.to_string(), "9999-12-31T23:59:59+00:00");
}

#[test]
fn digits_of_a_second_are_as_few_as_it_takes() {
    let text = |micros| Timestamp::from_micros(micros).unwrap().to_string();
    assert_eq!(text(1_500_000), "1970-01-01T00:00:01.500+00:00");
    assert_eq!(text(1), "1970-01-01T00:00:00.000001+00:00");
    assert_eq!(text(-1), "1969-12-31T23:59:59.999999+00:00");
}
