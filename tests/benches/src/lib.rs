//! The flights definitions written by hand in Rust: what compiled modules are measured against.

mod aircraft;

pub use aircraft::interpret;
