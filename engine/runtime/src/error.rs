use std::path::PathBuf;

use defacto_compiler::Outcome;

/// What a caller does about an [`Error`] (decisions.md 21).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// A parameter, a path or a name is wrong.
    Usage,
    /// The definitions do not compile.
    Definitions,
    /// Store or lock: the same call may succeed later.
    Storage,
    /// The database is damaged or contradicts itself.
    Damaged,
    /// A defect of this program.
    Internal,
}

/// Why an operation of the engine was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The project's definitions cannot be read.
    #[error("read definitions in {}: {message}", path.display())]
    Project {
        /// Folder or file.
        path: PathBuf,
        /// Why.
        message: String,
    },
    /// A file of the definitions is no text.
    #[error("{}:{line}: not UTF-8; save the file in that encoding", path.display())]
    Encoding {
        /// The file.
        path: PathBuf,
        /// Line of the first byte that is none, counted from 1.
        line: usize,
    },
    /// The definitions are refused; the outcome holds every finding.
    #[error("the definitions are refused")]
    Definitions(Box<Outcome>),
    /// A parameter is out of range or of a wrong form.
    #[error("{0}")]
    Config(String),
    /// No entity type, relationship or identity field has this name.
    #[error("unknown {what} '{name}'; known: {known}")]
    UnknownName {
        /// What was looked for.
        what: &'static str,
        /// As given.
        name: String,
        /// Those that exist.
        known: String,
    },
    /// No entity has this hint.
    #[error("no entity has the hint '{0}'")]
    UnknownHint(String),
    /// The version has no history yet.
    #[error("version '{0}' has not been built yet")]
    NotBuilt(String),
    /// The version cannot be dropped: readers see it, or this engine works with it.
    #[error("version '{0}' is in use")]
    VersionInUse(String),
    /// A draft cannot be changed so, or not be made.
    #[error("{0}")]
    Draft(String),
    /// A file of the engine's own cannot be read or written.
    #[error("{operation} {}: {source}", path.display())]
    File {
        /// What was being done.
        operation: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The compiler is damaged.
    #[error(transparent)]
    Emit(defacto_compiler::EmitError),
    /// The compiled definitions cannot be run.
    #[error(transparent)]
    Load(#[from] defacto_host::LoadError),
    /// Something was erased or redacted, but its bytes could not be removed from the database's files yet. Opening the
    /// engine again tries that again.
    #[error(
        "what was removed is gone from every table, but the database's files may still hold traces of it: {0}; they are removed when the project is next opened while nobody else uses it"
    )]
    Unpurged(#[source] defacto_pipeline::Error),
    /// An operation of the pipeline failed.
    #[error(transparent)]
    Pipeline(#[from] defacto_pipeline::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] defacto_ports::Error),
}

impl Error {
    /// Whether the same call may succeed later.
    pub fn recoverable(&self) -> bool {
        use defacto_ports::Disposition::Retry;
        match self {
            Self::Pipeline(error) => error.recoverable(),
            Self::Store(error) => error.disposition() == Retry,
            _ => false,
        }
    }

    /// Whether it says that a shard is another process's, or is no more.
    pub(crate) fn is_lost_shard(&self) -> bool {
        use defacto_pipeline::Error as E;
        use defacto_ports::Error as P;
        matches!(
            self,
            Self::Pipeline(E::ShardTotal { .. } | E::Port(P::Stale { .. } | P::Locked { .. }))
        )
    }

    /// What the store said, when it was the store that failed.
    pub fn store(&self) -> Option<&defacto_ports::Error> {
        match self {
            Self::Store(error)
            | Self::Pipeline(defacto_pipeline::Error::Port(error))
            | Self::Unpurged(defacto_pipeline::Error::Port(error)) => Some(error),
            _ => None,
        }
    }

    /// What kind of error this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Project { .. }
            | Self::Config(_)
            | Self::UnknownName { .. }
            | Self::UnknownHint(_)
            | Self::NotBuilt(_)
            | Self::VersionInUse(_) => ErrorKind::Usage,
            Self::File { .. } => ErrorKind::Storage,
            Self::Encoding { .. } | Self::Definitions(_) | Self::Draft(_) => ErrorKind::Definitions,
            Self::Emit(_) | Self::Load(_) => ErrorKind::Internal,
            Self::Pipeline(error) | Self::Unpurged(error) => pipeline_kind(error),
            Self::Store(error) => port_kind(error),
        }
    }
}

fn pipeline_kind(error: &defacto_pipeline::Error) -> ErrorKind {
    use defacto_pipeline::Error as E;
    match error {
        E::Port(error) => port_kind(error),
        E::UnknownSource { .. }
        | E::UnknownEntity(_)
        | E::UnknownVersion(_)
        | E::Identity(_)
        | E::Undivided
        | E::NoShards
        | E::ShardTotal { .. }
        | E::Unsupported(_) => ErrorKind::Usage,
        E::VersionTaken(_) => ErrorKind::Definitions,
        E::Ledger { .. } => ErrorKind::Storage,
    }
}

fn port_kind(error: &defacto_ports::Error) -> ErrorKind {
    use defacto_ports::Error as E;
    match error {
        E::Storage { .. } | E::Locked { .. } | E::Stale { .. } | E::Format { .. } => {
            ErrorKind::Storage
        }
        E::Damaged { .. } | E::Inconsistent { .. } => ErrorKind::Damaged,
        E::Module { .. } => ErrorKind::Internal,
    }
}
