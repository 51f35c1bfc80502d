//! Definitions in, component out: reading, checking and emitting in one call. Everything is in memory; files
//! are the caller's.
//!
//! ```
//! use defacto_compiler::{Input, compile, diagnostics::Severity};
//!
//! let text = "
//! entities:
//!   door:
//!     starts: shut
//!     identity: { number: { match: exact } }
//!     properties: { openings: { type: integer, default: 0 } }
//!     states:
//!       shut: { when: { opened: { effects: [create, { increment: { property: openings } }] } } }
//! sources:
//!   sensor:
//!     event_type: kind
//!     timestamp: at
//!     events:
//!       opened: { mappings: [number], hints: { door: [number] } }
//! ";
//! let outcome = compile(&Input::Document { name: "doors.yaml", text })?;
//! assert!(outcome.diagnostics.iter().all(|d| d.severity() == Severity::Warning), "{:?}", outcome.diagnostics);
//! let compiled = outcome.compiled.ok_or("refused")?;
//! assert_eq!(compiled.manifest.entities[0].name, "door");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Invariant: the phases run in this order, each on the value of the one before; nothing here does input or
//! output.

mod compile;
mod expressions;
mod user_modules;
mod wat;

pub use compile::{Analysis, Input, Outcome, analyze, analyze_with, compile, compile_with};
pub use defacto_check::{ExpressionError, ExpressionScope, Program};
pub use defacto_definitions::{
    Canonical, Change, ChangeClass, Definitions, Diff, Hashes, NormalizerDef, SourceFile,
    canonical, diff, hashes,
};
pub use defacto_diagnostics as diagnostics;
pub use defacto_emit::{Compiled, EmitError, MANIFEST_SECTION, Statistics};
pub use expressions::{ExpressionCase, Expressions, compile_expressions, compile_expressions_with};
pub use user_modules::{DescribeError, Described, UserModules};
pub use wat::{PrintError, print_wat};
