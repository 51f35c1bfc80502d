use defacto_model::Value;

use crate::abi::{evaluate_row, header, hint_row, kind, value_row};
use crate::builder::Builder;
use crate::cells::Cell;
use crate::view::View;
use crate::{FaultRecord, FrameError, FrameErrorKind, Head};

/// Builds a `hints` frame.
#[derive(Debug)]
pub struct HintsBuilder {
    frame: Builder,
    table: usize,
    rows: u32,
    rows_max: u32,
}

/// Builds an `evaluate` frame.
#[derive(Debug)]
pub struct EvaluateBuilder {
    frame: Builder,
    table: usize,
    rows: u32,
    rows_max: u32,
}

/// One evaluation of a free-standing expression.
#[derive(Debug, Clone, Copy)]
pub struct EvaluateRow<'a> {
    /// Index of the expression.
    pub expression: u32,
    /// Logical instant, in microseconds.
    pub now: i64,
    /// Event context.
    pub event: &'a Value,
    /// Entity context.
    pub entity: &'a Value,
    /// Value context.
    pub value: &'a Value,
}

impl HintsBuilder {
    /// Starts a frame for at most `rows_max` rows.
    pub fn new(head: Head, rows_max: u32) -> Self {
        let mut frame = Builder::new(head, kind::HINTS, 64 * rows_max as usize);
        let table = frame.allocate((rows_max as usize).saturating_mul(hint_row::SIZE as usize));
        Self { frame, table, rows: 0, rows_max }
    }

    /// Adds a row: entity type, identity field, normalized value.
    pub fn row(&mut self, entity: u32, identity_field: u32, value: &Value) {
        if self.rows < self.rows_max {
            let row = self.table.saturating_add((self.rows * hint_row::SIZE) as usize);
            self.frame.u32(row, hint_row::ENTITY, entity);
            self.frame.u32(row, hint_row::IDENTITY_FIELD, identity_field);
            self.frame.cell(row.saturating_add(hint_row::VALUE as usize), Cell::from(value));
            self.rows += 1;
        }
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

impl EvaluateBuilder {
    /// Starts a frame for at most `rows_max` rows.
    pub fn new(head: Head, rows_max: u32) -> Self {
        let mut frame = Builder::new(head, kind::EVALUATE, 128 * rows_max as usize);
        let table = frame.allocate((rows_max as usize).saturating_mul(evaluate_row::SIZE as usize));
        Self { frame, table, rows: 0, rows_max }
    }

    /// Adds a row.
    pub fn row(&mut self, input: EvaluateRow<'_>) {
        if self.rows < self.rows_max {
            let row = self.table.saturating_add((self.rows * evaluate_row::SIZE) as usize);
            self.frame.u32(row, evaluate_row::EXPRESSION, input.expression);
            self.frame.i64(row, evaluate_row::NOW, input.now);
            for (field, value) in [
                (evaluate_row::EVENT, input.event),
                (evaluate_row::ENTITY, input.entity),
                (evaluate_row::VALUE, input.value),
            ] {
                self.frame.cell(row.saturating_add(field as usize), Cell::from(value));
            }
            self.rows += 1;
        }
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

/// A `hints` or `evaluate` frame that came back.
#[derive(Debug)]
pub struct ValuesFrame<'a> {
    view: View<'a>,
    table: u32,
    rows: u32,
}

impl<'a> ValuesFrame<'a> {
    /// Opens the bytes of a `hints` frame from `origin` on.
    ///
    /// # Errors
    ///
    /// When the head is not that of the frame that was sent, or the table lies outside.
    pub fn hints(bytes: &'a [u8], head: Head, rows: u32) -> Result<Self, FrameError> {
        Self::open(View::new(bytes, head, kind::HINTS, rows)?, rows)
    }

    /// Opens the bytes of an `evaluate` frame from `origin` on.
    ///
    /// # Errors
    ///
    /// As [`ValuesFrame::hints`].
    pub fn evaluate(bytes: &'a [u8], head: Head, rows: u32) -> Result<Self, FrameError> {
        Self::open(View::new(bytes, head, kind::EVALUATE, rows)?, rows)
    }

    fn open(view: View<'a>, rows: u32) -> Result<Self, FrameError> {
        let table = view.header().u32(header::RESULTS);
        view.block("row table", table, rows.saturating_mul(value_row::SIZE))?;
        Ok(Self { view, table, rows })
    }

    /// Reads a row.
    ///
    /// # Errors
    ///
    /// When anything that the row refers to breaks the layout.
    pub fn row(&self, row: u32) -> Result<Result<Value, FaultRecord>, FrameError> {
        if row >= self.rows {
            let bound = FrameErrorKind::Bound(u64::from(row), u64::from(self.rows));
            return self.view.refuse("row", bound);
        }
        let address = self.table.saturating_add(row.saturating_mul(value_row::SIZE));
        let fault = self.view.block("row", address, value_row::SIZE)?.u32(value_row::FAULT);
        if fault != 0 {
            return self.view.fault(fault).map(Err);
        }
        self.view.value("value", address.saturating_add(value_row::VALUE)).map(Ok)
    }
}
