//! Rows that the database joins into one text.
//!
//! A row crosses from the connection's thread to this one for about the price of a kilobyte, so
//! that pages of events come as few long rows: numbers end with a blank, bytes are hexadecimal,
//! texts follow their length; nothing stands for null.

use defacto_model::{Value, ValueType};
use defacto_ports::Error;

use crate::columns::instant;
use crate::error::damaged;

/// What is left to read of a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packed<'a>(pub(crate) &'a str);

impl<'a> Packed<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn word(&mut self) -> Result<&'a str, Error> {
        let (word, rest) = self.0.split_once(' ').ok_or_else(|| damaged("a row"))?;
        self.0 = rest;
        Ok(word)
    }

    /// A number.
    pub(crate) fn int(&mut self) -> Result<i64, Error> {
        self.word()?.parse().map_err(|_| damaged("a number"))
    }

    /// A number, or nothing where the column was null.
    pub(crate) fn maybe_int(&mut self) -> Result<Option<i64>, Error> {
        let word = self.word()?;
        if word.is_empty() {
            return Ok(None);
        }
        word.parse().map(Some).map_err(|_| damaged("a number"))
    }

    /// A property; those of the type `number` cannot be packed.
    pub(crate) fn property(&mut self, declared: ValueType) -> Result<Value, Error> {
        let Some(number) = self.maybe_int()? else { return Ok(Value::Null) };
        Ok(match declared {
            ValueType::Integer => Value::Int(number),
            ValueType::Boolean => Value::Bool(number != 0),
            ValueType::Datetime => Value::DateTime(instant(number)?),
            ValueType::String => Value::String(self.text(number)?.to_owned()),
            ValueType::Number => return Err(damaged("a property")),
        })
    }

    /// Bytes.
    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, Error> {
        let word = self.word()?.as_bytes();
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
        word.chunks(2)
            .map(|pair| match pair {
                [high, low] => Some((digit(*high)? << 4) | digit(*low)?),
                _ => None,
            })
            .collect::<Option<_>>()
            .ok_or_else(|| damaged("bytes"))
    }

    /// A text of so many bytes.
    pub(crate) fn text(&mut self, length: i64) -> Result<&'a str, Error> {
        let length = usize::try_from(length).map_err(|_| damaged("a text"))?;
        let (text, rest) = self.0.split_at_checked(length).ok_or_else(|| damaged("a text"))?;
        self.0 = rest;
        Ok(text)
    }
}
