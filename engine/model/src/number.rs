use crate::read_float;

/// The shortest decimal that reads back as a finite float: sign, digits without idle zeros (none for zero), and the
/// place of the point behind the first digit that would make them `0.digits`.
fn shortest(value: f64) -> (bool, String, i32) {
    let mut buffer = zmij::Buffer::new();
    let (mut digits, mut point, mut whole) = (String::with_capacity(24), 0, true);
    let (mut exponent, mut below) = (None, false);
    for byte in buffer.format_finite(value.abs()).bytes() {
        match (byte, &mut exponent) {
            (b'.', _) => whole = false,
            (b'e', _) => exponent = Some(0),
            (b'-', _) => below = true,
            (b'0'..=b'9', Some(exponent)) => *exponent = *exponent * 10 + i32::from(byte - b'0'),
            (b'0'..=b'9', None) => {
                let leading = digits.is_empty() && byte == b'0';
                point += i32::from(whole && !leading) - i32::from(!whole && leading);
                if !leading {
                    digits.push(char::from(byte));
                }
            }
            _ => {}
        }
    }
    let exponent = exponent.unwrap_or_default();
    digits.truncate(digits.trim_end_matches('0').len());
    if digits.is_empty() {
        point = 1;
    }
    (value.is_sign_negative(), digits, if below { point - exponent } else { point + exponent })
}

fn push_zeros(text: &mut String, count: i32) {
    for _ in 0..count {
        text.push('0');
    }
}

/// The number without exponent, and without fraction where it has none.
fn push_plain(text: &mut String, digits: &str, point: i32) {
    let length = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    if point <= 0 {
        text.push_str("0.");
        push_zeros(text, -point);
        text.push_str(digits);
    } else if point >= length {
        text.push_str(digits);
        push_zeros(text, point - length);
    } else {
        let (whole, fraction) =
            digits.split_at(usize::try_from(point).unwrap_or_default().min(digits.len()));
        text.push_str(whole);
        text.push('.');
        text.push_str(fraction);
    }
}

fn not_finite(value: f64) -> String {
    String::from(match value {
        f64::INFINITY => "inf",
        f64::NEG_INFINITY => "-inf",
        _ => "NaN",
    })
}

/// Text of a float as `to_string` gives it: shortest round trip, no exponent, integral values
/// without fraction (`1`, `0.1`, `1000000000000000000000`).
pub fn display_float(value: f64) -> String {
    if !value.is_finite() {
        return not_finite(value);
    }
    let (negative, digits, point) = shortest(value);
    let mut text = String::with_capacity(32);
    if negative {
        text.push('-');
    }
    push_plain(&mut text, &digits, point);
    text
}

/// Text of a float in JSON and in event ids: shortest round trip with a fraction or an exponent
/// (`1.0`, `1e30`, `1.5e-7`). An exponent appears below 1e-5 and from 1e16 on.
pub fn json_float(value: f64) -> String {
    if !value.is_finite() {
        return not_finite(value);
    }
    let (negative, digits, point) = shortest(value);
    let mut text = String::with_capacity(32);
    if negative {
        text.push('-');
    }
    let mut exponent = point - 1;
    if (-5..16).contains(&exponent) {
        push_plain(&mut text, &digits, point);
        if i32::try_from(digits.len()).is_ok_and(|length| length <= point) {
            text.push_str(".0");
        }
        return text;
    }
    push_plain(&mut text, &digits, 1);
    text.push('e');
    if exponent < 0 {
        text.push('-');
        exponent = -exponent;
    }
    for size in [100, 10, 1] {
        if exponent >= size {
            let digit = u8::try_from(exponent / size % 10).unwrap_or_default();
            text.push(char::from(b'0' + digit));
        }
    }
    text
}

/// The float nearest to an integer given as `-`? and digits; the largest one where it has none.
pub fn nearest_float(digits: &str) -> f64 {
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    if !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0.0;
    }
    match read_float(digits) {
        Some(float) => float,
        None if unsigned.is_empty() => 0.0,
        None if digits.starts_with('-') => f64::MIN,
        None => f64::MAX,
    }
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

    /// Doubles of every magnitude, by a fixed sequence.
    fn doubles() -> impl Iterator<Item = f64> {
        let mut state = 1_u64;
        let random = move |_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let bits = state ^ state >> 29;
            f64::from_bits(bits)
        };
        let powers = (-1_074..1_024).map(|power| 2_f64.powi(power));
        let decimals = (-330..309).map(|power: i32| format!("1e{power}").parse().unwrap());
        (0..200_000).map(random).filter(|x| x.is_finite()).chain(powers).chain(decimals)
    }

    /// The standard library's shortest text in the two forms. Of two that are equally near it takes the upper one.
    fn expected(value: f64) -> (String, String) {
        let plain = format!("{value}");
        let scientific = format!("{value:e}");
        let (mantissa, exponent) = scientific.split_once('e').unwrap();
        let json = match exponent.parse::<i32>().unwrap() {
            -5..16 if plain.contains('.') => plain.clone(),
            -5..16 => plain.clone() + ".0",
            exponent => format!("{mantissa}e{exponent}"),
        };
        (plain, json)
    }

    #[test]
    fn texts_are_the_shortest_that_read_back() {
        let mut ties = 0;
        for value in doubles().chain([0.0, -0.0, f64::MAX, f64::MIN_POSITIVE]) {
            let found = (display_float(value), json_float(value));
            let expected = expected(value);
            if found != expected {
                ties += 1;
                for (found, expected) in [(found.0, expected.0), (found.1, expected.1)] {
                    assert_eq!(found.len(), expected.len(), "{found} {expected}");
                    assert_eq!(found.parse(), Ok(value), "{found}");
                }
            }
        }
        assert!(ties < 100, "{ties} texts differ from the standard library's");
        // Halfway between .2 and .3: the even digit, as everywhere outside the standard library.
        assert_eq!(display_float(2_179_139_703_190_279.25), "2179139703190279.2");
    }

    #[test]
    fn integers_round_as_in_the_standard_library() {
        let mut texts = vec![String::new(), "0".to_owned(), "-0".to_owned(), "000123".to_owned()];
        for value in doubles().filter(|x| x.abs() >= 1.0) {
            texts.push(format!("{:.0}", value.trunc()));
        }
        for shift in 53..1_024_u32 {
            // Halfway between two floats, and next to it.
            let half = format!("{:.0}", 2_f64.powi(i32::try_from(shift).unwrap()));
            for last in ["1", "5", "9"] {
                texts.push(format!("{}{last}", &half[..half.len() - 1]));
            }
        }
        texts.extend(
            ["9007199254740993", "18014398509481985", "36028797018963971"].map(String::from),
        );
        texts.extend([format!("1{}", "0".repeat(309)), "9".repeat(309), "9".repeat(400)]);
        for text in texts {
            let expected = text.parse().unwrap_or(0.0_f64).clamp(f64::MIN, f64::MAX);
            assert_eq!(nearest_float(&text).to_bits(), expected.to_bits(), "{text}");
        }
    }
}
