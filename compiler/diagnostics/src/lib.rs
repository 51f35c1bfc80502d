//! Spans, diagnostics, the registry of codes with one page each, and renderers.
//!
//! Invariant: knows neither YAML nor expressions nor Wasm, and prints nothing.

mod code;
mod diagnostic;
mod render;
mod source_map;
mod suggest;

pub use code::{Code, Severity, UnknownCode};
pub use diagnostic::{Diagnostic, Label};
pub use render::{render_json, render_text};
pub use source_map::{FileId, Position, SourceMap, Span};
pub use suggest::nearest;
