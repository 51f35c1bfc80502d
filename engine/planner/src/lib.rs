//! What a build has to do: from hashes to mode, scope and reason (language.md 8.5, engine.md 3.1).
//!
//! The most expensive row that applies wins:
//!
//! | Found | Mode | Renormalize | Resolve anew | Replay into new tables |
//! |---|---|---|---|---|
//! | asked for `from_raw`, or sources changed | `FULL_RENORMALIZE` | yes | yes | yes |
//! | identity changed | `FULL_WITH_IDENTITY_RESET` | no | yes | yes |
//! | asked for `full`, or entities changed, or the module's code changed, or a full build was left unfinished | `FULL` | no | only if relate targets changed | yes |
//! | events beyond the cursor | `INCREMENTAL` | no | no | no |
//! | nothing | `SKIP` | no | no | no |
//!
//! Each hash is compared with the one under which the data in question were made: sources with the
//! ledger's normalized columns, identity and relate targets with the identity map, entities and module
//! with the version's history.
//!
//! Invariant: pure.

mod hashes;
mod plan;

pub use hashes::Hashes;
pub use plan::{DEPLETED, Found, Mode, Plan, REDACTED, Wanted, plan};
