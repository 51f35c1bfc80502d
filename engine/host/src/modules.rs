//! Modules written by anybody, of the worlds `defacto:engine/normalizer` and `defacto:engine/functions`.
//!
//! Invariant: whatever such a module does or returns is the failure of the records or calls that made it do so. It reaches
//! the host's log and its own tables, and nothing else.

mod abi;
mod check;
mod error;
mod functions;
mod imports;
mod instance;
mod load;
mod metrics;
mod module;
mod normalizer;
mod state;
mod value;
mod world;

pub use abi::RawInputRecord;
pub use check::Difference;
pub use error::ModuleError;
pub use functions::{Answer, Functions};
pub use load::ModuleHost;
pub use module::{Module, Tables};
pub use normalizer::{MadeEvent, Normalizer, Refused};
