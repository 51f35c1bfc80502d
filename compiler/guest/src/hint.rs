//! Identity hints (language.md 5.7).

use defacto_frames::abi::{cell as tags, desc::identity};
use defacto_functions::{Val, hint_result, hint_text};

use crate::{
    arena,
    cell::{self, FRAME},
    fault, memory, parts, table,
};

/// Writes the hint text of a normalized value, Null when it gives none. `field` is a descriptor.
pub(crate) fn build(field: u32, value: u32, out: u32) -> u32 {
    let Some(mut text) = hint_text(&cell::decode(value), FRAME) else {
        cell::put_null(out);
        return 0;
    };
    let normalize = memory::u32_at(field + identity::NORMALIZE);
    if normalize != 0 {
        let input = arena::allocate(tags::SIZE, arena::ALIGN);
        cell::encode(Val::Str(text), input);
        let status = table::rt_call2(normalize, input, out);
        if status != 0 {
            return status;
        }
        text = match hint_result(&cell::decode(out), FRAME) {
            Ok(Some(text)) => text,
            Ok(None) => return 0,
            Err(fault) => return fault::fail(fault),
        };
    }
    if memory::u32_at(field + identity::CASE_INSENSITIVE) != 0 {
        text = parts::part_fold(text);
    }
    if text.is_empty() {
        cell::put_null(out);
    } else {
        cell::encode(Val::Str(text), out);
        cell::settle(out);
    }
    0
}
