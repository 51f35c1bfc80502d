/// What a caller does about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// The same call may succeed later.
    Retry,
    /// It will not: stop and report.
    Halt,
}

/// Why a port did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed; nothing of the transaction is kept.
    #[error("{operation} failed: {message}")]
    Storage {
        /// What was being done.
        operation: &'static str,
        /// The backend's words, without secrets.
        message: String,
        /// Whether trying again may help.
        retry: bool,
        /// Cause.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Another process holds what is needed (build lock, writer lock).
    #[error("{what} is held by another process")]
    Locked {
        /// What.
        what: &'static str,
    },
    /// What the process knew or had of the namespace is another's by now; nothing of the transaction is kept.
    #[error("{what} by another process meanwhile")]
    Stale {
        /// What became of it.
        what: &'static str,
    },
    /// Stored data are of another format than this program knows.
    #[error("{}", another_format(*found, *known))]
    Format {
        /// In the store.
        found: u32,
        /// Here.
        known: u32,
    },
    /// A module broke its contract or could not run; events are not to blame.
    #[error("module failed: {message}")]
    Module {
        /// What happened.
        message: String,
    },
    /// The store's files are damaged.
    #[error("{operation} failed: {message}")]
    Damaged {
        /// What was being done.
        operation: &'static str,
        /// What is damaged, and what to do about it.
        message: String,
    },
    /// Stored data contradict each other.
    #[error("stored data are inconsistent: {message}")]
    Inconsistent {
        /// How.
        message: String,
    },
}

impl Error {
    /// What the caller does next.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Storage { retry: true, .. } | Self::Locked { .. } | Self::Stale { .. } => {
                Disposition::Retry
            }
            Self::Storage { .. }
            | Self::Format { .. }
            | Self::Module { .. }
            | Self::Damaged { .. }
            | Self::Inconsistent { .. } => Disposition::Halt,
        }
    }
}

fn another_format(found: u32, known: u32) -> String {
    if found > known {
        return format!(
            "stored format {found} is newer than {known}, the newest that this program knows: use a newer defacto"
        );
    }
    format!(
        "stored format {found} is older than {known}, the oldest that this program knows, and from before the first \
         release: ingest the source files again, into a new project or namespace"
    )
}
