use defacto_sdk::{Failure, Timestamp};

use crate::amount::{Cents, date};

/// An entry, field 61: `2602030202DR45,90NDDTNONREF//2026020200001`.
pub(crate) struct Entry<'a> {
    pub(crate) value_date: Timestamp,
    /// The day of the booking where it is written, else the value date.
    pub(crate) booked: Timestamp,
    pub(crate) amount: Cents,
    pub(crate) reference: Option<&'a str>,
}

/// Stands where there is no reference.
const NO_REFERENCE: &str = "NONREF";

impl<'a> Entry<'a> {
    pub(crate) fn read(line: &'a str) -> Result<Self, Failure> {
        let line = line.lines().next().unwrap_or_default();
        let refused = || Failure::new("ENTRY", format!("'{line}' is no entry"));
        let (value, rest) = line.split_at_checked(6).ok_or_else(refused)?;
        let value_date = date(value)?;
        let (booked, rest) = match rest.split_at_checked(4) {
            Some((day, rest)) if day.bytes().all(|byte| byte.is_ascii_digit()) => {
                (booking(value, day)?, rest)
            }
            _ => (value_date, rest),
        };
        // `C` and `D`; with an `R` before it, the entry takes one back.
        let (out, rest) = if let Some(rest) = rest.strip_prefix("RC") {
            (true, rest)
        } else if let Some(rest) = rest.strip_prefix("RD") {
            (false, rest)
        } else if let Some(rest) = rest.strip_prefix('C') {
            (false, rest)
        } else {
            (true, rest.strip_prefix('D').ok_or_else(refused)?)
        };
        // A letter of the currency may follow.
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ',').ok_or_else(refused)?;
        let (amount, rest) = rest.split_at(end);
        let amount = Cents::read(amount)?;
        // A letter and three more say how it was ordered; the details say it better.
        let reference = rest.get(4..).ok_or_else(refused)?;
        let reference = reference.split("//").next().unwrap_or_default().trim();
        Ok(Self {
            value_date,
            booked,
            amount: if out { amount.negative() } else { amount },
            reference: (!reference.is_empty() && reference != NO_REFERENCE).then_some(reference),
        })
    }
}

/// The day of booking has no year: it is the one nearest to the value date.
fn booking(value: &str, day: &str) -> Result<Timestamp, Failure> {
    let year = value.get(..2).unwrap_or_default();
    let month = |text: &str| text.parse::<i32>().unwrap_or_default();
    let apart =
        month(day.get(..2).unwrap_or_default()) - month(value.get(2..4).unwrap_or_default());
    let shift = if apart > 6 {
        -1
    } else if apart < -6 {
        1
    } else {
        0
    };
    let year = (month(year) + shift).rem_euclid(100);
    date(&format!("{year:02}{day}"))
}

/// The details of an entry, field 86: `105?00DIRECT DEBIT?20POWER FEBRUARY?31DE02…?32CITY WORKS`.
#[derive(Default)]
pub(crate) struct Details {
    /// Kind of booking, three digits; empty where the bank writes free text.
    pub(crate) code: String,
    pub(crate) purpose: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) account: Option<String>,
}

impl Details {
    pub(crate) fn read(text: &str) -> Self {
        // Lines are broken wherever they are full.
        let text: String = text.lines().collect();
        let Some((code, fields)) = text.split_once('?') else {
            return Self { purpose: filled(text.trim().to_owned()), ..Self::default() };
        };
        let (mut purpose, mut name, mut account) = (String::new(), String::new(), String::new());
        for field in fields.split('?') {
            let Some((number, value)) = field.split_at_checked(2) else { continue };
            match number.parse() {
                Ok(20..=29 | 60..=63) => {
                    if !purpose.is_empty() {
                        purpose.push(' ');
                    }
                    purpose.push_str(value.trim());
                }
                Ok(31) => account.push_str(value.trim()),
                Ok(32..=33) => name.push_str(value),
                _ => {}
            }
        }
        let code = if code.bytes().all(|byte| byte.is_ascii_digit()) { code } else { "" };
        Self {
            code: code.to_owned(),
            purpose: filled(purpose),
            name: filled(name.trim().to_owned()),
            account: filled(account),
        }
    }
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
