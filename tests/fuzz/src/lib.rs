//! Fuzzing on stable Rust: what reads foreign input survives any input. A target is a function from bytes that
//! panics where something is wrong; `tests/it` feeds each with mutated cases of the corpus for a while.
//!
//! Invariant: an input is made from a seed alone, so that a printed seed repeats a run.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a target says what is wrong by a panic"
)]

pub mod corpus;
pub mod data;
pub mod definitions;
pub mod expression;
pub mod frames;
mod mutate;
pub mod programs;
pub mod records;

pub use mutate::Mutator;

/// Fails unless these bytes are a valid component.
fn assert_valid(component: &[u8]) {
    let features = wasmparser::WasmFeatures::all();
    let mut validator = wasmparser::Validator::new_with_features(features);
    if let Err(error) = validator.validate_all(component) {
        panic!("the compiler wrote an invalid component: {error}");
    }
}
