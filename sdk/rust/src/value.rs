use crate::{Timestamp, Value};

/// Types of fields that the engine checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// Text.
    String,
    /// Double or integer.
    Number,
    /// 64-bit integer.
    Integer,
    /// True or false.
    Boolean,
    /// Instant.
    DateTime,
    /// Anything, objects and lists too.
    Any,
}

impl FieldType {
    /// Name in definitions.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::DateTime => "datetime",
            Self::Any => "any",
        }
    }
}

/// Types that a field of an event can have in Rust. `Option` of one is the same type, and null.
pub trait FieldValue {
    /// The field's type in definitions.
    const TYPE: FieldType;

    /// The value.
    fn into_value(self) -> Value;
}

/// A list or an object, as JSON text; keys must be unique.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json(pub String);

macro_rules! field_values {
    ($($type:ty: $name:ident, $value:ident => $make:expr;)*) => {
        $(
            impl FieldValue for $type {
                const TYPE: FieldType = FieldType::$name;

                #[inline]
                fn into_value(self) -> Value {
                    let $value = self;
                    $make
                }
            }
        )*
    };
}

field_values! {
    String: String, text => Value::Text(text);
    &str: String, text => Value::Text(text.to_owned());
    f64: Number, number => Value::Float(number);
    i64: Integer, number => Value::Integer(number);
    i32: Integer, number => Value::Integer(number.into());
    u32: Integer, number => Value::Integer(number.into());
    bool: Boolean, flag => Value::Boolean(flag);
    Timestamp: DateTime, at => Value::Datetime(at.micros());
    Json: Any, json => Value::Json(json.0);
    Value: Any, value => value;
}

impl<T: FieldValue> FieldValue for Option<T> {
    const TYPE: FieldType = T::TYPE;

    #[inline]
    fn into_value(self) -> Value {
        self.map_or(Value::Null, T::into_value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Boolean(flag)
    }
}
