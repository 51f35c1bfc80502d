use crate::{BinaryOp, Literal, Segment, TextRange};

/// A token with its place.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) range: TextRange,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TokenKind {
    Literal(Literal),
    /// A name that is no keyword, with the segments that follow without blanks.
    Path(String, Vec<Segment>),
    /// `name::name`.
    Qualified(String),
    /// Infix operators except `-`, which is also a prefix.
    Infix(BinaryOp),
    Minus,
    Not,
    If,
    Then,
    Else,
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    Comma,
    Dot,
    End,
}
