//! The contract's types as they cross the boundary (`wit/engine@0.1.0/types.wit`).

use wasmtime::component::{ComponentType, Lift, Lower};

/// A raw record as a module takes it.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lower)]
#[component(variant)]
pub enum RawInputRecord<'a> {
    /// A JSON object.
    #[component(name = "json")]
    Json(&'a str),
    /// Columns of a row: names and texts.
    #[component(name = "row")]
    Row(&'a [(String, String)]),
    /// A line.
    #[component(name = "text")]
    Text(&'a str),
    /// A document.
    #[component(name = "bytes")]
    Bytes(&'a [u8]),
}

impl RawInputRecord<'_> {
    /// Bytes of its content.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Json(text) | Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Row(columns) => columns
                .iter()
                .map(|(name, text)| name.len().saturating_add(text.len()))
                .fold(0, usize::saturating_add),
        }
    }
}

#[derive(Debug, Clone, PartialEq, ComponentType, Lift, Lower)]
#[component(variant)]
pub(crate) enum WireValue {
    #[component(name = "null")]
    Null,
    #[component(name = "boolean")]
    Boolean(bool),
    #[component(name = "integer")]
    Integer(i64),
    #[component(name = "float")]
    Float(f64),
    #[component(name = "text")]
    Text(String),
    #[component(name = "datetime")]
    Datetime(i64),
    #[component(name = "duration")]
    Duration(i64),
    #[component(name = "json")]
    Json(String),
}

#[derive(Debug, Clone, PartialEq, ComponentType, Lift)]
#[component(record)]
pub(crate) struct WireEvent {
    #[component(name = "event-type")]
    pub(crate) event_type: u32,
    pub(crate) timestamp: i64,
    pub(crate) values: Vec<WireValue>,
}

#[derive(Debug, Clone, PartialEq, ComponentType, Lift)]
#[component(record)]
pub(crate) struct WireFailure {
    pub(crate) code: String,
    pub(crate) field: Option<String>,
    pub(crate) message: String,
}

/// What a module gives for one record.
pub(crate) type WireResult = Result<Vec<WireEvent>, WireFailure>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "made by the derived `Lift` only")]
pub(crate) enum Level {
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
}
