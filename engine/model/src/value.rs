use std::collections::BTreeMap;

use crate::{Micros, Timestamp};

/// A value of the definition language (language.md 4.3).
///
/// Floats are finite: whatever would make NaN or an infinity is an error before a value exists.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// Absent, or JSON `null`.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A 64-bit signed integer.
    Int(i64),
    /// A finite double.
    Float(f64),
    /// An integer from JSON outside `i64`, as written. It behaves as the nearest [`Value::Float`],
    /// except that coercion to `string` keeps its digits and coercion to `integer` fails.
    BigInt(String),
    /// Unicode text.
    String(String),
    /// An instant.
    DateTime(Timestamp),
    /// A signed span of time.
    Duration(Micros),
    /// A list of values.
    List(Vec<Value>),
    /// Text keys to values, sorted by key.
    Object(BTreeMap<String, Value>),
}

impl Value {
    /// Whether it is Null.
    pub const fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// Name of its type, as users know it.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Int(_) | Value::BigInt(_) => "integer",
            Value::Float(_) => "number",
            Value::String(_) => "string",
            Value::DateTime(_) => "datetime",
            Value::Duration(_) => "duration",
            Value::List(_) => "list",
            Value::Object(_) => "object",
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }
}
