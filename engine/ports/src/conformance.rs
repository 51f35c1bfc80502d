//! What every store must do, as cases that a store's tests call with a fresh store each.
//!
//! A case fails by an assertion, or with the store's error.

#![expect(
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "failing is what a case is for, and said above"
)]

mod build;
mod edges;
mod history;
mod identity;
mod ledger;
mod sample;
mod shards;
mod states;

pub use build::{builds_and_settings, locks, moments, purge, rollback, versions};
pub use edges::{edge_requests, edge_versions};
pub use history::{
    history_late_rows, history_merged, history_reading, history_rows, history_values,
};
pub use identity::{entity_events, erased_hints, hints, merges};
pub use ledger::{append, delete, replay, replay_late_range, rewrite};
pub use sample::{event_of, manifest};
pub use shards::{claims, entering, holding};
pub use states::{checkpoints, due, realms, states};
