//! YAML, JSON or a folder of them to a spanned definition set (language.md 1 to 3), its canonical
//! form, hashes and differences.
//!
//! Invariant: never interprets an expression; it hands text and span to `defacto-syntax`.

mod canonical;
mod diff;
mod hash;
mod json;
mod json_text;
mod limits;
mod load;
mod model;
mod names;
mod namespaces;
mod node;
mod read;
mod read_effect;
mod read_entity;
mod read_normalizer;
mod read_source;
mod yaml;

pub use canonical::{Canonical, canonical};
pub use diff::{Change, ChangeClass, Diff, diff};
pub use hash::{Hashes, hashes};
pub use limits::{DEPTH_MAX, EXPANSION_BYTES_MAX, FILE_BYTES_MAX, TOTAL_BYTES_MAX};
pub use load::{Loaded, SourceFile, load_document, load_files};
pub use model::*;
pub use namespaces::namespaces;
