use crate::{Code, Severity, Span};

/// One finding about the author's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code; it fixes the severity.
    pub code: Code,
    /// Place in the definitions, such as `entities.order.states.open.when.paid.effects[1].set`.
    pub path: String,
    /// Where in the text, when the definitions came as text.
    pub span: Option<Span>,
    /// What is wrong, in one sentence: lower case, no full stop.
    pub message: String,
    /// Further places with a remark each.
    pub labels: Vec<Label>,
    /// What to do about it, such as ``did you mean `threshold`?``.
    pub help: Option<String>,
}

/// A remark at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What.
    pub text: String,
}

impl Diagnostic {
    /// A diagnostic without labels and help.
    pub fn new(
        code: Code,
        path: impl Into<String>,
        span: Option<Span>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            path: path.into(),
            span,
            message: message.into(),
            labels: Vec::new(),
            help: None,
        }
    }

    /// Adds help.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Severity of the code.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}
