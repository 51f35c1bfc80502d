//! What is written reads back; what others wrote is understood; what is broken is refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod read;
mod write;
