//! Rows that the database joins into one text.
//!
//! A row crosses from the connection's thread to this one for about the price of a kilobyte, so
//! that pages of events come as few long rows: numbers end with a blank, bytes are hexadecimal,
//! texts follow their length.

use defacto_ports::Error;

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
