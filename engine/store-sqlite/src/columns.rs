//! Binding values and reading columns.

use defacto_model::{Timestamp, Value, ValueType};
use defacto_ports::Error;
use sqlx::Row;
use sqlx::sqlite::{SqliteArguments, SqliteRow};

use crate::error::damaged;

/// Values to bind, in order.
#[derive(Debug, Default)]
pub(crate) struct Args {
    arguments: SqliteArguments,
    failed: bool,
}

impl Args {
    pub(crate) fn new() -> Args {
        Args::default()
    }

    /// `None` when a value could not be encoded.
    pub(crate) fn finish(self) -> Option<SqliteArguments> {
        (!self.failed).then_some(self.arguments)
    }

    fn add<'a, T>(&mut self, value: T)
    where
        T: sqlx::Encode<'a, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
    {
        self.failed |= sqlx::Arguments::add(&mut self.arguments, value).is_err();
    }

    pub(crate) fn int(&mut self, value: i64) -> &mut Args {
        self.add(value);
        self
    }

    pub(crate) fn maybe_int(&mut self, value: Option<i64>) -> &mut Args {
        self.add(value);
        self
    }

    pub(crate) fn text(&mut self, value: &str) -> &mut Args {
        self.add(value);
        self
    }

    pub(crate) fn owned_text(&mut self, value: String) -> &mut Args {
        self.add(value);
        self
    }

    pub(crate) fn blob(&mut self, value: Vec<u8>) -> &mut Args {
        self.add(value);
        self
    }

    pub(crate) fn maybe_blob(&mut self, value: Option<Vec<u8>>) -> &mut Args {
        self.add(value);
        self
    }

    pub(crate) fn maybe_text(&mut self, value: Option<&str>) -> &mut Args {
        self.add(value);
        self
    }

    pub(crate) fn time(&mut self, value: Timestamp) -> &mut Args {
        self.int(value.as_micros())
    }

    pub(crate) fn maybe_time(&mut self, value: Option<Timestamp>) -> &mut Args {
        self.maybe_int(value.map(Timestamp::as_micros))
    }

    /// A property in its typed column (engine.md 4.3); instants as microseconds.
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
            (_, Value::Null) => self.add(None::<i64>),
            (ValueType::String, Value::String(text)) => self.add(text.as_str()),
            (ValueType::Integer, Value::Int(number)) => self.add(*number),
            (ValueType::Number, Value::Float(number)) => self.add(*number),
            #[expect(
                clippy::cast_precision_loss,
                reason = "a number column holds the nearest double (engine.md 4.3)"
            )]
            (ValueType::Number, Value::Int(number)) => self.add(*number as f64),
            (ValueType::Number, Value::BigInt(digits)) => {
                let number: f64 =
                    digits.parse().map_err(|_| damaged("an integer outside 64 bits"))?;
                self.add(number);
            }
            (ValueType::Boolean, Value::Bool(flag)) => self.add(i64::from(*flag)),
            (ValueType::Datetime, Value::DateTime(instant)) => self.add(instant.as_micros()),
            _ => {
                return Err(Error::Inconsistent {
                    message: format!("a value of `{name}` is not of its type {declared:?}"),
                });
            }
        }
        Ok(())
    }
}

/// The SQL type of a property's column. Numbers have none: a `REAL` column would lose the sign of
/// zero, because it keeps whole numbers as integers.
pub(crate) fn column_type(declared: ValueType) -> &'static str {
    match declared {
        ValueType::String => "TEXT",
        ValueType::Number => "",
        ValueType::Integer | ValueType::Boolean | ValueType::Datetime => "INTEGER",
    }
}

/// Typed access to a row's columns by position.
pub(crate) trait Columns {
    fn int(&self, index: usize) -> Result<i64, Error>;
    fn maybe_int(&self, index: usize) -> Result<Option<i64>, Error>;
    fn text(&self, index: usize) -> Result<&str, Error>;
    fn maybe_text(&self, index: usize) -> Result<Option<&str>, Error>;
    fn blob(&self, index: usize) -> Result<&[u8], Error>;
    fn maybe_blob(&self, index: usize) -> Result<Option<&[u8]>, Error>;
    fn time(&self, index: usize) -> Result<Timestamp, Error>;
    fn maybe_time(&self, index: usize) -> Result<Option<Timestamp>, Error>;
    fn property(&self, index: usize, declared: ValueType) -> Result<Value, Error>;
}

fn unreadable(_: sqlx::Error) -> Error {
    damaged("a column")
}

impl Columns for SqliteRow {
    fn int(&self, index: usize) -> Result<i64, Error> {
        self.try_get_unchecked(index).map_err(unreadable)
    }

    fn maybe_int(&self, index: usize) -> Result<Option<i64>, Error> {
        self.try_get_unchecked(index).map_err(unreadable)
    }

    fn text(&self, index: usize) -> Result<&str, Error> {
        self.try_get_unchecked(index).map_err(unreadable)
    }

    fn maybe_text(&self, index: usize) -> Result<Option<&str>, Error> {
        self.try_get_unchecked(index).map_err(unreadable)
    }

    fn blob(&self, index: usize) -> Result<&[u8], Error> {
        self.try_get_unchecked(index).map_err(unreadable)
    }

    fn maybe_blob(&self, index: usize) -> Result<Option<&[u8]>, Error> {
        self.try_get_unchecked(index).map_err(unreadable)
    }

    fn time(&self, index: usize) -> Result<Timestamp, Error> {
        instant(self.int(index)?)
    }

    fn maybe_time(&self, index: usize) -> Result<Option<Timestamp>, Error> {
        self.maybe_int(index)?.map(instant).transpose()
    }

    fn property(&self, index: usize, declared: ValueType) -> Result<Value, Error> {
        let value = match declared {
            ValueType::String => self.maybe_text(index)?.map(|text| Value::String(text.to_owned())),
            ValueType::Integer => self.maybe_int(index)?.map(Value::Int),
            ValueType::Boolean => self.maybe_int(index)?.map(|flag| Value::Bool(flag != 0)),
            ValueType::Datetime => self.maybe_time(index)?.map(Value::DateTime),
            ValueType::Number => self
                .try_get_unchecked::<Option<f64>, _>(index)
                .map_err(unreadable)?
                .map(Value::Float),
        };
        Ok(value.unwrap_or(Value::Null))
    }
}

/// An instant from stored microseconds.
pub(crate) fn instant(micros: i64) -> Result<Timestamp, Error> {
    Timestamp::from_micros(micros).ok_or_else(|| damaged("an instant"))
}
