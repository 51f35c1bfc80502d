//! Bytes of what no store looks into: entity states, values of edge requests, hints of events. One form for every store.
//!
//! Numbers are little-endian, counts and lengths are `u32`; a value is a tag and its content.

mod hints;

use std::collections::BTreeMap;

use defacto_model::{EntityId, Micros, Sequence, Timestamp, Value};

pub use hints::{decode_hints, encode_hints};

use crate::layout::Origin;
use crate::{EntityStateRow, Error, LastRow, OpenEdge, OrderKey, Record};

/// First byte of a state; another form gets another one.
const STATE_FORM: u8 = 1;
/// Nesting of lists and objects that decoding follows.
const DEPTH_MAX: u32 = 256;

/// Writes a state.
pub fn encode_state(row: &EntityStateRow) -> Vec<u8> {
    let record = &row.record;
    let mut out = Out(Vec::with_capacity(96 + 24 * record.properties.len()));
    out.byte(STATE_FORM);
    out.byte(u8::from(record.exists));
    out.u32(record.state);
    out.i64(record.created.as_micros());
    out.i64(record.entered.as_micros());
    out.maybe_i64(record.last_event.map(Timestamp::as_micros));
    out.maybe_i64(record.last_rule.map(Timestamp::as_micros));
    out.maybe_i64(record.next_due.map(Timestamp::as_micros));
    out.bytes(&record.latches.to_le_bytes());
    out.maybe_i64(row.last_key.map(|key| key.timestamp.as_micros()));
    out.i64(row.last_key.map_or(0, |key| key.sequence.0));
    out.values(&record.properties);
    out.count(row.open_edges.len());
    for edge in &row.open_edges {
        out.u32(edge.relationship);
        out.bytes(&edge.target.0);
        out.values(&edge.properties);
    }
    out.maybe_i64(row.last_row.map(|last| last.valid_from.as_micros()));
    let before = row.last_row.and_then(|last| last.before);
    out.byte(u8::from(before.is_some()));
    out.bytes(before.as_ref().map_or(&[], |digest| digest.as_slice()));
    out.0
}

/// Reads a state.
///
/// # Errors
///
/// [`Error::Inconsistent`] when the bytes are not of this form.
pub fn decode_state(entity_id: EntityId, bytes: &[u8]) -> Result<EntityStateRow, Error> {
    let mut input = In(bytes);
    if input.byte()? != STATE_FORM {
        return Err(damaged("an entity's state"));
    }
    let exists = input.byte()? != 0;
    let state = input.u32()?;
    let created = instant(input.i64()?)?;
    let entered = instant(input.i64()?)?;
    let last_event = input.maybe_time()?;
    let last_rule = input.maybe_time()?;
    let next_due = input.maybe_time()?;
    let latches = u64::from_le_bytes(input.array()?);
    let key_time = input.maybe_time()?;
    let key_sequence = Sequence(input.i64()?);
    let properties = input.values(DEPTH_MAX)?;
    let mut open_edges = Vec::new();
    for _ in 0..input.u32()? {
        open_edges.push(OpenEdge {
            relationship: input.u32()?,
            target: EntityId(input.array()?),
            properties: input.values(DEPTH_MAX)?,
        });
    }
    let last_from = input.maybe_time()?;
    let before = if input.byte()? == 0 { None } else { Some(input.array()?) };
    Ok(EntityStateRow {
        entity_id,
        last_row: last_from.map(|valid_from| LastRow { valid_from, before }),
        record: Record {
            exists,
            state,
            created,
            entered,
            last_event,
            latches,
            last_rule,
            next_due,
            properties,
        },
        last_key: key_time.map(|timestamp| OrderKey { timestamp, sequence: key_sequence }),
        open_edges,
    })
}

/// The state of an entity whose type has other properties now: nothing of it is known that depends on the old ones.
///
/// # Errors
///
/// [`Error::Inconsistent`] when the bytes are not of this form, or a property is not there.
pub fn relay_state(bytes: &[u8], origins: &[Origin<'_>]) -> Result<Vec<u8>, Error> {
    let mut row = decode_state(EntityId([0; 16]), bytes)?;
    let (old, exists) = (std::mem::take(&mut row.record.properties), row.record.exists);
    for origin in origins {
        row.record.properties.push(match origin {
            Origin::Property(place) => {
                old.get(*place).cloned().ok_or_else(|| damaged("an entity's state"))?
            }
            Origin::Same(value) if exists => (*value).clone(),
            Origin::Same(_) => Value::Null,
        });
    }
    if let Some(last) = &mut row.last_row {
        last.before = last.before.map(|_| LastRow::UNKNOWN);
    }
    Ok(encode_state(&row))
}

/// Writes values.
pub fn encode_values(values: &[Value]) -> Vec<u8> {
    let mut out = Out(Vec::new());
    out.values(values);
    out.0
}

/// Reads values.
///
/// # Errors
///
/// [`Error::Inconsistent`] when the bytes are not of this form.
pub fn decode_values(bytes: &[u8]) -> Result<Vec<Value>, Error> {
    In(bytes).values(DEPTH_MAX)
}

/// Stored bytes do not have the form that this program writes.
pub fn damaged(what: &str) -> Error {
    Error::Inconsistent { message: format!("{what} is not readable") }
}

fn instant(micros: i64) -> Result<Timestamp, Error> {
    Timestamp::from_micros(micros).ok_or_else(|| damaged("an instant"))
}

struct Out(Vec<u8>);

impl Out {
    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn u32(&mut self, number: u32) {
        self.bytes(&number.to_le_bytes());
    }

    /// Lengths above `u32` cannot be reached: limits of stores are far below.
    fn count(&mut self, count: usize) {
        self.u32(u32::try_from(count).unwrap_or(u32::MAX));
    }

    fn i64(&mut self, number: i64) {
        self.bytes(&number.to_le_bytes());
    }

    fn maybe_i64(&mut self, number: Option<i64>) {
        self.byte(u8::from(number.is_some()));
        if let Some(number) = number {
            self.i64(number);
        }
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.bytes(text.as_bytes());
    }

    fn values(&mut self, values: &[Value]) {
        self.count(values.len());
        for value in values {
            self.value(value);
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.byte(0),
            Value::Bool(false) => self.byte(1),
            Value::Bool(true) => self.byte(2),
            Value::Int(number) => {
                self.byte(3);
                self.i64(*number);
            }
            Value::Float(number) => {
                self.byte(4);
                self.bytes(&number.to_bits().to_le_bytes());
            }
            Value::BigInt(digits) => {
                self.byte(5);
                self.text(digits);
            }
            Value::String(text) => {
                self.byte(6);
                self.text(text);
            }
            Value::DateTime(at) => {
                self.byte(7);
                self.i64(at.as_micros());
            }
            Value::Duration(span) => {
                self.byte(8);
                self.i64(span.0);
            }
            Value::List(values) => {
                self.byte(9);
                self.values(values);
            }
            Value::Object(fields) => {
                self.byte(10);
                self.count(fields.len());
                for (key, value) in fields {
                    self.text(key);
                    self.value(value);
                }
            }
        }
    }
}

struct In<'a>(&'a [u8]);

impl<'a> In<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) =
            self.0.split_at_checked(count).ok_or_else(|| damaged("a stored value"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.take(N)?.try_into().map_err(|_| damaged("a stored value"))
    }

    fn byte(&mut self) -> Result<u8, Error> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32, Error> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn i64(&mut self) -> Result<i64, Error> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    fn maybe_time(&mut self) -> Result<Option<Timestamp>, Error> {
        if self.byte()? == 0 { Ok(None) } else { instant(self.i64()?).map(Some) }
    }

    fn text(&mut self) -> Result<String, Error> {
        let length = self.u32()?;
        let length = usize::try_from(length).map_err(|_| damaged("a stored text"))?;
        String::from_utf8(self.take(length)?.to_vec()).map_err(|_| damaged("a stored text"))
    }

    fn values(&mut self, depth: u32) -> Result<Vec<Value>, Error> {
        let count = self.u32()?;
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(self.value(depth)?);
        }
        Ok(values)
    }

    fn value(&mut self, depth: u32) -> Result<Value, Error> {
        let deeper = depth.checked_sub(1).ok_or_else(|| damaged("a deeply nested value"))?;
        Ok(match self.byte()? {
            0 => Value::Null,
            1 => Value::Bool(false),
            2 => Value::Bool(true),
            3 => Value::Int(self.i64()?),
            4 => Value::Float(f64::from_bits(u64::from_le_bytes(self.array()?))),
            5 => Value::BigInt(self.text()?),
            6 => Value::String(self.text()?),
            7 => Value::DateTime(instant(self.i64()?)?),
            8 => Value::Duration(Micros(self.i64()?)),
            9 => Value::List(self.values(deeper)?),
            10 => {
                let mut fields = BTreeMap::new();
                for _ in 0..self.u32()? {
                    let key = self.text()?;
                    fields.insert(key, self.value(deeper)?);
                }
                Value::Object(fields)
            }
            _ => return Err(damaged("a stored value")),
        })
    }
}

#[cfg(test)]
mod tests;
