//! Number and duration literals.

use crate::{Literal, lexer::is_ident};

/// Length of the offending text, message, help.
type Malformed = (usize, String, Option<&'static str>);

/// Reads the literal at the start of `text`, which begins with a digit; returns it with its length.
pub(crate) fn scan(text: &str) -> Result<(Literal, usize), Malformed> {
    let (literal, length) = if let Some(found) = duration(text)? {
        found
    } else {
        let whole = digits(text);
        let fraction = text.get(whole..).and_then(|rest| rest.strip_prefix('.')).map(digits);
        match fraction {
            Some(fraction) if fraction > 0 => float(text, whole + 1 + fraction)?,
            _ => integer(text, whole)?,
        }
    };
    let rest = text.get(length..).unwrap_or("");
    let word = rest.find(|c| !is_ident(c)).and_then(|end| rest.get(..end)).unwrap_or(rest);
    // `3or true` is two tokens (decisions.md 45), `10ms` and `1e5` are mistakes.
    if !word.is_empty() && !matches!(word, "and" | "or" | "then" | "else") {
        let whole = length + word.len();
        let shown = text.get(..whole).unwrap_or(text);
        let help = "numbers have no exponent and no `_`; durations are whole numbers with the units w, d, h, \
                    m and s, such as 1d12h";
        return Err((whole, format!("malformed number `{shown}`"), Some(help)));
    }
    Ok((literal, length))
}

fn digits(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())
}

/// `digits unit { digits unit }`; `None` when no unit follows the first digits.
fn duration(text: &str) -> Result<Option<(Literal, usize)>, Malformed> {
    let mut length = 0;
    let mut sum = Some(0_i64);
    loop {
        let rest = text.get(length..).unwrap_or("");
        let count = digits(rest);
        let Some(micros) = rest.get(count..).and_then(|rest| rest.chars().next()).and_then(unit)
        else {
            break;
        };
        if count == 0 {
            break;
        }
        let amount = rest.get(..count).and_then(|digits| digits.parse::<i64>().ok());
        sum = sum.and_then(|sum| amount?.checked_mul(micros)?.checked_add(sum));
        length += count + 1;
    }
    if length == 0 {
        return Ok(None);
    }
    match sum {
        Some(sum) => Ok(Some((Literal::Duration(sum), length))),
        None => Err((length, "duration out of range".to_owned(), Some(DURATION_RANGE))),
    }
}

const DURATION_RANGE: &str =
    "a duration is at most 9223372036854775807 microseconds (about 292,000 years)";

/// Microseconds of a unit.
fn unit(letter: char) -> Option<i64> {
    const SECOND: i64 = 1_000_000;
    Some(match letter {
        's' => SECOND,
        'm' => 60 * SECOND,
        'h' => 3_600 * SECOND,
        'd' => 86_400 * SECOND,
        'w' => 7 * 86_400 * SECOND,
        _ => return None,
    })
}

fn integer(text: &str, length: usize) -> Result<(Literal, usize), Malformed> {
    match text.get(..length).and_then(|digits| digits.parse().ok()) {
        Some(value) => Ok((Literal::Int(value), length)),
        None => Err((
            length,
            "integer out of range".to_owned(),
            Some(
                "integers go up to 9223372036854775807; write a fraction, such as `.0`, for a float",
            ),
        )),
    }
}

fn float(text: &str, length: usize) -> Result<(Literal, usize), Malformed> {
    match text.get(..length).and_then(|digits| digits.parse::<f64>().ok()) {
        Some(value) if value.is_finite() => Ok((Literal::Float(value), length)),
        _ => Err((length, "number out of range".to_owned(), None)),
    }
}
