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
