//! Reading and writing the module's memory by address.
//!
//! An address is a `u32` in the module's only memory; natively it is an offset into a block of the thread,
//! so that the driver can be tested without Wasm.

#![expect(
    unsafe_code,
    reason = "cells, frames and descriptor tables are addresses by contract; an address outside the memory \
              traps, and what lies inside is plain bytes without invalid bit patterns"
)]

use core::{ptr, slice, str};

/// Stops the module: the frame, or the program that was linked to this library, is not what the contract says.
#[cold]
pub(crate) fn trap() -> ! {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    native::trap()
}

#[cfg(target_arch = "wasm32")]
#[inline(always)]
fn at(addr: u32, _len: u32) -> *mut u8 {
    ptr::with_exposed_provenance_mut(addr as usize)
}

#[cfg(not(target_arch = "wasm32"))]
use native::at;

/// Reads a byte.
#[inline(always)]
pub(crate) fn u8_at(addr: u32) -> u8 {
    // SAFETY: see the reason above; the same holds for every access in this file.
    unsafe { at(addr, 1).read() }
}

/// Reads a word.
#[inline(always)]
pub(crate) fn u32_at(addr: u32) -> u32 {
    // SAFETY: as above.
    unsafe { at(addr, 4).cast::<u32>().read_unaligned() }
}

/// Reads a double word.
#[inline(always)]
pub(crate) fn u64_at(addr: u32) -> u64 {
    // SAFETY: as above.
    unsafe { at(addr, 8).cast::<u64>().read_unaligned() }
}

/// Reads a signed double word.
#[inline(always)]
pub(crate) fn i64_at(addr: u32) -> i64 {
    u64_at(addr).cast_signed()
}

/// Writes a word.
#[inline(always)]
pub(crate) fn put_u32(addr: u32, value: u32) {
    // SAFETY: as above.
    unsafe { at(addr, 4).cast::<u32>().write_unaligned(value) }
}

/// Writes a double word.
#[inline(always)]
pub(crate) fn put_u64(addr: u32, value: u64) {
    // SAFETY: as above.
    unsafe { at(addr, 8).cast::<u64>().write_unaligned(value) }
}

/// Writes a signed double word.
#[inline(always)]
pub(crate) fn put_i64(addr: u32, value: i64) {
    put_u64(addr, value.cast_unsigned());
}

/// Copies bytes; the ranges may overlap.
#[inline(always)]
pub(crate) fn copy(to: u32, from: u32, len: u32) {
    // SAFETY: as above.
    unsafe { ptr::copy(at(from, len), at(to, len), len as usize) }
}

/// Bytes at an address, for as long as the current call lasts.
#[inline(always)]
pub(crate) fn bytes(addr: u32, len: u32) -> &'static [u8] {
    if len == 0 {
        return &[];
    }
    // SAFETY: as above. Texts are never changed once written, and nobody keeps one over the end of a call.
    unsafe { slice::from_raw_parts(at(addr, len), len as usize) }
}

/// Text at an address, for as long as the current call lasts.
#[inline(always)]
pub(crate) fn text(addr: u32, len: u32) -> &'static str {
    // SAFETY: as for `bytes`; host and compiler write texts from Rust strings, so they are UTF-8.
    unsafe { str::from_utf8_unchecked(bytes(addr, len)) }
}

/// Address of bytes that lie in the module's memory (in Wasm: all).
#[inline(always)]
pub(crate) fn address(bytes: &[u8]) -> Option<u32> {
    #[cfg(target_arch = "wasm32")]
    return Some(bytes.as_ptr() as u32);
    #[cfg(not(target_arch = "wasm32"))]
    native::address(bytes)
}

/// Writes bytes.
pub(crate) fn put_bytes(addr: u32, bytes: &[u8]) {
    // SAFETY: as above.
    unsafe { ptr::copy(bytes.as_ptr(), at(addr, bytes.len() as u32), bytes.len()) }
}

const PAGE: u32 = 65_536;

/// Makes the memory reach at least `end` and returns where it ends now; traps when it cannot grow.
#[cold]
pub(crate) fn grow(end: u32) -> u32 {
    #[cfg(target_arch = "wasm32")]
    {
        use core::arch::wasm32::{memory_grow, memory_size};
        let now = memory_size(0) as u32;
        let need = end.div_ceil(PAGE);
        if need > now {
            // A quarter more than needed, so that growing is rare; exactly what is needed if that is refused.
            let more = (need - now).max(now / 4).min(65_536 - now);
            if memory_grow(0, more as usize) == usize::MAX
                && memory_grow(0, (need - now) as usize) == usize::MAX
            {
                trap();
            }
        }
        (memory_size(0) as u32).checked_mul(PAGE).unwrap_or(u32::MAX - 15)
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        if end > native::SIZE {
            trap();
        }
        end.next_multiple_of(PAGE)
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod native {
    /// Bytes of a thread's memory.
    pub(super) const SIZE: u32 = 64 << 20;

    thread_local! {
        static BLOCK: &'static mut [u64] = Box::leak(vec![0; SIZE as usize / 8].into_boxed_slice());
    }

    fn base() -> *mut u8 {
        BLOCK.with(|block| block.as_ptr().cast_mut().cast())
    }

    pub(super) fn at(addr: u32, len: u32) -> *mut u8 {
        if addr.checked_add(len).is_none_or(|end| end > SIZE) {
            trap();
        }
        base().wrapping_add(addr as usize)
    }

    pub(super) fn address(bytes: &[u8]) -> Option<u32> {
        let offset = (bytes.as_ptr() as usize).checked_sub(base() as usize)?;
        u32::try_from(offset).ok().filter(|offset| *offset < SIZE)
    }

    #[expect(clippy::panic, reason = "tests see a trap as a panic")]
    pub(super) fn trap() -> ! {
        panic!("trap")
    }
}
