//! Reading definitions: the corpus, the YAML dialect, shorthands, places, canonical form and differences.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod canonical;
mod corpus;
mod dialect;
mod diff;
mod folder;
mod shorthands;
mod support;
