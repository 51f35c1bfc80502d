//! Hint texts and free-standing expressions.

use defacto_frames::abi::{code, desc::root, evaluate_row, hint_row, kind, value_row};

use crate::{cell, fault, frame::Frame, hint, memory, normalize, state::state, table};

/// `rt_hints`.
pub(crate) fn hints(program: u32, ptr: u32, len: u32) {
    let frame = Frame::open(program, ptr, len, kind::HINTS, hint_row::SIZE);
    state().now.set(frame.instant);
    each(&frame, hint_row::SIZE, |row, out| {
        let index = memory::u32_at(row + hint_row::IDENTITY_FIELD);
        let field = normalize::identity(program, memory::u32_at(row + hint_row::ENTITY), index);
        let status = hint::build(field, row + hint_row::VALUE, out);
        if status != 0 {
            fault::blame(code::N09, index);
        }
        status
    });
}

/// `rt_evaluate`.
pub(crate) fn expressions(program: u32, ptr: u32, len: u32) {
    let frame = Frame::open(program, ptr, len, kind::EVALUATE, evaluate_row::SIZE);
    let functions = memory::u32_at(program + root::EXPRESSIONS);
    let count = memory::u32_at(program + root::EXPRESSION_COUNT);
    each(&frame, evaluate_row::SIZE, |row, out| {
        let index = memory::u32_at(row + evaluate_row::EXPRESSION);
        if index >= count {
            memory::trap();
        }
        state().now.set(memory::i64_at(row + evaluate_row::NOW));
        table::rt_call4(
            memory::u32_at(functions + index * 4),
            row + evaluate_row::EVENT,
            row + evaluate_row::ENTITY,
            row + evaluate_row::VALUE,
            out,
        )
    });
}

/// Gives every row a value or a fault.
fn each(frame: &Frame, row_size: u32, run: impl Fn(u32, u32) -> u32) {
    let mut out = frame.results(value_row::SIZE);
    for row in 0..frame.row_count {
        cell::put_null(out + value_row::VALUE);
        let status = run(frame.row(row, row_size), out + value_row::VALUE);
        let mut fault = 0;
        if status == 0 {
            cell::settle(out + value_row::VALUE);
        } else {
            cell::put_null(out + value_row::VALUE);
            fault = fault::keep();
        }
        memory::put_u32(out + value_row::FAULT, fault);
        memory::put_u32(out + value_row::FAULT + 4, 0);
        out += value_row::SIZE;
    }
}
