//! Core modules of any toolchain to pure components: what `defacto normalizer build` does after the compiler of the
//! author's language.
//!
//! A toolchain gives a core module, or (Python, JavaScript) a component. [`componentize`] describes it by the world
//! when the author's bindings have not done so, links a sealed WASI into it where it asks for WASI, and refuses
//! whatever else it imports, by name. The result is the same bytes on every machine: sections in which tools leave
//! their names, versions and paths are removed.
//!
//! ```
//! use defacto_componentize::{Error, World, componentize};
//!
//! // A module that wants to open a socket.
//! let module = wat::parse_str(r#"(module (import "wasi_snapshot_preview1" "sock_accept" (func)))"#)?;
//! let refused = componentize(&module, World::Normalizer).unwrap_err();
//! assert_eq!(refused.to_string(), "the module imports `sock_accept` of wasi_snapshot_preview1, which a sealed module may not have");
//! # Ok::<(), wat::Error>(())
//! ```
//!
//! Invariant: a component that comes out of here imports nothing but interfaces of `defacto:engine`.

mod adapter;
mod componentize;
mod error;
mod facts;
mod sections;
mod world;

pub use componentize::componentize;
pub use error::Error;
pub use facts::{Facts, Interface};
pub use world::World;
