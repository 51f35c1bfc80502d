use defacto_model::Value;

use crate::abi::{ABI, cell, header};
use crate::cells::Cell;
use crate::{FrameError, FrameErrorKind};

/// What the head of a frame says, apart from its rows.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// Address of the frame in the module's memory (manifest).
    pub origin: u32,
    /// Checksum over the layouts (manifest).
    pub layout: u32,
    /// Index of the source or entity type.
    pub index: u32,
    /// Instant of ingestion, or up to which rules run ([`crate::abi::NEVER`] for none).
    pub instant: i64,
}

/// A frame under construction.
#[derive(Debug)]
pub(crate) struct Builder {
    bytes: Vec<u8>,
    origin: u32,
}

/// Largest number of bytes that a frame may have on the way in.
const BYTES_MAX: usize = 1 << 30;

impl Builder {
    pub(crate) fn new(head: Head, kind: u32, capacity: usize) -> Self {
        let mut builder = Self { bytes: Vec::with_capacity(capacity), origin: head.origin };
        let start = builder.allocate(header::SIZE as usize);
        builder.u32(start, header::ABI, ABI);
        builder.u32(start, header::LAYOUT, head.layout);
        builder.u32(start, header::KIND, kind);
        builder.u32(start, header::INDEX, head.index);
        builder.i64(start, header::INSTANT, head.instant);
        builder
    }

    /// Goes on with the bytes of a finished frame.
    #[cfg(test)]
    pub(crate) fn restore(&mut self, bytes: &[u8]) {
        self.bytes = bytes.to_vec();
    }

    /// Bytes used.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Appends zeroed bytes at a multiple of eight; returns their offset.
    pub(crate) fn allocate(&mut self, size: usize) -> usize {
        let start = self.bytes.len().next_multiple_of(8);
        // A frame beyond the bound is refused by `finish`; until then offsets only grow.
        self.bytes.resize(start.saturating_add(size).min(2 * BYTES_MAX), 0);
        start
    }

    /// Address in the module's memory.
    pub(crate) fn address(&self, offset: usize) -> u32 {
        u32::try_from(offset).ok().and_then(|offset| self.origin.checked_add(offset)).unwrap_or(0)
    }

    fn put(&mut self, start: usize, field: u32, bytes: &[u8]) {
        let from = start.saturating_add(field as usize);
        if let Some(place) = self.bytes.get_mut(from..from.saturating_add(bytes.len())) {
            place.copy_from_slice(bytes);
        }
    }

    pub(crate) fn u32(&mut self, start: usize, field: u32, value: u32) {
        self.put(start, field, &value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, start: usize, field: u32, value: u64) {
        self.put(start, field, &value.to_le_bytes());
    }

    pub(crate) fn i64(&mut self, start: usize, field: u32, value: i64) {
        self.put(start, field, &value.to_le_bytes());
    }

    fn text(&mut self, text: &str) -> u64 {
        let address = self.address(self.bytes.len());
        self.bytes.extend_from_slice(text.as_bytes());
        u64::from(address)
    }

    fn head(&mut self, at: usize, tag: u8, length: usize, payload: u64) {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let word = u64::from(tag) | (u64::from(length) << 32);
        let mut bytes = [0; cell::SIZE as usize];
        let (first, second) = bytes.split_at_mut(8);
        first.copy_from_slice(&word.to_le_bytes());
        second.copy_from_slice(&payload.to_le_bytes());
        self.put(at, 0, &bytes);
    }

    /// Fills the cell at an offset; its text, elements and entries follow at the end of the frame.
    pub(crate) fn cell(&mut self, at: usize, value: Cell<'_>) {
        match value {
            Cell::Absent => self.head(at, cell::ABSENT, 0, 0),
            Cell::Null => self.head(at, cell::NULL, 0, 0),
            Cell::Bool(flag) => self.head(at, cell::BOOL, 0, u64::from(flag)),
            Cell::Int(int) => self.head(at, cell::INT, 0, int.cast_unsigned()),
            Cell::Float(float) => self.head(at, cell::FLOAT, 0, float.to_bits()),
            Cell::BigInt(digits) => {
                let address = self.text(digits);
                self.head(at, cell::BIG_INT, digits.len(), address);
            }
            Cell::String(text) => {
                let address = self.text(text);
                self.head(at, cell::STRING, text.len(), address);
            }
            Cell::DateTime(micros) => self.head(at, cell::DATETIME, 0, micros.cast_unsigned()),
            Cell::Duration(micros) => self.head(at, cell::DURATION, 0, micros.cast_unsigned()),
            Cell::Value(value) => self.value(at, value),
        }
    }

    fn value(&mut self, at: usize, value: &Value) {
        match value {
            Value::List(elements) => {
                let start = self.allocate(elements.len().saturating_mul(cell::SIZE as usize));
                let address = u64::from(self.address(start));
                self.head(at, cell::LIST, elements.len(), address);
                for (element, index) in elements.iter().zip(0..) {
                    self.value(nth(start, index), element);
                }
            }
            Value::Object(entries) => {
                let start = self.allocate(entries.len().saturating_mul(2 * cell::SIZE as usize));
                let address = u64::from(self.address(start));
                self.head(at, cell::OBJECT, entries.len(), address);
                for ((key, entry), index) in entries.iter().zip(0..) {
                    self.cell(nth(start, 2 * index), Cell::String(key));
                    self.value(nth(start, 2 * index + 1), entry);
                }
            }
            plain => self.cell(at, Cell::from(plain)),
        }
    }

    /// The frame, ready to cross.
    pub(crate) fn finish(mut self, rows: u32) -> Result<Vec<u8>, FrameError> {
        self.u32(0, header::ROWS, rows);
        let fits = u32::try_from(self.bytes.len())
            .is_ok_and(|length| self.origin.checked_add(length).is_some());
        if fits && self.bytes.len() <= BYTES_MAX {
            Ok(self.bytes)
        } else {
            Err(FrameError { what: "frame", kind: FrameErrorKind::TooLarge })
        }
    }
}

/// Offset of the n-th cell of a block.
pub(crate) fn nth(start: usize, index: usize) -> usize {
    start.saturating_add(index.saturating_mul(cell::SIZE as usize))
}
