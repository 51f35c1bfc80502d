//! Thresholds of time rules (language.md 2.8).

use defacto_definitions::Literal;
use defacto_model::Timestamp;

/// A threshold in microseconds: positive, and no longer than all of time.
pub(crate) fn micros(literal: &Literal) -> Result<i64, String> {
    let Literal::String(text) = literal else {
        return Err("a threshold is a text such as `30d`, `12h` or `1d12h`".into());
    };
    let text = text.trim();
    let bad = || format!("`{text}` is no threshold");
    let too_long = || format!("`{text}` is longer than the years 0001 to 9999");
    let mut total: i64 = 0;
    let mut digits = String::new();
    let mut parts = 0;
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let unit = unit_micros(c).ok_or_else(bad)?;
        if digits.is_empty() {
            return Err(bad());
        }
        let count: i64 = digits.parse().map_err(|_| too_long())?;
        total = count
            .checked_mul(unit)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(too_long)?;
        digits.clear();
        parts += 1;
    }
    if parts == 0 || !digits.is_empty() {
        return Err(bad());
    }
    if total == 0 {
        return Err("a threshold must be longer than zero".into());
    }
    let longest = Timestamp::MAX.as_micros().saturating_sub(Timestamp::MIN.as_micros());
    if total > longest {
        return Err(too_long());
    }
    Ok(total)
}

const fn unit_micros(unit: char) -> Option<i64> {
    const SECOND: i64 = 1_000_000;
    Some(match unit {
        's' => SECOND,
        'm' => 60 * SECOND,
        'h' => 3_600 * SECOND,
        'd' => 86_400 * SECOND,
        'w' => 7 * 86_400 * SECOND,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<i64, String> {
        micros(&Literal::String(text.into()))
    }

    #[test]
    fn digits_and_units() {
        assert_eq!(of(" 30d "), Ok(30 * 86_400_000_000));
        assert_eq!(of("1d12h"), Ok(36 * 3_600_000_000));
        assert_eq!(of("2w"), of("14d"));
        for text in [
            "",
            "30",
            "d",
            "-5d",
            "+3d",
            "1.5d",
            "30 d",
            "30D",
            "3ms",
            "0d",
            "0h0s",
            "99999999999d",
            "4000000d",
        ] {
            assert!(of(text).is_err(), "{text}");
        }
        assert!(micros(&Literal::Int(30)).is_err());
    }
}
