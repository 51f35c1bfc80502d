//! The parser against the conformance corpus, its limits, and the places in its errors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod conformance;
mod errors;
mod limits;
mod shape;
