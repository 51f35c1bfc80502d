//! Expression text to a tree with spans (language.md 4.1).
//!
//! Invariant: never returns a tree without spans, never panics, never exceeds its limits.

mod ast;
mod lexer;
mod limits;
mod parser;

pub use ast::{BinaryOp, Expr, ExprKind, Literal, Root, Segment, TextRange, UnaryOp};
pub use limits::{EXPRESSION_BYTES_MAX, NESTING_MAX};
pub use parser::{ParseError, parse};
