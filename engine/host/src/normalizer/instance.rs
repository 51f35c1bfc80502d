use std::sync::Arc;

use wasmtime::component::{Component, Linker, WasmStr};
use wasmtime::{Engine, Store, StoreContextMut, Trap};

use super::NormalizerError;
use super::abi::{Level, RawInputRecord, WireResult};
use super::imports::HOST;
use super::module::Tables;
use super::state::State;
use crate::stop::{Blame, Stop};
use crate::{Limits, epoch};

/// The exports, as the world has them.
type Described = (Result<String, String>,);
type Normalized = (Vec<WireResult>,);

/// A started component in a store of its own. After any [`Stop`] it is dead and must be dropped.
pub(crate) struct Instance {
    store: Store<State>,
    instance: wasmtime::component::Instance,
    /// Whether it has normalized anything.
    pub(crate) used: bool,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("state", self.store.data()).finish_non_exhaustive()
    }
}

/// The functions of the world's `host`.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker: Linker<State> = Linker::new(engine);
    let mut host = linker.instance(HOST)?;
    host.func_wrap(
        "log",
        |mut store: StoreContextMut<'_, State>, (level, message): (Level, WasmStr)| {
            let message = message.to_str(&store)?.into_owned();
            store.data_mut().log(level, &message);
            Ok(())
        },
    )?;
    host.func_wrap(
        "lookup",
        |store: StoreContextMut<'_, State>, (table, key): (WasmStr, WasmStr)| {
            let table = table.to_str(&store)?;
            let key = key.to_str(&store)?;
            Ok((store.data().lookup(&table, &key)?,))
        },
    )?;
    Ok(linker)
}

impl Instance {
    /// Starts a component whose imports were checked.
    pub(crate) fn start(
        (engine, linker, component): (&Engine, &Linker<State>, &Component),
        (name, tables): (&Arc<str>, &Arc<Tables>),
        limits: &Limits,
    ) -> Result<Self, NormalizerError> {
        let state = State::new(Arc::clone(name), Arc::clone(tables), *limits);
        let mut store = Store::new(engine, state);
        store.limiter(|state| state);
        store.set_hostcall_fuel(limits.output_bytes);
        let failed = |message| NormalizerError::Start { message };
        store.set_fuel(limits.fuel()).map_err(|error| failed(format!("{error:#}")))?;
        store.set_epoch_deadline(epoch::ticks(limits.deadline_ms));
        let started = linker.instantiate(&mut store, component);
        let instance = started.map_err(|error| {
            let stop = stop(&error, store.data());
            failed(words(&stop, limits))
        })?;
        Ok(Self { store, instance, used: false })
    }

    /// Whether the exports are those of the world.
    pub(crate) fn check(&mut self) -> Result<(), NormalizerError> {
        let wrong = |name, error: &wasmtime::Error| NormalizerError::Export {
            name,
            message: format!("{error:#}"),
        };
        let Self { store, instance, .. } = self;
        instance
            .get_typed_func::<(&str,), Described>(&mut *store, "describe")
            .map_err(|error| wrong("describe", &error))?;
        instance
            .get_typed_func::<(&str, &[RawInputRecord<'_>]), Normalized>(&mut *store, "normalize")
            .map_err(|error| wrong("normalize", &error))?;
        Ok(())
    }

    /// What the component says about itself, or about the configuration.
    pub(crate) fn describe(
        &mut self,
        config: &str,
        limits: &Limits,
    ) -> Result<Result<String, String>, NormalizerError> {
        let failed = |message| NormalizerError::Describe { message };
        self.refuel(limits).map_err(failed)?;
        let called = self
            .instance
            .get_typed_func::<(&str,), Described>(&mut self.store, "describe")
            .and_then(|describe| describe.call(&mut self.store, (config,)));
        self.store.data_mut().settle();
        match called {
            Ok((answer,)) => Ok(answer),
            Err(error) => Err(failed(words(&stop(&error, self.store.data()), limits))),
        }
    }

    fn refuel(&mut self, limits: &Limits) -> Result<(), String> {
        self.store.data_mut().renew();
        self.store.set_fuel(limits.fuel()).map_err(|error| format!("{error:#}"))?;
        self.store.set_epoch_deadline(epoch::ticks(limits.deadline_ms));
        Ok(())
    }

    /// Normalizes a batch.
    pub(crate) fn normalize(
        &mut self,
        config: &str,
        records: &[RawInputRecord<'_>],
        limits: &Limits,
    ) -> Result<Vec<WireResult>, Stop> {
        self.used = true;
        self.refuel(limits).map_err(Stop::Engine)?;
        let called = self
            .instance
            .get_typed_func::<(&str, &[RawInputRecord<'_>]), Normalized>(
                &mut self.store,
                "normalize",
            )
            .map_err(|error| Stop::Engine(format!("{error:#}")))?
            .call(&mut self.store, (config, records));
        self.store.data_mut().settle();
        let (results,) = called.map_err(|error| stop(&error, self.store.data()))?;
        if results.len() != records.len() {
            return Err(Stop::Rows(Blame::Results { given: results.len(), wanted: records.len() }));
        }
        Ok(results)
    }

    /// Fuel that the last call used.
    pub(crate) fn fuel_used(&self, limits: &Limits) -> u64 {
        limits.fuel().saturating_sub(self.store.get_fuel().unwrap_or(0))
    }

    /// Bytes of memory in use.
    pub(crate) fn memory(&self) -> usize {
        self.store.data().memory()
    }
}

/// Classifies the error of a call.
fn stop(error: &wasmtime::Error, state: &State) -> Stop {
    if error.downcast_ref::<Trap>().is_none()
        && error.root_cause().to_string().contains(OUTPUT_EXHAUSTED)
    {
        return Stop::Rows(Blame::Output);
    }
    Stop::of(error, state.refused)
}

/// Who does what failures tell of.
pub(crate) const SUBJECT: &str = "the normalizer";

/// What the engine says when a call returns more than `set_hostcall_fuel` allows; its type is private.
const OUTPUT_EXHAUSTED: &str = "fuel allocated for hostcalls has been exhausted";

/// The stop in words.
fn words(stop: &Stop, limits: &Limits) -> String {
    match stop {
        Stop::Rows(blame) => blame.message_of(SUBJECT, limits),
        Stop::Deadline => format!("no answer within {} ms", limits.deadline_ms),
        Stop::Engine(message) => message.clone(),
    }
}
