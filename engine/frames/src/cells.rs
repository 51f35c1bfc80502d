use std::collections::BTreeMap;

use defacto_model::{Micros, Timestamp, Value, ValueType};

use crate::abi::cell;
use crate::view::{Block, View};
use crate::{FrameError, FrameErrorKind};

/// A value on its way into a frame, text borrowed.
#[derive(Debug, Clone, Copy)]
pub enum Cell<'a> {
    /// Only for the timestamp of a raw row: the field is absent (N03).
    Absent,
    /// Null.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A finite double.
    Float(f64),
    /// An integer outside `i64`, as written.
    BigInt(&'a str),
    /// Text.
    String(&'a str),
    /// Microseconds since 1970-01-01T00:00:00Z.
    DateTime(i64),
    /// Microseconds.
    Duration(i64),
    /// Any value.
    Value(&'a Value),
}

impl<'a> From<&'a Value> for Cell<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Int(int) => Self::Int(*int),
            Value::Float(float) => Self::Float(*float),
            Value::BigInt(digits) => Self::BigInt(digits),
            Value::String(text) => Self::String(text),
            Value::DateTime(instant) => Self::DateTime(instant.as_micros()),
            Value::Duration(Micros(micros)) => Self::Duration(*micros),
            Value::List(_) | Value::Object(_) => Self::Value(value),
        }
    }
}

impl<'a> Cell<'a> {
    /// A value as the module relies on it: null where it has another kind than the declared type, the
    /// nearest double where an integer stands for a `number`.
    pub fn typed(value: &'a Value, declared: Option<ValueType>) -> Self {
        let cell = Self::from(value);
        match (declared, cell) {
            (None, cell)
            | (Some(ValueType::String), cell @ Self::String(_))
            | (Some(ValueType::Number), cell @ Self::Float(_))
            | (Some(ValueType::Integer), cell @ Self::Int(_))
            | (Some(ValueType::Boolean), cell @ Self::Bool(_))
            | (Some(ValueType::Datetime), cell @ Self::DateTime(_)) => cell,
            #[expect(clippy::cast_precision_loss, reason = "nearest double")]
            (Some(ValueType::Number), Self::Int(int)) => Self::Float(int as f64),
            (Some(ValueType::Number), Self::BigInt(digits)) => {
                Self::Float(defacto_model::nearest_float(digits))
            }
            _ => Self::Null,
        }
    }
}

/// Lists and objects may stand inside each other so deep.
const DEPTH_MAX: u32 = 200;

impl<'a> View<'a> {
    /// Reads the cell at an address.
    pub(crate) fn value(&self, what: &'static str, address: u32) -> Result<Value, FrameError> {
        self.nested(what, address, 0)
    }

    /// Reads the cell in a block, which must be null or of the declared type.
    #[inline]
    pub(crate) fn typed_value(
        &self,
        what: &'static str,
        block: Block<'a>,
        cell: u32,
        declared: ValueType,
    ) -> Result<Value, FrameError> {
        let payload = block.i64(cell.saturating_add(cell::PAYLOAD));
        Ok(match (block.u8(cell), declared) {
            (cell::NULL, _) => Value::Null,
            (cell::STRING, ValueType::String) => {
                let at = block.u32(cell.saturating_add(cell::PAYLOAD));
                let length = block.u32(cell.saturating_add(cell::AUX));
                Value::String(self.text(what, at, length)?.to_owned())
            }
            (cell::FLOAT, ValueType::Number) => self.float(what, payload)?,
            (cell::INT, ValueType::Integer) => Value::Int(payload),
            (cell::BOOL, ValueType::Boolean) => self.boolean(what, payload)?,
            (cell::DATETIME, ValueType::Datetime) => Value::DateTime(self.instant(what, payload)?),
            _ => return self.refuse(what, FrameErrorKind::Type),
        })
    }

    fn float(&self, what: &'static str, payload: i64) -> Result<Value, FrameError> {
        let float = f64::from_bits(payload.cast_unsigned());
        if float.is_finite() {
            Ok(Value::Float(float))
        } else {
            self.refuse(what, FrameErrorKind::NotFinite)
        }
    }

    fn boolean(&self, what: &'static str, payload: i64) -> Result<Value, FrameError> {
        match payload {
            0 => Ok(Value::Bool(false)),
            1 => Ok(Value::Bool(true)),
            _ => {
                let low = u32::try_from(payload & i64::from(u32::MAX)).unwrap_or(u32::MAX);
                self.refuse(what, FrameErrorKind::Unknown(low))
            }
        }
    }

    /// Reads a cell that must be text or null.
    pub(crate) fn text_cell(
        &self,
        what: &'static str,
        address: u32,
    ) -> Result<Option<&'a str>, FrameError> {
        let head = self.block(what, address, cell::SIZE)?;
        match head.u8(cell::TAG) {
            cell::NULL => Ok(None),
            cell::STRING => self.text(what, head.u32(cell::PAYLOAD), head.u32(cell::AUX)).map(Some),
            other => self.refuse(what, FrameErrorKind::Unknown(u32::from(other))),
        }
    }

    fn nested(&self, what: &'static str, address: u32, depth: u32) -> Result<Value, FrameError> {
        if depth > DEPTH_MAX {
            return self.refuse(what, FrameErrorKind::Depth);
        }
        let head = self.block(what, address, cell::SIZE)?;
        let (length, at) = (head.u32(cell::AUX), head.u32(cell::PAYLOAD));
        let payload = head.i64(cell::PAYLOAD);
        Ok(match head.u8(cell::TAG) {
            cell::NULL => Value::Null,
            cell::BOOL => self.boolean(what, payload)?,
            cell::INT => Value::Int(payload),
            cell::FLOAT => self.float(what, payload)?,
            cell::STRING => Value::String(self.text(what, at, length)?.to_owned()),
            cell::BIG_INT => Value::BigInt(self.big_int(what, at, length)?.to_owned()),
            cell::DATETIME => Value::DateTime(self.instant(what, payload)?),
            cell::DURATION => Value::Duration(Micros(payload)),
            cell::LIST => self.list(what, at, length, depth)?,
            cell::OBJECT => self.object(what, at, length, depth)?,
            other => return self.refuse(what, FrameErrorKind::Unknown(u32::from(other))),
        })
    }

    fn big_int(&self, what: &'static str, at: u32, length: u32) -> Result<&'a str, FrameError> {
        let text = self.text(what, at, length)?;
        let digits = text.strip_prefix('-').unwrap_or(text);
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if plain && text.parse::<i64>().is_err() {
            Ok(text)
        } else {
            self.refuse(what, FrameErrorKind::Text)
        }
    }

    pub(crate) fn instant(&self, what: &'static str, micros: i64) -> Result<Timestamp, FrameError> {
        Timestamp::from_micros(micros)
            .ok_or(FrameError { what, kind: FrameErrorKind::Instant(micros) })
    }

    fn list(
        &self,
        what: &'static str,
        at: u32,
        length: u32,
        depth: u32,
    ) -> Result<Value, FrameError> {
        self.cells(what, at, length)?;
        let mut elements = Vec::with_capacity(length as usize);
        for index in 0..length {
            let element = at.saturating_add(index.saturating_mul(cell::SIZE));
            elements.push(self.nested(what, element, depth + 1)?);
        }
        Ok(Value::List(elements))
    }

    fn object(
        &self,
        what: &'static str,
        at: u32,
        length: u32,
        depth: u32,
    ) -> Result<Value, FrameError> {
        self.cells(what, at, length.saturating_mul(2))?;
        let mut entries = BTreeMap::new();
        let mut last: Option<&str> = None;
        for index in 0..length {
            let entry = at.saturating_add(index.saturating_mul(2 * cell::SIZE));
            let key = self.text_cell(what, entry)?;
            if key.is_none() || (last.is_some() && key <= last) {
                return self.refuse(what, FrameErrorKind::Keys);
            }
            last = key;
            let value = self.nested(what, entry.saturating_add(cell::SIZE), depth + 1)?;
            entries.insert(key.unwrap_or_default().to_owned(), value);
        }
        Ok(Value::Object(entries))
    }

    /// Checks that a block of cells lies inside the frame and charges it.
    pub(crate) fn cells(&self, what: &'static str, at: u32, count: u32) -> Result<(), FrameError> {
        if count > 0 {
            let size = count
                .checked_mul(cell::SIZE)
                .ok_or(FrameError { what, kind: FrameErrorKind::Outside(at, u64::from(count)) })?;
            self.block(what, at, size)?;
        }
        self.charge(what, count as usize)
    }
}
