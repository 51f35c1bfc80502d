//! JSON text to values and back: whole documents, the extraction of single paths in one pass, the ledger's
//! typed data column, and canonical JSON for hashing.
//!
//! Invariant: accepts exactly RFC 8259 texts whose object keys are unique, whose depth is at most
//! [`DEPTH_MAX`] and whose numbers are finite; loses no digit of an integer; never panics on any input.

mod base64;
mod canonical;
mod cursor;
mod data;
mod error;
mod extract;
mod keys;
mod parse;
mod print;
mod trie;

pub use base64::{decode_base64, encode_base64};
pub use canonical::{canonical, raw_hash};
pub use data::{decode_data, encode_data};
pub use error::{JsonError, JsonErrorKind};
pub use extract::{Extractor, RawValue, Scratch};
pub use parse::{DEPTH_MAX, parse};
pub use print::{to_json, write_json, write_string};
