//! Results: rows in the form that `--format` names, on standard output or in `--output`.

mod rows;

use std::fs::File;
use std::io::{self, BufWriter, Write};

use defacto_columnar::{Column, ColumnType};

use crate::args::Format;
use crate::failure::{Failure, Kind, Outcome};
use crate::settings::Settings;

pub(crate) use rows::{Cell, Rows};

/// Columns of text.
pub(crate) fn text_columns<const N: usize>(names: [&str; N]) -> Vec<Column> {
    names.iter().map(|name| Column::new(*name, ColumnType::Text)).collect()
}

/// Where results go.
pub(crate) struct Output {
    writer: Box<dyn Write + Send>,
    name: String,
    pub(crate) format: Format,
}

impl Output {
    /// Opens the place that the settings name.
    pub(crate) fn open(settings: &Settings) -> Outcome<Self> {
        let (writer, name): (Box<dyn Write + Send>, String) = match &settings.output {
            None => (Box::new(BufWriter::new(io::stdout())), "standard output".into()),
            Some(path) => {
                let file = File::create(path).map_err(|e| {
                    Failure::storage(format!("create {}: {e}", path.display()))
                        .with_help("choose another --output file, or a folder that may be written")
                })?;
                (Box::new(BufWriter::new(file)), path.display().to_string())
            }
        };
        Ok(Self { writer, name, format: settings.format })
    }

    /// Writes text as it is.
    pub(crate) fn text(&mut self, text: &str) -> Outcome {
        self.bytes(text.as_bytes())
    }

    /// Writes bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Outcome {
        let result = self.writer.write_all(bytes);
        self.check(result)
    }

    /// Writes a result object: JSON in the JSON forms, the summary otherwise.
    pub(crate) fn object(&mut self, json: &serde_json::Value, summary: &str) -> Outcome {
        match self.format {
            Format::Json | Format::Jsonl => self.text(&format!("{json}\n")),
            Format::Table | Format::Csv | Format::Parquet | Format::Arrow => self.text(summary),
        }
    }

    /// Starts a table of rows.
    pub(crate) fn rows(&mut self, columns: Vec<Column>) -> Outcome<Rows<'_>> {
        Rows::new(self, columns)
    }

    /// Flushes.
    pub(crate) fn finish(mut self) -> Outcome {
        let result = self.writer.flush();
        self.check(result)
    }

    fn check(&self, result: io::Result<()>) -> Outcome {
        result.map_err(|e| written(&self.name, &e))
    }
}

/// Why results could not be written.
fn written(name: &str, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        // A reader that has seen enough is no error.
        return Failure::new(Kind::Closed, "");
    }
    Failure::storage(format!("write {name}: {error}"))
        .with_help("check that the place has room and may be written")
}
