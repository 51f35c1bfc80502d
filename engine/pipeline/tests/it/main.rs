//! Scenarios of the conformance corpus, run through the oracle, the pipeline and the SQLite store.

mod case;
mod compare;
mod outcome;
mod run;
mod scenarios;
