use std::sync::Arc;

use wasmtime::component::{Component, Func, Linker, WasmList};
use wasmtime::{Engine, Store};

use crate::foreign::{self, Calls, Foreign};
use crate::guard::Guard;
use crate::stop::{Blame, Stop};
use crate::{Limits, LoadError, epoch};

/// The functions that take a frame and give one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Export {
    Normalize,
    Interpret,
    Hints,
    Evaluate,
}

const EXPORTS: [(Export, &str); 4] = [
    (Export::Normalize, "normalize"),
    (Export::Interpret, "interpret"),
    (Export::Hints, "hints"),
    (Export::Evaluate, "evaluate"),
];

/// A started component in a store of its own. After any [`Stop`] it is dead and must be dropped.
pub(crate) struct Instance {
    store: Store<Guard>,
    functions: Vec<Func>,
    describe: Func,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("guard", self.store.data()).finish_non_exhaustive()
    }
}

impl Instance {
    /// Starts a component, which imports nothing but the functions that it may call.
    pub(crate) fn start(
        engine: &Engine,
        component: &Component,
        foreign: Option<&Arc<Foreign>>,
        limits: &Limits,
    ) -> Result<Self, LoadError> {
        let calls = Calls::new(foreign.cloned());
        let mut store = Store::new(engine, Guard::new(limits, calls));
        store.limiter(|guard| guard);
        let start = |error: wasmtime::Error| LoadError::Start { message: format!("{error:#}") };
        store.set_fuel(limits.fuel()).map_err(start)?;
        store.set_epoch_deadline(epoch::ticks(limits.deadline_ms));
        let mut linker = Linker::new(engine);
        if let Some(foreign) = foreign {
            foreign::link(&mut linker, foreign).map_err(start)?;
        }
        let instance = linker.instantiate(&mut store, component).map_err(start)?;
        let mut find = |name: &'static str| {
            instance.get_func(&mut store, name).ok_or(LoadError::Export { name })
        };
        let describe = find("describe")?;
        let functions =
            EXPORTS.iter().map(|(_, name)| find(name)).collect::<Result<Vec<_>, _>>()?;
        for (function, (_, name)) in functions.iter().zip(EXPORTS) {
            function
                .typed::<(&[u8],), (WasmList<u8>,)>(&store)
                .map_err(|_| LoadError::Export { name })?;
        }
        Ok(Self { store, functions, describe })
    }

    /// What the component says about itself.
    pub(crate) fn describe(&mut self, limits: &Limits) -> Result<String, LoadError> {
        let name = "describe";
        let describe = self
            .describe
            .typed::<(), (String,)>(&self.store)
            .map_err(|_| LoadError::Export { name })?;
        self.refuel(limits).map_err(|message| LoadError::Start { message })?;
        let (text,) = describe
            .call(&mut self.store, ())
            .map_err(|error| LoadError::Start { message: format!("{error:#}") })?;
        Ok(text)
    }

    fn refuel(&mut self, limits: &Limits) -> Result<(), String> {
        self.store.data_mut().refused = None;
        self.store.set_fuel(limits.fuel()).map_err(|error| format!("{error:#}"))?;
        self.store.set_epoch_deadline(epoch::ticks(limits.deadline_ms));
        Ok(())
    }

    /// Sends a frame. What comes back lives until the next call.
    pub(crate) fn call(
        &mut self,
        export: Export,
        frame: &[u8],
        limits: &Limits,
    ) -> Result<WasmList<u8>, Stop> {
        self.refuel(limits).map_err(Stop::Engine)?;
        let place = EXPORTS.iter().position(|(known, _)| *known == export);
        let function = place
            .and_then(|place| self.functions.get(place))
            .ok_or_else(|| Stop::Engine("function not found".to_owned()))?
            .typed::<(&[u8],), (WasmList<u8>,)>(&self.store)
            .map_err(|error| Stop::Engine(format!("{error:#}")))?;
        let called = function.call(&mut self.store, (frame,));
        let (answer,) = called.map_err(|error| Stop::of(&error, self.store.data().refused))?;
        if answer.len() > limits.output_bytes {
            return Err(Stop::Rows(Blame::Output));
        }
        Ok(answer)
    }

    /// The bytes of an answer.
    pub(crate) fn bytes<'a>(&'a self, answer: &'a WasmList<u8>) -> &'a [u8] {
        answer.as_le_slice(&self.store)
    }

    /// Calls of functions of modules.
    pub(crate) fn calls(&mut self) -> &mut Calls {
        &mut self.store.data_mut().calls
    }
}
