use std::sync::Arc;

use wasmtime::component::{Component, ComponentNamedList, Lift, Linker, Lower, WasmStr};
use wasmtime::{Engine, Store, StoreContextMut, Trap};

use super::ModuleError;
use super::abi::{Level, RawInputRecord, WireResult, WireValue};
use super::imports::HOST;
use super::module::Tables;
use super::state::State;
use super::world::World;
use crate::stop::{Blame, Stop};
use crate::{Limits, epoch};

/// The exports, as the world has them.
type Described = (Result<String, String>,);
type Normalized = (Vec<WireResult>,);
type Called = (Vec<Result<WireValue, String>>,);

/// A started component in a store of its own. After any [`Stop`] it is dead and must be dropped.
pub(crate) struct Instance {
    world: World,
    store: Store<State>,
    instance: wasmtime::component::Instance,
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
        (world, name, tables): (World, &Arc<str>, &Arc<Tables>),
        limits: &Limits,
    ) -> Result<Self, ModuleError> {
        let state = State::new(Arc::clone(name), Arc::clone(tables), *limits);
        let mut store = Store::new(engine, state);
        store.limiter(|state| state);
        store.set_hostcall_fuel(limits.output_bytes);
        let failed = |message| ModuleError::Start { message };
        store.set_fuel(limits.fuel()).map_err(|error| failed(format!("{error:#}")))?;
        store.set_epoch_deadline(epoch::ticks(limits.deadline_ms));
        let started = linker.instantiate(&mut store, component);
        let instance = started.map_err(|error| {
            let stop = stop(&error, store.data());
            failed(words(world, &stop, limits))
        })?;
        Ok(Self { world, store, instance })
    }

    /// Whether the exports are those of the world.
    pub(crate) fn check(&mut self) -> Result<(), ModuleError> {
        let world = self.world;
        let wrong = |name: &'static str| {
            move |error: wasmtime::Error| ModuleError::Export {
                name,
                world: world.name(),
                message: format!("{error:#}"),
            }
        };
        let Self { store, instance, .. } = self;
        match world {
            World::Normalizer => {
                instance
                    .get_typed_func::<(&str,), Described>(&mut *store, "describe")
                    .map_err(wrong("describe"))?;
                instance
                    .get_typed_func::<(&str, &[RawInputRecord<'_>]), Normalized>(
                        &mut *store,
                        "normalize",
                    )
                    .map_err(wrong("normalize"))?;
            }
            World::Functions => {
                instance
                    .get_typed_func::<(), (String,)>(&mut *store, "describe")
                    .map_err(wrong("describe"))?;
                instance
                    .get_typed_func::<(u32, &[Vec<WireValue>]), Called>(&mut *store, "call")
                    .map_err(wrong("call"))?;
            }
        }
        Ok(())
    }

    /// What a normalizer says about itself, or about the configuration.
    pub(crate) fn describe_under(
        &mut self,
        config: &str,
        limits: &Limits,
    ) -> Result<Result<String, String>, ModuleError> {
        let called: Result<Described, Stop> = self.invoke("describe", (config,), limits);
        let (answer,) = called.map_err(|stop| self.undescribed(&stop, limits))?;
        Ok(answer)
    }

    /// What a module of functions says about itself.
    pub(crate) fn describe(&mut self, limits: &Limits) -> Result<String, ModuleError> {
        let called: Result<(String,), Stop> = self.invoke("describe", (), limits);
        let (answer,) = called.map_err(|stop| self.undescribed(&stop, limits))?;
        Ok(answer)
    }

    fn undescribed(&self, stop: &Stop, limits: &Limits) -> ModuleError {
        ModuleError::Describe { message: words(self.world, stop, limits) }
    }

    fn refuel(&mut self, limits: &Limits) -> Result<(), String> {
        self.store.data_mut().renew();
        self.store.set_fuel(limits.fuel()).map_err(|error| format!("{error:#}"))?;
        self.store.set_epoch_deadline(epoch::ticks(limits.deadline_ms));
        Ok(())
    }

    /// Calls an export with fresh fuel, deadline and log.
    fn invoke<P, R>(&mut self, name: &str, params: P, limits: &Limits) -> Result<R, Stop>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift + 'static,
    {
        self.refuel(limits).map_err(Stop::Engine)?;
        let called = self
            .instance
            .get_typed_func::<P, R>(&mut self.store, name)
            .map_err(|error| Stop::Engine(format!("{error:#}")))?
            .call(&mut self.store, params);
        self.store.data_mut().settle();
        called.map_err(|error| stop(&error, self.store.data()))
    }

    /// Normalizes a batch.
    pub(crate) fn normalize(
        &mut self,
        config: &str,
        records: &[RawInputRecord<'_>],
        limits: &Limits,
    ) -> Result<Vec<WireResult>, Stop> {
        let (results,): Normalized = self.invoke("normalize", (config, records), limits)?;
        as_many(results, records.len())
    }

    /// Calls a function for a batch of arguments.
    pub(crate) fn call(
        &mut self,
        function: u32,
        batch: &[Vec<WireValue>],
        limits: &Limits,
    ) -> Result<Vec<Result<WireValue, String>>, Stop> {
        let (results,): Called = self.invoke("call", (function, batch), limits)?;
        as_many(results, batch.len())
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

fn as_many<T>(results: Vec<T>, wanted: usize) -> Result<Vec<T>, Stop> {
    if results.len() == wanted {
        return Ok(results);
    }
    Err(Stop::Rows(Blame::Results { given: results.len(), wanted }))
}

/// What the engine says when a call returns more than `set_hostcall_fuel` allows; its type is private.
const OUTPUT_EXHAUSTED: &str = "fuel allocated for hostcalls has been exhausted";

/// The stop in words.
fn words(world: World, stop: &Stop, limits: &Limits) -> String {
    match stop {
        Stop::Rows(blame) => blame.message_of(world.subject(), limits),
        Stop::Deadline => format!("no answer within {} ms", limits.deadline_ms),
        Stop::Engine(message) => message.clone(),
    }
}
