//! The oracle against the conformance corpus.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by failing")]

mod corpus;
mod expressions;
mod hints;
mod normalization;
