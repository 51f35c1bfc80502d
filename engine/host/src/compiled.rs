use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use defacto_frames::{Head, abi};
use defacto_model::{Manifest, Timestamp};
use defacto_ports::{
    EntityInput, Error, FaultReport, HintRequest, Interpreted, Machines, ModuleMetrics, Normalized,
    RawRecord,
};
use wasmtime::component::Component;

use crate::foreign::{self, Foreign};
use crate::instance::{Export, Instance};
use crate::pool::{Machine, Pool};
use crate::source::PreparedSource;
use crate::stop::{Blame, Stop};
use crate::{Functions, Host, Limits, LoadError, Normalizer, sections};

/// Compiled definitions, ready to run from any number of threads.
#[derive(Debug)]
pub struct CompiledDefinitions {
    pub(crate) host: Arc<Host>,
    pub(crate) manifest: Manifest,
    pub(crate) sources: Vec<PreparedSource>,
    /// The module of each source that has one.
    pub(crate) normalizers: Vec<Option<Arc<Normalizer>>>,
    /// Functions of modules, where expressions call any.
    foreign: Option<Arc<Foreign>>,
    component: Component,
    digest: String,
    pool: Pool,
    /// Rows that a call has lately managed. Results do not depend on it.
    pace: AtomicUsize,
}

impl CompiledDefinitions {
    pub(crate) fn new(
        host: Arc<Host>,
        digest: String,
        bytes: &[u8],
        component: Component,
    ) -> Result<Self, LoadError> {
        let refuse = |name: String| Err(LoadError::Import { name });
        let imports = component.component_type();
        let imports: Vec<String> =
            imports.imports(&host.engine).map(|(name, _)| name.to_owned()).collect();
        if let Some(name) = imports.iter().find(|name| *name != foreign::IMPORT) {
            return refuse(name.clone());
        }
        let unreadable = |message: String| LoadError::Manifest { message };
        let section = sections::custom(bytes, sections::MANIFEST).ok_or(LoadError::NoManifest)?;
        let text = str::from_utf8(section).map_err(|error| unreadable(error.to_string()))?;
        check_abi(text)?;
        let manifest: Manifest =
            serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
        let limits = host.limits;
        let foreign = Foreign::new(&manifest.functions, &limits);
        if let (Some(name), None) = (imports.first(), &foreign) {
            return refuse(name.clone());
        }
        let mut instance = Instance::start(&host.engine, &component, foreign.as_ref(), &limits)?;
        if instance.describe(&limits)? != text {
            return Err(LoadError::ManifestDiffers);
        }
        let sources = manifest.sources.iter().map(PreparedSource::new).collect();
        let normalizers = vec![None; manifest.sources.len()];
        let pace = AtomicUsize::new(limits.rows_max.max(1));
        let pool = Pool::new(instance);
        Ok(Self { host, manifest, sources, normalizers, foreign, component, digest, pool, pace })
    }

    /// Gives the functions that the manifest names of a module.
    pub fn attach_functions(&mut self, functions: &Arc<Functions>) {
        if let Some(foreign) = &self.foreign {
            foreign.attach(functions.name(), functions);
        }
    }

    /// Gives a source the module that its manifest names.
    pub fn attach(&mut self, source: &str, module: Arc<Normalizer>) {
        let place = self.manifest.sources.iter().position(|known| known.name == source);
        if let Some(slot) = place.and_then(|place| self.normalizers.get_mut(place)) {
            *slot = Some(module);
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.host.limits
    }

    pub(crate) fn head(&self, index: u32, instant: Option<Timestamp>) -> Head {
        Head {
            origin: self.manifest.origin,
            layout: self.manifest.layout,
            index,
            instant: instant.map_or(abi::NEVER, Timestamp::as_micros),
        }
    }

    /// Sends a frame to an instance and reads the answer.
    pub(crate) fn call<T>(
        &self,
        export: Export,
        frame: &[u8],
        read: impl FnOnce(&[u8]) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let machine = Machine {
            engine: &self.host.engine,
            component: &self.component,
            foreign: self.foreign.as_ref(),
            limits: &self.host.limits,
        };
        self.pool.call(&machine, export, frame, read)
    }

    /// Rows to put into the next call.
    pub(crate) fn rows(&self) -> usize {
        self.pace.load(Ordering::Relaxed).clamp(1, self.limits().rows_max.max(1))
    }

    /// Notes that a call of so many rows went through.
    pub(crate) fn managed(&self, rows: usize) {
        let pace = self.pace.load(Ordering::Relaxed);
        if rows >= pace && pace < self.limits().rows_max {
            self.pace.store(pace.saturating_add(pace / 4).saturating_add(1), Ordering::Relaxed);
        }
    }

    /// Notes that a call of so many rows was too much.
    pub(crate) fn overdone(&self, rows: usize) {
        self.pace.store((rows / 2).max(1), Ordering::Relaxed);
    }

    /// Runs rows, halving a batch that stops until the guilty row stands alone.
    pub(crate) fn halve<I, O>(
        &self,
        rows: &[I],
        attempt: &impl Fn(&[I]) -> Result<Vec<O>, Stop>,
        alone: &impl Fn(&I, &Blame) -> O,
        out: &mut Vec<O>,
    ) -> Result<(), Error> {
        let stop = match attempt(rows) {
            Ok(mut results) => {
                self.managed(rows.len());
                out.append(&mut results);
                return Ok(());
            }
            Err(Stop::Engine(message)) => return Err(Error::Module { message }),
            Err(stop) => stop,
        };
        match (rows, stop) {
            ([row], Stop::Rows(blame)) => out.push(alone(row, &blame)),
            ([row], _) => match attempt(rows) {
                Ok(mut results) => out.append(&mut results),
                Err(Stop::Rows(blame)) => out.push(alone(row, &blame)),
                Err(stop) => return Err(self.stuck(stop)),
            },
            _ => {
                self.overdone(rows.len());
                let (first, second) = rows.split_at(rows.len() / 2);
                self.halve(first, attempt, alone, out)?;
                self.halve(second, attempt, alone, out)?;
            }
        }
        Ok(())
    }

    /// The error of a machine that is stuck twice with the same row, or cannot run.
    pub(crate) fn stuck(&self, stop: Stop) -> Error {
        Error::Module {
            message: match stop {
                Stop::Engine(message) => message,
                Stop::Rows(blame) => blame.message(self.limits()),
                Stop::Deadline => {
                    format!("no answer within {} ms, twice", self.limits().deadline_ms)
                }
            },
        }
    }
}

/// The version is read first and alone: another version may have another manifest.
fn check_abi(text: &str) -> Result<(), LoadError> {
    #[derive(serde::Deserialize)]
    struct Known {
        abi: u32,
    }
    match serde_json::from_str::<Known>(text) {
        Ok(Known { abi: abi::ABI }) => Ok(()),
        Ok(Known { abi: found }) => Err(LoadError::Abi { found, known: abi::ABI }),
        Err(error) => Err(LoadError::Manifest { message: error.to_string() }),
    }
}

impl Machines for CompiledDefinitions {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn digest(&self) -> &str {
        &self.digest
    }

    fn normalize(
        &self,
        source: u32,
        records: &[RawRecord<'_>],
        ingested_at: Timestamp,
    ) -> Result<Vec<Normalized>, Error> {
        self.normalize_records(source, records, ingested_at)
    }

    fn module_metrics(&self) -> Vec<ModuleMetrics> {
        let normalizers = self.normalizers.iter().flatten().map(|module| module.metrics());
        let functions = self.foreign.iter().flat_map(|foreign| foreign.modules());
        normalizers.chain(functions.map(|module| module.metrics())).collect()
    }

    fn interpret(
        &self,
        entity: u32,
        entities: Vec<EntityInput>,
        advance_to: Option<Timestamp>,
    ) -> Result<Interpreted, Error> {
        self.interpret_entities(entity, entities, advance_to)
    }

    fn hints(
        &self,
        requests: &[HintRequest],
    ) -> Result<Vec<Result<Option<String>, FaultReport>>, Error> {
        self.build_hints(requests)
    }
}
