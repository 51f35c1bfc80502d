//! Normalizers: modules of the world `defacto:engine/normalizer`, written by anybody.
//!
//! Invariant: whatever such a module does or returns is the failure of the records that made it do so. It reaches
//! the host's log and its own tables, and nothing else.

mod abi;
mod call;
mod check;
mod error;
mod imports;
mod instance;
mod load;
mod metrics;
mod module;
mod state;
mod value;

pub use abi::RawInputRecord;
pub use check::Difference;
pub use error::NormalizerError;
pub use load::NormalizerHost;
pub use module::{MadeEvent, Normalizer, Refused, Tables};
