//! Result items of `interpret`, linked in the order in which they happen.

use defacto_frames::abi::{fault as layout, item};

use crate::{arena, fault, memory, state::state};

/// Appends an item caused by what is at work; returns the address of its body.
pub(crate) fn append(kind: u32, body: u32) -> u32 {
    let s = state();
    let addr = arena::allocate(item::HEAD + body, arena::ALIGN);
    memory::put_u32(addr + item::NEXT, 0);
    memory::put_u32(addr + item::KIND, kind);
    memory::put_u32(addr + item::ENTITY, s.row.get());
    memory::put_u32(addr + item::EVENT, s.event.get());
    memory::put_u32(addr + item::RULE_STATE, s.rule_state.get());
    memory::put_u32(addr + item::RULE, s.rule.get());
    memory::put_i64(addr + item::INSTANT, s.now.get());
    memory::put_u32(s.tail.get(), addr);
    s.tail.set(addr + item::NEXT);
    addr + item::HEAD
}

/// Appends a copy of the record.
pub(crate) fn snapshot(record: u32, size: u32, changed: bool) {
    let body = append(item::SNAPSHOT, 8 + size);
    memory::put_u32(body, u32::from(changed));
    memory::put_u32(body + 4, 0);
    memory::copy(body + 8, record, size);
}

/// Appends the fault record.
pub(crate) fn failure() {
    fault::write(append(item::FAILURE, layout::SIZE));
}

/// Takes back every item after this place.
pub(crate) fn truncate(tail: u32) {
    memory::put_u32(tail, 0);
    state().tail.set(tail);
}
