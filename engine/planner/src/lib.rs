//! What a build has to do: from hashes to mode, scope and reason (language.md 8.5, engine.md 3.1).
//!
//! The most expensive row that applies wins:
//!
//! | Found | Mode | Renormalize | Resolve anew | Replay into new tables |
//! |---|---|---|---|---|
//! | asked for `from_raw`, or sources changed for events that there are | `FULL_RENORMALIZE` | yes | yes | yes |
//! | the same, and the active version's history can be taken over | `PARTIAL`, or `FULL_RENORMALIZE` when it is every source of the ledger | sources that changed | no; all of the row above where identity would change | of entities that their events belong to, beside a copy |
//! | identity changed for entity types that there were | `FULL_WITH_IDENTITY_RESET` | no | yes | yes |
//! | asked for `full`, or entities changed, or the module's code changed, or a full build was left unfinished | `FULL` | no | only if relate targets changed | yes |
//! | first build of a version, some entity types changed against the active one | `PARTIAL` | no | no | of these types; the others are copied, with other columns where only these changed |
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
mod scope;

pub use hashes::Hashes;
pub use plan::{Base, DEPLETED, Found, Mode, Plan, REDACTED, Renewal, Wanted, plan};
pub use scope::{Scope, scope};
