use std::collections::BTreeSet;
use std::fs::File;
use std::panic::{self, AssertUnwindSafe};
use std::vec;

use arrow_array::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::ChunkReader;

use crate::{int96, print};

/// Rows decoded at a time.
const BATCH_ROWS: usize = 1_024;

/// A row of a Parquet file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// JSON text of one object: a key for each column, in the order of the file.
    pub text: String,
    /// Number of the row in the file, from 1.
    pub row: u64,
}

/// Why Parquet could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is no Parquet, is damaged, encrypted, or cannot be read at all.
    #[error("not a readable Parquet file: {0}")]
    Open(String),
    /// A column has a type that JSON has no text for, such as bytes. The file must be written
    /// with another type, or without the column.
    #[error("column `{column}`: type {type} has no JSON form; store it as text, or leave it out")]
    Type {
        /// The column, and the fields that lead to the place inside it.
        column: String,
        /// What Arrow calls the type.
        r#type: String,
    },
    /// A column is compressed in a way that is seldom used.
    #[error(
        "column `{column}`: compression {codec} is not supported; use snappy, gzip, zstd or none"
    )]
    Compression {
        /// Path of the column.
        column: String,
        /// Name of the compression.
        codec: String,
    },
    /// Two columns, or two fields of a structure, have the same name.
    #[error("column `{0}` occurs twice")]
    Duplicate(String),
    /// A row group cannot be decoded. No record follows.
    #[error("row group {group}{}: {reason}", in_column(.column))]
    Decode {
        /// Number of the row group, from 0 as Parquet tools count them.
        group: usize,
        /// The column at fault, when it can be told.
        column: Option<String>,
        /// What the decoder found.
        reason: String,
    },
    /// A row has a value that no event can have (NaN, an infinity, an instant beyond the year 9999).
    /// The records after it can be read.
    #[error("row {row} (row group {group}), column `{column}`: the value {reason}")]
    Cell {
        /// Number of the row in the file, from 1.
        row: u64,
        /// Number of the row group, from 0.
        group: usize,
        /// Name of the column.
        column: String,
        /// What is wrong with the value.
        reason: String,
    },
}

fn in_column(column: &Option<String>) -> String {
    column.as_ref().map(|name| format!(", column `{name}`")).unwrap_or_default()
}

impl ReadError {
    /// Whether only one record is lost and reading can go on.
    pub const fn is_of_one_record(&self) -> bool {
        matches!(self, ReadError::Cell { .. })
    }
}

/// Reads the rows of a Parquet file as JSON objects, in their order, a thousand at a time.
///
/// Text, integers, floats, booleans and null are themselves. Timestamps are RFC 3339 text, to the
/// nanosecond and without offset where the file has them without zone; dates `YYYY-MM-DD`, times of day
/// `HH:MM:SS`, durations seconds, decimals and UUIDs text. Lists are arrays, structures and maps objects.
#[derive(Debug)]
pub struct Reader {
    input: Input,
    metadata: ArrowReaderMetadata,
    /// Row groups opened so far.
    groups: usize,
    batches: Option<ParquetRecordBatchReader>,
    ready: vec::IntoIter<Result<Record, ReadError>>,
    row: u64,
    failed: bool,
}

#[derive(Debug)]
enum Input {
    File(File),
    Bytes(Bytes),
}

impl Reader {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// [`ReadError::Open`], [`ReadError::Type`], [`ReadError::Compression`], [`ReadError::Duplicate`].
    pub fn open(file: File) -> Result<Self, ReadError> {
        let metadata = load(&file)?;
        Self::new(Input::File(file), metadata)
    }

    /// Opens a file that is in memory, since it came compressed as a whole or through a pipe:
    /// Parquet is read from its end.
    ///
    /// # Errors
    ///
    /// As [`Reader::open`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, ReadError> {
        let bytes = Bytes::from(bytes);
        let metadata = load(&bytes)?;
        Self::new(Input::Bytes(bytes), metadata)
    }

    fn new(input: Input, metadata: ArrowReaderMetadata) -> Result<Self, ReadError> {
        let mut names = BTreeSet::new();
        for field in metadata.schema().fields() {
            if !names.insert(field.name()) {
                return Err(ReadError::Duplicate(field.name().clone()));
            }
            print::printable(field, field.name())?;
        }
        check_compression(metadata.metadata())?;
        let ready = Vec::new().into_iter();
        Ok(Self { input, metadata, groups: 0, batches: None, ready, row: 0, failed: false })
    }

    /// Number of rows of the file, as it says itself.
    pub fn rows(&self) -> u64 {
        u64::try_from(self.metadata.metadata().file_metadata().num_rows()).unwrap_or_default()
    }

    /// Prepares the next records; false at the end of the file.
    fn advance(&mut self) -> Result<bool, ReadError> {
        loop {
            let Some(batches) = &mut self.batches else {
                if self.groups >= self.metadata.metadata().num_row_groups() {
                    return Ok(false);
                }
                let group = self.groups;
                self.groups += 1;
                let batches = self.input.group(&self.metadata, group, ProjectionMask::all());
                self.batches = Some(batches.map_err(|reason| self.decode(group, reason))?);
                continue;
            };
            let group = self.groups.saturating_sub(1);
            match next_batch(batches) {
                Ok(None) => self.batches = None,
                Err(reason) => return Err(self.decode(group, reason)),
                Ok(Some(batch)) => {
                    let records = records(&batch, group, self.row)
                        .map_err(|reason| self.decode(group, reason))?;
                    self.row += records.len() as u64;
                    self.ready = records.into_iter();
                    return Ok(true);
                }
            }
        }
    }

    /// An error of a row group, with the first column that fails when it is read alone.
    fn decode(&self, group: usize, reason: String) -> ReadError {
        let schema = self.metadata.parquet_schema();
        for (leaf, column) in schema.columns().iter().enumerate() {
            let alone = ProjectionMask::leaves(schema, [leaf]);
            let whole = self.input.group(&self.metadata, group, alone).and_then(|mut batches| {
                while next_batch(&mut batches)?.is_some() {}
                Ok(())
            });
            if let Err(reason) = whole {
                let column = Some(column.path().string());
                return ReadError::Decode { group, column, reason };
            }
        }
        ReadError::Decode { group, column: None, reason }
    }
}

impl Iterator for Reader {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.ready.next() {
                return Some(record);
            }
            if self.failed {
                return None;
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Input {
    fn group(
        &self,
        metadata: &ArrowReaderMetadata,
        group: usize,
        columns: ProjectionMask,
    ) -> Result<ParquetRecordBatchReader, String> {
        fn build<T: ChunkReader + 'static>(
            input: T,
            metadata: &ArrowReaderMetadata,
            group: usize,
            columns: ProjectionMask,
        ) -> Result<ParquetRecordBatchReader, ParquetError> {
            ParquetRecordBatchReaderBuilder::new_with_metadata(input, metadata.clone())
                .with_row_groups(vec![group])
                .with_projection(columns)
                .with_batch_size(BATCH_ROWS)
                .build()
        }
        guarded(|| match self {
            Input::File(file) => build(file.try_clone()?, metadata, group, columns),
            Input::Bytes(bytes) => build(bytes.clone(), metadata, group, columns),
        })
    }
}

fn load<T: ChunkReader>(input: &T) -> Result<ArrowReaderMetadata, ReadError> {
    guarded(|| {
        let options = ArrowReaderOptions::new();
        let metadata = ArrowReaderMetadata::load(input, options.clone())?;
        match int96::in_microseconds(metadata.schema(), metadata.parquet_schema()) {
            None => Ok(metadata),
            Some(schema) => {
                let file = metadata.metadata().clone();
                ArrowReaderMetadata::try_new(file, options.with_schema(schema))
            }
        }
    })
    .map_err(ReadError::Open)
}

/// Refuses what this crate has no decompressor for.
fn check_compression(metadata: &ParquetMetaData) -> Result<(), ReadError> {
    for column in metadata.row_groups().iter().flat_map(RowGroupMetaData::columns) {
        match column.compression() {
            Compression::UNCOMPRESSED
            | Compression::SNAPPY
            | Compression::GZIP(_)
            | Compression::ZSTD(_) => {}
            other => {
                let column = column.column_path().string();
                let codec = other.to_string();
                // Without the level, which only writers know.
                let codec = codec.split('(').next().unwrap_or_default().to_owned();
                return Err(ReadError::Compression { column, codec });
            }
        }
    }
    Ok(())
}

fn next_batch(batches: &mut ParquetRecordBatchReader) -> Result<Option<RecordBatch>, String> {
    guarded(|| batches.next().transpose().map_err(ParquetError::from))
}

/// What a decoder returns; its panics, which damaged files can cause, become errors too. The caller uses
/// the decoder no more after an error.
fn guarded<T>(decode: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, String> {
    match panic::catch_unwind(AssertUnwindSafe(decode)) {
        Ok(result) => result.map_err(|e| e.to_string()),
        Err(payload) => Err(match payload.downcast::<String>() {
            Ok(message) => format!("damaged: {message}"),
            Err(_) => "damaged".to_owned(),
        }),
    }
}

/// The rows of a batch, which follow `before` rows of the file.
fn records(
    batch: &RecordBatch,
    group: usize,
    before: u64,
) -> Result<Vec<Result<Record, ReadError>>, String> {
    let mut columns = Vec::new();
    for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let key = print::key(field.name(), columns.is_empty());
        columns.push((field.name(), key, print::printer(field, array.as_ref())?));
    }
    let mut length = 0;
    let mut records = Vec::with_capacity(batch.num_rows());
    for (index, row) in (0..batch.num_rows()).zip(before + 1..) {
        let mut text = String::with_capacity(length + 8);
        text.push('{');
        let mut fault = None;
        for (name, key, print) in &columns {
            text.push_str(key);
            if let Err(reason) = print(&mut text, index) {
                fault = Some(ReadError::Cell { row, group, column: (*name).clone(), reason });
                break;
            }
        }
        text.push('}');
        length = text.len();
        records.push(fault.map_or(Ok(Record { text, row }), Err));
    }
    Ok(records)
}
