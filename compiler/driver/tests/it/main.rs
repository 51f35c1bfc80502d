//! Compilation as a whole.
#![expect(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

mod limits;
