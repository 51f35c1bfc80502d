/// A range of bytes in the expression's own text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TextRange {
    /// First byte.
    pub start: u32,
    /// Byte after the last.
    pub end: u32,
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub range: TextRange,
}

/// The forms of an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// `1`, `'text'`, `30d`, `true`, `null`…
    Literal(Literal),
    /// `event.a.0.b`: a root name and segments written without blanks. Whether the root is known is
    /// for the checker.
    Path {
        /// The name before the first dot.
        root: Root,
        /// What follows.
        segments: Vec<Segment>,
    },
    /// `x.name` after `]` or `)`.
    Member(Box<Expr>, Segment),
    /// `x[i]`.
    Index(Box<Expr>, Box<Expr>),
    /// `not x`, `-x`.
    Unary(UnaryOp, Box<Expr>),
    /// `a + b`, `a and b`…
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `if c then a else b`.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `f(a, b)`; the name may contain `::`.
    Call {
        /// Name as written.
        name: String,
        /// Where the name stands.
        name_range: TextRange,
        /// Arguments.
        args: Vec<Expr>,
    },
    /// `(x)`: kept so that warnings can tell `not (a == b)` from `not a == b`.
    Paren(Box<Expr>),
}

/// First name of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// `event`
    Event,
    /// `entity`
    Entity,
    /// `value`
    Value,
    /// Anything else: a load error (language.md 4.4).
    Unknown(String),
}

/// One step of a path: a name, or digits as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Name or digits.
    pub text: String,
    /// Where it stands.
    pub range: TextRange,
}

/// A literal.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// Digits; fits `i64`.
    Int(i64),
    /// Digits, point, digits; finite.
    Float(f64),
    /// Quoted text, escapes resolved.
    String(String),
    /// A sum of digits with units, in microseconds.
    Duration(i64),
}

/// Prefix operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOp {
    /// `not`, `!`
    Not,
    /// `-`
    Neg,
}

/// Infix operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the operators of language.md 4.2")]
pub enum BinaryOp {
    Or,
    And,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Pow,
}
