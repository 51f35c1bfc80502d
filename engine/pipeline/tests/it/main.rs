//! Scenarios of the conformance corpus, run through the oracle, the pipeline and the SQLite store.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at the first thing that is not as it must be"
)]

mod case;
mod compare;
mod erasure;
mod faulty;
mod outcome;
mod partial;
mod program;
mod redaction;
mod resume;
mod run;
mod scenarios;
mod sharding;
mod undivided;
