//! Frames: the packed batches that cross the boundary between host and module (`wit/FRAMES.md`),
//! and the descriptor tables that the compiler writes for the runtime library.
//!
//! Invariant: pure layout. It trusts nothing that comes back from a module: every address, count, tag,
//! text and number is checked before it becomes a value.

pub mod abi;
mod builder;
mod cells;
mod error;
mod fault;
mod interpret;
mod normalize;
mod records;
mod values;
mod view;

pub use builder::Head;
pub use cells::Cell;
pub use error::{FrameError, FrameErrorKind};
pub use fault::FaultRecord;
pub use interpret::{
    EventRow, InterpretBuilder, InterpretFrame, InterpretedFrame, ReturnedItem, ReturnedItemKind,
};
pub use normalize::{NormalizeBuilder, NormalizedFrame, NormalizedRow};
pub use records::RecordState;
pub use values::{EvaluateBuilder, EvaluateRow, HintsBuilder, ValuesFrame};

#[cfg(test)]
mod round_trip;
