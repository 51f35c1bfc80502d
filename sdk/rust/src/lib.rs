//! Normalizers and functions for Defacto, written in Rust.
//!
//! A normalizer turns raw records into typed events where mapping keys is not enough: EDI, bank statements, protobuf, the
//! log of a device that nobody documents. It is compiled to a WebAssembly component that can reach nothing, and a source
//! names it with `normalizer: NAME`.
//!
//! # A normalizer
//!
//! Say which events there are, and how a record becomes some of them:
//!
//! ```
//! use defacto_sdk::{Config, Events, Failure, Normalizer, Record, Timestamp};
//!
//! defacto_sdk::normalizer! {
//!     normalizer Gateway = "gateway", version "1.0.0";
//!
//!     /// A device measured something.
//!     event Reading = "reading" {
//!         device: String,
//!         value: f64,
//!     }
//! }
//!
//! pub struct Gateway;
//!
//! impl Normalizer for Gateway {
//!     fn configure(_config: &Config<'_>) -> Result<Self, String> {
//!         Ok(Self)
//!     }
//!
//!     // 1772352900 M-7731 12.5
//!     fn normalize(&self, record: Record<'_>, events: &mut Events) -> Result<(), Failure> {
//!         let mut words = record.text()?.split(' ');
//!         let at = words.next().and_then(|word| word.parse().ok()).and_then(Timestamp::from_seconds);
//!         let at = at.ok_or_else(|| Failure::new("BAD_TIME", "the line does not start with Unix seconds"))?;
//!         let device = words.next().ok_or_else(|| Failure::new("CUT_OFF", "the line has no device"))?;
//!         let value = words.next().unwrap_or_default();
//!         let value = value
//!             .parse()
//!             .map_err(|_| Failure::new("BAD_VALUE", format!("'{value}' is no number")).in_field("value"))?;
//!         events.push(at, Reading { device: device.to_owned(), value });
//!         Ok(())
//!     }
//! }
//!
//! // In a test, without WebAssembly:
//! let host = defacto_sdk::testing::Host::<Gateway>::new();
//! let results = host.text(&["1772352900 M-7731 12.5", "1772352900 M-7731 much"]);
//! assert_eq!(
//!     results[0].to_json(),
//!     r#"{"events":[{"type":"reading","timestamp":"2026-03-01T08:15:00+00:00","fields":{"device":"M-7731","value":12.5}}]}"#
//! );
//! assert_eq!(results[1].failure().unwrap().message, "'much' is no number");
//! ```
//!
//! [`normalizer!`] makes a struct of each event, writes down names and types for the compiler of definitions, and exports
//! the functions that the engine calls. Documentation of events and fields becomes their description.
//!
//! # What a result may depend on
//!
//! On the record, the configuration and the tables, and on nothing else. The engine repeats batches, splits them, runs many
//! instances and drops any of them at any moment; `defacto normalizer check` tries all of this. State that a normalizer
//! keeps between records is therefore a mistake, and `normalize` takes `&self`. There is no clock, no randomness, no file and no
//! network: only [`lookup`](host::lookup) and [`log`](host::log).
//!
//! # Failures
//!
//! A record of which nothing can be made gives a [`Failure`]: a code of your own, and a sentence that names the value. The
//! record becomes a dead letter with both. A panic is a trap: it costs the record too, but tells nobody why.
//!
//! # Functions
//!
//! [`functions!`] declares functions that expressions of definitions call by name, such as `geo::country(event.ip)`: what looks
//! something up in a table, or computes what the language has no function for.
//!
//! # Build
//!
//! `defacto normalizer new --lang rust NAME` makes a crate that is ready to build; `defacto normalizer build NAME` compiles
//! it for `wasm32-unknown-unknown` and wraps it as a component.

#[cfg(all(target_arch = "wasm32", not(target_feature = "atomics")))]
mod allocator;
#[doc(hidden)]
pub mod bindings;
mod event;
#[cfg(all(target_arch = "wasm32", not(target_feature = "atomics")))]
mod exports;
mod failure;
#[doc(hidden)]
pub mod function_bindings;
mod functions;
pub mod host;
mod macros;
mod module;
mod normalizer;
mod record;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod timestamp;
mod value;

pub use bindings::defacto::engine::types::{Failure, Value};
pub use event::{Event, EventType, Events, Field};
pub use functions::{Argument, FunctionModule, FunctionType, Returned};
pub use normalizer::{Config, Normalizer};
pub use record::{Record, Row};
pub use timestamp::Timestamp;
pub use value::{FieldType, FieldValue, Json};

/// What [`normalizer!`] expands to needs these; they are no part of the interface.
#[doc(hidden)]
pub mod __private {
    #[cfg(all(target_arch = "wasm32", not(target_feature = "atomics")))]
    pub use crate::allocator::Allocator;
    #[cfg(all(target_arch = "wasm32", not(target_feature = "atomics")))]
    pub use crate::exports::Exports;
    #[cfg(target_arch = "wasm32")]
    pub use crate::function_bindings::export_functions;
    pub use crate::functions::{argument, call as call_function, describe as describe_functions};
    pub use crate::module::Module;
}
