//! The global allocator: the frame arena, or the persistent heap while a pattern is compiled or matched.

#![expect(unsafe_code, reason = "a global allocator is an unsafe trait over raw pointers")]

use core::{
    alloc::{GlobalAlloc, Layout},
    ptr,
};

use crate::{arena, heap, state::state};

struct Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

// SAFETY: both allocators give disjoint blocks of the asked size and alignment; an arena block lives until the
// call is over, and nothing that is allocated in arena mode is used after that.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (len, align) = (layout.size() as u32, layout.align() as u32);
        let addr = if state().persistent.get() {
            heap::allocate(len, align)
        } else {
            arena::allocate(len, align)
        };
        ptr::with_exposed_provenance_mut(addr as usize)
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let (addr, len) = (block as u32, layout.size() as u32);
        if heap::contains(addr) {
            heap::release(addr, len, layout.align() as u32);
        } else {
            arena::release(addr, len);
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, len: usize) -> *mut u8 {
        let (addr, old_len, align) = (block as u32, layout.size() as u32, layout.align() as u32);
        let addr = if heap::contains(addr) {
            heap::reallocate(addr, old_len, align, len as u32)
        } else {
            arena::reallocate(addr, old_len, align, len as u32)
        };
        ptr::with_exposed_provenance_mut(addr as usize)
    }
}
