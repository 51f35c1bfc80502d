//! Compilation as a whole.

mod limits;
