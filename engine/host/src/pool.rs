use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::Limits;
use crate::foreign::{Foreign, Unable};
use crate::instance::{Export, Instance};
use crate::stop::Stop;

/// What instances are made of.
#[derive(Debug)]
pub(crate) struct Machine<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) component: &'a Component,
    pub(crate) foreign: Option<&'a Arc<Foreign>>,
    pub(crate) limits: &'a Limits,
}

/// Instances of one component, each used by one thread at a time.
#[derive(Debug)]
pub(crate) struct Pool {
    idle: Mutex<Vec<Instance>>,
    idle_max: usize,
}

/// Runs that only collect calls of functions: one, and one more for functions of the results of functions.
const COLLECTING_RUNS: usize = 2;

impl Pool {
    pub(crate) fn new(first: Instance) -> Self {
        let idle_max = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { idle: Mutex::new(vec![first]), idle_max }
    }

    /// Sends a frame to an idle or new instance and reads the answer. An instance whose call stopped, or whose
    /// answer cannot be read, is dropped.
    pub(crate) fn call<T>(
        &self,
        machine: &Machine<'_>,
        export: Export,
        frame: &[u8],
        read: impl FnOnce(&[u8]) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let mut instance = self.take(machine)?;
        if machine.foreign.is_some() {
            instance = self.collect(instance, machine, export, frame)?;
        }
        let list = instance.call(export, frame, machine.limits)?;
        let answer = read(instance.bytes(&list))?;
        instance.calls().forget();
        self.give_back(instance);
        Ok(answer)
    }

    /// Finds out which functions of modules a call asks for, and has them answered together. How a run ends that lacked
    /// answers means nothing.
    fn collect(
        &self,
        mut instance: Instance,
        machine: &Machine<'_>,
        export: Export,
        frame: &[u8],
    ) -> Result<Instance, Stop> {
        for _ in 0..COLLECTING_RUNS {
            instance.calls().collect(true);
            let ended = instance.call(export, frame, machine.limits).map(drop);
            let waiting = instance.calls().is_waiting();
            let settled = instance.calls().settle();
            settled.map_err(|Unable(message)| Stop::Engine(message))?;
            if let Err(stop) = ended {
                if !waiting {
                    return Err(stop);
                }
                let mut fresh = self.take(machine)?;
                fresh.calls().hand_over(instance.calls());
                instance = fresh;
            }
            if !waiting {
                break;
            }
        }
        Ok(instance)
    }

    fn take(&self, machine: &Machine<'_>) -> Result<Instance, Stop> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(instance) => Ok(instance),
            None => {
                let Machine { engine, component, foreign, limits } = *machine;
                Instance::start(engine, component, foreign, limits)
                    .map_err(|error| Stop::Engine(error.to_string()))
            }
        }
    }

    fn give_back(&self, instance: Instance) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.idle_max {
            idle.push(instance);
        }
    }
}
