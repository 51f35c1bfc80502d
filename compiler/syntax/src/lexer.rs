//! Text to tokens, one at a time: only the parser knows whether digits after a dot are an index.

use crate::{
    BinaryOp, Literal, Segment, TextRange,
    error::ParseError,
    number,
    token::{Token, TokenKind},
};

pub(crate) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The next token; [`TokenKind::End`] from the end on.
    pub(crate) fn next(&mut self) -> Result<Token, ParseError> {
        self.take_while(char::is_whitespace);
        let start = self.at;
        let kind = match self.peek() {
            None => TokenKind::End,
            Some(c) if c.is_ascii_digit() => TokenKind::Literal(self.number()?),
            Some(c) if is_ident_start(c) => self.word()?,
            Some(quote @ ('"' | '\'')) => TokenKind::Literal(Literal::String(self.string(quote)?)),
            Some(c) => self.symbol(c)?,
        };
        Ok(Token { kind, range: self.range_from(start) })
    }

    /// A name or digits directly at the current place: what may follow a dot.
    pub(crate) fn segment(&mut self) -> Result<Segment, ParseError> {
        let start = self.at;
        let text = match self.peek() {
            Some(c) if c.is_ascii_digit() => self.take_while(|c| c.is_ascii_digit()),
            Some(c) if is_ident_start(c) => self.take_while(is_ident),
            _ => {
                let range = self.range_of_next();
                let message = "a name or an index must follow the `.` without blanks";
                return Err(ParseError::new(range, message));
            }
        };
        Ok(Segment { text: text.to_owned(), range: self.range_from(start) })
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn take_while(&mut self, test: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !test(c)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or("")
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn range_from(&self, start: usize) -> TextRange {
        range(start, self.at)
    }

    /// The next character, for messages.
    fn range_of_next(&self) -> TextRange {
        range(self.at, self.at + self.peek().map_or(0, char::len_utf8))
    }

    fn number(&mut self) -> Result<Literal, ParseError> {
        let start = self.at;
        let literal = number::scan(self.rest()).map_err(|(length, message, help)| {
            let error = ParseError::new(range(start, start + length), message);
            if let Some(help) = help { error.with_help(help) } else { error }
        })?;
        self.at += literal.1;
        Ok(literal.0)
    }

    fn word(&mut self) -> Result<TokenKind, ParseError> {
        let start = self.at;
        let word = self.take_while(is_ident);
        if word == "r"
            && let Some(quote @ ('"' | '\'')) = self.peek()
        {
            return Ok(TokenKind::Literal(Literal::String(self.raw_string(start, quote)?)));
        }
        if let Some(keyword) = keyword(word) {
            return Ok(keyword);
        }
        if self.rest().starts_with("::") {
            self.at += 2;
            if !self.peek().is_some_and(is_ident_start) {
                let range = self.range_of_next();
                let message = "a function name must follow the `::` without blanks";
                return Err(ParseError::new(range, message));
            }
            let second = self.take_while(is_ident);
            return Ok(TokenKind::Qualified(format!("{word}::{second}")));
        }
        let mut segments = Vec::new();
        while self.take(".") {
            segments.push(self.segment()?);
        }
        Ok(TokenKind::Path(word.to_owned(), segments))
    }

    fn string(&mut self, quote: char) -> Result<String, ParseError> {
        let start = self.at;
        let mut value = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((offset, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.at = start + offset + c.len_utf8();
                    return Ok(value);
                }
                '\\' => {
                    let escaped = chars.next();
                    value.push(match escaped {
                        Some((_, c @ ('\\' | '"' | '\''))) => c,
                        Some((_, 'n')) => '\n',
                        Some((_, 'r')) => '\r',
                        Some((_, 't')) => '\t',
                        Some((end, c)) => {
                            let range = range(start + offset, start + end + c.len_utf8());
                            return Err(ParseError::new(range, format!("unknown escape `\\{c}`"))
                                .with_help(
                                    "write `\\\\` for a backslash, or use a raw text such as r'\\d+'",
                                ));
                        }
                        None => break,
                    });
                }
                c => value.push(c),
            }
        }
        Err(unterminated(start, self.text.len(), quote))
    }

    fn raw_string(&mut self, start: usize, quote: char) -> Result<String, ParseError> {
        self.at += quote.len_utf8();
        let value = self.take_while(|c| c != quote);
        if !self.take(quote.encode_utf8(&mut [0; 4])) {
            return Err(unterminated(start, self.text.len(), quote));
        }
        Ok(value.to_owned())
    }

    fn symbol(&mut self, first: char) -> Result<TokenKind, ParseError> {
        use TokenKind::Infix;
        const SYMBOLS: [(&str, TokenKind); 21] = [
            ("||", Infix(BinaryOp::Or)),
            ("&&", Infix(BinaryOp::And)),
            ("==", Infix(BinaryOp::Eq)),
            ("!=", Infix(BinaryOp::Ne)),
            ("<=", Infix(BinaryOp::Le)),
            (">=", Infix(BinaryOp::Ge)),
            ("<", Infix(BinaryOp::Lt)),
            (">", Infix(BinaryOp::Gt)),
            ("**", Infix(BinaryOp::Pow)),
            ("+", Infix(BinaryOp::Add)),
            ("*", Infix(BinaryOp::Mul)),
            ("/", Infix(BinaryOp::Div)),
            ("%", Infix(BinaryOp::Rem)),
            ("-", TokenKind::Minus),
            ("!", TokenKind::Not),
            ("(", TokenKind::Open),
            (")", TokenKind::Close),
            ("[", TokenKind::OpenBracket),
            ("]", TokenKind::CloseBracket),
            (",", TokenKind::Comma),
            (".", TokenKind::Dot),
        ];
        for (text, kind) in SYMBOLS {
            if self.take(text) {
                return Ok(kind);
            }
        }
        let (message, help) = match first {
            '=' => ("`=` is not an operator".to_owned(), Some("write `==` to compare")),
            '&' => ("`&` is not an operator".to_owned(), Some("write `and` or `&&`")),
            '|' => ("`|` is not an operator".to_owned(), Some("write `or` or `||`")),
            '^' => ("`^` is not an operator".to_owned(), Some("write `**` for a power")),
            ':' => ("unexpected `:`".to_owned(), Some("`::` stands only inside a function name")),
            '#' => ("unexpected `#`".to_owned(), Some("expressions have no comments")),
            '{' | '}' => ("expressions have no object literals".to_owned(), None),
            c => (format!("unexpected character `{}`", c.escape_debug()), None),
        };
        let error = ParseError::new(self.range_of_next(), message);
        Err(if let Some(help) = help { error.with_help(help) } else { error })
    }
}

fn keyword(word: &str) -> Option<TokenKind> {
    Some(match word {
        "and" => TokenKind::Infix(BinaryOp::And),
        "or" => TokenKind::Infix(BinaryOp::Or),
        "not" => TokenKind::Not,
        "if" => TokenKind::If,
        "then" => TokenKind::Then,
        "else" => TokenKind::Else,
        "true" => TokenKind::Literal(Literal::Bool(true)),
        "false" => TokenKind::Literal(Literal::Bool(false)),
        "null" => TokenKind::Literal(Literal::Null),
        _ => return None,
    })
}

fn unterminated(start: usize, end: usize, quote: char) -> ParseError {
    ParseError::new(range(start, end), format!("text without its closing {quote}"))
}

pub(crate) fn is_ident_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

pub(crate) fn is_ident(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Texts are at most [`crate::EXPRESSION_BYTES_MAX`] long, so that nothing is ever cut here.
pub(crate) fn range(start: usize, end: usize) -> TextRange {
    let narrow = |n| u32::try_from(n).unwrap_or(u32::MAX);
    TextRange { start: narrow(start), end: narrow(end) }
}
