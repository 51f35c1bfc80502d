/// Why a text is not JSON that Defacto accepts, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset}")]
pub struct JsonError {
    /// What is wrong.
    pub kind: JsonErrorKind,
    /// Bytes before the fault.
    pub offset: usize,
}

/// What may be wrong with a JSON text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonErrorKind {
    /// The text ends inside a value.
    #[error("unexpected end of text")]
    End,
    /// Something else should stand here.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A control character inside a string must be escaped.
    #[error("control character in a string")]
    Control,
    /// A backslash sequence that JSON does not have, or half of a surrogate pair.
    #[error("invalid escape sequence in a string")]
    Escape,
    /// Characters after the value.
    #[error("unexpected characters after the value")]
    Trailing,
    /// A key stands twice in one object.
    #[error("key `{0}` occurs twice in an object")]
    DuplicateKey(String),
    /// More than [`crate::DEPTH_MAX`] arrays and objects inside each other.
    #[error("nesting deeper than {} levels", crate::DEPTH_MAX)]
    Depth,
    /// A number beyond the range of doubles.
    #[error("number out of range")]
    NumberRange,
    /// A typed value whose content does not fit its type (ledger data).
    #[error("{0}")]
    Typed(&'static str),
}
