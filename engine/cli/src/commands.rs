//! One file per command: its options and what it does.

pub(crate) mod assert;
pub(crate) mod build;
pub(crate) mod compile;
pub(crate) mod completions;
pub(crate) mod definitions;
pub(crate) mod demo;
pub(crate) mod draft;
pub(crate) mod erase;
pub(crate) mod eval;
pub(crate) mod explain;
pub(crate) mod history;
pub(crate) mod identity;
pub(crate) mod ingest;
pub(crate) mod init;
pub(crate) mod ledger;
pub(crate) mod merge;
pub(crate) mod normalize;
pub(crate) mod plan;
pub(crate) mod redact;
pub(crate) mod relationships;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod tick;
pub(crate) mod timeline;
pub(crate) mod validate;
pub(crate) mod verify;
