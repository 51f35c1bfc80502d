use defacto_model::{DescribedEvent, DescribedType, Micros, Timestamp, Value, ValueType};

use super::abi::{WireEvent, WireValue};
use super::normalizer::MadeEvent;

/// Checks an event against what the module described. The message says what is wrong with it.
pub(crate) fn event(event: WireEvent, described: &[DescribedEvent]) -> Result<MadeEvent, String> {
    let index = event.event_type;
    let shape = described.get(index as usize).ok_or_else(|| {
        let count = described.len();
        format!("an event of type {index}, and `describe` lists {count} types, counted from 0")
    })?;
    let of = &shape.r#type;
    let timestamp = Timestamp::from_micros(event.timestamp).ok_or_else(|| {
        format!(
            "an event `{of}` at {} microseconds, outside the years 0001 to 9999",
            event.timestamp
        )
    })?;
    if event.values.len() != shape.fields.len() {
        return Err(format!(
            "an event `{of}` with {} values for {} fields",
            event.values.len(),
            shape.fields.len()
        ));
    }
    let fields = event.values.into_iter().zip(&shape.fields);
    // A value takes the place of what crossed, in the same list.
    let values = fields.map(|(wire, field)| {
        value(wire, field.r#type)
            .map_err(|wrong| format!("{wrong} in field `{}` of an event `{of}`", field.name))
    });
    let values = values.collect::<Result<Vec<_>, _>>()?;
    Ok(MadeEvent { event: index, timestamp, values })
}

/// A value of a declared type as it crosses.
pub(crate) fn lower(value: &Value, declared: ValueType) -> WireValue {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "a number is a double")]
        Value::Int(int) if declared == ValueType::Number => WireValue::Float(*int as f64),
        Value::Int(int) => WireValue::Integer(*int),
        Value::Bool(flag) => WireValue::Boolean(*flag),
        Value::Float(float) => WireValue::Float(*float),
        Value::String(text) => WireValue::Text(text.clone()),
        Value::DateTime(at) => WireValue::Datetime(at.as_micros()),
        Value::Duration(span) => WireValue::Duration(span.0),
        // No parameter is of these types.
        Value::Null | Value::BigInt(_) | Value::List(_) | Value::Object(_) => WireValue::Null,
    }
}

/// Checks a value against a declared type; the message says what is wrong with it.
#[inline]
pub(crate) fn value(wire: WireValue, declared: DescribedType) -> Result<Value, String> {
    use DescribedType::{Any, Number, String};
    // What nearly all values are, without a call.
    match (wire, declared) {
        (WireValue::Text(text), String | Any) => Ok(Value::String(text)),
        (WireValue::Float(float), Number | Any) if float.is_finite() => Ok(Value::Float(float)),
        (WireValue::Null, _) => Ok(Value::Null),
        (wire, declared) => checked(wire, declared),
    }
}

fn checked(wire: WireValue, declared: DescribedType) -> Result<Value, String> {
    use DescribedType::{Any, Boolean, Datetime, Integer, Number, String};
    let (value, fits) = match wire {
        WireValue::Null => (Value::Null, true),
        WireValue::Boolean(flag) => (Value::Bool(flag), matches!(declared, Boolean | Any)),
        #[expect(clippy::cast_precision_loss, reason = "a number is a double")]
        WireValue::Integer(int) if declared == Number => (Value::Float(int as f64), true),
        WireValue::Integer(int) => (Value::Int(int), matches!(declared, Integer | Any)),
        WireValue::Float(float) if !float.is_finite() => {
            return Err(format!("the float {float}, which is not finite,"));
        }
        WireValue::Float(float) => (Value::Float(float), matches!(declared, Number | Any)),
        WireValue::Text(text) => (Value::String(text), matches!(declared, String | Any)),
        WireValue::Datetime(micros) => match Timestamp::from_micros(micros) {
            Some(instant) => (Value::DateTime(instant), matches!(declared, Datetime | Any)),
            None => {
                return Err(format!(
                    "a datetime of {micros} microseconds, outside the years 0001 to 9999,"
                ));
            }
        },
        WireValue::Duration(micros) => (Value::Duration(Micros(micros)), declared == Any),
        WireValue::Json(text) => {
            let parsed =
                defacto_json::parse(&text).map_err(|error| format!("wrong JSON ({error})"))?;
            (parsed, declared == Any)
        }
    };
    if fits { Ok(value) } else { Err(format!("a value of type {}", value.type_name())) }
}
