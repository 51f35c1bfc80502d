//! Heavy parts that a program may do without. Each is a symbol of its own, so that the emitter can drop it with all
//! that it alone reaches (`compiler/emit/src/parts.rs` decides); a dropped part traps.

#![cfg_attr(
    target_arch = "wasm32",
    expect(unsafe_code, reason = "an export is an unmangled symbol")
)]

use defacto_functions::Fault;

use crate::cell::{FRAME, Value};

/// Text as a number, for values of a declared type: decimal to double.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
#[inline(never)]
pub(crate) fn part_number(text: &str) -> Option<f64> {
    defacto_model::read_float(text)
}

/// The instant of a raw value by a strftime format.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
#[inline(never)]
pub(crate) fn part_format(
    value: &Value,
    format: &'static str,
    offset: i32,
) -> Result<i64, Fault<'static>> {
    defacto_functions::timestamp_by_format(value, format, offset)
}

/// A hint in lower case.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
#[inline(never)]
pub(crate) fn part_fold(text: &'static str) -> &'static str {
    defacto_functions::fold_hint(text, FRAME)
}
