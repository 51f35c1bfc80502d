use wasmtime::{ResourceLimiter, Result};

use crate::Limits;
use crate::foreign::Calls;

/// Keeps memory and tables of one instance within the limits, and remembers a refusal.
#[derive(Debug)]
pub(crate) struct Guard {
    memory_bytes: usize,
    table_elements: usize,
    /// What the instance last asked for in vain.
    pub(crate) refused: Option<Refusal>,
    /// Calls of functions of modules.
    pub(crate) calls: Calls,
}

/// What an instance did not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Memory beyond the limit.
    Memory,
    /// Table elements beyond the limit.
    Table,
}

impl Guard {
    pub(crate) fn new(limits: &Limits, calls: Calls) -> Self {
        let Limits { memory_bytes, table_elements, .. } = *limits;
        Self { memory_bytes, table_elements, refused: None, calls }
    }

    fn allow(&mut self, desired: usize, limit: usize, refusal: Refusal) -> Result<bool> {
        let allowed = desired <= limit;
        if !allowed {
            self.refused = Some(refusal);
        }
        Ok(allowed)
    }
}

impl ResourceLimiter for Guard {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool> {
        self.allow(desired, self.memory_bytes, Refusal::Memory)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool> {
        self.allow(desired, self.table_elements, Refusal::Table)
    }
}
