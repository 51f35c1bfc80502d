//! The host with real components: limits on hand-made ones, and compiled definitions from end to end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests and benchmarks stop at the first surprise"
)]

mod flights;
mod functions;
mod hostile;
mod limits;
mod normalizers;
mod rules;
mod small;
mod support;
