//! The fault record of the call: filled where something goes wrong, completed by whoever knows what it was part of.

use core::cell::Cell;

use defacto_frames::abi::{NONE, code, fault};
use defacto_functions::{Fault, FaultKind, Val};

use crate::{
    arena,
    cell::{self, NULL_WORDS, Words},
    memory,
    state::state,
};

/// Status of a call that failed.
pub(crate) const FAILED: u32 = 1;

/// The record.
#[derive(Debug)]
pub(crate) struct Record {
    code: Cell<u32>,
    kind: Cell<u32>,
    field: Cell<u32>,
    detail: Cell<u32>,
    value: Cell<Words>,
    other: Cell<Words>,
}

impl Record {
    /// An empty record.
    pub(crate) const fn new() -> Self {
        Record {
            code: Cell::new(0),
            kind: Cell::new(0),
            field: Cell::new(NONE),
            detail: Cell::new(0),
            value: Cell::new(NULL_WORDS),
            other: Cell::new(NULL_WORDS),
        }
    }
}

/// Records a fault that nobody is to blame for yet.
pub(crate) fn fail(fault: Fault<'static>) -> u32 {
    let (value, other) = (cell::value_words(fault.value), cell::value_words(fault.other));
    record(fault.kind as u32, fault.detail, value, other)
}

/// Records a fault by its parts.
#[cold]
pub(crate) fn record(kind: u32, detail: u32, value: Words, other: Words) -> u32 {
    let r = &state().fault;
    r.code.set(0);
    r.kind.set(kind);
    r.field.set(NONE);
    r.detail.set(detail);
    r.value.set(value);
    r.other.set(other);
    FAILED
}

/// Records a fault without a value.
#[cold]
pub(crate) fn plain(kind: FaultKind) -> u32 {
    fail(Fault::new(kind, 0, Val::Null))
}

/// `rt_fail`: the cells are addresses or 0.
#[cold]
pub(crate) fn from_cells(kind: u32, detail: u32, value: u32, other: u32) -> u32 {
    let words = |addr| if addr == 0 { NULL_WORDS } else { cell::words(addr) };
    record(kind, detail, words(value), words(other))
}

/// `rt_blame`: completes the record unless a deeper call has done so.
#[cold]
pub(crate) fn blame(code: u32, field: u32) {
    let r = &state().fault;
    if r.code.get() == 0 {
        r.code.set(code);
        r.field.set(field);
    }
}

/// Turns the record into the failure of a time rule, which names a property or nothing.
pub(crate) fn blame_rule() {
    let r = &state().fault;
    if !matches!(r.code.get(), code::I03 | code::I04 | code::I05) {
        r.field.set(NONE);
    }
    r.code.set(code::T01);
}

/// Writes the record.
pub(crate) fn write(out: u32) {
    let r = &state().fault;
    memory::put_u32(out + fault::CODE, r.code.get());
    memory::put_u32(out + fault::KIND, r.kind.get());
    memory::put_u32(out + fault::FIELD, r.field.get());
    memory::put_u32(out + fault::DETAIL, r.detail.get());
    cell::put(out + fault::VALUE, r.value.get());
    cell::put(out + fault::OTHER, r.other.get());
    cell::settle(out + fault::VALUE);
    cell::settle(out + fault::OTHER);
}

/// Writes the record to the arena.
pub(crate) fn keep() -> u32 {
    let out = arena::allocate(fault::SIZE, arena::ALIGN);
    write(out);
    out
}
