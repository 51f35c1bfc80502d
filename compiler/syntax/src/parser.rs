//! Tokens to a tree: operator precedence (language.md 4.2) over an explicit stack, so that no text can exhaust
//! the native one.

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
    Parser { lexer, next, open: Vec::new(), depth: 0 }.run()
}

/// Word operators, for those who write them in upper case.
const WORDS: [&str; 5] = ["and", "or", "not", "then", "else"];

fn strength(operator: BinaryOp) -> u8 {
    match operator {
        BinaryOp::Or => 1,
        BinaryOp::And => 2,
        BinaryOp::Eq | BinaryOp::Ne => 3,
        BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => 4,
        BinaryOp::Add | BinaryOp::Sub => 5,
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem => 6,
        BinaryOp::Pow => 7,
    }
}

/// Something begun that waits for the expression which is being read.
enum Open {
    Unary { operator: UnaryOp, start: u32 },
    Infix { left: Expr, operator: BinaryOp },
    Paren { start: u32 },
    Bracket { base: Expr },
    Call { name: String, name_range: TextRange, args: Vec<Expr> },
    Condition { start: u32 },
    Chosen { start: u32, condition: Expr },
    Otherwise { start: u32, condition: Expr, chosen: Expr },
}

impl Open {
    /// Whether it counts as a level of nesting.
    fn nests(&self) -> bool {
        match self {
            Self::Infix { operator, .. } => *operator == BinaryOp::Pow,
            _ => true,
        }
    }
}

/// What a token led to.
enum Step {
    /// A value is expected next.
    Operand,
    /// A value is complete; whether a `.` may follow it.
    Value(Expr, bool),
    /// The whole text is read.
    Done(Expr),
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    next: Token,
    open: Vec<Open>,
    depth: u32,
}

impl Parser<'_> {
    fn run(mut self) -> Result<Expr, ParseError> {
        let mut step = Step::Operand;
        loop {
            step = match step {
                Step::Operand => self.operand()?,
                Step::Value(value, dot) => self.after(value, dot)?,
                Step::Done(expr) => return Ok(expr),
            }
        }
    }

    fn advance(&mut self) -> Result<Token, ParseError> {
        let next = self.lexer.next()?;
        Ok(std::mem::replace(&mut self.next, next))
    }

    fn unexpected(&self, message: &str) -> ParseError {
        ParseError::new(self.next.range, message)
    }

    fn push(&mut self, open: Open) -> Result<Step, ParseError> {
        if open.nests() {
            if self.depth >= NESTING_MAX {
                let message = format!("expression nested deeper than {NESTING_MAX} levels");
                return Err(self.unexpected(&message));
            }
            self.depth += 1;
        }
        self.open.push(open);
        Ok(Step::Operand)
    }

    fn pop(&mut self) -> Option<Open> {
        let open = self.open.pop()?;
        self.depth -= u32::from(open.nests());
        Some(open)
    }

    /// A value is expected.
    fn operand(&mut self) -> Result<Step, ParseError> {
        let start = self.next.range.start;
        let open = match &self.next.kind {
            TokenKind::Literal(_) | TokenKind::Path(..) | TokenKind::Qualified(_) => {
                return self.name_or_literal();
            }
            TokenKind::Not => Open::Unary { operator: UnaryOp::Not, start },
            TokenKind::Minus => Open::Unary { operator: UnaryOp::Neg, start },
            TokenKind::Open => Open::Paren { start },
            TokenKind::If => Open::Condition { start },
            _ => return Err(self.no_operand()),
        };
        self.advance()?;
        self.push(open)
    }

    fn name_or_literal(&mut self) -> Result<Step, ParseError> {
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
        Ok(Step::Value(Expr { kind, range }, false))
    }

    fn call(&mut self, name: String, name_range: TextRange) -> Result<Step, ParseError> {
        if self.next.kind != TokenKind::Open {
            return Err(self.unexpected("`(` expected after a function name"));
        }
        self.advance()?;
        self.arguments(name, name_range, Vec::new())
    }

    /// After `(` or `,` of a call.
    fn arguments(
        &mut self,
        name: String,
        name_range: TextRange,
        args: Vec<Expr>,
    ) -> Result<Step, ParseError> {
        if self.next.kind != TokenKind::Close {
            return self.push(Open::Call { name, name_range, args });
        }
        let end = self.advance()?.range.end;
        let range = TextRange { start: name_range.start, end };
        Ok(Step::Value(Expr { kind: ExprKind::Call { name, name_range, args }, range }, true))
    }

    /// A value is complete up to its postfixes.
    fn after(&mut self, value: Expr, dot: bool) -> Result<Step, ParseError> {
        let operator = match self.next.kind {
            TokenKind::OpenBracket => {
                self.advance()?;
                return self.push(Open::Bracket { base: value });
            }
            // A dot stands inside a path, where the lexer takes it, and after `]` or `)`.
            TokenKind::Dot if dot => {
                let segment = self.lexer.segment()?;
                self.next = self.lexer.next()?;
                let range = TextRange { start: value.range.start, end: segment.range.end };
                let kind = ExprKind::Member(Box::new(value), segment);
                return Ok(Step::Value(Expr { kind, range }, true));
            }
            TokenKind::Infix(operator) => operator,
            TokenKind::Minus => BinaryOp::Sub,
            _ => {
                let value = self.reduce(value, 0);
                return self.close(value);
            }
        };
        self.advance()?;
        // Equal strength groups to the left, except that `**` groups to the right.
        let strength = strength(operator);
        let weakest = if operator == BinaryOp::Pow { strength + 1 } else { strength };
        let left = self.reduce(value, weakest);
        self.push(Open::Infix { left, operator })
    }

    /// Completes what binds at least as tightly as `weakest`; with 0 also the last branches of `if`.
    fn reduce(&mut self, mut value: Expr, weakest: u8) -> Expr {
        loop {
            let complete = match self.open.last() {
                Some(Open::Unary { .. }) => true,
                Some(Open::Infix { operator, .. }) => strength(*operator) >= weakest,
                Some(Open::Otherwise { .. }) => weakest == 0,
                _ => false,
            };
            if !complete {
                return value;
            }
            let end = value.range.end;
            let (start, kind) = match self.pop() {
                Some(Open::Unary { operator, start }) => {
                    (start, ExprKind::Unary(operator, Box::new(value)))
                }
                Some(Open::Infix { left, operator }) => {
                    let start = left.range.start;
                    (start, ExprKind::Binary(operator, Box::new(left), Box::new(value)))
                }
                Some(Open::Otherwise { start, condition, chosen }) => {
                    let parts = (Box::new(condition), Box::new(chosen), Box::new(value));
                    (start, ExprKind::If(parts.0, parts.1, parts.2))
                }
                _ => return value,
            };
            value = Expr { kind, range: TextRange { start, end } };
        }
    }

    /// A whole expression is read: the next token must end what is open around it.
    fn close(&mut self, value: Expr) -> Result<Step, ParseError> {
        let Some(open) = self.pop() else {
            return if self.next.kind == TokenKind::End {
                Ok(Step::Done(value))
            } else {
                Err(self.leftover())
            };
        };
        let (expected, message) = match &open {
            Open::Bracket { .. } => (TokenKind::CloseBracket, "`]` expected"),
            Open::Call { .. } if self.next.kind == TokenKind::Comma => (TokenKind::Comma, ""),
            Open::Call { .. } => (TokenKind::Close, "`,` or `)` expected"),
            Open::Condition { .. } => (TokenKind::Then, "`then` expected"),
            Open::Chosen { .. } => (TokenKind::Else, "`else` expected; an `if` always has one"),
            _ => (TokenKind::Close, "`)` expected"),
        };
        if self.next.kind != expected {
            return Err(self.unexpected(message));
        }
        if let Open::Call { name, name_range, mut args } = open {
            args.push(value);
            if expected == TokenKind::Comma {
                self.advance()?;
            }
            return self.arguments(name, name_range, args);
        }
        let end = self.advance()?.range.end;
        match open {
            Open::Condition { start } => self.push(Open::Chosen { start, condition: value }),
            Open::Chosen { start, condition } => {
                self.push(Open::Otherwise { start, condition, chosen: value })
            }
            Open::Bracket { base } => {
                let range = TextRange { start: base.range.start, end };
                let kind = ExprKind::Index(Box::new(base), Box::new(value));
                Ok(Step::Value(Expr { kind, range }, true))
            }
            open => {
                let start =
                    if let Open::Paren { start } = open { start } else { value.range.start };
                let kind = ExprKind::Paren(Box::new(value));
                Ok(Step::Value(Expr { kind, range: TextRange { start, end } }, true))
            }
        }
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
