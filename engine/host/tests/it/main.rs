//! The host with real components: limits on hand-made ones, and compiled definitions from end to end.

mod flights;
mod limits;
mod small;
mod support;
