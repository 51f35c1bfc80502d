//! The frame arena: frames, results and whatever an evaluation allocates, forgotten all at once when the next
//! call's first allocation comes.

use crate::{heap, memory, state::state};

/// Alignment of cells, records and rows.
pub(crate) const ALIGN: u32 = 8;

/// Sets the arena and the persistent heap up.
pub(crate) fn start(origin: u32, heap_start: u32, heap_bytes: u32) {
    let s = state();
    s.origin.set(origin);
    s.next.set(origin);
    s.limit.set(memory::grow(origin));
    s.finished.set(false);
    let Some(heap_end) = heap_start.checked_add(heap_bytes).filter(|end| *end <= origin) else {
        memory::trap()
    };
    heap::start(heap_start, heap_end);
}

/// Allocates; traps when memory is exhausted. `align` is a power of two.
#[inline]
pub(crate) fn allocate(len: u32, align: u32) -> u32 {
    let s = state();
    let mask = align.wrapping_sub(1);
    let Some(start) = s.next.get().checked_add(mask).map(|at| at & !mask) else { memory::trap() };
    let Some(end) = start.checked_add(len) else { memory::trap() };
    if end > s.limit.get() {
        s.limit.set(memory::grow(end));
    }
    s.next.set(end);
    start
}

/// Resizes; the last block grows in place.
pub(crate) fn reallocate(old: u32, old_len: u32, align: u32, len: u32) -> u32 {
    let s = state();
    if old.checked_add(old_len) == Some(s.next.get()) {
        s.next.set(old);
        return allocate(len, 1);
    }
    if len <= old_len {
        return old;
    }
    let new = allocate(len, align);
    memory::copy(new, old, old_len);
    new
}

/// Gives a block back: the last one frees its room, others wait for the end of the call.
#[inline]
pub(crate) fn release(old: u32, len: u32) {
    let s = state();
    if old.checked_add(len) == Some(s.next.get()) {
        s.next.set(old);
    }
}

/// `cabi_realloc` of the canonical ABI.
pub(crate) fn canonical(old: u32, old_len: u32, align: u32, len: u32) -> u32 {
    let s = state();
    if s.finished.replace(false) {
        s.next.set(s.origin.get());
    }
    if old == 0 || old_len == 0 {
        allocate(len, align)
    } else {
        reallocate(old, old_len, align, len)
    }
}

/// Ends a call: the arena in use as (address, length).
pub(crate) fn finish() -> (u32, u32) {
    let s = state();
    s.finished.set(true);
    (s.origin.get(), s.next.get() - s.origin.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_over_after_the_end_of_a_call() {
        start(4096, 1024, 1024);
        assert_eq!(canonical(0, 0, 1, 10), 4096);
        assert_eq!(canonical(0, 0, 8, 8), 4112);
        assert_eq!(finish(), (4096, 24));
        assert_eq!(canonical(0, 0, 1, 1), 4096);
    }

    #[test]
    fn grows_the_last_block_in_place_and_moves_others() {
        start(4096, 1024, 1024);
        let first = allocate(8, 8);
        let last = allocate(8, 8);
        memory::put_u64(first, 7);
        assert_eq!(reallocate(last, 8, 8, 64), last);
        let moved = reallocate(first, 8, 8, 16);
        assert_ne!(moved, first);
        assert_eq!(memory::u64_at(moved), 7);
    }
}
