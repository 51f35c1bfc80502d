//! Servers that tests start on a free port as an ordinary user, and that end with the test.
//!
//! A server that is not installed fails the test that needs it; `tests/run` installs it.

#![expect(clippy::panic, clippy::missing_panics_doc, reason = "a server that fails fails its test")]

mod disk;
mod folder;
mod postgres;
mod user;

pub use disk::SmallDisk;
pub use folder::Folder;
pub use postgres::{Postgres, Server};
