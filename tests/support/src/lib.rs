//! What tests of several crates share: the oracle, a deliberately plain interpreter of checked
//! definitions that stands in for compiled modules and judges them, and seeded generators of definition
//! sets and events.
//!
//! Invariant: nothing here is fast, and nothing here is used outside tests.

mod evaluate;
mod foreign;
mod generate;
mod interpret;
mod normalize;
mod oracle;
mod random;
mod trouble;
mod values;

pub use foreign::ForeignFunction;
pub use generate::{
    GeneratedSet, PACK, RawEvent, definitions, pack, packed_definitions, raw_events,
};
pub use oracle::{Oracle, OracleError};
pub use random::Random;
