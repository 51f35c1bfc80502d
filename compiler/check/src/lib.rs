//! Names and types: a definition set in, a typed [`Program`] and every diagnostic out.
//!
//! Invariant: never accepts what `defacto-emit` cannot lower.

mod program;

pub use program::*;
