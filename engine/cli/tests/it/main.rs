//! The binary as a user meets it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests and benchmarks stop at the first surprise"
)]

mod apart;
mod corpus;
mod damage;
mod determinism;
mod draft;
mod erasure;
mod errors;
mod examples;
mod expressions;
mod functions;
mod kills;
mod lifecycle;
mod made;
mod normalizers;
#[cfg(feature = "postgres")]
mod postgres;
mod project;
mod results;
#[cfg(feature = "postgres")]
mod shards;
mod tour;
mod values;
