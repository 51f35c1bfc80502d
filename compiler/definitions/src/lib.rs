//! YAML, JSON or a folder of them to a spanned definition set (language.md 1 to 3), its canonical
//! form, hashes and differences.
//!
//! Invariant: never interprets an expression; it hands text and span to `defacto-syntax`.

mod json;
mod limits;
mod load;
mod model;
mod names;
mod node;
mod read;
mod read_effect;
mod read_entity;
mod read_source;
mod yaml;

pub use limits::{DEPTH_MAX, EXPANSION_BYTES_MAX, FILE_BYTES_MAX, TOTAL_BYTES_MAX};
pub use load::{Loaded, SourceFile, load_document, load_files};
pub use model::*;
