//! Expression text to a tree with spans (language.md 4.1).
//!
//! Invariant: never returns a tree without spans, never panics, never exceeds its limits.

mod ast;
mod error;
mod lexer;
mod limits;
mod number;
mod parser;
mod token;

pub use ast::{BinaryOp, Expr, ExprKind, Literal, Root, Segment, TextRange, UnaryOp};
pub use error::ParseError;
pub use limits::{EXPRESSION_BYTES_MAX, NESTING_MAX};
pub use parser::parse;
