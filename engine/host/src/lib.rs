//! Runs compiled definitions and the modules that projects give: one Wasm engine per process, limits on every call, frames in and out.
//!
//! Invariant: the sole user of wasmtime. Whatever a module does (trap, exhaust a limit, return nonsense)
//! becomes the failure of the events concerned; nothing of it reaches the host's own state.

mod compiled;
mod cwasm;
mod epoch;
mod error;
mod evaluate;
mod event_id;
mod foreign;
mod function_cache;
mod guard;
mod hints;
mod host;
mod instance;
mod interpret;
mod limits;
mod made;
mod messages;
mod modules;
mod normalize;
mod pool;
mod sections;
mod segments;
mod source;
mod stop;

pub use compiled::CompiledDefinitions;
pub use error::LoadError;
pub use evaluate::Evaluation;
pub use host::{Host, HostOptions, digest};
pub use limits::Limits;
pub use modules::{
    Answer, Difference, Functions, MadeEvent, Module, ModuleError, ModuleHost, Normalizer,
    RawInputRecord, Refused, Tables,
};
