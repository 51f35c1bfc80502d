use std::sync::{Arc, mpsc};
use std::time::Duration;

use wasmtime::Engine;
use wasmtime::component::Component;

use super::functions::Functions;
use super::module::{Module, Tables};
use super::normalizer::Normalizer;
use super::world::World;
use super::{ModuleError, imports, instance};
use crate::cwasm::CodeFolder;
use crate::host::{digest, settings};
use crate::{HostOptions, Limits, epoch};

/// The engine that runs modules of projects, apart from the one of compiled definitions: memory and tables are set by source
/// here, and instances are few. Make one and share it.
#[derive(Debug)]
pub struct ModuleHost {
    runtime: Arc<Runtime>,
}

#[derive(Debug)]
pub(crate) struct Runtime {
    pub(crate) engine: Engine,
    limits: Limits,
    folder: Option<CodeFolder>,
}

impl ModuleHost {
    /// Starts the engine. Its limits are what modules get that ask for no others.
    ///
    /// # Errors
    ///
    /// [`ModuleError::Engine`] when this machine cannot run it.
    pub fn new(options: HostOptions) -> Result<Self, ModuleError> {
        let failed = |message: String| ModuleError::Engine { message };
        let engine =
            Engine::new(&settings(&options.limits)).map_err(|e| failed(format!("{e:#}")))?;
        epoch::start(&engine).map_err(|error| failed(error.to_string()))?;
        let folder = options.cache.and_then(|folder| CodeFolder::open(&folder, &engine));
        Ok(Self { runtime: Arc::new(Runtime { engine, limits: options.limits, folder }) })
    }

    /// The limits of modules that ask for no others.
    pub fn limits(&self) -> &Limits {
        &self.runtime.limits
    }

    /// Loads a normalizer: compiles it, or takes its machine code from the cache folder, and checks that it keeps the
    /// contract and imports nothing else.
    ///
    /// # Errors
    ///
    /// [`ModuleError`] says which rule it breaks.
    pub fn load(
        &self,
        name: &str,
        component: &[u8],
        tables: Tables,
        limits: Limits,
    ) -> Result<Normalizer, ModuleError> {
        let module = self.module(World::Normalizer, name, component, tables, limits)?;
        Ok(Normalizer { module })
    }

    /// Loads a module of functions likewise, and lets it describe itself.
    ///
    /// # Errors
    ///
    /// As [`Self::load`].
    pub fn load_functions(
        &self,
        name: &str,
        component: &[u8],
        tables: Tables,
        limits: Limits,
    ) -> Result<Functions, ModuleError> {
        Functions::new(self.module(World::Functions, name, component, tables, limits)?)
    }

    fn module(
        &self,
        world: World,
        name: &str,
        component: &[u8],
        tables: Tables,
        limits: Limits,
    ) -> Result<Module, ModuleError> {
        if component.len() > limits.module_bytes {
            let (bytes, limit) = (component.len(), limits.module_bytes);
            return Err(ModuleError::TooLarge { bytes, limit });
        }
        if component.starts_with(CORE_MODULE) {
            return Err(ModuleError::CoreModule);
        }
        if !component.starts_with(COMPONENT) {
            let message = "it does not begin like one".to_owned();
            return Err(ModuleError::Invalid { message });
        }
        let digest = digest(component);
        let machine = self.machine_code(&digest, component, limits.compile_ms)?;
        imports::check(&self.runtime.engine, &machine)?;
        let linker = instance::linker(&self.runtime.engine)
            .map_err(|error| ModuleError::Engine { message: format!("{error:#}") })?;
        Module::new(
            world,
            (name, digest, component.len()),
            (Arc::clone(&self.runtime), linker, machine),
            tables,
            limits,
        )
    }

    fn machine_code(
        &self,
        digest: &str,
        bytes: &[u8],
        limit_ms: u64,
    ) -> Result<Component, ModuleError> {
        let Runtime { engine, folder, .. } = &*self.runtime;
        if let Some(found) = folder.as_ref().and_then(|folder| folder.load(engine, digest)) {
            return Ok(found);
        }
        let made = compile(engine, bytes, limit_ms)?;
        if let Some(folder) = folder {
            match made.serialize() {
                Ok(code) => folder.store(digest, &code),
                Err(error) => tracing::warn!(digest, %error, "code is not cached"),
            }
        }
        Ok(made)
    }
}

/// First bytes of core modules and of components.
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
/// Stack of a compilation.
const STACK: usize = 64 << 20;

/// Compiles on a thread of its own, which is left behind when it takes too long: its input is bounded.
fn compile(engine: &Engine, bytes: &[u8], limit_ms: u64) -> Result<Component, ModuleError> {
    let (send, receive) = mpsc::sync_channel(1);
    let (engine, bytes) = (engine.clone(), bytes.to_vec());
    let work = move || {
        // Nobody waits any more when sending fails.
        let _sent = send.send(Component::from_binary(&engine, &bytes));
    };
    std::thread::Builder::new()
        .name("defacto-compile".to_owned())
        .stack_size(STACK)
        .spawn(work)
        .map_err(|error| ModuleError::Engine { message: error.to_string() })?;
    match receive.recv_timeout(Duration::from_millis(limit_ms)) {
        Ok(made) => made.map_err(|error| ModuleError::Invalid { message: format!("{error:#}") }),
        Err(_) => Err(ModuleError::TooSlow { limit_ms }),
    }
}
