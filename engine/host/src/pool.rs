use std::sync::{Mutex, PoisonError};
use std::thread;

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::Limits;
use crate::instance::{Export, Instance};
use crate::stop::Stop;

/// Instances of one component, each used by one thread at a time.
#[derive(Debug)]
pub(crate) struct Pool {
    idle: Mutex<Vec<Instance>>,
    idle_max: usize,
}

impl Pool {
    pub(crate) fn new(first: Instance) -> Self {
        let idle_max = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { idle: Mutex::new(vec![first]), idle_max }
    }

    /// Sends a frame to an idle or new instance and reads the answer. An instance whose call stopped, or whose
    /// answer cannot be read, is dropped.
    pub(crate) fn call<T>(
        &self,
        (engine, component, limits): (&Engine, &Component, &Limits),
        export: Export,
        frame: &[u8],
        read: impl FnOnce(&[u8]) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut instance = match idle {
            Some(instance) => instance,
            None => Instance::start(engine, component, limits)
                .map_err(|error| Stop::Engine(error.to_string()))?,
        };
        let answer = instance.call(export, frame, limits).and_then(read)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.idle_max {
            idle.push(instance);
        }
        Ok(answer)
    }
}
