//! Raw records to events (language.md 5).

use defacto_check::{IdentityField, Mapping, Program, Source, SourceEvent, Timestamp as Form};
use defacto_functions::{FaultKind, HeapArena, Val, timestamp, timestamp_at, timestamp_by_format};
use defacto_json::{parse, raw_hash};
use defacto_model::{FailureCode, RawPath, Timestamp, Value, event_id};
use defacto_ports::{NormalizedEvent, RecordFailure};

use crate::evaluate::Names;
use crate::trouble::Trouble;
use crate::values;

/// Normalizes one raw record.
pub(crate) fn normalize(
    program: &Program,
    source: &Source,
    text: &str,
    now: Timestamp,
) -> Result<NormalizedEvent, RecordFailure> {
    let type_field = || Some(source.event_type.path.clone());
    let failure = |code, message: String, handler: Option<&str>, field| RecordFailure {
        code,
        message,
        handler: handler.map(str::to_owned),
        field,
    };
    let raw = match parse(text) {
        Ok(raw @ Value::Object(_)) => raw,
        Ok(_) => {
            let message =
                format!("the record is no object, so it has no field `{}`", source.event_type.path);
            return Err(failure(FailureCode::N01, message, None, type_field()));
        }
        Err(error) => return Err(failure(FailureCode::N01, error.to_string(), None, type_field())),
    };
    let Some(Value::String(raw_type)) = lookup(&raw, &source.event_type) else {
        let message = format!("the field `{}` is absent or no text", source.event_type.path);
        return Err(failure(FailureCode::N01, message, None, type_field()));
    };
    let Some(event) = source.events.iter().find(|event| event.raw_types.contains(&raw_type)) else {
        let message = format!("source `{}` has no event with raw type `{raw_type}`", source.name);
        return Err(failure(FailureCode::N02, message, None, type_field()));
    };
    let record = RawRow { program, source, event, raw: &raw, text, now };
    record.normalize().map_err(|trouble| {
        let code = trouble.code.unwrap_or(FailureCode::N05);
        failure(code, trouble.message(), Some(&event.name), trouble.field)
    })
}

struct RawRow<'a> {
    program: &'a Program,
    source: &'a Source,
    event: &'a SourceEvent,
    raw: &'a Value,
    text: &'a str,
    now: Timestamp,
}

impl RawRow<'_> {
    fn normalize(&self) -> Result<NormalizedEvent, Trouble> {
        let cells: Vec<Value> = self
            .event
            .paths
            .iter()
            .map(|path| lookup(self.raw, path).unwrap_or_default())
            .collect();
        let names = Names { now: self.now.as_micros(), cells: &cells, ..Names::default() };
        let timestamp = self.timestamp(&names)?;
        let mut fields = Vec::with_capacity(self.event.mappings.len());
        for mapping in &self.event.mappings {
            fields.push(mapped(mapping, &names)?);
        }
        for check in self.event.schema.iter().flatten() {
            let slot = check.mapping.and_then(|at| fields.get_mut(at as usize));
            let value = slot.as_deref().cloned().unwrap_or_default();
            let value = values::checked(check.r#type, check.required, &check.constraints, &value)
                .map_err(|trouble| trouble.blame(FailureCode::N07, Some(&check.name)))?;
            if let Some(slot) = slot {
                *slot = value;
            }
        }
        let data: Vec<(String, Value)> =
            self.event.mappings.iter().map(|mapping| mapping.name.clone()).zip(fields).collect();
        let event_id = self.event_id(&data, timestamp)?;
        let hints = self.hints(&data)?;
        Ok(NormalizedEvent {
            event_id,
            event_type: self.event.name.clone(),
            timestamp,
            data,
            hints,
        })
    }

    fn timestamp(&self, names: &Names<'_>) -> Result<Timestamp, Trouble> {
        let (value, field) = match &self.source.timestamp {
            Form::Field(path) | Form::Format { from: path, .. } => {
                (lookup(self.raw, path), path.path.as_str())
            }
            Form::Compute => {
                let value = self
                    .event
                    .timestamp
                    .as_ref()
                    .map_or(Ok(Value::Null), |expr| names.evaluate(expr));
                let value =
                    value.map_err(|trouble| trouble.blame(FailureCode::N04, Some("timestamp")))?;
                (Some(value).filter(|value| *value != Value::Null), "timestamp")
            }
        };
        let Some(value) = value else {
            return Err(Trouble::new(FaultKind::TimestampAbsent, Value::Null)
                .blame(FailureCode::N03, Some(field)));
        };
        let arena = HeapArena::default();
        let handle = &arena;
        let raw = Val::from_value(&value, &handle);
        let micros = match &self.source.timestamp {
            Form::Format { format: Some(format), offset_s, .. } => {
                timestamp_by_format(&raw, format, *offset_s)
            }
            Form::Format { format: None, offset_s, .. } => timestamp_at(&raw, *offset_s),
            Form::Field(_) | Form::Compute => timestamp(&raw),
        };
        let unreadable = |trouble: Trouble| trouble.blame(FailureCode::N04, Some(field));
        let micros = micros.map_err(|fault| unreadable(fault.into()))?;
        Timestamp::from_micros(micros)
            .ok_or_else(|| unreadable(Trouble::new(FaultKind::Timestamp, value.clone())))
    }

    fn event_id(
        &self,
        data: &[(String, Value)],
        timestamp: Timestamp,
    ) -> Result<defacto_model::EventId, Trouble> {
        let of_data = |name: &str| {
            data.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        };
        let timestamp = Value::DateTime(timestamp);
        let mut pairs: Vec<(&str, Value)> = Vec::new();
        match &self.source.event_id {
            None => {
                pairs.extend(data.iter().map(|(name, value)| (name.as_str(), value.clone())));
                pairs.push(("$timestamp", timestamp));
            }
            Some(names) => {
                for name in names {
                    let value = match (of_data(name), name.as_str()) {
                        (Some(value), _) => value,
                        (None, "$timestamp") => timestamp.clone(),
                        (None, "$source") => Value::String(self.source.name.clone()),
                        (None, "$raw") => {
                            raw_hash(self.text).map(Value::String).unwrap_or_default()
                        }
                        (None, _) => {
                            let path = RawPath { path: name.clone(), literal_first: true };
                            lookup(self.raw, &path).unwrap_or_default()
                        }
                    };
                    pairs.push((name, value));
                }
                if pairs.iter().all(|(_, value)| *value == Value::Null) {
                    let first = names.first().map(String::as_str);
                    return Err(Trouble::new(FaultKind::Required, Value::Null)
                        .blame(FailureCode::N08, first));
                }
            }
        }
        let pairs: Vec<(&str, &Value)> = pairs.iter().map(|(name, value)| (*name, value)).collect();
        Ok(event_id(&self.event.name, &pairs))
    }

    fn hints(&self, data: &[(String, Value)]) -> Result<Vec<(String, String, String)>, Trouble> {
        let mut hints = Vec::new();
        for &(entity, field, mapping) in &self.event.hints {
            let Some(entity) = self.program.entities.get(entity as usize) else { continue };
            let Some(field) = entity.identity.get(field as usize) else { continue };
            let Some((_, value)) = data.get(mapping as usize) else { continue };
            if let Some(text) = hint(field, value, self.now)? {
                hints.push((entity.name.clone(), field.name.clone(), text));
            }
        }
        Ok(hints)
    }
}

fn mapped(mapping: &Mapping, names: &Names<'_>) -> Result<Value, Trouble> {
    let field = Some(mapping.name.as_str());
    let mut value =
        names.evaluate(&mapping.value).map_err(|trouble| trouble.blame(FailureCode::N05, field))?;
    if let Some(r#type) = mapping.coerce {
        value = values::coerced(r#type, &value)
            .map_err(|trouble| trouble.blame(FailureCode::N06, field))?;
    }
    Ok(if value == Value::Null { mapping.default.clone() } else { value })
}

/// The hint text of a normalized value (language.md 5.7).
pub(crate) fn hint(
    field: &IdentityField,
    value: &Value,
    now: Timestamp,
) -> Result<Option<String>, Trouble> {
    let text = match value {
        Value::String(_) | Value::Int(_) | Value::Float(_) | Value::BigInt(_) => in_words(value)?,
        _ => return Ok(None),
    };
    let mut text = Some(text);
    if let Some(normalize) = &field.normalize {
        let blame = |trouble: Trouble| trouble.blame(FailureCode::N09, Some(&field.name));
        let before = Value::String(text.unwrap_or_default());
        let names = Names { now: now.as_micros(), value: Some(&before), ..Names::default() };
        text = match names.evaluate(normalize).map_err(blame)? {
            Value::Null => None,
            value @ (Value::String(_) | Value::Int(_) | Value::Float(_) | Value::BigInt(_)) => {
                Some(in_words(&value)?)
            }
            other => return Err(blame(Trouble::new(FaultKind::Hint, other))),
        };
    }
    if field.case_insensitive {
        text = text.map(|text| text.to_lowercase());
    }
    Ok(text.filter(|text| !text.is_empty()))
}

fn in_words(value: &Value) -> Result<String, Trouble> {
    match values::coerced(defacto_model::ValueType::String, value)? {
        Value::String(text) => Ok(text),
        _ => Ok(String::new()),
    }
}

/// The value at a path; `None` where it leads nowhere (language.md 3.3, 5.2).
fn lookup(raw: &Value, path: &RawPath) -> Option<Value> {
    if path.literal_first
        && let Value::Object(entries) = raw
        && let Some(value) = entries.get(&path.path)
    {
        return Some(value.clone());
    }
    let mut value = raw;
    for step in path.path.split('.') {
        value = match value {
            Value::Object(entries) => entries.get(step)?,
            Value::List(elements) => elements.get(position(step, elements.len())?)?,
            _ => return None,
        };
    }
    Some(value.clone())
}

fn position(step: &str, len: usize) -> Option<usize> {
    let (digits, from_end) = match step.strip_prefix('-') {
        Some(digits) => (digits, true),
        None => (step, false),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: usize = digits.parse().ok()?;
    if !from_end {
        return Some(number);
    }
    if number == 0 { None } else { len.checked_sub(number) }
}
