use defacto_model::EntityId;

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A module or the store failed.
    #[error(transparent)]
    Port(#[from] defacto_ports::Error),
    /// No source has this name.
    #[error("unknown source '{name}'; known: {known}")]
    UnknownSource {
        /// As given.
        name: String,
        /// Those that exist.
        known: String,
    },
    /// No entity has this id.
    #[error("entity '{0}' not found")]
    UnknownEntity(EntityId),
    /// No version has this name.
    #[error("version '{0}' not found")]
    UnknownVersion(String),
    /// The version exists with other content.
    #[error("version '{0}' already exists with other content")]
    VersionTaken(String),
    /// The identity operation makes no sense.
    #[error("{0}")]
    Identity(&'static str),
    /// Known, but not done by this program yet.
    #[error("{0} is not supported yet")]
    Unsupported(&'static str),
    /// The store serves one process at a time.
    #[error("only a Postgres database can be divided into shards")]
    Undivided,
    /// The namespace has history and was never divided.
    #[error("the namespace is not divided into shards yet: run `defacto shard resize N` first")]
    NoShards,
    /// The namespace is divided otherwise than the process believes.
    #[error("shard epoch changed: the namespace has {total} shards, not {given}")]
    ShardTotal {
        /// As the process has it.
        given: u32,
        /// As it is.
        total: u32,
    },
    /// A stored event cannot be read.
    #[error("event {sequence} of the ledger cannot be read: {source}")]
    Ledger {
        /// Its place.
        sequence: defacto_model::Sequence,
        /// Why.
        #[source]
        source: defacto_json::JsonError,
    },
}

impl Error {
    /// Whether the same call may succeed later.
    pub fn recoverable(&self) -> bool {
        matches!(self, Self::Port(error) if error.disposition() == defacto_ports::Disposition::Retry)
    }
}
