//! What ends a command early, and the exit code of each kind (decisions.md 21).

use std::fmt;

/// Kind of failure; fixes the exit code and the `kind` of the JSON form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Records failed, warnings under `--strict`, an assertion or check failed.
    Findings,
    /// Usage, configuration, unknown name.
    Usage,
    /// Definitions do not compile.
    Definitions,
    /// Storage, network, lock held.
    Storage,
    /// The database is damaged.
    Damaged,
    /// A bug.
    Internal,
    /// SIGINT.
    Interrupted,
    /// The reader of the results has gone: no error.
    Closed,
}

impl Kind {
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Findings => 1,
            Self::Usage => 2,
            Self::Definitions => 3,
            Self::Storage | Self::Damaged => 4,
            Self::Internal => 70,
            Self::Interrupted => 130,
            Self::Closed => 0,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Findings => "findings",
            Self::Usage => "usage",
            Self::Definitions => "definitions",
            Self::Storage => "storage",
            Self::Damaged => "damaged",
            Self::Internal => "internal",
            Self::Interrupted => "interrupted",
            Self::Closed => "closed",
        }
    }
}

/// Why a command ended.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    /// Shown after `error:`; empty when everything has been said already.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: Option<String>,
}

/// Result of a command.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), help: None }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    pub(crate) fn storage(message: impl Into<String>) -> Self {
        Self::new(Kind::Storage, message)
    }

    /// The command has already told what was found.
    pub(crate) fn findings() -> Self {
        Self::new(Kind::Findings, "")
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// One line of JSON, for `--format json` and `--log-format json`.
    pub(crate) fn to_json(&self) -> String {
        serde_json::json!({"error": {"kind": self.kind.name(), "message": self.message, "help": self.help}})
            .to_string()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}
