//! What is measured: the flights definitions written by hand in Rust, folders of definitions, typed expressions.

mod aircraft;
mod machines;
mod small;

pub use aircraft::interpret;
pub use machines::{HANDLERS, machines};
pub use small::SMALL;
