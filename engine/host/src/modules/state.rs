use std::sync::Arc;

use wasmtime::{ResourceLimiter, Result};

use super::abi::Level;
use super::module::Tables;
use crate::Limits;
use crate::guard::Refusal;

/// What an instance has beside its memory: limits, tables, and a log that is used up.
#[derive(Debug)]
pub(crate) struct State {
    name: Arc<str>,
    tables: Arc<Tables>,
    limits: Limits,
    memory: usize,
    table_elements: usize,
    /// What the instance last asked for in vain.
    pub(crate) refused: Option<Refusal>,
    log_left: usize,
    log_dropped: u64,
}

impl State {
    pub(crate) fn new(name: Arc<str>, tables: Arc<Tables>, limits: Limits) -> Self {
        Self {
            name,
            tables,
            limits,
            memory: 0,
            table_elements: 0,
            refused: None,
            log_left: limits.log_bytes,
            log_dropped: 0,
        }
    }

    /// Before each call.
    pub(crate) fn renew(&mut self) {
        self.refused = None;
        self.log_left = self.limits.log_bytes;
        self.log_dropped = 0;
    }

    /// After each call: tells of messages that were dropped.
    pub(crate) fn settle(&mut self) {
        if self.log_dropped > 0 {
            let (module, dropped, limit) = (&*self.name, self.log_dropped, self.limits.log_bytes);
            tracing::warn!(module, dropped, limit, "a module wrote more log than it may");
            self.log_dropped = 0;
        }
    }

    /// Bytes of memory in use: it never shrinks.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }

    pub(crate) fn log(&mut self, level: Level, message: &str) {
        let Some(left) = self.log_left.checked_sub(message.len()) else {
            self.log_left = 0;
            self.log_dropped = self.log_dropped.saturating_add(1);
            return;
        };
        self.log_left = left;
        let module = &*self.name;
        match level {
            Level::Debug => tracing::debug!(target: "defacto::module", module, "{message}"),
            Level::Info => tracing::info!(target: "defacto::module", module, "{message}"),
            Level::Warn => tracing::warn!(target: "defacto::module", module, "{message}"),
            Level::Error => tracing::error!(target: "defacto::module", module, "{message}"),
        }
    }

    pub(crate) fn lookup(&self, table: &str, key: &str) -> Result<Option<String>> {
        match self.tables.get(table) {
            Some(entries) => Ok(entries.get(key).cloned()),
            None => {
                let shown: String = table.chars().take(80).collect();
                let known: Vec<&str> = self.tables.keys().map(String::as_str).collect();
                let known = match known.as_slice() {
                    [] => "the project gives none with this module".to_owned(),
                    known => format!("known: {}", known.join(", ")),
                };
                Err(wasmtime::Error::msg(format!(
                    "lookup in table `{}`, which does not exist; {known}",
                    shown.escape_debug()
                )))
            }
        }
    }
}

/// Counts what all memories and tables of the instance hold together.
impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool> {
        let all = self.memory.saturating_sub(current).saturating_add(desired);
        if all > self.limits.memory_bytes {
            self.refused = Some(Refusal::Memory);
            return Ok(false);
        }
        self.memory = all;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool> {
        let all = self.table_elements.saturating_sub(current).saturating_add(desired);
        if all > self.limits.table_elements {
            self.refused = Some(Refusal::Table);
            return Ok(false);
        }
        self.table_elements = all;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.limits.instances_max
    }

    fn tables(&self) -> usize {
        self.limits.instances_max
    }

    fn memories(&self) -> usize {
        self.limits.instances_max
    }
}
