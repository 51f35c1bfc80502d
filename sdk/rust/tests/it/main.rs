//! The crate as an author meets it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests stop at the first surprise")]

mod contract;
mod module;
mod timestamp;
