//! Values and the functions of the language: one file per function, with signature, documentation, examples
//! and behaviour. Compiled natively for tools and tests, and to Wasm inside the runtime library.
//!
//! Invariant: reads no clock, keeps no state, and never differs from its own examples.

mod fault;
mod function;
mod val;

pub use fault::{Fault, FaultKind};
pub use function::{Function, Parameter, Returns, Signature};
pub use val::{Arena, Val};
