//! YAML, JSON or a folder of them to a spanned definition set (language.md 1 to 3), its canonical
//! form, hashes and differences.
//!
//! Invariant: never interprets an expression; it hands text and span to `defacto-syntax`.

mod canonical;
mod diff;
mod hash;
mod load;
mod model;
mod read;
mod yaml;

pub use canonical::{Canonical, canonical};
pub use diff::{Change, ChangeClass, Diff, diff};
pub use hash::{Hashes, hashes};
pub use load::{LoadError, SourceFile, Tree, load_document, load_files};
pub use model::*;
