//! A typed program to one WebAssembly component: generated functions and descriptor tables, linked into
//! the prebuilt runtime library (`wit/RUNTIME.md`), with the manifest for the host.
//!
//! Invariant: the same program gives the same bytes on every machine, and every checked program can be
//! emitted: an [`EmitError`] means that the compiler itself is damaged.

mod arithmetic;
mod body;
mod call;
mod chain;
mod choice;
mod compare;
mod component;
mod constants;
mod descriptors;
mod effects;
mod emit;
mod expression;
mod foreign;
mod library;
mod logic;
mod manifest;
mod module;
mod normalize;
mod parts;
mod renumber;
mod shared;
mod unit;
mod value;

#[cfg(test)]
mod tests;

pub use emit::{Compiled, Statistics, emit};
pub use library::EmitError;
pub use manifest::{MANIFEST_SECTION, manifest};
