use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_schema::{DataType, Field, TimeUnit};
use defacto_model::{Timestamp, json_float};

use crate::Cell;

/// Longest text of one cell, in bytes: offsets within a batch have 31 bits.
const TEXT_BYTES_MAX: usize = 1 << 30;

/// Name of the only time zone.
const UTC: &str = "UTC";

/// Type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// Unicode text. Takes every cell: what is no text becomes its JSON text, without quotes.
    Text,
    /// Integers of 64 bits.
    Integer,
    /// Doubles. Takes integers too.
    Number,
    /// True or false.
    Boolean,
    /// Instants in UTC, in microseconds. Takes text that is a date-time (language.md 5.3) too.
    Timestamp,
}

impl ColumnType {
    const fn name(self) -> &'static str {
        match self {
            ColumnType::Text => "text",
            ColumnType::Integer => "an integer",
            ColumnType::Number => "a number",
            ColumnType::Boolean => "a boolean",
            ColumnType::Timestamp => "a timestamp",
        }
    }
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, as it stands in the file.
    pub name: String,
    /// What its values are.
    pub r#type: ColumnType,
    /// Whether rows may lack a value.
    pub nullable: bool,
}

impl Column {
    /// A column whose rows may lack a value.
    pub fn new(name: impl Into<String>, r#type: ColumnType) -> Self {
        Self { name: name.into(), r#type, nullable: true }
    }

    /// The same column, every row of which has a value.
    #[must_use]
    pub fn required(self) -> Self {
        Self { nullable: false, ..self }
    }

    pub(crate) fn field(&self) -> Field {
        let r#type = match self.r#type {
            ColumnType::Text => DataType::Utf8,
            ColumnType::Integer => DataType::Int64,
            ColumnType::Number => DataType::Float64,
            ColumnType::Boolean => DataType::Boolean,
            ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        };
        Field::new(&self.name, r#type, self.nullable)
    }
}

/// The values of a column that are not yet written.
#[derive(Debug)]
pub(crate) enum Pending {
    Text(StringBuilder),
    Integer(Int64Builder),
    Number(Float64Builder),
    Boolean(BooleanBuilder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl Pending {
    pub(crate) fn new(r#type: ColumnType) -> Self {
        match r#type {
            ColumnType::Text => Pending::Text(StringBuilder::new()),
            ColumnType::Integer => Pending::Integer(Int64Builder::new()),
            ColumnType::Number => Pending::Number(Float64Builder::new()),
            ColumnType::Boolean => Pending::Boolean(BooleanBuilder::new()),
            ColumnType::Timestamp => {
                Pending::Timestamp(TimestampMicrosecondBuilder::new().with_timezone(UTC))
            }
        }
    }

    /// Appends a cell and returns about how many bytes it takes.
    ///
    /// # Errors
    ///
    /// What is wrong with the cell; nothing is appended then.
    pub(crate) fn push(&mut self, column: &Column, cell: &Cell<'_>) -> Result<usize, String> {
        if matches!(cell, Cell::Null) && !column.nullable {
            return Err("is null, and the column requires one".to_owned());
        }
        let mut bytes = 8;
        match (self, cell) {
            (Pending::Text(builder), Cell::Null) => builder.append_null(),
            (Pending::Integer(builder), Cell::Null) => builder.append_null(),
            (Pending::Number(builder), Cell::Null) => builder.append_null(),
            (Pending::Boolean(builder), Cell::Null) => builder.append_null(),
            (Pending::Timestamp(builder), Cell::Null) => builder.append_null(),
            (Pending::Text(builder), Cell::Text(text)) => {
                if text.len() > TEXT_BYTES_MAX {
                    return Err("is longer than 1 GiB".to_owned());
                }
                bytes += text.len();
                builder.append_value(text);
            }
            (Pending::Text(builder), Cell::Boolean(flag)) => builder.append_value(flag.to_string()),
            (Pending::Text(builder), Cell::Integer(int)) => builder.append_value(int.to_string()),
            (Pending::Text(builder), Cell::Number(float)) => {
                builder.append_value(json_float(*float))
            }
            (Pending::Text(builder), Cell::Timestamp(at)) => builder.append_value(at.to_string()),
            (Pending::Integer(builder), Cell::Integer(int)) => builder.append_value(*int),
            #[expect(clippy::cast_precision_loss, reason = "integers as numbers, language.md 4.3")]
            (Pending::Number(builder), Cell::Integer(int)) => builder.append_value(*int as f64),
            (Pending::Number(builder), Cell::Number(float)) => builder.append_value(*float),
            (Pending::Boolean(builder), Cell::Boolean(flag)) => builder.append_value(*flag),
            (Pending::Timestamp(builder), Cell::Timestamp(at)) => {
                builder.append_value(at.as_micros())
            }
            (Pending::Timestamp(builder), Cell::Text(text)) => match Timestamp::parse_text(text) {
                Ok(at) => builder.append_value(at.as_micros()),
                Err(error) => return Err(format!("cannot be a timestamp: {error}")),
            },
            (_, cell) => return Err(format!("is {}, not {}", cell.kind(), column.r#type.name())),
        }
        Ok(bytes)
    }

    /// Takes the values out.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        match self {
            Pending::Text(builder) => Arc::new(builder.finish()),
            Pending::Integer(builder) => Arc::new(builder.finish()),
            Pending::Number(builder) => Arc::new(builder.finish()),
            Pending::Boolean(builder) => Arc::new(builder.finish()),
            Pending::Timestamp(builder) => Arc::new(builder.finish()),
        }
    }
}
