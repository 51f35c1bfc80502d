//! The oracle against the conformance corpus.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by failing")]

mod agreement;
mod chains;
mod compare;
mod corpus;
mod expressions;
mod feed;
mod generated;
mod hints;
mod invariants;
mod normalization;
mod packed;
mod truths;
