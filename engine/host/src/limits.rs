/// Bounds of every call into a module (decisions.md 16, 30). All are always on.
///
/// Fuel, memory, table and output are repeatable: they give the same verdict on an event everywhere.
/// Time only stops a machine that is stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of an instance, in bytes.
    pub memory_bytes: usize,
    /// Elements of a table.
    pub table_elements: usize,
    /// Stack of a call, in bytes.
    pub stack_bytes: usize,
    /// Fuel of a call before its first row.
    pub fuel_base: u64,
    /// Fuel of one row: event, record, or expression. A call of many rows gets no more, so that no row
    /// can use what others leave; calls that run out are split.
    pub fuel_per_row: u64,
    /// Milliseconds after which a call is stuck.
    pub deadline_ms: u64,
    /// Bytes that a call may return.
    pub output_bytes: usize,
    /// Most rows of a call.
    pub rows_max: usize,
    /// Core instances of a component; its memories and tables may be as many in all.
    pub instances_max: usize,
    /// Bytes of log that a call may write; the rest is dropped.
    pub log_bytes: usize,
    /// Bytes of a component.
    pub module_bytes: usize,
    /// Milliseconds that compiling a component may take.
    pub compile_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 64 << 20,
            table_elements: 20_000,
            stack_bytes: 512 << 10,
            fuel_base: 1_000_000,
            fuel_per_row: 50_000_000,
            deadline_ms: 10_000,
            output_bytes: 64 << 20,
            rows_max: 1_024,
            instances_max: 64,
            log_bytes: 64 << 10,
            module_bytes: 64 << 20,
            compile_ms: 120_000,
        }
    }
}

impl Limits {
    /// Fuel of a call.
    pub(crate) fn fuel(&self) -> u64 {
        self.fuel_base.saturating_add(self.fuel_per_row)
    }
}
