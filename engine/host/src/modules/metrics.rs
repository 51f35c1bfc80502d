use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use defacto_ports::ModuleMetrics;

use super::world::World;

#[derive(Debug, Default)]
pub(crate) struct Counters {
    calls: AtomicU64,
    records: AtomicU64,
    events: AtomicU64,
    failures: AtomicU64,
    traps: AtomicU64,
    instances: AtomicU64,
    fuel: AtomicU64,
    time_us: AtomicU64,
    peak_memory: AtomicU64,
}

impl Counters {
    pub(crate) fn call(&self, fuel: u64, time: Duration, memory: usize, stopped: bool) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.traps.fetch_add(u64::from(stopped), Ordering::Relaxed);
        self.fuel.fetch_add(fuel, Ordering::Relaxed);
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.time_us.fetch_add(micros, Ordering::Relaxed);
        let memory = u64::try_from(memory).unwrap_or(u64::MAX);
        self.peak_memory.fetch_max(memory, Ordering::Relaxed);
    }

    pub(crate) fn started(&self, memory: usize) {
        self.instances.fetch_add(1, Ordering::Relaxed);
        let memory = u64::try_from(memory).unwrap_or(u64::MAX);
        self.peak_memory.fetch_max(memory, Ordering::Relaxed);
    }

    /// Counts final results: how many events a record gave, or that it failed.
    pub(crate) fn results(&self, results: impl Iterator<Item = Option<usize>>) {
        let (mut records, mut events, mut failures) = (0_u64, 0_u64, 0_u64);
        for result in results {
            records = records.saturating_add(1);
            match result {
                Some(made) => events = events.saturating_add(u64::try_from(made).unwrap_or(0)),
                None => failures = failures.saturating_add(1),
            }
        }
        self.records.fetch_add(records, Ordering::Relaxed);
        self.events.fetch_add(events, Ordering::Relaxed);
        self.failures.fetch_add(failures, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, world: World, module: &str, digest: &str) -> ModuleMetrics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ModuleMetrics {
            world: world.name(),
            module: module.to_owned(),
            digest: digest.to_owned(),
            calls: read(&self.calls),
            records: read(&self.records),
            events: read(&self.events),
            failures: read(&self.failures),
            traps: read(&self.traps),
            instances: read(&self.instances),
            fuel: read(&self.fuel),
            time_us: read(&self.time_us),
            peak_memory: read(&self.peak_memory),
        }
    }
}
