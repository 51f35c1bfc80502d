//! Lines of a metering gateway to readings and alarms.
//!
//! ```text
//! 1772352900 M-7731 kWh=12.5 V=229.8 !LOW_BATTERY
//! ```
//!
//! Unix seconds, a device, then values it measured and alarms it raised: one line makes any number of events.
//! Empty lines and those that start with `#` make none.

use defacto_sdk::{Config, Events, Failure, Normalizer, Record, Timestamp};

defacto_sdk::normalizer! {
    normalizer Gateway = "my_normalizer", version env!("CARGO_PKG_VERSION");

    /// A device measured something.
    event Reading = "reading" {
        device: String,
        /// What was measured, and in which unit.
        quantity: String,
        value: f64,
    }

    /// A device wants attention.
    event Alarm = "alarm" {
        device: String,
        code: String,
    }
}

/// The module.
pub struct Gateway;

impl Normalizer for Gateway {
    fn configure(_config: &Config<'_>) -> Result<Self, String> {
        Ok(Self)
    }

    fn normalize(&self, record: Record<'_>, events: &mut Events) -> Result<(), Failure> {
        let line = record.text()?;
        if line.starts_with('#') {
            return Ok(());
        }
        let mut words = line.split(' ').filter(|word| !word.is_empty());
        let Some(time) = words.next() else { return Ok(()) };
        let at = timestamp(time).ok_or_else(|| {
            Failure::new("BAD_TIME", format!("'{time}' is no time in Unix seconds"))
        })?;
        let Some(device) = words.next() else {
            return Err(Failure::new("NO_DEVICE", "the line has no device"));
        };
        for word in words {
            let device = device.to_owned();
            if let Some(code) = word.strip_prefix('!') {
                events.push(at, Alarm { device, code: code.to_owned() });
            } else if let Some((quantity, text)) = word.split_once('=') {
                let value = number(text).ok_or_else(|| {
                    Failure::new("BAD_VALUE", format!("'{text}' is no number")).in_field("value")
                })?;
                events.push(at, Reading { device, quantity: quantity.to_owned(), value });
            } else {
                return Err(Failure::new(
                    "BAD_ITEM",
                    format!("'{word}' is neither NAME=VALUE nor !CODE"),
                ));
            }
        }
        Ok(())
    }
}

/// Unix seconds of at most eleven digits.
fn timestamp(text: &str) -> Option<Timestamp> {
    let digits = text.len() <= 11 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).and_then(Timestamp::from_seconds)
}

/// Digits, with a minus before and a fraction after them if need be; at most fifteen digits, which are exact.
fn number(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let exact = unsigned.bytes().filter(u8::is_ascii_digit).count() <= 15;
    if exact && digits(whole) && digits(fraction) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use defacto_sdk::testing::Host;

    use super::*;

    #[test]
    fn a_line_makes_an_event_of_each_word() {
        let results = Host::<Gateway>::new().text(&["1772352900 M-7731 kWh=12.5 !LOW_BATTERY"]);
        let types: Vec<_> = results[0].events().iter().map(|made| made.event_type).collect();
        assert_eq!(types, ["reading", "alarm"]);
    }

    #[test]
    fn what_is_no_number_is_named() {
        let results = Host::<Gateway>::new().text(&["1772352900 M-7731 kWh=much"]);
        assert_eq!(results[0].failure().unwrap().message, "'much' is no number");
    }

    #[test]
    fn numbers_are_exact() {
        assert_eq!(number("-0.5"), Some(-0.5));
        for text in ["", "-", ".5", "5.", "1e3", "+1", "1234567890123456", "inf"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
