use std::borrow::Cow;

use defacto_model::{Timestamp, Value, nearest_float};

/// One value of a row that is written. Rows of [`Value`] and of JSON values become cells by
/// themselves (see [`crate::Writer::push`]).
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// No value.
    Null,
    /// True or false.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A number with a fraction, or an integer beyond `i64`.
    Number(f64),
    /// Text; of lists and objects their JSON text.
    Text(Cow<'a, str>),
    /// An instant.
    Timestamp(Timestamp),
}

impl Cell<'_> {
    /// What error messages call it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Cell::Null => "null",
            Cell::Boolean(_) => "a boolean",
            Cell::Integer(_) => "an integer",
            Cell::Number(_) => "a number",
            Cell::Text(_) => "text",
            Cell::Timestamp(_) => "a timestamp",
        }
    }
}

impl<'a> From<&'a Value> for Cell<'a> {
    /// Durations become numbers of seconds (language.md 4.3).
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Cell::Null,
            Value::Bool(flag) => Cell::Boolean(*flag),
            Value::Int(int) => Cell::Integer(*int),
            Value::Float(float) => Cell::Number(*float),
            Value::BigInt(digits) => Cell::Number(nearest_float(digits)),
            Value::String(text) => Cell::Text(Cow::Borrowed(text)),
            Value::DateTime(instant) => Cell::Timestamp(*instant),
            Value::Duration(span) => Cell::Number(span.as_seconds()),
            Value::List(_) | Value::Object(_) => {
                Cell::Text(Cow::Owned(defacto_json::to_json(value)))
            }
        }
    }
}

impl<'a> From<&'a serde_json::Value> for Cell<'a> {
    fn from(value: &'a serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match value {
            Json::Null => Cell::Null,
            Json::Bool(flag) => Cell::Boolean(*flag),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(int), _) => Cell::Integer(int),
                (None, Some(float)) => Cell::Number(float),
                (None, None) => Cell::Text(Cow::Owned(number.to_string())),
            },
            Json::String(text) => Cell::Text(Cow::Borrowed(text)),
            Json::Array(_) | Json::Object(_) => Cell::Text(Cow::Owned(value.to_string())),
        }
    }
}
