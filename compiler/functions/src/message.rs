//! Faults in words, for hosts and tools. Nothing in the runtime library calls this.

use defacto_model::{Value, display_float};

use crate::{Arena, Fault, FaultKind, Function, HeapArena, Operator, Val, text_of};

/// Longest text of a value in a message, in characters.
const LIMIT: usize = 80;
/// Longest sentence of a module, in characters.
const FOREIGN_LIMIT: usize = 250;

impl Fault<'_> {
    /// What went wrong, in words.
    pub fn message(&self) -> String {
        fault_message(self.kind, self.detail, &self.value.to_value(), &self.other.to_value())
    }
}

/// What went wrong, in words: names operator or function, types and values.
pub fn fault_message(kind: FaultKind, detail: u32, value: &Value, other: &Value) -> String {
    let shown = value_text(value);
    let bound = value_text(other);
    match kind {
        FaultKind::Operands => operands(detail, value, other),
        FaultKind::Overflow => format!("{} overflows", operation(detail, value, other)),
        FaultKind::ZeroDivisor => {
            format!("{} divides by zero", operation(detail, value, other))
        }
        FaultKind::NotFinite => {
            format!("{} is not a finite number", operation(detail, value, other))
        }
        FaultKind::TimeRange => {
            format!("{} is outside the years 0001 to 9999", operation(detail, value, other))
        }
        FaultKind::NegativeExponent => format!(
            "{} raises an integer to a negative power; use a number such as 2.0 as base",
            operation(detail, value, other)
        ),
        FaultKind::NotBoolean => {
            format!("a boolean is needed here, not {} {shown}", value.type_name())
        }
        FaultKind::Argument => {
            format!("`{}` does not take {} {shown}", function(detail), value.type_name())
        }
        FaultKind::Domain if other.is_null() => {
            format!("`{}` cannot take {shown}", function(detail))
        }
        FaultKind::Domain => format!("`{}` cannot take {shown} with {bound}", function(detail)),
        FaultKind::Pattern => format!("{shown} is not a valid pattern"),
        FaultKind::Coercion => {
            format!("{} {shown} does not convert to {}", value.type_name(), type_name(detail))
        }
        FaultKind::Allowed => format!("{shown} is not one of the allowed values {bound}"),
        FaultKind::Minimum => format!("{shown} is below the minimum {bound} (`min`)"),
        FaultKind::Maximum => format!("{shown} is above the maximum {bound} (`max`)"),
        FaultKind::Required => "a value is required, but it is missing or null".to_owned(),
        FaultKind::MinLength => {
            format!("{shown} has fewer than {bound} characters (`min_length`)")
        }
        FaultKind::MaxLength => format!("{shown} has more than {bound} characters (`max_length`)"),
        FaultKind::Regex => format!("{shown} does not match the pattern (`regex`)"),
        FaultKind::TimestampAbsent => "the timestamp is absent".to_owned(),
        FaultKind::Timestamp => format!(
            "{} {shown} is not a timestamp: neither date-time text nor an epoch number of the years \
             0001 to 9999",
            value.type_name()
        ),
        FaultKind::Hint => format!(
            "`normalize` must give text, a number or null, not {} {shown}",
            value.type_name()
        ),
        FaultKind::NoEntity => "the entity does not exist yet; `create` must come first".to_owned(),
        FaultKind::Increment => {
            format!("`increment` needs numbers, not {} {shown}", value.type_name())
        }
        FaultKind::RuleLimit => "too many time rules fire at one instant".to_owned(),
        FaultKind::Index => format!(
            "{} {shown} cannot be indexed by {} {bound}",
            value.type_name(),
            other.type_name()
        ),
        FaultKind::Foreign => match value {
            Value::String(sentence) => cut(sentence, FOREIGN_LIMIT),
            _ => "a function of a module gave no value".to_owned(),
        },
    }
}

/// A value as messages show it: text in quotes, long values cut.
pub fn value_text(value: &Value) -> String {
    let text = match value {
        Value::Null => "null".to_owned(),
        Value::String(text) => format!("'{}'", text.escape_debug()),
        Value::Float(float) if float.fract() == 0.0 && float.abs() < 1e15 => {
            format!("{}.0", display_float(*float))
        }
        _ => {
            let arena = HeapArena::default();
            let handle = &arena;
            text_of(&Val::from_value(value, &handle as &dyn Arena<'_>), &handle).to_owned()
        }
    };
    cut(&text, LIMIT)
}

fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn operands(detail: u32, value: &Value, other: &Value) -> String {
    let Some(operator) = Operator::from_number(detail) else {
        return "an operator does not take these operands".to_owned();
    };
    let symbol = operator.symbol();
    match operator {
        Operator::Neg | Operator::Not => {
            format!("unary `{symbol}` does not take {} {}", value.type_name(), value_text(value))
        }
        _ => format!(
            "`{symbol}` does not take {} and {}: {} {symbol} {}",
            value.type_name(),
            other.type_name(),
            value_text(value),
            value_text(other)
        ),
    }
}

/// `a + b` with values in place.
fn operation(detail: u32, value: &Value, other: &Value) -> String {
    match Operator::from_number(detail) {
        Some(operator @ (Operator::Neg | Operator::Not)) => {
            format!("`{} {}`", operator.symbol(), value_text(value))
        }
        Some(operator) => {
            format!("`{} {} {}`", value_text(value), operator.symbol(), value_text(other))
        }
        None => "an operation".to_owned(),
    }
}

fn function(detail: u32) -> &'static str {
    Function::from_number(detail).map_or("a function", |function| function.signature().name)
}

fn type_name(detail: u32) -> &'static str {
    ["string", "number", "integer", "boolean", "datetime"]
        .get(usize::try_from(detail).unwrap_or(usize::MAX))
        .copied()
        .unwrap_or("its type")
}

#[cfg(test)]
mod tests {
    use defacto_model::{Micros, Timestamp};

    use super::*;
    use crate::{Cx, add, index, truth};

    #[test]
    fn messages_name_what_is_involved() {
        let arena = HeapArena::default();
        let handle = &arena;
        let cx = Cx { arena: &handle, now: 0 };
        let text = Val::Str("n");
        let sum = add(&text, &Val::Int(1), cx.arena).unwrap_err();
        assert_eq!(sum.message(), "`+` does not take string and integer: 'n' + 1");
        let overflow = add(&Val::Int(i64::MAX), &Val::Int(1), cx.arena).unwrap_err();
        assert_eq!(overflow.message(), "`9223372036854775807 + 1` overflows");
        let call = Function::ToInt.call(&[Val::Str("4.5")], &cx).unwrap_err();
        assert_eq!(call.message(), "`to_int` cannot take '4.5'");
        let argument = Function::StrTrim.call(&[Val::Float(1.0)], &cx).unwrap_err();
        assert_eq!(argument.message(), "`str::trim` does not take number 1.0");
        let place = index(&Val::Int(1), &text).unwrap_err();
        assert_eq!(place.message(), "integer 1 cannot be indexed by string 'n'");
        let guard = truth(&Val::Int(1)).unwrap_err();
        assert_eq!(guard.message(), "a boolean is needed here, not integer 1");
    }

    #[test]
    fn every_kind_has_a_message_and_long_values_are_cut() {
        let long = Value::String("x".repeat(500));
        for kind in FaultKind::ALL {
            assert_eq!(FaultKind::from_number(kind as u32), Some(kind));
            let message = fault_message(kind, 0, &long, &Value::DateTime(Timestamp::EPOCH));
            assert!(!message.is_empty() && message.chars().count() < 300, "{message}");
        }
        assert_eq!(value_text(&Value::Duration(Micros(90_000_000))), "1m30s");
    }
}
