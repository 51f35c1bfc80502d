use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::column::Pending;
use crate::{Cell, Column};

/// Rows of a record batch.
const BATCH_ROWS: usize = 8_192;
/// Bytes after which a record batch ends early.
const BATCH_BYTES: usize = 16 << 20;
/// Rows of a row group of a Parquet file.
const GROUP_ROWS: usize = 16 * BATCH_ROWS;
/// Encoded bytes after which a row group ends early; it is kept in memory until then.
const GROUP_BYTES: usize = 64 << 20;

/// What to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A Parquet file, compressed with Snappy.
    Parquet,
    /// An Arrow IPC stream, uncompressed.
    Arrow,
}

/// Why a result could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The place written to failed; its kind tells a closed pipe from a full disk.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A row does not fit the columns.
    #[error("row {row} has {found} cells for {expected} columns")]
    Width {
        /// Number of the row, from 1.
        row: u64,
        /// Number of columns.
        expected: usize,
        /// Number of cells.
        found: usize,
    },
    /// A value does not fit its column.
    #[error("row {row}, column `{column}`: the value {reason}")]
    Cell {
        /// Number of the row, from 1.
        row: u64,
        /// Name of the column.
        column: String,
        /// What is wrong with the value.
        reason: String,
    },
    /// The encoder refused what this crate gave it: a bug.
    #[error("encode rows: {0}")]
    Encode(String),
}

/// Writes rows of one result, in constant memory: at most one record batch and, for Parquet, one row
/// group are held back.
///
/// The bytes are a function of columns and rows. After an error the result is incomplete and the
/// writer is of no more use; without [`Writer::finish`] a Parquet file is not readable.
pub struct Writer<W: Write + Send> {
    columns: Vec<Column>,
    pending: Vec<Pending>,
    schema: Arc<Schema>,
    sink: Sink<W>,
    batch_rows: usize,
    batch_bytes: usize,
    rows: u64,
}

enum Sink<W: Write + Send> {
    Parquet(Box<ArrowWriter<W>>),
    Arrow(Box<StreamWriter<W>>),
}

impl<W: Write + Send> Writer<W> {
    /// Starts a result.
    ///
    /// # Errors
    ///
    /// [`WriteError::Io`].
    pub fn new(form: Form, columns: Vec<Column>, out: W) -> Result<Self, WriteError> {
        let schema = Arc::new(Schema::new(columns.iter().map(Column::field).collect::<Vec<_>>()));
        let sink = match form {
            Form::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::SNAPPY)
                    .set_created_by("defacto".to_owned())
                    .set_max_row_group_row_count(Some(GROUP_ROWS))
                    .build();
                Sink::Parquet(Box::new(ArrowWriter::try_new(
                    out,
                    schema.clone(),
                    Some(properties),
                )?))
            }
            Form::Arrow => Sink::Arrow(Box::new(StreamWriter::try_new(out, &schema)?)),
        };
        let pending = columns.iter().map(|column| Pending::new(column.r#type)).collect();
        Ok(Self { columns, pending, schema, sink, batch_rows: 0, batch_bytes: 0, rows: 0 })
    }

    /// Adds a row: one cell for each column, in their order. A `&[defacto_model::Value]` and a
    /// `&[serde_json::Value]` will do as well as cells.
    ///
    /// # Errors
    ///
    /// The row does not fit the columns, or the place written to failed.
    pub fn push<'a, C, R>(&mut self, cells: R) -> Result<(), WriteError>
    where
        C: Into<Cell<'a>>,
        R: IntoIterator<Item = C, IntoIter: ExactSizeIterator>,
    {
        let cells = cells.into_iter();
        self.rows += 1;
        if cells.len() != self.columns.len() {
            let (row, expected) = (self.rows, self.columns.len());
            return Err(WriteError::Width { row, expected, found: cells.len() });
        }
        for ((column, pending), cell) in self.columns.iter().zip(&mut self.pending).zip(cells) {
            self.batch_bytes += pending.push(column, &cell.into()).map_err(|reason| {
                WriteError::Cell { row: self.rows, column: column.name.clone(), reason }
            })?;
        }
        self.batch_rows += 1;
        if self.batch_rows >= BATCH_ROWS || self.batch_bytes >= BATCH_BYTES {
            self.write_batch()?;
        }
        Ok(())
    }

    /// Ends the result and flushes it; returns the number of rows.
    ///
    /// # Errors
    ///
    /// [`WriteError::Io`].
    pub fn finish(mut self) -> Result<u64, WriteError> {
        if self.batch_rows > 0 {
            self.write_batch()?;
        }
        match self.sink {
            Sink::Parquet(mut writer) => {
                writer.finish()?;
                writer.inner_mut().flush()?;
            }
            Sink::Arrow(mut writer) => {
                writer.finish()?;
                writer.get_mut().flush()?;
            }
        }
        Ok(self.rows)
    }

    fn write_batch(&mut self) -> Result<(), WriteError> {
        let arrays = self.pending.iter_mut().map(Pending::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.batch_rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)?;
        self.batch_rows = 0;
        self.batch_bytes = 0;
        match &mut self.sink {
            Sink::Parquet(writer) => {
                writer.write(&batch)?;
                if writer.in_progress_size() >= GROUP_BYTES {
                    writer.flush()?;
                }
            }
            Sink::Arrow(writer) => writer.write(&batch)?,
        }
        Ok(())
    }
}

impl<W: Write + Send> fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("columns", &self.columns).field("rows", &self.rows).finish()
    }
}

impl From<ParquetError> for WriteError {
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::External(inner) => match inner.downcast::<io::Error>() {
                Ok(inner) => WriteError::Io(*inner),
                Err(inner) => WriteError::Encode(inner.to_string()),
            },
            other => WriteError::Encode(other.to_string()),
        }
    }
}

impl From<ArrowError> for WriteError {
    fn from(error: ArrowError) -> Self {
        match error {
            ArrowError::IoError(_, inner) => WriteError::Io(inner),
            other => WriteError::Encode(other.to_string()),
        }
    }
}
