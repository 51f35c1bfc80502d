use std::fmt;

use defacto_sdk::{Failure, Timestamp};

/// Hundredths of a currency unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cents(pub(crate) i64);

/// Digits before the comma that are read; no account has more.
const DIGITS_MAX: usize = 12;

impl Cents {
    /// Reads `1250,3`: a comma always, digits behind it as many as there are, at most two.
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        let refused =
            || Failure::new("AMOUNT", format!("'{text}' is no amount")).in_field("amount");
        let (whole, fraction) = text.split_once(',').ok_or_else(refused)?;
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() > DIGITS_MAX || fraction.len() > 2 {
            return Err(refused());
        }
        if !digits(whole) || !digits(fraction) {
            return Err(refused());
        }
        let cents: i64 = format!("{whole}{fraction:0<2}").parse().map_err(|_| refused())?;
        Ok(Self(cents))
    }

    pub(crate) fn negative(self) -> Self {
        Self(-self.0)
    }

    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// As the number of an event. Exact up to 90 trillion.
    pub(crate) fn units(self) -> f64 {
        self.0 as f64 / 100.0
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let cents = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", cents / 100, cents % 100)
    }
}

/// An opening or closing balance: `C260131EUR1250,30`.
pub(crate) struct Balance<'a> {
    pub(crate) amount: Cents,
    pub(crate) date: Timestamp,
    pub(crate) currency: &'a str,
}

impl<'a> Balance<'a> {
    pub(crate) fn read(text: &'a str) -> Result<Self, Failure> {
        let text = text.trim();
        let refused = || Failure::new("BALANCE", format!("'{text}' is no balance"));
        let sign = text.get(..1).ok_or_else(refused)?;
        let date = date(text.get(1..7).ok_or_else(refused)?)?;
        let currency = text.get(7..10).ok_or_else(refused)?;
        let amount = Cents::read(text.get(10..).ok_or_else(refused)?)?;
        match sign {
            "C" => Ok(Self { amount, date, currency }),
            "D" => Ok(Self { amount: amount.negative(), date, currency }),
            _ => Err(refused()),
        }
    }
}

/// Reads `YYMMDD`. Statements are younger than 1980.
pub(crate) fn date(text: &str) -> Result<Timestamp, Failure> {
    let part = |from, to| {
        let digits = text.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u32>().ok())?
    };
    let read = || {
        let (year, month, day) = (part(0, 2)?, part(2, 4)?, part(4, 6)?);
        let century = if year < 80 { 2000 } else { 1900 };
        Timestamp::from_date(i32::try_from(year).ok()? + century, month, day)
    };
    read().ok_or_else(|| Failure::new("DATE", format!("'{text}' is no date (year, month, day)")))
}
