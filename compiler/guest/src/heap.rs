//! The persistent heap: compiled patterns and the caches of their automata, which outlive a call.
//!
//! Blocks come in classes of four sizes per power of two; a freed block is kept for its class.

use crate::{memory, state::state};

/// Sizes: 16 bytes to 1 GiB.
const SIZES: usize = 26 * 4 + 1;
/// Size classes: those of ordinary blocks, then those of blocks on a cache line of their own.
pub(crate) const CLASSES: usize = 2 * SIZES;
const ORDINARY: u32 = 16;
const LINE: u32 = 64;

/// Makes the heap an empty one.
pub(crate) fn start(heap: u32, end: u32) {
    let s = state();
    s.heap.set(heap);
    s.heap_next.set(heap.next_multiple_of(ORDINARY));
    s.heap_end.set(end);
    for free in &s.free {
        free.set(0);
    }
}

/// Forgets every block.
#[cfg(any(test, feature = "regex"))]
pub(crate) fn clear() {
    let s = state();
    start(s.heap.get(), s.heap_end.get());
}

/// Class of a size and what it occupies.
fn class(len: u32, align: u32) -> (usize, u32) {
    let len = len.max(16);
    // The power of two below or at `len`, and in which quarter above it `len` lies.
    let power = len.ilog2();
    let quarter = (len - (1 << power)).div_ceil(1 << (power - 2));
    let size = (1 << power) + quarter * (1 << (power - 2));
    let wide = if align > ORDINARY { SIZES } else { 0 };
    (wide + ((power - 4) * 4 + quarter) as usize, size)
}

/// Allocates with an alignment of a cache line or less; 0 when the heap is exhausted.
pub(crate) fn allocate(len: u32, align: u32) -> u32 {
    if align > LINE || len > 1 << 29 {
        return 0;
    }
    let s = state();
    let (class, size) = class(len, align);
    let Some(free) = s.free.get(class) else { return 0 };
    let block = free.get();
    if block != 0 {
        free.set(memory::u32_at(block));
        return block;
    }
    let align = align.max(ORDINARY);
    let Some(block) = s.heap_next.get().checked_next_multiple_of(align) else { return 0 };
    match block.checked_add(size.next_multiple_of(ORDINARY)) {
        Some(end) if end <= s.heap_end.get() => {
            s.heap_next.set(end);
            block
        }
        _ => 0,
    }
}

/// Frees a block of this length and alignment.
#[inline(never)]
pub(crate) fn release(block: u32, len: u32, align: u32) {
    if let Some(free) = state().free.get(class(len, align).0) {
        memory::put_u32(block, free.get());
        free.set(block);
    }
}

/// Whether a block holds another length without moving.
pub(crate) fn fits(old_len: u32, align: u32, len: u32) -> bool {
    class(old_len, align).0 == class(len, align).0
}

/// Whether an address lies in the heap.
#[inline]
pub(crate) fn contains(addr: u32) -> bool {
    let s = state();
    addr >= s.heap.get() && addr < s.heap_end.get()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arena;

    #[test]
    fn classes_hold_what_they_are_asked_for() {
        for len in (1..5000).chain([1 << 20, (1 << 20) + 1, (1 << 29) - 1, 1 << 29]) {
            let (class, size) = class(len, 64);
            assert!(size >= len, "{len}");
            assert!(class < CLASSES, "{len}");
            assert!(size <= len.max(16) + len / 4 + 4, "{len} takes {size}");
        }
    }

    #[test]
    fn reuses_freed_blocks_and_ends() {
        arena::start(1 << 20, 1 << 16, 1024);
        let first = allocate(100, 8);
        let second = allocate(100, 8);
        assert_ne!(first, second);
        assert!(contains(first) && contains(second));
        release(first, 100, 8);
        assert_eq!(allocate(97, 8), first);
        assert!(fits(100, 8, 110) && !fits(100, 8, 300));
        assert_eq!(allocate(4096, 8), 0);
        let line = allocate(70, 64);
        assert_eq!(line % 64, 0);
        release(line, 70, 64);
        assert_ne!(allocate(70, 8), line);
        assert_eq!(allocate(65, 64), line);
        clear();
        assert_eq!(allocate(100, 8), first);
    }
}
