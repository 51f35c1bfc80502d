use std::io::Write;

use comfy_table::{ContentArrangement, Table, presets};
use defacto_columnar::{Column, Form, WriteError, Writer};

use super::{Output, written};
use crate::args::Format;
use crate::failure::{Failure, Outcome};

/// One value of a row.
pub(crate) type Cell = serde_json::Value;

/// Rows of one result, written as they come (a table at the end).
pub(crate) struct Rows<'o> {
    sink: Sink<'o>,
    columns: Vec<Column>,
    count: u64,
}

enum Sink<'o> {
    Table { output: &'o mut Output, table: Box<Table> },
    Text { output: &'o mut Output },
    Columnar { writer: Box<Writer<&'o mut Box<dyn Write + Send>>>, name: String },
}

/// Rows that a terminal table shows before it stops collecting.
const TABLE_ROWS_MAX: u64 = 1_000;

impl<'o> Rows<'o> {
    pub(super) fn new(output: &'o mut Output, columns: Vec<Column>) -> Outcome<Self> {
        let sink = match output.format {
            Format::Table => {
                let mut table = Table::new();
                table.load_style(presets::UTF8_FULL_CONDENSED);
                table.set_content_arrangement(ContentArrangement::Disabled);
                table.set_header(columns.iter().map(|column| &column.name));
                Sink::Table { output, table: Box::new(table) }
            }
            Format::Parquet | Format::Arrow => {
                let form =
                    if output.format == Format::Parquet { Form::Parquet } else { Form::Arrow };
                let name = output.name.clone();
                let writer = Writer::new(form, columns.clone(), &mut output.writer)
                    .map_err(|e| columnar(&name, e))?;
                Sink::Columnar { writer: Box::new(writer), name }
            }
            Format::Json | Format::Jsonl | Format::Csv => Sink::Text { output },
        };
        Ok(Self { sink, columns, count: 0 })
    }

    /// Adds a row, one cell per column.
    pub(crate) fn push(&mut self, cells: Vec<Cell>) -> Outcome {
        let first = self.count == 0;
        self.count += 1;
        match &mut self.sink {
            Sink::Table { table, .. } => {
                if self.count <= TABLE_ROWS_MAX {
                    table.add_row(cells.iter().map(plain));
                }
                Ok(())
            }
            Sink::Columnar { writer, name } => {
                writer.push(cells.as_slice()).map_err(|e| columnar(name, e))
            }
            Sink::Text { output } => match output.format {
                Format::Jsonl => {
                    let mut line = object(&self.columns, &cells);
                    line.push('\n');
                    output.text(&line)
                }
                Format::Json => {
                    output.text(if first { "[\n" } else { ",\n" })?;
                    output.text(&object(&self.columns, &cells))
                }
                _ => {
                    if first {
                        header(output, &self.columns)?;
                    }
                    csv(output, cells.iter().map(plain))
                }
            },
        }
    }

    /// Ends the result; returns the number of rows.
    pub(crate) fn finish(self) -> Outcome<u64> {
        match self.sink {
            Sink::Table { output, table } => {
                output.text(&format!("{table}\n"))?;
                if self.count > TABLE_ROWS_MAX {
                    let more = self.count - TABLE_ROWS_MAX;
                    output.text(&format!(
                        "… {more} more rows; --format jsonl or csv prints them all\n"
                    ))?;
                }
            }
            Sink::Columnar { writer, name } => {
                writer.finish().map_err(|e| columnar(&name, e))?;
            }
            Sink::Text { output } => match output.format {
                Format::Json => output.text(if self.count == 0 { "[]\n" } else { "\n]\n" })?,
                Format::Csv if self.count == 0 => header(output, &self.columns)?,
                _ => {}
            },
        }
        Ok(self.count)
    }
}

fn columnar(name: &str, error: WriteError) -> Failure {
    match error {
        WriteError::Io(error) => written(name, &error),
        other => Failure::storage(format!("write {name}: {other}")),
    }
}

/// One row as a JSON object, written without building one: results may have millions of rows.
fn object(columns: &[Column], cells: &[Cell]) -> String {
    let mut line = String::with_capacity(64 * columns.len());
    for (column, cell) in columns.iter().zip(cells) {
        line.push(if line.is_empty() { '{' } else { ',' });
        defacto_json::write_string(&mut line, &column.name);
        line.push(':');
        match cell {
            Cell::String(text) => defacto_json::write_string(&mut line, text),
            Cell::Null => line.push_str("null"),
            other => line.push_str(&other.to_string()),
        }
    }
    line.push('}');
    line
}

fn header(output: &mut Output, columns: &[Column]) -> Outcome {
    csv(output, columns.iter().map(|column| column.name.clone()))
}

fn csv(output: &mut Output, fields: impl Iterator<Item = String>) -> Outcome {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    let written = writer.write_record(fields).ok().and_then(|()| writer.into_inner().ok());
    output.bytes(&written.unwrap_or_default())
}

/// A value as a person reads it: text without quotes, null as nothing.
fn plain(cell: &Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::String(text) => text.clone(),
        other => other.to_string(),
    }
}
