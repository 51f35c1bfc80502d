use defacto_model::{Micros, Timestamp, Value};

use crate::{Arena, Val};

impl<'a> Val<'a> {
    /// Borrows a value; only lists and objects need the arena.
    pub fn from_value(value: &'a Value, arena: &dyn Arena<'a>) -> Val<'a> {
        match value {
            Value::Null => Val::Null,
            Value::Bool(value) => Val::Bool(*value),
            Value::Int(value) => Val::Int(*value),
            Value::Float(value) => Val::Float(*value),
            Value::BigInt(digits) => Val::BigInt(digits),
            Value::String(text) => Val::Str(text),
            Value::DateTime(instant) => Val::DateTime(instant.as_micros()),
            Value::Duration(Micros(micros)) => Val::Duration(*micros),
            Value::List(elements) => Val::List(
                arena.list(elements.iter().map(|value| Val::from_value(value, arena)).collect()),
            ),
            Value::Object(entries) => Val::Object(
                arena.object(
                    entries
                        .iter()
                        .map(|(key, value)| (key.as_str(), Val::from_value(value, arena)))
                        .collect(),
                ),
            ),
        }
    }

    /// An owned copy.
    pub fn to_value(&self) -> Value {
        match self {
            Val::Null => Value::Null,
            Val::Bool(value) => Value::Bool(*value),
            Val::Int(value) => Value::Int(*value),
            Val::Float(value) => Value::Float(*value),
            Val::BigInt(digits) => Value::BigInt((*digits).to_owned()),
            Val::Str(text) => Value::String((*text).to_owned()),
            Val::DateTime(micros) => Value::DateTime(Timestamp::saturating_from_micros(*micros)),
            Val::Duration(micros) => Value::Duration(Micros(*micros)),
            Val::List(elements) => Value::List(elements.iter().map(Val::to_value).collect()),
            Val::Object(entries) => Value::Object(
                entries.iter().map(|(key, value)| ((*key).to_owned(), value.to_value())).collect(),
            ),
        }
    }

    /// The value as numbers see it: an integer outside `i64` is the nearest Float.
    pub(crate) fn settled(self) -> Val<'a> {
        match self {
            Val::BigInt(digits) => Val::Float(defacto_model::nearest_float(digits)),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::HeapArena;

    #[test]
    fn values_survive_the_round_trip() {
        let value = Value::Object(BTreeMap::from([
            ("a".to_owned(), Value::List(vec![Value::Int(1), Value::Null, Value::Bool(true)])),
            ("b".to_owned(), Value::BigInt("18446744073709551616".to_owned())),
            ("c".to_owned(), Value::DateTime(Timestamp::EPOCH)),
            ("d".to_owned(), Value::Duration(Micros(-1))),
            ("e".to_owned(), Value::String("x".to_owned())),
        ]));
        let arena = HeapArena::default();
        let handle = &arena;
        assert_eq!(Val::from_value(&value, &handle).to_value(), value);
    }
}
