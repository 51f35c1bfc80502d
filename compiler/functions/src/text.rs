use defacto_model::{Micros, Timestamp, calendar, display_float, json_float, push_json_string};

use crate::{Arena, Val};

/// The text of a value as `to_string` gives it (language.md 4.9).
pub fn text_of<'a>(value: &Val<'a>, arena: &dyn Arena<'a>) -> &'a str {
    match value {
        Val::Null => "",
        Val::Bool(true) => "true",
        Val::Bool(false) => "false",
        Val::Str(text) | Val::BigInt(text) => text,
        Val::Int(int) => arena.text(int.to_string()),
        Val::Float(float) => arena.text(display_float(*float)),
        Val::DateTime(micros) => arena.text(instant(*micros)),
        Val::Duration(micros) => arena.text(span(*micros)),
        Val::List(_) | Val::Object(_) => {
            let mut text = String::new();
            push_json(&mut text, value);
            arena.text(text)
        }
    }
}

/// Text of an instant (language.md 4.3).
pub(crate) fn instant(micros: i64) -> String {
    let mut text = Timestamp::saturating_from_micros(micros).to_zulu();
    text.pop();
    text.push_str("+00:00");
    text
}

/// A duration as a sum of days, hours, minutes and seconds: `1d2h3m4.5s`, `0s`, `-1d2h`.
fn span(micros: i64) -> String {
    let mut text = String::new();
    if micros == 0 {
        text.push_str("0s");
        return text;
    }
    if micros < 0 {
        text.push('-');
    }
    let mut rest = micros.unsigned_abs();
    for (size, unit) in [(calendar::DAY, 'd'), (calendar::HOUR, 'h'), (calendar::MINUTE, 'm')] {
        let size = size.unsigned_abs();
        if rest >= size {
            text.push_str(&(rest / size).to_string());
            text.push(unit);
            rest %= size;
        }
    }
    if rest > 0 {
        text.push_str(&(rest / 1_000_000).to_string());
        let fraction = rest % 1_000_000;
        if fraction > 0 {
            let digits = (1_000_000 + fraction).to_string();
            text.push('.');
            text.push_str(digits.strip_prefix('1').unwrap_or(&digits).trim_end_matches('0'));
        }
        text.push('s');
    }
    text
}

/// Appends compact JSON: date-times as text, durations as seconds.
fn push_json(text: &mut String, value: &Val<'_>) {
    match value {
        Val::Null => text.push_str("null"),
        Val::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Val::Int(int) => text.push_str(&int.to_string()),
        Val::Float(float) => text.push_str(&json_float(*float)),
        Val::BigInt(digits) => text.push_str(digits),
        Val::Str(string) => push_json_string(text, string),
        Val::DateTime(micros) => push_json_string(text, &instant(*micros)),
        Val::Duration(micros) => text.push_str(&json_float(Micros(*micros).as_seconds())),
        Val::List(elements) => {
            text.push('[');
            for (place, element) in elements.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                push_json(text, element);
            }
            text.push(']');
        }
        Val::Object(entries) => {
            text.push('{');
            for (place, (key, element)) in entries.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                push_json_string(text, key);
                text.push(':');
                push_json(text, element);
            }
            text.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_sums() {
        for (micros, text) in [
            (0, "0s"),
            (90_000_000, "1m30s"),
            (93_784_500_000, "1d2h3m4.5s"),
            (-93_600_000_000, "-1d2h"),
            (100_001, "0.100001s"),
            (1_111_111, "1.111111s"),
            (111_000, "0.111s"),
            (i64::MIN, "-106751991d4h54.775808s"),
        ] {
            assert_eq!(span(micros), text);
        }
    }
}
