//! The store on Postgres 14 or newer: one schema per namespace, one per version for its state.
//!
//! Invariant: nothing outside a transaction is ever written, and no name or value reaches SQL unquoted or unbound.
//!
//! What others may rely on are the names of the tables outside the versions' schemas, and the views `{type}_history`,
//! `{type}_current`, `rel_{name}_history` and `relationships` in `{namespace}_{version}` (engine.md 4.1, 4.2); how
//! tables are cut is free, and `schema.rs` and `realms.rs` say why they are as they are.

mod bell;
mod bundle;
mod copy;
mod damage;
mod dialect;
mod edges;
mod entity_events;
mod error;
mod handle;
mod hints;
mod history_read;
mod history_write;
mod ledger;
mod literal;
mod merges;
mod names;
mod place;
mod pool;
mod progress;
mod purge;
mod realms;
mod relay;
mod replay;
mod schema;
mod session;
mod shards;
mod states;
mod store;
mod views;
mod wire;

pub use store::{PostgresOptions, PostgresStore};
