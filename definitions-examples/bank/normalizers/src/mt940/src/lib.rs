//! Bank statements in MT940 (SWIFT, with the subfields of German banks) to bookings and balances.
//!
//! A file holds statements one after the other, each a list of tagged fields: account, opening balance, entries with
//! their details, closing balance. An entry is spread over two fields, its amount has a comma, its date a year of two digits,
//! and the file is right only if the balances add up: nothing that a mapping of keys could do.

mod amount;
mod entry;
mod message;

use defacto_sdk::host::{Level, log, lookup};
use defacto_sdk::{Config, Events, Failure, Normalizer, Record, Timestamp};
use serde::Deserialize;

use crate::amount::{Balance, Cents};
use crate::entry::{Details, Entry};
use crate::message::{Message, messages};

defacto_sdk::normalizer! {
    normalizer Statements = "mt940", version env!("CARGO_PKG_VERSION");

    /// Money went in or out.
    event Booked = "booked" {
        /// Own account: an IBAN, or bank code and number.
        account: String,
        /// Number of the statement, and place of the entry on it, from 1.
        statement: String,
        entry: i64,
        /// Negative where money went out.
        amount: f64,
        currency: String,
        /// When interest counts it.
        value_date: Timestamp,
        /// What kind of booking it is, in words.
        kind: Option<String>,
        reference: Option<String>,
        purpose: Option<String>,
        /// The other side.
        counterparty: Option<String>,
        counterparty_account: Option<String>,
    }

    /// A statement was closed.
    event Closed = "closed" {
        account: String,
        statement: String,
        balance: f64,
        currency: String,
        entries: i64,
    }
}

/// Settings of the source.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statements {
    #[serde(default)]
    encoding: Encoding,
}

/// How the bank writes letters beyond ASCII.
#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    #[default]
    Utf8,
    Latin1,
}

impl Normalizer for Statements {
    fn configure(config: &Config<'_>) -> Result<Self, String> {
        config.parse()
    }

    fn normalize(&self, record: Record<'_>, events: &mut Events) -> Result<(), Failure> {
        let text = self.decode(record.bytes()?)?;
        let mut found = false;
        for message in messages(&text) {
            statement(&message, events)?;
            found = true;
        }
        if found { Ok(()) } else { Err(Failure::new("EMPTY", "the file holds no statement")) }
    }
}

impl Statements {
    fn decode(&self, bytes: &[u8]) -> Result<String, Failure> {
        match self.encoding {
            Encoding::Latin1 => Ok(bytes.iter().map(|byte| char::from(*byte)).collect()),
            Encoding::Utf8 => String::from_utf8(bytes.to_vec()).map_err(|e| {
                let at = e.utf8_error().valid_up_to();
                Failure::new(
                    "ENCODING",
                    format!(
                        "byte {at} is no UTF-8; set `encoding: latin1` if the bank writes that"
                    ),
                )
            }),
        }
    }
}

fn statement(message: &Message<'_>, events: &mut Events) -> Result<(), Failure> {
    let account = message.require("25")?.trim();
    let number = message.require("28C")?.trim();
    // `F` is the first or final balance, `M` one of a page in between.
    let opening = Balance::read(message.require_either("60F", "60M")?)?;
    let closing = Balance::read(message.require_either("62F", "62M")?)?;
    let wrong = |what: String| Failure::new("STATEMENT", format!("statement {number}: {what}"));
    if opening.currency != closing.currency {
        let (from, to) = (opening.currency, closing.currency);
        return Err(wrong(format!("opens in {from} and closes in {to}")));
    }

    let mut sum = opening.amount;
    let mut entries = 0;
    for (line, details) in message.entries() {
        let entry = Entry::read(line)?;
        let details = Details::read(details);
        sum = sum
            .plus(entry.amount)
            .ok_or_else(|| wrong("the amounts are beyond any account".to_owned()))?;
        entries += 1;
        let kind = lookup("kinds", &details.code);
        if kind.is_none() && !details.code.is_empty() {
            log(Level::Info, &format!("statement {number}: unknown kind {}", details.code));
        }
        events.push(
            entry.booked,
            Booked {
                account: account.to_owned(),
                statement: number.to_owned(),
                entry: entries,
                amount: entry.amount.units(),
                currency: opening.currency.to_owned(),
                value_date: entry.value_date,
                kind,
                reference: entry.reference.map(str::to_owned),
                purpose: details.purpose,
                counterparty: details.name,
                counterparty_account: details.account,
            },
        );
    }
    if sum != closing.amount {
        let Cents(off) = Cents(closing.amount.0 - sum.0);
        return Err(wrong(format!(
            "opening balance and {entries} entries give {sum}, the closing balance is {} ({} apart)",
            closing.amount,
            Cents(off)
        )));
    }
    events.push(
        closing.date,
        Closed {
            account: account.to_owned(),
            statement: number.to_owned(),
            balance: closing.amount.units(),
            currency: closing.currency.to_owned(),
            entries,
        },
    );
    Ok(())
}

#[cfg(test)]
mod tests;
