//! All that a normalizer may ask of the engine.

#[cfg(target_arch = "wasm32")]
use crate::bindings::defacto::engine::host as engine;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::engine;

pub use crate::bindings::defacto::engine::host::Level;

/// Writes a message to the engine's log. It changes no result; at most 64 KiB a batch are kept.
///
/// ```no_run
/// use defacto_sdk::host::{Level, log};
///
/// log(Level::Warn, "a statement without a closing balance");
/// ```
pub fn log(level: Level, message: &str) {
    engine::log(level, message);
}

/// What a table that the project gives with the module holds under a key, or `None`.
///
/// Tables are the files `KEYS.csv` and `KEYS.json` in the folder `normalizers/NAME` of the project. Of a CSV file, the first
/// column is the key; the answer is the text of the second column, or, when there are more than two, the row as a JSON object
/// of texts. A JSON file is one object; the answer is a text as it is, and any other value as JSON. They are part of the
/// definitions: another content is another version.
///
/// ```no_run
/// let name = defacto_sdk::host::lookup("countries", "ZW").unwrap_or_default();
/// ```
///
/// A table that does not exist is a trap.
pub fn lookup(table: &str, key: &str) -> Option<String> {
    engine::lookup(table, key)
}
