//! The store on SQLite: one file in write-ahead mode, one writing connection, reading connections
//! that each see one moment.
//!
//! Invariant: nothing outside a transaction is ever written, and no name or value reaches SQL
//! unquoted or unbound.
//!
//! What others may rely on are the views `{type}_history`, `{type}_current`, `rel_{name}_history`
//! and `relationships` (engine.md 4.1); tables are free to change. Where they are cut the way they
//! are, `schema.rs` and `history_write.rs` say why.

mod checkpoints;
mod columns;
mod edges;
mod entity_events;
mod error;
mod handle;
mod hints;
mod history_read;
mod history_write;
mod keys;
mod ledger;
mod merges;
mod packed;
mod progress;
mod realms;
mod relay;
mod replay;
mod schema;
mod session;
mod states;
mod store;
mod views;
mod whole;

pub use store::SqliteStore;
