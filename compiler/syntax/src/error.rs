use crate::TextRange;

/// Why a text is no expression, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// Where in the expression's text; empty at the end of the text when something is missing there.
    pub range: TextRange,
    /// What to write instead, where that can be guessed.
    pub help: Option<String>,
}

impl ParseError {
    pub(crate) fn new(range: TextRange, message: impl Into<String>) -> Self {
        Self { message: message.into(), range, help: None }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
