//! Calling generated functions by their index in the function table.

#![cfg_attr(
    target_arch = "wasm32",
    expect(
        unsafe_code,
        reason = "an index is a function pointer in Wasm; a wrong one is a trap of call_indirect, not \
                  undefined behaviour"
    )
)]

/// Function with two arguments: handlers, rules, computed properties, normalizers. A symbol of its own, so that the
/// emitter knows that no function of the library is called here.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
#[inline(never)]
pub(crate) extern "C" fn rt_call2(index: u32, a: u32, b: u32) -> u32 {
    #[cfg(target_arch = "wasm32")]
    {
        // SAFETY: the table checks index and signature.
        let f: extern "C" fn(u32, u32) -> u32 = unsafe { core::mem::transmute(index as usize) };
        f(a, b)
    }
    #[cfg(not(target_arch = "wasm32"))]
    native::call2(index, a, b)
}

/// Function with four arguments: free-standing expressions. As above.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
#[inline(never)]
pub(crate) extern "C" fn rt_call4(index: u32, a: u32, b: u32, c: u32, d: u32) -> u32 {
    #[cfg(target_arch = "wasm32")]
    {
        // SAFETY: as above.
        let f: extern "C" fn(u32, u32, u32, u32) -> u32 =
            unsafe { core::mem::transmute(index as usize) };
        f(a, b, c, d)
    }
    #[cfg(not(target_arch = "wasm32"))]
    native::call4(index, a, b, c, d)
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod native {
    use core::cell::RefCell;

    use crate::memory::trap;

    /// A function of the native table.
    #[derive(Debug, Clone, Copy)]
    pub(crate) enum Entry {
        /// Two arguments.
        Two(fn(u32, u32) -> u32),
        /// Four arguments.
        Four(fn(u32, u32, u32, u32) -> u32),
    }

    thread_local! {
        static TABLE: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
    }

    /// Adds a function and returns its index, never 0.
    pub(crate) fn add(entry: Entry) -> u32 {
        TABLE.with_borrow_mut(|table| {
            table.push(entry);
            table.len() as u32
        })
    }

    fn get(index: u32) -> Entry {
        TABLE.with_borrow(|table| match table.get(index as usize - 1) {
            Some(entry) => *entry,
            None => trap(),
        })
    }

    pub(super) fn call2(index: u32, a: u32, b: u32) -> u32 {
        match get(index) {
            Entry::Two(f) => f(a, b),
            Entry::Four(_) => trap(),
        }
    }

    pub(super) fn call4(index: u32, a: u32, b: u32, c: u32, d: u32) -> u32 {
        match get(index) {
            Entry::Four(f) => f(a, b, c, d),
            Entry::Two(_) => trap(),
        }
    }
}
