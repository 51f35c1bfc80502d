//! The allocator of modules: lists of free blocks by size.
//!
//! Every text that crosses the boundary is an allocation, some ten for an event, and nearly all live for one call. The standard
//! allocator of the target searches, splits and joins blocks for each; here an allocation takes the first block of a list, and
//! a release puts it back. On flights this is a third of a module's time (`sdk/README.md` says how to measure).
//!
//! Blocks of one size are never used for another, so memory is bounded by the sum of what each size needed at its peak.

#![allow(unsafe_code, reason = "an allocator hands out raw memory; see the comments at each block")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;

/// Sizes are multiples of this, which is also how blocks are aligned.
const UNIT: usize = 16;
/// Larger blocks come from the standard allocator.
const LARGEST: usize = 1024;
/// What is taken from the standard allocator to be cut into blocks.
const CHUNK: usize = 64 << 10;
const CLASSES: usize = LARGEST / UNIT;

/// The global allocator that [`normalizer!`](crate::normalizer) and [`functions!`](crate::functions) give a module.
#[derive(Debug)]
pub struct Allocator {
    state: UnsafeCell<State>,
}

#[derive(Debug)]
struct State {
    /// First free block of each size; its first word is the address of the next.
    free: [*mut u8; CLASSES],
    /// The part of the current chunk that is not cut yet.
    rest: *mut u8,
    left: usize,
}

// SAFETY: modules have one thread. The crate compiles this for wasm32 without threads alone (see `lib.rs`), and no function
// below calls anything that could enter the allocator again while it holds the state, but for `System`, which is another.
unsafe impl Sync for Allocator {}

impl Allocator {
    /// An allocator that has nothing yet.
    #[expect(clippy::new_without_default, reason = "a static is made by a constant function")]
    pub const fn new() -> Self {
        let state = State { free: [ptr::null_mut(); CLASSES], rest: ptr::null_mut(), left: 0 };
        Self { state: UnsafeCell::new(state) }
    }
}

/// The list that serves a layout, or `None` where the standard allocator does.
#[inline]
const fn class(layout: Layout) -> Option<usize> {
    let size = layout.size();
    if size == 0 || size > LARGEST || layout.align() > UNIT {
        None
    } else {
        Some((size - 1) / UNIT)
    }
}

impl State {
    /// Cuts a block off the current chunk, or off a new one; what is left of the old one is given up.
    #[cold]
    fn cut(&mut self, class: usize) -> *mut u8 {
        let size = (class + 1) * UNIT;
        if self.left < size {
            // SAFETY: the layout is a constant of a size above zero.
            let chunk = unsafe { System.alloc(Layout::new::<Chunk>()) };
            if chunk.is_null() {
                return chunk;
            }
            (self.rest, self.left) = (chunk, CHUNK);
        }
        let block = self.rest;
        // SAFETY: `size` bytes of the chunk are left, so the new rest is inside of it or at its end.
        self.rest = unsafe { self.rest.add(size) };
        self.left -= size;
        block
    }
}

#[repr(align(16))]
struct Chunk(#[expect(dead_code, reason = "only its size counts")] [u8; CHUNK]);

// SAFETY: a block of class `c` has `(c + 1) * UNIT` bytes, at least `layout.size()`, and is aligned to `UNIT`, because chunks are and all
// sizes are multiples of it. It is in a list or with one owner, never both: `alloc` takes it off its list, `dealloc` puts it
// on the list of the same class, which follows from the layout alone, and the caller gives the same layout both times.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(class) = class(layout) else {
            // SAFETY: as the caller promises.
            return unsafe { System.alloc(layout) };
        };
        // SAFETY: there is one thread, and nothing below comes back here; `class` is below `CLASSES`. A block on a list is free
        // and holds the address of the next in its first word, to which it is aligned.
        unsafe {
            let state = &mut *self.state.get();
            let first = state.free.get_unchecked_mut(class);
            if first.is_null() {
                return state.cut(class);
            }
            let block = *first;
            *first = block.cast::<*mut u8>().read();
            block
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(class) = class(layout) else {
            // SAFETY: as the caller promises; the block came from there, because its class says so.
            return unsafe { System.dealloc(block, layout) };
        };
        // SAFETY: as in `alloc`; the caller gives the block up, and it has room for an address.
        unsafe {
            let first = (*self.state.get()).free.get_unchecked_mut(class);
            block.cast::<*mut u8>().write(*first);
            *first = block;
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that `size` is above zero and, rounded up to the alignment, within `isize`.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (class(layout), class(wanted)) {
            (Some(old), Some(new)) if old == new => block,
            // SAFETY: both are the standard allocator's, as the caller promises.
            (None, None) => unsafe { System.realloc(block, layout, size) },
            // SAFETY: the new block has room for the smaller of both sizes, and is another than the old one.
            _ => unsafe {
                let made = self.alloc(wanted);
                if !made.is_null() {
                    ptr::copy_nonoverlapping(block, made, layout.size().min(size));
                    self.dealloc(block, layout);
                }
                made
            },
        }
    }
}
