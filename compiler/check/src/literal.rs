//! Literals of definitions as values (language.md 2.3, decisions 10 and 46).

use defacto_definitions::{Literal, Spanned};
use defacto_functions::{HeapArena, Val, coerce};
use defacto_model::{Timestamp, Value, ValueType};

/// The declared type as the author writes it.
pub(crate) const fn type_name(r#type: ValueType) -> &'static str {
    match r#type {
        ValueType::String => "string",
        ValueType::Number => "number",
        ValueType::Integer => "integer",
        ValueType::Boolean => "boolean",
        ValueType::Datetime => "datetime",
    }
}

/// The literal as a value of its own kind.
pub(crate) fn value(literal: &Literal) -> Value {
    match literal {
        Literal::Null => Value::Null,
        Literal::Bool(b) => Value::Bool(*b),
        Literal::Int(n) => Value::Int(*n),
        Literal::Float(x) => Value::Float(*x),
        Literal::String(text) => Value::String(text.clone()),
        Literal::List(elements) => Value::List(elements.iter().map(value).collect()),
        Literal::Object(entries) => {
            Value::Object(entries.iter().map(|(key, entry)| (key.clone(), value(entry))).collect())
        }
    }
}

/// The literal as a value of a declared type. Nothing is converted, except that an integer serves as a
/// `number` and date-time text as a `datetime`.
pub(crate) fn of_type(literal: &Spanned<Literal>, r#type: ValueType) -> Result<Value, String> {
    let wrong =
        || format!("{} is no literal of type `{}`", describe(&literal.value), type_name(r#type));
    match (r#type, &literal.value) {
        (ValueType::String, Literal::String(text)) => Ok(Value::String(text.clone())),
        (ValueType::Boolean, Literal::Bool(b)) => Ok(Value::Bool(*b)),
        (ValueType::Integer, Literal::Int(n)) => Ok(Value::Int(*n)),
        #[expect(
            clippy::cast_precision_loss,
            reason = "a number is a double; the nearest one is meant"
        )]
        (ValueType::Number, Literal::Int(n)) => Ok(Value::Float(*n as f64)),
        (ValueType::Number, Literal::Float(x)) if x.is_finite() => Ok(Value::Float(*x)),
        (ValueType::Datetime, Literal::String(text)) => match Timestamp::parse_text(text) {
            Ok(instant) => Ok(Value::DateTime(instant)),
            Err(error) => Err(format!("{} is no date-time: {error}", describe(&literal.value))),
        },
        _ => Err(wrong()),
    }
}

/// A value coerced to a mapping's type (language.md 5.4), where it has one.
pub(crate) fn coerced(value: Value, r#type: Option<ValueType>) -> Result<Value, String> {
    let Some(r#type) = r#type else { return Ok(value) };
    let arena = HeapArena::default();
    let handle = &arena;
    coerce(r#type, &Val::from_value(&value, &handle), &handle)
        .map(|coerced| coerced.to_value())
        .map_err(|_| format!("the default cannot be converted to `{}`", type_name(r#type)))
}

/// The literal in words, for messages.
pub(crate) fn describe(literal: &Literal) -> String {
    match literal {
        Literal::Null => "`null`".into(),
        Literal::Bool(b) => format!("the boolean `{b}`"),
        Literal::Int(n) => format!("the integer `{n}`"),
        Literal::Float(x) => format!("the number `{x}`"),
        Literal::String(text) => format!("the text `{text}`"),
        Literal::List(_) => "a list".into(),
        Literal::Object(_) => "an object".into(),
    }
}
