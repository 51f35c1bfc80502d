//! Tokens to a tree: precedence climbing over language.md 4.2.

use crate::{
    BinaryOp, EXPRESSION_BYTES_MAX, Expr, ExprKind, NESTING_MAX, Root, TextRange, UnaryOp,
    error::ParseError,
    lexer::{Lexer, range},
    token::{Token, TokenKind},
};

/// Parses one expression (language.md 4.1).
///
/// # Errors
///
/// When the text is blank, longer than [`EXPRESSION_BYTES_MAX`], nested deeper than [`NESTING_MAX`], holds a
/// literal out of range, or does not follow the grammar. The first fault is reported.
pub fn parse(text: &str) -> Result<Expr, ParseError> {
    if text.len() > EXPRESSION_BYTES_MAX {
        let message = format!(
            "expression of {} bytes; at most {EXPRESSION_BYTES_MAX} are allowed",
            text.len()
        );
        return Err(ParseError::new(range(0, text.len()), message));
    }
    if text.trim().is_empty() {
        return Err(ParseError::new(range(0, text.len()), "empty expression"));
    }
    let mut lexer = Lexer::new(text);
    let next = lexer.next()?;
    let mut parser = Parser { lexer, next, depth: 0 };
    let expr = parser.expression(0)?;
    if parser.next.kind != TokenKind::End {
        return Err(parser.leftover());
    }
    Ok(expr)
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    next: Token,
    depth: u32,
}

/// Word operators, for those who write them in upper case.
const WORDS: [&str; 5] = ["and", "or", "not", "then", "else"];

/// Strength of `**`, the tightest infix operator.
const POWER: u8 = 7;

fn strength(operator: BinaryOp) -> u8 {
    match operator {
        BinaryOp::Or => 1,
        BinaryOp::And => 2,
        BinaryOp::Eq | BinaryOp::Ne => 3,
        BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => 4,
        BinaryOp::Add | BinaryOp::Sub => 5,
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem => 6,
        BinaryOp::Pow => POWER,
    }
}

impl Parser<'_> {
    fn advance(&mut self) -> Result<Token, ParseError> {
        let next = self.lexer.next()?;
        Ok(std::mem::replace(&mut self.next, next))
    }

    /// Takes the token when it is the given one; returns its place.
    fn expect(&mut self, kind: &TokenKind, message: &str) -> Result<TextRange, ParseError> {
        if self.next.kind != *kind {
            return Err(self.unexpected(message));
        }
        Ok(self.advance()?.range)
    }

    fn unexpected(&self, message: &str) -> ParseError {
        ParseError::new(self.next.range, message)
    }

    /// Runs `parse` one level deeper.
    fn nested<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        if self.depth >= NESTING_MAX {
            let message = format!("expression nested deeper than {NESTING_MAX} levels");
            return Err(self.unexpected(&message));
        }
        self.depth += 1;
        let result = parse(self)?;
        self.depth -= 1;
        Ok(result)
    }

    /// Infix operators at least as strong as `weakest`.
    fn expression(&mut self, weakest: u8) -> Result<Expr, ParseError> {
        let mut left = self.unary()?;
        loop {
            let operator = match self.next.kind {
                TokenKind::Infix(operator) => operator,
                TokenKind::Minus => BinaryOp::Sub,
                _ => return Ok(left),
            };
            let strength = strength(operator);
            if strength < weakest {
                return Ok(left);
            }
            self.advance()?;
            let right = if operator == BinaryOp::Pow {
                self.nested(|parser| parser.expression(POWER))?
            } else {
                self.expression(strength + 1)?
            };
            let range = TextRange { start: left.range.start, end: right.range.end };
            let kind = ExprKind::Binary(operator, Box::new(left), Box::new(right));
            left = Expr { kind, range };
        }
    }

    fn unary(&mut self) -> Result<Expr, ParseError> {
        let operator = match self.next.kind {
            TokenKind::Not => UnaryOp::Not,
            TokenKind::Minus => UnaryOp::Neg,
            _ => return self.postfix(),
        };
        let start = self.advance()?.range.start;
        let operand = self.nested(Self::unary)?;
        let range = TextRange { start, end: operand.range.end };
        Ok(Expr { kind: ExprKind::Unary(operator, Box::new(operand)), range })
    }

    fn postfix(&mut self) -> Result<Expr, ParseError> {
        let mut base = self.primary()?;
        // A dot stands inside a path, where the lexer takes it, and after `]` or `)`.
        let mut dot = matches!(base.kind, ExprKind::Paren(_) | ExprKind::Call { .. });
        loop {
            let start = base.range.start;
            match self.next.kind {
                TokenKind::OpenBracket => {
                    self.advance()?;
                    let index = self.nested(|parser| parser.expression(0))?;
                    let end = self.expect(&TokenKind::CloseBracket, "`]` expected")?.end;
                    let kind = ExprKind::Index(Box::new(base), Box::new(index));
                    base = Expr { kind, range: TextRange { start, end } };
                    dot = true;
                }
                TokenKind::Dot if dot => {
                    let segment = self.lexer.segment()?;
                    self.next = self.lexer.next()?;
                    let range = TextRange { start, end: segment.range.end };
                    base = Expr { kind: ExprKind::Member(Box::new(base), segment), range };
                }
                _ => return Ok(base),
            }
        }
    }

    fn primary(&mut self) -> Result<Expr, ParseError> {
        match &self.next.kind {
            TokenKind::Literal(_) | TokenKind::Path(..) | TokenKind::Qualified(_) => {}
            TokenKind::Open => return self.paren(),
            TokenKind::If => return self.conditional(),
            _ => return Err(self.no_operand()),
        }
        let Token { kind, range } = self.advance()?;
        let kind = match kind {
            TokenKind::Literal(literal) => ExprKind::Literal(literal),
            TokenKind::Qualified(name) => return self.call(name, range),
            TokenKind::Path(name, segments) if self.next.kind == TokenKind::Open => {
                if segments.is_empty() {
                    return self.call(name, range);
                }
                return Err(ParseError::new(range, "only a function name may stand before `(`")
                    .with_help("functions of a group are written with `::`, such as str::trim"));
            }
            TokenKind::Path(name, segments) => ExprKind::Path {
                root: match name.as_str() {
                    "event" => Root::Event,
                    "entity" => Root::Entity,
                    "value" => Root::Value,
                    _ => Root::Unknown(name),
                },
                segments,
            },
            _ => return Err(self.no_operand()),
        };
        Ok(Expr { kind, range })
    }

    fn paren(&mut self) -> Result<Expr, ParseError> {
        let start = self.advance()?.range.start;
        let inner = self.nested(|parser| parser.expression(0))?;
        let end = self.expect(&TokenKind::Close, "`)` expected")?.end;
        Ok(Expr { kind: ExprKind::Paren(Box::new(inner)), range: TextRange { start, end } })
    }

    fn conditional(&mut self) -> Result<Expr, ParseError> {
        let start = self.advance()?.range.start;
        let condition = self.nested(|parser| parser.expression(0))?;
        self.expect(&TokenKind::Then, "`then` expected")?;
        let chosen = self.nested(|parser| parser.expression(0))?;
        self.expect(&TokenKind::Else, "`else` expected; an `if` always has one")?;
        let other = self.nested(|parser| parser.expression(0))?;
        let range = TextRange { start, end: other.range.end };
        let kind = ExprKind::If(Box::new(condition), Box::new(chosen), Box::new(other));
        Ok(Expr { kind, range })
    }

    fn call(&mut self, name: String, name_range: TextRange) -> Result<Expr, ParseError> {
        self.expect(&TokenKind::Open, "`(` expected after a function name")?;
        let mut args = Vec::new();
        while self.next.kind != TokenKind::Close {
            args.push(self.nested(|parser| parser.expression(0))?);
            if self.next.kind != TokenKind::Comma {
                break;
            }
            self.advance()?;
        }
        let end = self.expect(&TokenKind::Close, "`,` or `)` expected")?.end;
        let range = TextRange { start: name_range.start, end };
        Ok(Expr { kind: ExprKind::Call { name, name_range, args }, range })
    }

    fn no_operand(&self) -> ParseError {
        match &self.next.kind {
            TokenKind::End => self.unexpected("the expression ends where a value is expected"),
            TokenKind::OpenBracket => self.unexpected("expressions have no list literals"),
            TokenKind::Dot => self
                .unexpected("a value is expected, not `.`")
                .with_help("numbers need a digit before the point: 0.5"),
            _ => self.unexpected("a value is expected here"),
        }
    }

    /// The text goes on after a complete expression.
    fn leftover(&self) -> ParseError {
        let error = self.unexpected("the expression should end here, or an operator is missing");
        match &self.next.kind {
            TokenKind::Dot => ParseError::new(self.next.range, "no `.` may stand here")
                .with_help("a `.` follows a name, `]` or `)`, without blanks before a name"),
            TokenKind::Close => self.unexpected("`)` without `(`"),
            TokenKind::CloseBracket => self.unexpected("`]` without `[`"),
            TokenKind::Not => {
                error.with_help("write `a != b`, or `not (…)` around the whole comparison")
            }
            TokenKind::Path(name, _) => {
                match WORDS.iter().find(|word| word.eq_ignore_ascii_case(name)) {
                    Some(word) => error.with_help(format!("write `{word}` in lower case")),
                    None => error,
                }
            }
            _ => error,
        }
    }
}
