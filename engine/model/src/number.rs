/// Text of a float as `to_string` gives it: shortest round trip, no exponent, integral values
/// without fraction (`1`, `0.1`, `1000000000000000000000`).
pub fn display_float(value: f64) -> String {
    format!("{value}")
}

/// Text of a float in JSON and in event ids: shortest round trip with a fraction or an exponent
/// (`1.0`, `1e30`, `1.5e-7`). An exponent appears below 1e-5 and from 1e16 on.
pub fn json_float(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if !(-5..16).contains(&exponent) {
        return format!("{mantissa}e{exponent}");
    }
    let plain = format!("{value}");
    if plain.contains('.') { plain } else { plain + ".0" }
}

/// The float nearest to an integer given as `-`? and digits; the largest one where it has none.
pub fn nearest_float(digits: &str) -> f64 {
    digits.parse().unwrap_or(0.0_f64).clamp(f64::MIN, f64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_has_no_exponent_and_no_idle_fraction() {
        for (value, text) in [
            (1.0, "1"),
            (1.0 / 3.0, "0.3333333333333333"),
            (-2.5, "-2.5"),
            (1e21, "1000000000000000000000"),
            (1e-7, "0.0000001"),
        ] {
            assert_eq!(display_float(value), text);
        }
    }

    #[test]
    fn json_has_a_fraction_or_an_exponent() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (5.25, "5.25"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e16"),
            (1.5e16, "1.5e16"),
            (1e30, "1e30"),
            (123_456_789_012_345_680.0, "1.2345678901234568e17"),
            (0.00001, "0.00001"),
            (0.0000012, "1.2e-6"),
            (f64::MAX, "1.7976931348623157e308"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(json_float(value), text);
        }
    }
}
