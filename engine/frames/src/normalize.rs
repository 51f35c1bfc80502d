use defacto_model::{Timestamp, Value};

use crate::abi::{cell, header, kind, normalized_row, raw_row};
use crate::builder::{Builder, nth};
use crate::cells::Cell;
use crate::view::View;
use crate::{FaultRecord, FrameError, FrameErrorKind, Head};

/// Builds a `normalize` frame: raw rows of one source.
#[derive(Debug)]
pub struct NormalizeBuilder {
    frame: Builder,
    table: usize,
    rows: u32,
    rows_max: u32,
}

impl NormalizeBuilder {
    /// Starts a frame for at most `rows_max` rows.
    pub fn new(head: Head, rows_max: u32) -> Self {
        let capacity = (rows_max as usize).saturating_mul(256).min(1 << 22);
        let mut frame = Builder::new(head, kind::NORMALIZE, capacity);
        let table = frame.allocate((rows_max as usize).saturating_mul(raw_row::SIZE as usize));
        Self { frame, table, rows: 0, rows_max }
    }

    /// Adds a row: the index of its event definition, its timestamp, and the values at the definition's
    /// paths. Rows beyond `rows_max` are not added.
    pub fn row<'v>(
        &mut self,
        event: u32,
        timestamp: Cell<'v>,
        paths: impl ExactSizeIterator<Item = Cell<'v>>,
    ) {
        if self.rows >= self.rows_max {
            return;
        }
        let cells = self.frame.allocate(nth(0, paths.len().saturating_add(1)));
        let row = self.table.saturating_add((self.rows * raw_row::SIZE) as usize);
        self.frame.u32(row, raw_row::EVENT, event);
        let address = self.frame.address(cells);
        self.frame.u32(row, raw_row::CELLS, address);
        self.frame.cell(cells, timestamp);
        for (value, index) in paths.zip(1..) {
            self.frame.cell(nth(cells, index), value);
        }
        self.rows += 1;
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.frame.len()
    }

    /// Whether no row has been added.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The frame.
    ///
    /// # Errors
    ///
    /// When it does not fit the module's addresses.
    pub fn finish(self) -> Result<Vec<u8>, FrameError> {
        self.frame.finish(self.rows)
    }
}

/// A `normalize` frame that came back.
#[derive(Debug)]
pub struct NormalizedFrame<'a> {
    view: View<'a>,
    table: u32,
    rows: u32,
}

/// A normalized row.
#[derive(Debug, Clone, PartialEq)]
pub struct NormalizedRow<'a> {
    /// Event time.
    pub timestamp: Timestamp,
    /// One value per mapping.
    pub fields: Vec<Value>,
    /// One text per possible hint.
    pub hints: Vec<Option<&'a str>>,
}

impl<'a> NormalizedFrame<'a> {
    /// Opens the bytes from `origin` on.
    ///
    /// # Errors
    ///
    /// When the head is not that of the frame that was sent, or the table lies outside.
    pub fn new(bytes: &'a [u8], head: Head, rows: u32) -> Result<Self, FrameError> {
        let view = View::new(bytes, head, kind::NORMALIZE, rows)?;
        let table = view.header().u32(header::RESULTS);
        view.block("row table", table, rows.saturating_mul(normalized_row::SIZE))?;
        Ok(Self { view, table, rows })
    }

    /// Reads a row whose event definition has so many mappings and hints.
    ///
    /// # Errors
    ///
    /// When anything that the row refers to breaks the layout.
    pub fn row(
        &self,
        row: u32,
        fields: u32,
        hints: u32,
    ) -> Result<Result<NormalizedRow<'a>, FaultRecord>, FrameError> {
        let view = &self.view;
        if row >= self.rows {
            let bound = FrameErrorKind::Bound(u64::from(row), u64::from(self.rows));
            return view.refuse("row", bound);
        }
        let address = self.table.saturating_add(row.saturating_mul(normalized_row::SIZE));
        let head = view.block("row", address, normalized_row::SIZE)?;
        let fault = head.u32(normalized_row::FAULT);
        if fault != 0 {
            return view.fault(fault).map(Err);
        }
        let cells = head.u32(normalized_row::CELLS);
        view.cells("mapped fields", cells, fields)?;
        let hint_cells = head.u32(normalized_row::HINTS);
        view.cells("hints", hint_cells, hints)?;
        let timestamp = view.instant("timestamp", head.i64(normalized_row::TIMESTAMP))?;
        let values = values(view, cells, fields)?;
        let mut texts = Vec::with_capacity(hints as usize);
        for index in 0..hints {
            texts.push(view.text_cell("hint", at(hint_cells, index))?);
        }
        Ok(Ok(NormalizedRow { timestamp, fields: values, hints: texts }))
    }

    /// Event time and mapped fields of a row whose hints failed (N09): both came before.
    ///
    /// # Errors
    ///
    /// When anything that the row refers to breaks the layout.
    pub fn fields(&self, row: u32, fields: u32) -> Result<(Timestamp, Vec<Value>), FrameError> {
        let view = &self.view;
        let address = self.table.saturating_add(row.saturating_mul(normalized_row::SIZE));
        let head = view.block("row", address, normalized_row::SIZE)?;
        let cells = head.u32(normalized_row::CELLS);
        view.cells("mapped fields", cells, fields)?;
        let timestamp = view.instant("timestamp", head.i64(normalized_row::TIMESTAMP))?;
        Ok((timestamp, values(view, cells, fields)?))
    }
}

/// The mapped fields of a row, whose cells have been measured.
fn values(view: &View<'_>, cells: u32, count: u32) -> Result<Vec<Value>, FrameError> {
    let mut values = Vec::with_capacity(count as usize);
    for index in 0..count {
        values.push(view.value("mapped field", at(cells, index))?);
    }
    Ok(values)
}

/// Address of the n-th cell of a block.
pub(crate) fn at(cells: u32, index: u32) -> u32 {
    cells.saturating_add(index.saturating_mul(cell::SIZE))
}
