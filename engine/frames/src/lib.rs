//! Frames: the packed batches that cross the boundary between host and module (`wit/FRAMES.md`),
//! and the descriptor tables that the compiler writes for the runtime library.
//!
//! Invariant: pure layout. It trusts nothing that comes back from a module.

pub mod abi;
