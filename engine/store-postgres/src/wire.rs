//! Values as the binary protocol has them: parameters, rows to store, columns to read.
//!
//! A field of a row to `COPY` and an element of an array parameter have the same form (a length, then the bytes), so
//! that a batch is written down once, whichever way it goes.

use std::borrow::Cow;

use defacto_model::{EntityId, EventId, Timestamp, Value, ValueType};
use defacto_ports::Error;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgRow, PgTypeInfo, PgValueRef};
use sqlx::{Encode, Postgres, Row, Type, ValueRef};

use crate::error::damaged;

/// 2000-01-01 in microseconds since 1970: where Postgres counts from.
const EPOCH: i64 = 946_684_800_000_000;
/// Stands before what replaces a character that Postgres does not keep.
const ESCAPE: char = '\u{1}';

/// Types that this crate stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Bytes,
    Int,
    Text,
    Float,
    Time,
    Uuid,
}

impl Kind {
    fn oid(self) -> u32 {
        match self {
            Self::Bool => 16,
            Self::Bytes => 17,
            Self::Int => 20,
            Self::Text => 25,
            Self::Float => 701,
            Self::Time => 1184,
            Self::Uuid => 2950,
        }
    }

    fn array_oid(self) -> u32 {
        match self {
            Self::Bool => 1000,
            Self::Bytes => 1001,
            Self::Int => 1016,
            Self::Text => 1009,
            Self::Float => 1022,
            Self::Time => 1185,
            Self::Uuid => 2951,
        }
    }

    /// Its name in SQL.
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::Bool => "BOOLEAN",
            Self::Bytes => "BYTEA",
            Self::Int => "BIGINT",
            Self::Text => "TEXT",
            Self::Float => "DOUBLE PRECISION",
            Self::Time => "TIMESTAMPTZ",
            Self::Uuid => "UUID",
        }
    }

    /// The type of a property's column (engine.md 4.3).
    pub(crate) fn of(declared: ValueType) -> Kind {
        match declared {
            ValueType::String => Self::Text,
            ValueType::Integer => Self::Int,
            ValueType::Number => Self::Float,
            ValueType::Boolean => Self::Bool,
            ValueType::Datetime => Self::Time,
        }
    }
}

/// Values to bind, in order.
#[derive(Debug, Default)]
pub(crate) struct Args(pub(crate) Vec<Param>);

/// One of them.
#[derive(Debug)]
pub(crate) struct Param {
    pub(crate) kind: Kind,
    /// Whether it is an array of the kind.
    pub(crate) array: bool,
    pub(crate) bytes: Option<Vec<u8>>,
}

impl Param {
    fn oid(&self) -> u32 {
        if self.array { self.kind.array_oid() } else { self.kind.oid() }
    }
}

impl Type<Postgres> for Param {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(Kind::Bytes.oid()))
    }
}

impl Encode<'_, Postgres> for Param {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let Some(bytes) = &self.bytes else { return Ok(IsNull::Yes) };
        buffer.extend_from_slice(bytes);
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(PgTypeInfo::with_oid(Oid(self.oid())))
    }
}

impl Args {
    pub(crate) fn new() -> Args {
        Args::default()
    }

    /// Bytes of all values.
    pub(crate) fn len(&self) -> usize {
        self.0.iter().filter_map(|param| param.bytes.as_ref()).map(Vec::len).sum()
    }

    /// What the driver takes; `None` when it refuses a value.
    pub(crate) fn finish(self) -> Option<PgArguments> {
        let mut arguments = PgArguments::default();
        for param in self.0 {
            sqlx::Arguments::add(&mut arguments, param).ok()?;
        }
        Some(arguments)
    }

    fn add(&mut self, kind: Kind, bytes: Option<Vec<u8>>) -> &mut Args {
        self.0.push(Param { kind, array: false, bytes });
        self
    }

    pub(crate) fn int(&mut self, value: i64) -> &mut Args {
        self.maybe_int(Some(value))
    }

    pub(crate) fn maybe_int(&mut self, value: Option<i64>) -> &mut Args {
        self.add(Kind::Int, value.map(|value| value.to_be_bytes().to_vec()))
    }

    pub(crate) fn limit(&mut self, limit: usize) -> &mut Args {
        self.int(i64::try_from(limit).unwrap_or(i64::MAX))
    }

    pub(crate) fn text(&mut self, value: &str) -> &mut Args {
        self.add(Kind::Text, Some(escaped(value).as_bytes().to_vec()))
    }

    pub(crate) fn time(&mut self, value: Timestamp) -> &mut Args {
        self.maybe_time(Some(value))
    }

    pub(crate) fn maybe_time(&mut self, value: Option<Timestamp>) -> &mut Args {
        self.add(Kind::Time, value.map(|value| time_bytes(value).to_vec()))
    }

    pub(crate) fn id(&mut self, value: EntityId) -> &mut Args {
        self.add(Kind::Uuid, Some(value.0.to_vec()))
    }

    pub(crate) fn ints(&mut self, values: impl IntoIterator<Item = i64>) -> &mut Args {
        let mut rows = Rows::new(&[Kind::Int]);
        for value in values {
            rows.row().int(value);
        }
        self.rows(&rows)
    }

    pub(crate) fn ids<'a>(&mut self, values: impl IntoIterator<Item = &'a EntityId>) -> &mut Args {
        let mut rows = Rows::new(&[Kind::Uuid]);
        for value in values {
            rows.row().id(*value);
        }
        self.rows(&rows)
    }

    pub(crate) fn event_ids<'a>(
        &mut self,
        values: impl IntoIterator<Item = &'a EventId>,
    ) -> &mut Args {
        let mut rows = Rows::new(&[Kind::Bytes]);
        for value in values {
            rows.row().bytes(&value.0);
        }
        self.rows(&rows)
    }

    /// An array per column of the rows, for [`Rows::unnest`].
    pub(crate) fn rows(&mut self, rows: &Rows) -> &mut Args {
        for (kind, bytes) in rows.kinds.iter().zip(rows.arrays()) {
            self.0.push(Param { kind: *kind, array: true, bytes: Some(bytes) });
        }
        self
    }
}

/// Rows written down field by field; each begins with [`Rows::row`] and takes a field for every column.
#[derive(Debug)]
pub(crate) struct Rows {
    kinds: Vec<Kind>,
    count: u32,
    fields: Vec<u8>,
}

impl Rows {
    pub(crate) fn new(kinds: &[Kind]) -> Rows {
        Rows { kinds: kinds.to_vec(), count: 0, fields: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.count as usize
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn row(&mut self) -> &mut Rows {
        self.count += 1;
        let columns = u16::try_from(self.kinds.len()).unwrap_or(u16::MAX);
        self.fields.extend_from_slice(&columns.to_be_bytes());
        self
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Rows {
        // A length beyond the protocol's is refused by the server: it exceeds what it takes in a row.
        let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
        self.fields.extend_from_slice(&length.to_be_bytes());
        self.fields.extend_from_slice(bytes);
        self
    }

    pub(crate) fn null(&mut self) -> &mut Rows {
        self.fields.extend_from_slice(&(-1_i32).to_be_bytes());
        self
    }

    pub(crate) fn maybe_bytes(&mut self, bytes: Option<&[u8]>) -> &mut Rows {
        match bytes {
            Some(bytes) => self.bytes(bytes),
            None => self.null(),
        }
    }

    pub(crate) fn int(&mut self, value: i64) -> &mut Rows {
        self.bytes(&value.to_be_bytes())
    }

    pub(crate) fn maybe_int(&mut self, value: Option<i64>) -> &mut Rows {
        self.maybe_bytes(value.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice))
    }

    pub(crate) fn bool(&mut self, value: bool) -> &mut Rows {
        self.bytes(&[u8::from(value)])
    }

    pub(crate) fn text(&mut self, value: &str) -> &mut Rows {
        self.bytes(escaped(value).as_bytes())
    }

    pub(crate) fn maybe_text(&mut self, value: Option<&str>) -> &mut Rows {
        match value {
            Some(value) => self.text(value),
            None => self.null(),
        }
    }

    pub(crate) fn time(&mut self, value: Timestamp) -> &mut Rows {
        self.bytes(&time_bytes(value))
    }

    pub(crate) fn maybe_time(&mut self, value: Option<Timestamp>) -> &mut Rows {
        self.maybe_bytes(value.map(time_bytes).as_ref().map(<[u8; 8]>::as_slice))
    }

    pub(crate) fn id(&mut self, value: EntityId) -> &mut Rows {
        self.bytes(&value.0)
    }

    pub(crate) fn maybe_id(&mut self, value: Option<EntityId>) -> &mut Rows {
        self.maybe_bytes(value.as_ref().map(|id| id.0.as_slice()))
    }

    /// A property in its typed column (engine.md 4.3).
    ///
    /// # Errors
    ///
    /// [`Error::Inconsistent`] when the value is not of the declared type.
    pub(crate) fn property(
        &mut self,
        name: &str,
        declared: ValueType,
        value: &Value,
    ) -> Result<(), Error> {
        match (declared, value) {
            (_, Value::Null) => self.null(),
            (ValueType::String, Value::String(text)) => self.text(text),
            (ValueType::Integer, Value::Int(number)) => self.int(*number),
            (ValueType::Number, Value::Float(number)) => self.bytes(&number.to_be_bytes()),
            #[expect(
                clippy::cast_precision_loss,
                reason = "a number column holds the nearest double (engine.md 4.3)"
            )]
            (ValueType::Number, Value::Int(number)) => self.bytes(&(*number as f64).to_be_bytes()),
            (ValueType::Number, Value::BigInt(digits)) => {
                let number: f64 =
                    digits.parse().map_err(|_| damaged("an integer outside 64 bits"))?;
                self.bytes(&number.to_be_bytes())
            }
            (ValueType::Boolean, Value::Bool(flag)) => self.bool(*flag),
            (ValueType::Datetime, Value::DateTime(instant)) => self.time(*instant),
            _ => {
                return Err(Error::Inconsistent {
                    message: format!("a value of `{name}` is not of its type {declared:?}"),
                });
            }
        };
        Ok(())
    }

    /// The rows as `COPY … WITH (FORMAT binary)` reads them.
    pub(crate) fn copy(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.fields.len() + 32);
        out.extend_from_slice(b"PGCOPY\n\xff\r\n\0");
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&self.fields);
        out.extend_from_slice(&(-1_i16).to_be_bytes());
        out
    }

    /// `unnest($first::…[], …)`: the rows as a table, from parameters of [`Args::rows`].
    pub(crate) fn unnest(&self, first: usize) -> String {
        let columns: Vec<String> = (first..)
            .zip(&self.kinds)
            .map(|(place, kind)| format!("${place}::{}[]", kind.sql()))
            .collect();
        format!("unnest({})", columns.join(", "))
    }

    /// The columns as arrays.
    fn arrays(&self) -> Vec<Vec<u8>> {
        let mut arrays: Vec<Vec<u8>> = self
            .kinds
            .iter()
            .map(|kind| {
                let mut array = Vec::with_capacity(24 + 12 * self.len());
                array.extend_from_slice(&i32::from(self.count > 0).to_be_bytes());
                array.extend_from_slice(&1_i32.to_be_bytes());
                array.extend_from_slice(&kind.oid().to_be_bytes());
                if self.count > 0 {
                    array.extend_from_slice(&self.count.to_be_bytes());
                    array.extend_from_slice(&1_i32.to_be_bytes());
                }
                array
            })
            .collect();
        let mut rest = self.fields.as_slice();
        while let Some((_, fields)) = rest.split_at_checked(2) {
            rest = fields;
            for array in &mut arrays {
                let length =
                    rest.first_chunk::<4>().map_or(-1, |length| i32::from_be_bytes(*length));
                let size = 4 + usize::try_from(length).unwrap_or(0);
                let (field, after) = rest.split_at(size.min(rest.len()));
                array.extend_from_slice(field);
                rest = after;
            }
        }
        arrays
    }
}

fn time_bytes(at: Timestamp) -> [u8; 8] {
    (at.as_micros() - EPOCH).to_be_bytes()
}

/// An instant from how Postgres counts.
pub(crate) fn instant(micros: i64) -> Option<Timestamp> {
    micros.checked_add(EPOCH).and_then(Timestamp::from_micros)
}

/// A text as Postgres keeps it: without U+0000, in the same order, reversible.
fn escaped(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| byte < 2) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\0' => out.extend([ESCAPE, '\u{1}']),
            ESCAPE => out.extend([ESCAPE, '\u{2}']),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

fn unescaped(text: &str) -> Result<String, Error> {
    if !text.contains(ESCAPE) {
        return Ok(text.to_owned());
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, (c == ESCAPE).then(|| chars.next()).flatten()) {
            (ESCAPE, Some('\u{1}')) => out.push('\0'),
            (ESCAPE, Some('\u{2}')) => out.push(ESCAPE),
            (ESCAPE, _) => return Err(damaged("a text")),
            (c, _) => out.push(c),
        }
    }
    Ok(out)
}

/// Typed access to a row's columns by position.
pub(crate) trait Columns {
    /// The bytes of a column.
    fn maybe_bytes(&self, index: usize) -> Result<Option<&[u8]>, Error>;

    fn bytes(&self, index: usize) -> Result<&[u8], Error> {
        self.maybe_bytes(index)?.ok_or_else(|| damaged("a column"))
    }

    fn array<const N: usize>(&self, index: usize) -> Result<[u8; N], Error> {
        self.bytes(index)?.try_into().map_err(|_| damaged("a column"))
    }

    fn int(&self, index: usize) -> Result<i64, Error> {
        self.array(index).map(i64::from_be_bytes)
    }

    fn maybe_int(&self, index: usize) -> Result<Option<i64>, Error> {
        self.maybe_bytes(index)?.map(|_| self.int(index)).transpose()
    }

    fn count(&self, index: usize) -> Result<u64, Error> {
        u64::try_from(self.int(index)?).map_err(|_| damaged("a count"))
    }

    fn bool(&self, index: usize) -> Result<bool, Error> {
        self.array(index).map(|[byte]: [u8; 1]| byte != 0)
    }

    fn text(&self, index: usize) -> Result<String, Error> {
        let text = str::from_utf8(self.bytes(index)?).map_err(|_| damaged("a text"))?;
        unescaped(text)
    }

    fn maybe_text(&self, index: usize) -> Result<Option<String>, Error> {
        self.maybe_bytes(index)?.map(|_| self.text(index)).transpose()
    }

    fn time(&self, index: usize) -> Result<Timestamp, Error> {
        instant(self.int(index)?).ok_or_else(|| damaged("an instant"))
    }

    fn maybe_time(&self, index: usize) -> Result<Option<Timestamp>, Error> {
        self.maybe_bytes(index)?.map(|_| self.time(index)).transpose()
    }

    fn id(&self, index: usize) -> Result<EntityId, Error> {
        self.array(index).map(EntityId)
    }

    fn maybe_id(&self, index: usize) -> Result<Option<EntityId>, Error> {
        self.maybe_bytes(index)?.map(|_| self.id(index)).transpose()
    }

    fn property(&self, index: usize, declared: ValueType) -> Result<Value, Error> {
        if self.maybe_bytes(index)?.is_none() {
            return Ok(Value::Null);
        }
        Ok(match declared {
            ValueType::String => Value::String(self.text(index)?),
            ValueType::Integer => Value::Int(self.int(index)?),
            ValueType::Number => Value::Float(f64::from_be_bytes(self.array(index)?)),
            ValueType::Boolean => Value::Bool(self.bool(index)?),
            ValueType::Datetime => Value::DateTime(self.time(index)?),
        })
    }
}

impl Columns for PgRow {
    fn maybe_bytes(&self, index: usize) -> Result<Option<&[u8]>, Error> {
        let value: PgValueRef<'_> = self.try_get_raw(index).map_err(|_| damaged("a column"))?;
        if value.is_null() {
            return Ok(None);
        }
        value.as_bytes().map(Some).map_err(|_| damaged("a column"))
    }
}

#[cfg(test)]
mod tests {
    use super::{escaped, unescaped};

    #[test]
    fn texts_come_back_and_keep_their_order() {
        let mut texts = ["", "a", "\0", "\0a", "\u{1}", "\u{1}\0", "\u{2}", "a\0b", "☃\u{1}☃", "b"];
        texts.sort_unstable();
        let stored = texts.map(|text| escaped(text).into_owned());
        assert!(stored.is_sorted(), "{stored:?}");
        assert!(stored.iter().all(|text| !text.contains('\0')));
        assert_eq!(stored.each_ref().map(|text| unescaped(text).unwrap()), texts);
    }
}
