//! What is written reads back; what others wrote is understood; what is broken is refused.

mod read;
mod write;
