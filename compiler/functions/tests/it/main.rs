//! The corpus of expressions, evaluated without types and without compiling: what the functions and
//! operators of this crate give, called the way generated code calls them.

#![allow(clippy::unwrap_used, reason = "a broken corpus must stop the test")]

mod corpus;
mod evaluate;
