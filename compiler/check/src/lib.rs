//! Names and types: a definition set in, a typed [`Program`] and every diagnostic out.
//!
//! Invariant: never accepts what `defacto-emit` cannot lower.

mod checker;
mod cross;
mod effect;
mod entity;
mod eval;
mod expression;
mod flows;
mod foreign;
mod identifier;
mod kinds;
mod library;
mod literal;
mod normalizer;
mod operators;
mod program;
mod property;
mod reach;
mod relationship;
mod schema;
mod scope;
mod source;
mod threshold;
mod timestamp;
mod usage;

pub use checker::check;
pub use eval::{ExpressionError, ExpressionScope, check_expression};
pub use flows::fields_into;
pub use program::*;
