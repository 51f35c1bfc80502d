//! Raw records from files and standard input: JSON Lines, JSON, CSV, Parquet, each plain, gzip or Zstandard.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use defacto_model::{Manifest, RawInput};

use crate::failure::{Failure, Outcome};

/// Form of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InputFormat {
    /// One JSON object a line
    Jsonl,
    /// One JSON array of objects, or one object
    Json,
    /// Comma-separated with a header line; an empty field is null
    Csv,
    /// Apache Parquet
    Parquet,
    /// One record a line, of any text
    Text,
    /// The whole file is one record
    Bytes,
}

/// The form of records that a source takes: JSON also where there is no such source, which is reported elsewhere.
pub(crate) fn form(manifest: &Manifest, source: &str) -> RawInput {
    let source = manifest.find_source(source).and_then(|(_, source)| source.normalizer.as_ref());
    source.map_or(RawInput::Json, |normalizer| normalizer.input)
}

/// A record and where it came from.
#[derive(Debug)]
pub(crate) struct Record {
    /// JSON text (or whatever stands in its place: normalization says what is wrong).
    pub(crate) text: String,
    /// Line in the file, counted from 1; of the record's first line where it has several.
    pub(crate) line: u64,
}

/// Records of one input, read as they are asked for.
pub(crate) struct Records {
    name: String,
    inner: Inner,
    position: Position,
    /// Bytes of the file, when known.
    pub(crate) length: Option<u64>,
}

enum Inner {
    Lines {
        reader: Box<dyn BufRead + Send>,
        line: u64,
        /// Lines of text instead of JSON.
        plain: bool,
    },
    Csv {
        reader: Box<csv::Reader<Box<dyn BufRead + Send>>>,
        header: csv::StringRecord,
        /// An empty field stays an empty text.
        plain: bool,
    },
    Parquet(Box<defacto_columnar::Reader>),
    Ready(std::vec::IntoIter<Record>),
}

/// Counts compressed bytes as they are read, for the progress bar.
#[derive(Debug, Clone, Default)]
pub(crate) struct Position(std::sync::Arc<std::sync::atomic::AtomicU64>);

impl Position {
    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

struct Counted<R>(R, Position);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.0.read(buffer)?;
        self.1.0.fetch_add(n as u64, std::sync::atomic::Ordering::Relaxed);
        Ok(n)
    }
}

impl Records {
    /// Opens a file, or standard input for `-`. `input` is the form of records that the source takes.
    pub(crate) fn open(path: &Path, format: Option<InputFormat>, input: RawInput) -> Outcome<Self> {
        let stdin = path == Path::new("-");
        let name = if stdin { "standard input".to_owned() } else { path.display().to_string() };
        let failed = |e: io::Error| {
            Failure::usage(format!("read {name}: {e}"))
                .with_help("check the path and that the file may be read")
        };
        let position = Position::default();
        let (bytes, length): (Box<dyn Read + Send>, Option<u64>) = if stdin {
            (Box::new(io::stdin()), None)
        } else {
            let file = File::open(path).map_err(failed)?;
            let metadata = file.metadata().map_err(failed)?;
            if metadata.is_dir() {
                return Err(Failure::usage(format!(
                    "read {name}: it is a folder, not a file of events"
                )));
            }
            (Box::new(file), Some(metadata.len()))
        };
        let counted = Counted(bytes, position.clone());
        let (stem, reader) = decompress(path, counted).map_err(failed)?;
        let format = match format.or_else(|| by_input(input)).or_else(|| by_suffix(&stem)) {
            Some(format) => format,
            None if stdin => InputFormat::Jsonl,
            None => {
                return Err(Failure::usage(format!("{name}: unknown kind of file"))
                    .with_help("give --input-format jsonl, json, csv, parquet, text or bytes"));
            }
        };
        let inner = match format {
            InputFormat::Jsonl => Inner::Lines { reader, line: 0, plain: false },
            InputFormat::Text => Inner::Lines { reader, line: 0, plain: true },
            InputFormat::Bytes => Inner::Ready(vec![whole_file(&name, reader)?].into_iter()),
            InputFormat::Json => Inner::Ready(whole_json(&name, reader)?.into_iter()),
            InputFormat::Parquet => Inner::Parquet(Box::new(parquet(&name, path, &stem, reader)?)),
            InputFormat::Csv => {
                let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(reader);
                let header = reader
                    .headers()
                    .map_err(|e| Failure::usage(format!("{name}: header line: {e}")))?
                    .clone();
                let plain = input == RawInput::Csv;
                Inner::Csv { reader: Box::new(reader), header, plain }
            }
        };
        Ok(Self { name, inner, position, length })
    }

    /// What messages call the input.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How far the file has been read.
    pub(crate) fn position(&self) -> &Position {
        &self.position
    }

    /// The next records, at most `limit` of them and about `bytes` of text; empty at the end.
    pub(crate) fn next_batch(&mut self, limit: usize, bytes: usize) -> Outcome<Vec<Record>> {
        let mut batch = Vec::new();
        let mut size = 0;
        while batch.len() < limit && size < bytes {
            match self.next_record()? {
                Some(record) => {
                    size += record.text.len();
                    batch.push(record);
                }
                None => break,
            }
        }
        Ok(batch)
    }

    fn next_record(&mut self) -> Outcome<Option<Record>> {
        let name = &self.name;
        match &mut self.inner {
            Inner::Lines { reader, line, plain } => loop {
                let mut bytes = Vec::new();
                let read = reader
                    .read_until(b'\n', &mut bytes)
                    .map_err(|e| Failure::usage(format!("{name}:{}: {e}", *line + 1)))?;
                if read == 0 {
                    return Ok(None);
                }
                *line += 1;
                if *plain {
                    let record = plain_line(&mut bytes);
                    return Ok(Some(Record { text: record, line: *line }));
                }
                let text = match String::from_utf8(bytes) {
                    Ok(text) => text,
                    // The record fails in normalization, with its place; the rest proceeds.
                    Err(e) => String::from_utf8_lossy(e.as_bytes()).into_owned(),
                };
                let trimmed =
                    text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{feff}');
                if !trimmed.is_empty() {
                    return Ok(Some(Record { text: trimmed.to_owned(), line: *line }));
                }
            },
            Inner::Csv { reader, header, plain } => {
                let mut row = csv::StringRecord::new();
                match reader.read_record(&mut row) {
                    Ok(false) => Ok(None),
                    Ok(true) => {
                        let line = row.position().map_or(0, csv::Position::line);
                        Ok(Some(Record { text: csv_object(header, &row, *plain), line }))
                    }
                    Err(e) => {
                        let line = e.position().map_or(0, csv::Position::line);
                        if matches!(e.kind(), csv::ErrorKind::Io(_)) {
                            return Err(Failure::usage(format!("{name}:{line}: {e}")));
                        }
                        // Not JSON: normalization reports the record and goes on.
                        Ok(Some(Record { text: format!("invalid CSV record: {e}"), line }))
                    }
                }
            }
            Inner::Parquet(reader) => match reader.next() {
                None => Ok(None),
                Some(Ok(record)) => Ok(Some(Record { text: record.text, line: record.row })),
                // Not JSON: normalization reports the record and goes on.
                Some(Err(e)) if e.is_of_one_record() => {
                    Ok(Some(Record { text: e.to_string(), line: 0 }))
                }
                Some(Err(e)) => Err(Failure::usage(format!("{name}: {e}"))),
            },
            Inner::Ready(records) => Ok(records.next()),
        }
    }
}

fn decompress(
    path: &Path,
    bytes: Counted<Box<dyn Read + Send>>,
) -> io::Result<(PathBuf, Box<dyn BufRead + Send>)> {
    let buffered = |reader: Box<dyn Read + Send>| -> Box<dyn BufRead + Send> {
        Box::new(BufReader::with_capacity(256 * 1024, reader))
    };
    Ok(match path.extension().and_then(|e| e.to_str()) {
        Some("gz") => {
            (path.with_extension(""), buffered(Box::new(flate2::read::MultiGzDecoder::new(bytes))))
        }
        Some("zst") => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(BufReader::new(bytes))
                .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))?;
            (path.with_extension(""), buffered(Box::new(decoder)))
        }
        _ => (path.to_owned(), buffered(Box::new(bytes))),
    })
}

/// What a source of another form than JSON always reads.
fn by_input(input: RawInput) -> Option<InputFormat> {
    match input {
        RawInput::Json => None,
        RawInput::Csv => Some(InputFormat::Csv),
        RawInput::Text => Some(InputFormat::Text),
        RawInput::Bytes => Some(InputFormat::Bytes),
    }
}

/// A line without its end, as a JSON string. One that is no text stays as it is, which normalization reports.
fn plain_line(bytes: &mut Vec<u8>) -> String {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    match str::from_utf8(bytes) {
        Ok(text) => serde_json::Value::from(text).to_string(),
        Err(error) => format!("the line is no UTF-8 text: {error}"),
    }
}

/// The bytes of a file as a JSON string in base64.
fn whole_file(name: &str, mut reader: Box<dyn BufRead + Send>) -> Outcome<Record> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(|e| Failure::usage(format!("read {name}: {e}")))?;
    let text = serde_json::Value::from(defacto_json::encode_base64(&bytes)).to_string();
    Ok(Record { text, line: 1 })
}

fn by_suffix(path: &Path) -> Option<InputFormat> {
    match path.extension()?.to_str()? {
        "jsonl" | "ndjson" => Some(InputFormat::Jsonl),
        "json" => Some(InputFormat::Json),
        "csv" => Some(InputFormat::Csv),
        "parquet" => Some(InputFormat::Parquet),
        _ => None,
    }
}

/// A plain file is read where it lies; anything else has to be held in memory.
fn parquet(
    name: &str,
    path: &Path,
    stem: &Path,
    mut reader: Box<dyn BufRead + Send>,
) -> Outcome<defacto_columnar::Reader> {
    let failed = |e: &dyn std::fmt::Display| Failure::usage(format!("read {name}: {e}"));
    if path == stem && path != Path::new("-") {
        let file = File::open(path).map_err(|e| failed(&e))?;
        return defacto_columnar::Reader::open(file).map_err(|e| failed(&e));
    }
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(|e| failed(&e))?;
    defacto_columnar::Reader::from_bytes(bytes).map_err(|e| failed(&e))
}

fn whole_json(name: &str, mut reader: Box<dyn BufRead + Send>) -> Outcome<Vec<Record>> {
    let mut text = String::new();
    reader.read_to_string(&mut text).map_err(|e| Failure::usage(format!("read {name}: {e}")))?;
    let records: Vec<Box<serde_json::value::RawValue>> = match text.trim_start().starts_with('[') {
        true => serde_json::from_str(&text),
        false => serde_json::from_str(&text).map(|one| vec![one]),
    }
    .map_err(|e| {
        Failure::usage(format!("{name}:{}:{}: {e}", e.line(), e.column())).with_help(
            "the file must hold one JSON array of objects; for one object a line use .jsonl",
        )
    })?;
    let mut line = 1;
    let mut seen = 0;
    Ok(records
        .into_iter()
        .map(|record| {
            // Records come in file order: count the lines between the last one found and this one.
            if let Some(at) = text.get(seen..).and_then(|rest| rest.find(record.get())) {
                let between = text.get(seen..seen + at).unwrap_or_default();
                line += between.matches('\n').count() as u64;
                seen += at;
            }
            let this = line;
            line += record.get().matches('\n').count() as u64;
            seen += record.get().len();
            Record { text: record.get().to_owned(), line: this }
        })
        .collect())
}

fn csv_object(header: &csv::StringRecord, row: &csv::StringRecord, plain: bool) -> String {
    let mut object = serde_json::Map::new();
    for (name, value) in header.iter().zip(row) {
        let null = value.is_empty() && !plain;
        let value = if null { serde_json::Value::Null } else { value.into() };
        object.insert(name.to_owned(), value);
    }
    serde_json::Value::Object(object).to_string()
}
