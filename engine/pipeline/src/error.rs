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
