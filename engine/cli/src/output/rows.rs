use comfy_table::{ContentArrangement, Table, presets};

use super::Output;
use crate::args::Format;
use crate::failure::Outcome;

/// One value of a row.
pub(crate) type Cell = serde_json::Value;

/// Rows of one result, written as they come (a table at the end).
pub(crate) struct Rows<'o> {
    output: &'o mut Output,
    columns: Vec<String>,
    table: Option<Table>,
    count: u64,
}

/// Rows that a terminal table shows before it stops collecting.
const TABLE_ROWS_MAX: u64 = 1_000;

impl<'o> Rows<'o> {
    pub(super) fn new(output: &'o mut Output, columns: Vec<String>) -> Self {
        let table = (output.format == Format::Table).then(|| {
            let mut table = Table::new();
            table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
            table.set_content_arrangement(ContentArrangement::Disabled);
            table.set_header(&columns);
            table
        });
        Self { output, columns, table, count: 0 }
    }

    /// Adds a row, one cell per column.
    pub(crate) fn push(&mut self, cells: Vec<Cell>) -> Outcome {
        let first = self.count == 0;
        self.count += 1;
        match self.output.format {
            Format::Table => {
                if self.count <= TABLE_ROWS_MAX
                    && let Some(table) = &mut self.table
                {
                    table.add_row(cells.iter().map(plain));
                }
                Ok(())
            }
            Format::Jsonl => {
                let line = self.object(cells);
                self.output.text(&format!("{line}\n"))
            }
            Format::Json => {
                let line = self.object(cells);
                self.output.text(&format!("{}{line}", if first { "[\n" } else { ",\n" }))
            }
            Format::Csv => {
                if first {
                    let header = self.columns.clone();
                    self.csv(&header)?;
                }
                let row: Vec<String> = cells.iter().map(plain).collect();
                self.csv(&row)
            }
        }
    }

    /// Ends the result; returns the number of rows.
    pub(crate) fn finish(mut self) -> Outcome<u64> {
        match self.output.format {
            Format::Table => {
                if let Some(table) = self.table.take() {
                    self.output.text(&format!("{table}\n"))?;
                }
                if self.count > TABLE_ROWS_MAX {
                    let more = self.count - TABLE_ROWS_MAX;
                    self.output.text(&format!("… {more} more rows; --format jsonl or csv prints them all\n"))?;
                }
            }
            Format::Json => {
                self.output.text(if self.count == 0 { "[]\n" } else { "\n]\n" })?;
            }
            Format::Csv if self.count == 0 => {
                let header = self.columns.clone();
                self.csv(&header)?;
            }
            Format::Jsonl | Format::Csv => {}
        }
        Ok(self.count)
    }

    fn object(&self, cells: Vec<Cell>) -> Cell {
        Cell::Object(self.columns.iter().cloned().zip(cells).collect())
    }

    fn csv(&mut self, fields: &[String]) -> Outcome {
        let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
        let written = writer.write_record(fields).ok().and_then(|()| writer.into_inner().ok());
        self.output.bytes(&written.unwrap_or_default())
    }
}

/// A value as a person reads it: text without quotes, null as nothing.
fn plain(cell: &Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::String(text) => text.clone(),
        other => other.to_string(),
    }
}
