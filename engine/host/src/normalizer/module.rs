use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use defacto_model::{NormalizerDescription, Timestamp, Value};
use defacto_ports::ModuleMetrics;
use wasmtime::component::{Component, Linker};

use super::abi::{RawInputRecord, WireResult};
use super::instance::Instance;
use super::load::Runtime;
use super::metrics::Counters;
use super::state::State;
use super::{NormalizerError, imports};
use crate::Limits;
use crate::stop::Stop;

/// Lookup tables by name, each texts by key.
pub type Tables = BTreeMap<String, BTreeMap<String, String>>;

/// An event that a module made of a record, as far as the contract goes.
#[derive(Debug, Clone, PartialEq)]
pub struct MadeEvent {
    /// Index into the described events.
    pub event: u32,
    /// When it happened.
    pub timestamp: Timestamp,
    /// One per field of the described event, of its type or null.
    pub values: Vec<Value>,
}

/// Why a record gave no events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The module refuses the record.
    Module {
        /// Its own code.
        code: String,
        /// Field at fault.
        field: Option<String>,
        /// What is wrong.
        message: String,
    },
    /// The module trapped, exhausted a limit or gave something wrong because of it.
    Broken {
        /// What happened.
        message: String,
    },
}

/// A module of the world `normalizer`, ready to run from any number of threads.
pub struct Normalizer {
    name: Arc<str>,
    digest: String,
    bytes: usize,
    runtime: Arc<Runtime>,
    linker: Linker<State>,
    component: Component,
    tables: Arc<Tables>,
    limits: Limits,
    idle: Mutex<Vec<Instance>>,
    idle_max: usize,
    /// Records that a call has lately managed. Results do not depend on it.
    pub(crate) pace: AtomicUsize,
    pub(crate) counters: Counters,
}

impl std::fmt::Debug for Normalizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, digest, limits, .. } = self;
        f.debug_struct("Normalizer")
            .field("name", name)
            .field("digest", digest)
            .field("limits", limits)
            .finish_non_exhaustive()
    }
}

impl Normalizer {
    pub(crate) fn new(
        (name, digest, bytes): (&str, String, usize),
        (runtime, linker, component): (Arc<Runtime>, Linker<State>, Component),
        tables: Tables,
        limits: Limits,
    ) -> Result<Self, NormalizerError> {
        let idle_max = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let module = Self {
            name: name.into(),
            digest,
            bytes,
            runtime,
            linker,
            component,
            tables: Arc::new(tables),
            limits,
            idle: Mutex::default(),
            idle_max,
            pace: AtomicUsize::new(limits.rows_max.max(1)),
            counters: Counters::default(),
        };
        let mut first = module.start()?;
        first.check()?;
        module.give_back(first);
        Ok(module)
    }

    /// Its name in the project.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of its bytes, hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Size of the component in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Its limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Everything that it imports: interfaces with the functions it uses.
    pub fn imports(&self) -> Vec<String> {
        imports::names(&self.runtime.engine, &self.component)
    }

    /// What it has done so far.
    pub fn metrics(&self) -> ModuleMetrics {
        self.counters.read(&self.name, &self.digest)
    }

    /// What it says about itself under a configuration, in a fresh instance.
    ///
    /// # Errors
    ///
    /// [`NormalizerError::Describe`], [`NormalizerError::Description`] or [`NormalizerError::Configuration`].
    pub fn describe(&self, config: &str) -> Result<NormalizerDescription, NormalizerError> {
        let mut instance = self.start()?;
        let text = instance
            .describe(config, &self.limits)?
            .map_err(|message| NormalizerError::Configuration { message: shortened(&message) })?;
        let wrong = |message| NormalizerError::Description { message };
        let description: NormalizerDescription =
            serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        description.check().map_err(wrong)?;
        Ok(description)
    }

    /// A new instance.
    pub(crate) fn start(&self) -> Result<Instance, NormalizerError> {
        let machine = (&self.runtime.engine, &self.linker, &self.component);
        let instance = Instance::start(machine, (&self.name, &self.tables), &self.limits)?;
        self.counters.started(instance.memory());
        Ok(instance)
    }

    /// An instance that waits for work, or a new one.
    pub(crate) fn take(&self) -> Result<Instance, Stop> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(instance) => Ok(instance),
            None => self.start().map_err(|error| Stop::Engine(error.to_string())),
        }
    }

    /// Keeps an instance for later, unless its memory has grown near the limit: garbage of its runtime must
    /// not become a failure.
    pub(crate) fn give_back(&self, instance: Instance) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.idle_max && instance.memory() <= self.limits.memory_bytes / 4 * 3 {
            idle.push(instance);
        }
    }

    /// One call, counted. The instance must be dropped after an error.
    pub(crate) fn call(
        &self,
        instance: &mut Instance,
        config: &str,
        records: &[RawInputRecord<'_>],
    ) -> Result<Vec<WireResult>, Stop> {
        let started = Instant::now();
        let results = instance.normalize(config, records, &self.limits);
        self.counters.call(
            instance.fuel_used(&self.limits),
            started.elapsed(),
            instance.memory(),
            results.is_err(),
        );
        results
    }

    /// Records to put into the next call.
    pub(crate) fn rows(&self) -> usize {
        self.pace.load(Ordering::Relaxed).clamp(1, self.limits.rows_max.max(1))
    }
}

/// Bytes of a module's own words that are kept.
const WORDS_MAX: usize = 1_000;

/// A module's words, cut to what people read.
pub(crate) fn shortened(text: &str) -> String {
    let mut end = text.len().min(WORDS_MAX);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    let cut = text.get(..end).unwrap_or_default();
    if end < text.len() { format!("{cut}…") } else { cut.to_owned() }
}
