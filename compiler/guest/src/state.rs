//! What the library remembers: while a call runs, and the persistent heap between calls.

#![cfg_attr(
    target_arch = "wasm32",
    expect(unsafe_code, reason = "a core module has one thread, so its only global may be shared")
)]

use core::cell::Cell;

use defacto_frames::abi::{NEVER, NONE};

use crate::{fault::Record, heap};

/// Everything that is global.
#[derive(Debug)]
pub(crate) struct State {
    /// Start of the frame arena.
    pub(crate) origin: Cell<u32>,
    /// Where the arena goes on.
    pub(crate) next: Cell<u32>,
    /// Where the memory ends.
    pub(crate) limit: Cell<u32>,
    /// End of the frame at work.
    pub(crate) frame_end: Cell<u32>,
    /// Whether the last call is over, so that the next allocation starts over.
    pub(crate) finished: Cell<bool>,
    /// Whether the global allocator serves the persistent heap.
    pub(crate) persistent: Cell<bool>,
    /// Whether the persistent heap was too small, and the arena has stood in.
    pub(crate) overflowed: Cell<bool>,
    /// Start of the persistent heap.
    pub(crate) heap: Cell<u32>,
    /// Its end.
    pub(crate) heap_end: Cell<u32>,
    /// What was never used of it.
    pub(crate) heap_next: Cell<u32>,
    /// Heads of its free lists.
    pub(crate) free: [Cell<u32>; heap::CLASSES],
    /// Logical instant.
    pub(crate) now: Cell<i64>,
    /// Fault record of the call.
    pub(crate) fault: Record,
    /// Effects executed.
    pub(crate) effects: Cell<u64>,
    /// Transitions executed.
    pub(crate) transitions: Cell<u64>,
    /// Descriptor of the entity type at work.
    pub(crate) entity: Cell<u32>,
    /// Descriptors of its properties.
    pub(crate) properties: Cell<u32>,
    /// Where the address of the next result item goes.
    pub(crate) tail: Cell<u32>,
    /// Whether the step at work has executed a `relate`.
    pub(crate) related: Cell<bool>,
    /// Whether computed properties are being stored, so that each is evaluated once.
    pub(crate) storing: Cell<bool>,
    /// Computed properties (the first 64) that have been stored in this step.
    pub(crate) stored: Cell<u64>,
    /// Cause of result items: row of the entity.
    pub(crate) row: Cell<u32>,
    /// Cause: ordinal of the event.
    pub(crate) event: Cell<u32>,
    /// Cause: state of the rule.
    pub(crate) rule_state: Cell<u32>,
    /// Cause: the rule.
    pub(crate) rule: Cell<u32>,
}

impl State {
    const fn new() -> Self {
        State {
            origin: Cell::new(0),
            next: Cell::new(0),
            limit: Cell::new(0),
            frame_end: Cell::new(0),
            finished: Cell::new(false),
            persistent: Cell::new(false),
            overflowed: Cell::new(false),
            heap: Cell::new(0),
            heap_end: Cell::new(0),
            heap_next: Cell::new(0),
            free: [const { Cell::new(0) }; heap::CLASSES],
            now: Cell::new(NEVER),
            fault: Record::new(),
            effects: Cell::new(0),
            transitions: Cell::new(0),
            entity: Cell::new(0),
            properties: Cell::new(0),
            tail: Cell::new(0),
            related: Cell::new(false),
            storing: Cell::new(false),
            stored: Cell::new(0),
            row: Cell::new(NONE),
            event: Cell::new(NONE),
            rule_state: Cell::new(NONE),
            rule: Cell::new(NONE),
        }
    }
}

#[cfg(target_arch = "wasm32")]
#[inline(always)]
pub(crate) fn state() -> &'static State {
    struct Single(State);
    // SAFETY: a module without threads has one thread.
    unsafe impl Sync for Single {}
    static STATE: Single = Single(State::new());
    &STATE.0
}

/// The state: of the module, natively of the thread.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn state() -> &'static State {
    thread_local! {
        static STATE: &'static State = Box::leak(Box::new(State::new()));
    }
    STATE.with(|state| *state)
}
