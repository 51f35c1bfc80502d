//! The global allocator: the frame arena, or the persistent heap while a pattern is compiled or matched.

#![expect(unsafe_code, reason = "a global allocator is an unsafe trait over raw pointers")]

use core::{
    alloc::{GlobalAlloc, Layout},
    ptr,
};

use crate::{arena, heap, memory, state::state};

struct Allocator;

/// Only patterns live in the persistent heap.
const PATTERNS: bool = cfg!(feature = "regex");

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// A block of the persistent heap, or of the arena where the heap is too small: then whatever was made
/// must be forgotten before the call is over (`pattern`).
#[inline(never)]
fn persistent(len: u32, align: u32) -> u32 {
    match heap::allocate(len, align) {
        0 => {
            state().overflowed.set(true);
            arena::allocate(len, align)
        }
        addr => addr,
    }
}

#[inline(never)]
fn move_persistent(addr: u32, old_len: u32, align: u32, len: u32) -> u32 {
    if heap::fits(old_len, align, len) {
        return addr;
    }
    let new = persistent(len, align);
    memory::copy(new, addr, old_len.min(len));
    heap::release(addr, old_len, align);
    new
}

// SAFETY: both allocators give disjoint blocks of the asked size and alignment; an arena block lives until the
// call is over, and nothing that is allocated in arena mode is used after that.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (len, align) = (layout.size() as u32, layout.align() as u32);
        let addr = if PATTERNS && state().persistent.get() {
            persistent(len, align)
        } else {
            arena::allocate(len, align)
        };
        ptr::with_exposed_provenance_mut(addr as usize)
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let (addr, len) = (block as u32, layout.size() as u32);
        if PATTERNS && heap::contains(addr) {
            heap::release(addr, len, layout.align() as u32);
        } else {
            arena::release(addr, len);
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, len: usize) -> *mut u8 {
        let (addr, old_len, align) = (block as u32, layout.size() as u32, layout.align() as u32);
        let len = len as u32;
        let addr = if PATTERNS && heap::contains(addr) {
            move_persistent(addr, old_len, align, len)
        } else {
            arena::reallocate(addr, old_len, align, len)
        };
        ptr::with_exposed_provenance_mut(addr as usize)
    }
}
