//! Frames as they come in: checked once, then read in place.

use defacto_frames::abi::{self, desc::root, header};

use crate::{arena, memory, state::state};

/// A frame with a valid head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    /// Address of its head.
    pub(crate) addr: u32,
    end: u32,
    /// Address of the row table.
    pub(crate) rows: u32,
    /// Rows in the table.
    pub(crate) row_count: u32,
    /// Source or entity type.
    pub(crate) index: u32,
    /// Instant of the head.
    pub(crate) instant: i64,
}

impl Frame {
    /// Checks the head and that the row table lies inside; traps otherwise.
    pub(crate) fn open(program: u32, addr: u32, len: u32, kind: u32, row_size: u32) -> Self {
        let Some(end) = addr.checked_add(len) else { memory::trap() };
        if len < header::SIZE
            || addr < state().origin.get()
            || end > state().next.get()
            || memory::u32_at(addr + header::ABI) != abi::ABI
            || memory::u32_at(addr + header::LAYOUT) != memory::u32_at(program + root::LAYOUT)
            || memory::u32_at(addr + header::KIND) != kind
        {
            memory::trap();
        }
        state().frame_end.set(end);
        let frame = Frame {
            addr,
            end,
            rows: addr + header::SIZE,
            row_count: memory::u32_at(addr + header::ROWS),
            index: memory::u32_at(addr + header::INDEX),
            instant: memory::i64_at(addr + header::INSTANT),
        };
        frame.range(frame.rows, frame.row_count, row_size);
        frame
    }

    /// Checks that `count` things of `size` bytes at `addr` lie inside and are aligned; traps otherwise.
    #[inline]
    pub(crate) fn range(&self, addr: u32, count: u32, size: u32) {
        let len = u64::from(count) * u64::from(size);
        if !addr.is_multiple_of(arena::ALIGN)
            || addr < self.addr
            || u64::from(addr) + len > u64::from(self.end)
        {
            memory::trap();
        }
    }

    /// Addresses of the rows.
    pub(crate) fn row(&self, row: u32, size: u32) -> u32 {
        self.rows + row * size
    }

    /// Descriptor number `self.index` of a table of the program; traps when there is none.
    pub(crate) fn descriptor(&self, program: u32, table: u32, count: u32, size: u32) -> u32 {
        element(program, table, count, self.index, size)
    }

    /// Allocates the table of results and tells the head where it is.
    pub(crate) fn results(&self, size: u32) -> u32 {
        let Some(len) = self.row_count.checked_mul(size) else { memory::trap() };
        let table = arena::allocate(len, arena::ALIGN);
        memory::put_u32(self.addr + header::RESULTS, table);
        table
    }
}

/// Element of a table of descriptors whose address and count are at `table` and `count` in `owner`; traps
/// when there is none.
#[inline]
pub(crate) fn element(owner: u32, table: u32, count: u32, index: u32, size: u32) -> u32 {
    if index >= memory::u32_at(owner + count) {
        memory::trap();
    }
    memory::u32_at(owner + table) + index * size
}
