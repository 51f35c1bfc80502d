use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use defacto_ports::{Error, ModuleMetrics};
use wasmtime::component::{Component, Linker};

use super::ModuleError;
use super::imports;
use super::instance::Instance;
use super::load::Runtime;
use super::metrics::Counters;
use super::state::State;
use super::world::World;
use crate::Limits;
use crate::stop::{Blame, Stop};

/// Lookup tables by name, each texts by key.
pub type Tables = BTreeMap<String, BTreeMap<String, String>>;

/// A loaded module of either world: what [`Normalizer`](crate::Normalizer) and [`Functions`](crate::Functions) have in
/// common.
pub struct Module {
    pub(crate) world: World,
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
    /// Items that a call has lately managed. Results do not depend on it.
    pace: AtomicUsize,
    pub(crate) counters: Counters,
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { world, name, digest, limits, .. } = self;
        f.debug_struct("Module")
            .field("world", world)
            .field("name", name)
            .field("digest", digest)
            .field("limits", limits)
            .finish_non_exhaustive()
    }
}

/// What a module is asked to do with each item of a batch.
pub(crate) trait Work {
    /// What goes in.
    type Item;
    /// What comes out of one item.
    type Made;

    /// One call; a result for each item, in order.
    fn call(&self, instance: &mut Instance, items: &[Self::Item]) -> Result<Vec<Self::Made>, Stop>;

    /// Whether a result breaks the contract, so that the instance is not trusted further.
    fn is_broken(made: &Self::Made) -> bool;

    /// The result of an item that stops the module whenever it is tried.
    fn broken(message: String) -> Self::Made;
}

impl Module {
    pub(crate) fn new(
        world: World,
        (name, digest, bytes): (&str, String, usize),
        (runtime, linker, component): (Arc<Runtime>, Linker<State>, Component),
        tables: Tables,
        limits: Limits,
    ) -> Result<Self, ModuleError> {
        let idle_max = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let module = Self {
            world,
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
        self.counters.read(self.world, &self.name, &self.digest)
    }

    /// A new instance.
    pub(crate) fn start(&self) -> Result<Instance, ModuleError> {
        let machine = (&self.runtime.engine, &self.linker, &self.component);
        let own = (self.world, &self.name, &self.tables);
        let instance = Instance::start(machine, own, &self.limits)?;
        self.counters.started(instance.memory());
        Ok(instance)
    }

    /// An instance that waits for work, or a new one.
    fn take(&self) -> Result<Instance, Stop> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(instance) => Ok(instance),
            None => self.start().map_err(|error| Stop::Engine(error.to_string())),
        }
    }

    /// Keeps an instance for later, unless its memory has grown near the limit: garbage of its runtime must
    /// not become a failure.
    fn give_back(&self, instance: Instance) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.idle_max && instance.memory() <= self.limits.memory_bytes / 4 * 3 {
            idle.push(instance);
        }
    }

    /// One call, counted. The instance must be dropped after an error.
    pub(crate) fn call<W: Work>(
        &self,
        work: &W,
        instance: &mut Instance,
        items: &[W::Item],
    ) -> Result<Vec<W::Made>, Stop> {
        let started = Instant::now();
        let results = work.call(instance, items);
        self.counters.call(
            instance.fuel_used(&self.limits),
            started.elapsed(),
            instance.memory(),
            results.is_err(),
        );
        results
    }

    /// Items to put into the next call.
    pub(crate) fn rows(&self) -> usize {
        self.pace.load(Ordering::Relaxed).clamp(1, self.limits.rows_max.max(1))
    }

    /// Runs a batch; one result for each item, in order. A batch that stops the module is halved until the guilty item stands
    /// alone; it alone, in a fresh instance, decides over it.
    ///
    /// # Errors
    ///
    /// [`Error::Module`] when the module cannot run at all, or is stuck twice with one item.
    pub(crate) fn run<W: Work>(
        &self,
        work: &W,
        items: &[W::Item],
        out: &mut Vec<W::Made>,
    ) -> Result<(), Error> {
        let attempt = self.take().and_then(|mut instance| {
            let made = self.call(work, &mut instance, items)?;
            self.finish::<W>(instance, &made);
            Ok(made)
        });
        match attempt {
            Ok(mut made) => {
                self.managed(items.len());
                out.append(&mut made);
                return Ok(());
            }
            Err(Stop::Engine(message)) => return Err(self.error(&message)),
            Err(_) => {}
        }
        if let [item] = items {
            out.push(self.alone(work, item)?);
            return Ok(());
        }
        self.pace.store((items.len() / 2).max(1), Ordering::Relaxed);
        let (first, second) = items.split_at(items.len() / 2);
        self.run(work, first, out)?;
        self.run(work, second, out)
    }

    /// Notes that a call of so many items went through.
    fn managed(&self, items: usize) {
        let pace = self.pace.load(Ordering::Relaxed);
        if items >= pace && pace < self.limits().rows_max {
            self.pace.store(pace.saturating_add(pace / 4).saturating_add(1), Ordering::Relaxed);
        }
    }

    /// The verdict on an item that stopped the module: it alone, in a fresh instance.
    fn alone<W: Work>(&self, work: &W, item: &W::Item) -> Result<W::Made, Error> {
        let mut instance = self.start().map_err(|error| self.error(&error.to_string()))?;
        match self.call(work, &mut instance, std::slice::from_ref(item)) {
            Ok(mut made) => {
                self.finish::<W>(instance, &made);
                made.pop().ok_or_else(|| self.error("it gave no result"))
            }
            Err(Stop::Rows(blame)) => Ok(W::broken(self.blame(&blame))),
            Err(Stop::Engine(message)) => Err(self.error(&message)),
            Err(Stop::Deadline) => {
                let limit = self.limits().deadline_ms;
                Err(self.error(&format!("no answer within {limit} ms, twice")))
            }
        }
    }

    /// Keeps the instance if all of its results were right.
    fn finish<W: Work>(&self, instance: Instance, made: &[W::Made]) {
        if !made.iter().any(W::is_broken) {
            self.give_back(instance);
        }
    }

    fn blame(&self, blame: &Blame) -> String {
        blame.message_of(self.world.subject(), self.limits())
    }

    fn error(&self, message: &str) -> Error {
        Error::Module { message: format!("{} `{}`: {message}", self.world.name(), self.name()) }
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
