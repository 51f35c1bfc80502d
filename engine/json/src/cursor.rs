use std::borrow::Cow;

use crate::{JsonError, JsonErrorKind};

/// A reading position in a JSON text: the lexical half of every parser of this crate.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

/// A number as written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number<'a> {
    /// Its characters.
    pub(crate) text: &'a str,
    /// Whether it has neither fraction nor exponent.
    pub(crate) integer: bool,
}

/// A number's value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Numeric<'a> {
    Int(i64),
    Float(f64),
    BigInt(&'a str),
}

/// Longest number text that cannot leave the range of doubles without an exponent.
const SAFE_DIGITS: usize = 300;

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0 }
    }

    pub(crate) fn fail<T>(&self, kind: JsonErrorKind) -> Result<T, JsonError> {
        Err(JsonError { kind, offset: self.at })
    }

    fn unexpected<T>(&self, expected: &'static str) -> Result<T, JsonError> {
        self.fail(if self.at >= self.bytes.len() {
            JsonErrorKind::End
        } else {
            JsonErrorKind::Expected(expected)
        })
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Skips blanks and returns the byte after them, without consuming it.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.byte() {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                other => return other,
            }
        }
    }

    /// Consumes the byte if it comes next (after blanks).
    #[inline]
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
        }
        found
    }

    #[inline]
    pub(crate) fn expect(&mut self, byte: u8, name: &'static str) -> Result<(), JsonError> {
        if self.eat(byte) { Ok(()) } else { self.unexpected(name) }
    }

    /// After an element: true for a comma, false for the closing byte.
    #[inline]
    pub(crate) fn more(&mut self, close: u8, name: &'static str) -> Result<bool, JsonError> {
        if self.eat(b',') {
            Ok(true)
        } else if self.eat(close) {
            Ok(false)
        } else {
            self.unexpected(name)
        }
    }

    /// The end of the text must come next.
    pub(crate) fn end(&mut self) -> Result<(), JsonError> {
        if self.peek().is_none() { Ok(()) } else { self.fail(JsonErrorKind::Trailing) }
    }

    fn word(&mut self, word: &'static str) -> Result<(), JsonError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else {
            self.unexpected("a value")
        }
    }

    /// Consumes `null`, `true` or `false`, whose first byte has been seen.
    pub(crate) fn literal(&mut self, first: u8) -> Result<Option<bool>, JsonError> {
        match first {
            b'n' => self.word("null").map(|()| None),
            b't' => self.word("true").map(|()| Some(true)),
            b'f' => self.word("false").map(|()| Some(false)),
            _ => self.unexpected("a value"),
        }
    }

    /// Consumes a key and its colon.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<Cow<'a, str>, JsonError> {
        if self.peek() != Some(b'"') {
            return self.unexpected("a key in double quotes");
        }
        let key = self.string()?;
        self.expect(b':', "`:`")?;
        Ok(key)
    }

    fn slice(&self, from: usize, to: usize) -> Result<&'a str, JsonError> {
        self.text.get(from..to).ok_or(JsonError { kind: JsonErrorKind::End, offset: from })
    }

    /// Moves behind the plain characters of a string and returns the byte that ends them.
    #[inline]
    fn plain(&mut self) -> Result<u8, JsonError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match rest.iter().position(|&b| b == b'"' || b == b'\\' || b < 0x20) {
            Some(length) => {
                self.at += length;
                match self.byte() {
                    Some(byte @ (b'"' | b'\\')) => Ok(byte),
                    _ => self.fail(JsonErrorKind::Control),
                }
            }
            None => {
                self.at = self.bytes.len();
                self.fail(JsonErrorKind::End)
            }
        }
    }

    /// Consumes a string whose opening quote comes next.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.at += 1;
        let start = self.at;
        if self.plain()? == b'"' {
            let text = self.slice(start, self.at)?;
            self.at += 1;
            return Ok(Cow::Borrowed(text));
        }
        self.escaped(start).map(Cow::Owned)
    }

    #[cold]
    fn escaped(&mut self, start: usize) -> Result<String, JsonError> {
        let mut decoded = String::from(self.slice(start, self.at)?);
        loop {
            self.at += 1;
            decoded.push(self.escape()?);
            let from = self.at;
            let end = self.plain()?;
            decoded.push_str(self.slice(from, self.at)?);
            if end == b'"' {
                self.at += 1;
                return Ok(decoded);
            }
        }
    }

    /// Consumes what follows a backslash.
    fn escape(&mut self) -> Result<char, JsonError> {
        let Some(byte) = self.byte() else { return self.fail(JsonErrorKind::End) };
        let decoded = match byte {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.unicode();
            }
            _ => return self.fail(JsonErrorKind::Escape),
        };
        self.at += 1;
        Ok(decoded)
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let digits = self.bytes.get(self.at..self.at + 4).unwrap_or_default();
        if digits.len() < 4 {
            return self.fail(JsonErrorKind::End);
        }
        let mut unit = 0;
        for &digit in digits {
            match char::from(digit).to_digit(16) {
                Some(value) => unit = unit * 16 + value,
                None => return self.fail(JsonErrorKind::Escape),
            }
        }
        self.at += 4;
        Ok(unit)
    }

    fn unicode(&mut self) -> Result<char, JsonError> {
        let first = self.hex4()?;
        let code = if (0xD800..0xDC00).contains(&first) {
            if self.bytes.get(self.at..self.at + 2) != Some(b"\\u".as_slice()) {
                return self.fail(JsonErrorKind::Escape);
            }
            self.at += 2;
            let second = self.hex4()?;
            if !(0xDC00..0xE000).contains(&second) {
                return self.fail(JsonErrorKind::Escape);
            }
            0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
        } else {
            first
        };
        char::from_u32(code).ok_or(JsonError { kind: JsonErrorKind::Escape, offset: self.at })
    }

    #[inline]
    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { self.unexpected("a digit") } else { Ok(()) }
    }

    /// Consumes a number; its range is checked, its value not yet computed.
    pub(crate) fn number(&mut self) -> Result<Number<'a>, JsonError> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        if self.byte() == Some(b'0') {
            self.at += 1;
            if matches!(self.byte(), Some(b'0'..=b'9')) {
                return self.fail(JsonErrorKind::Expected("a number without leading zeros"));
            }
        } else {
            self.digits()?;
        }
        let mut integer = true;
        let mut exponent = false;
        if self.byte() == Some(b'.') {
            integer = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            integer = false;
            exponent = true;
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = self.slice(start, self.at)?;
        let far = exponent || text.len() > SAFE_DIGITS;
        if far && !text.parse::<f64>().is_ok_and(f64::is_finite) {
            return Err(JsonError { kind: JsonErrorKind::NumberRange, offset: start });
        }
        Ok(Number { text, integer })
    }
}

impl<'a> Number<'a> {
    /// The value: integers outside `i64` keep their digits.
    #[inline]
    pub(crate) fn value(self) -> Numeric<'a> {
        if self.integer {
            match self.text.parse::<i64>() {
                Ok(int) => Numeric::Int(int),
                Err(_) => Numeric::BigInt(self.text),
            }
        } else {
            // The grammar and the range have been checked: parsing cannot fail.
            Numeric::Float(self.text.parse::<f64>().unwrap_or_default())
        }
    }
}
