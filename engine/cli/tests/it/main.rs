//! The binary as a user meets it.

mod corpus;
mod determinism;
mod errors;
mod examples;
mod expressions;
mod lifecycle;
mod project;
mod tour;
