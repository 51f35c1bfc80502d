//! Identity resolution (engine.md 2): which entity an event belongs to, and which entities are one.
//!
//! Invariant: pure. Everything known comes in as arguments, everything learned goes out as a value, and the
//! outcome depends on the order of the ledger only, never on where a block of events begins or ends.

mod apart;
mod hints;
mod resolve;
mod roots;
mod spaces;

pub use apart::Apart;
pub use hints::HintMap;
pub use resolve::{
    EventStep, Generations, Hint, Merge, MergeStep, NewHint, RelateStep, Resolution, ResolvedRow,
    Step, TypeHints, resolve,
};
pub use roots::Roots;
pub use spaces::{SpaceId, Spaces};
