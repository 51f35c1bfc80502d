use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use sha2::{Digest, Sha256};
use wasmtime::component::Component;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::cwasm::CodeFolder;
use crate::function_cache::FunctionCache;
use crate::{CompiledDefinitions, Limits, LoadError, epoch};

/// How to run modules.
#[derive(Debug, Clone, Default)]
pub struct HostOptions {
    /// Bounds of every call.
    pub limits: Limits,
    /// Folder for machine code, made for this user alone when it does not exist; `None` keeps nothing.
    pub cache: Option<PathBuf>,
}

/// The Wasm engine of a process. Make one and share it.
#[derive(Debug)]
pub struct Host {
    pub(crate) engine: Engine,
    pub(crate) limits: Limits,
    folder: Option<CodeFolder>,
    functions: Arc<FunctionCache>,
}

/// Instances that may live at a time, at least.
const INSTANCES_MIN: u32 = 64;

impl Host {
    /// Starts the engine.
    ///
    /// # Errors
    ///
    /// [`LoadError::Engine`] when this machine cannot run it.
    pub fn new(options: HostOptions) -> Result<Arc<Self>, LoadError> {
        let failed = |message: String| LoadError::Engine { message };
        let functions = Arc::new(FunctionCache::default());
        let engine = start(&options.limits, &functions).map_err(|e| failed(format!("{e:#}")))?;
        epoch::start(&engine).map_err(|error| failed(error.to_string()))?;
        let folder = options.cache.and_then(|folder| CodeFolder::open(&folder, &engine));
        Ok(Arc::new(Self { engine, limits: options.limits, folder, functions }))
    }

    /// Loads compiled definitions: compiles them, or takes their machine code from the cache folder, and checks
    /// that they keep the contract.
    ///
    /// # Errors
    ///
    /// [`LoadError`]: the component is invalid, imports something, or was made for another ABI.
    pub fn load(self: &Arc<Self>, component: &[u8]) -> Result<CompiledDefinitions, LoadError> {
        let digest = hex(&Sha256::digest(component));
        let machine = self.machine_code(&digest, component)?;
        CompiledDefinitions::new(Arc::clone(self), digest, component, machine)
    }

    fn machine_code(&self, digest: &str, bytes: &[u8]) -> Result<Component, LoadError> {
        if let Some(found) = self.folder.as_ref().and_then(|f| f.load(&self.engine, digest)) {
            return Ok(found);
        }
        let functions = self.folder.as_ref().map(CodeFolder::functions);
        if let Some(file) = &functions {
            self.functions.load(file);
        }
        let made = Component::from_binary(&self.engine, bytes)
            .map_err(|error| LoadError::Invalid { message: format!("{error:#}") })?;
        if let Some(folder) = &self.folder {
            folder.store(digest, &made);
        }
        if let Some(file) = &functions
            && let Err(error) = self.functions.save(file)
        {
            tracing::warn!(%error, "code of functions is not cached");
        }
        Ok(made)
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Pools instances where the machine has the address space for it.
fn start(limits: &Limits, functions: &Arc<FunctionCache>) -> wasmtime::Result<Engine> {
    let mut config = cached(limits, functions)?;
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)));
    Engine::new(&config).or_else(|error| {
        tracing::warn!(%error, "instances are not pooled");
        let mut config = cached(limits, functions)?;
        config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
        Engine::new(&config)
    })
}

/// The settings of every engine: those that make results repeatable, and those that bound them.
pub(crate) fn settings(limits: &Limits) -> Config {
    let mut config = Config::new();
    config
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(limits.stack_bytes)
        .parallel_compilation(true);
    config
}

/// With what earlier compilations left of functions that are the same.
fn cached(limits: &Limits, functions: &Arc<FunctionCache>) -> wasmtime::Result<Config> {
    let mut config = settings(limits);
    config.enable_incremental_compilation(Arc::<FunctionCache>::clone(functions))?;
    Ok(config)
}

fn pool(limits: &Limits) -> PoolingAllocationConfig {
    let threads =
        thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(1));
    let instances = threads.saturating_mul(4).max(INSTANCES_MIN);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(4))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(2))
        .max_memory_size(limits.memory_bytes)
        .table_elements(limits.table_elements)
        .linear_memory_keep_resident(1 << 20);
    pool
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use defacto_compiler::{Input, compile};

    const TEXT: &str = r#"
entities:
  part:
    starts: new
    identity: { code: { match: exact } }
    properties: { kind: { type: string } }
    states:
      new:
        when:
          made:
            guard: "regex_match(event.code, '^[a-z]+-7$')"
            effects: [create, { set: { property: kind, from: event.kind } }]
sources:
  plant:
    event_type: type
    timestamp: at
    events:
      made:
        mappings: { code: { from: code }, kind: { from: kind } }
        hints: { part: [code] }
"#;

    /// Functions that the host has machine code of, after loading the text, and how many of it are generated.
    fn known(host: &Arc<Host>, text: &str) -> (usize, usize) {
        let outcome = compile(&Input::Document { name: "test.yaml", text }).unwrap();
        let compiled = outcome.compiled.unwrap_or_else(|| panic!("{:?}", outcome.diagnostics));
        host.load(&compiled.component).unwrap();
        (host.functions.len(), compiled.statistics.functions)
    }

    #[test]
    fn an_edit_compiles_nothing_of_the_library() {
        let name = format!("defacto-host-functions-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let host = || {
            let cache = Some(folder.clone());
            Host::new(HostOptions { limits: Limits::default(), cache }).unwrap()
        };
        let (all, generated) = known(&host(), TEXT);
        assert!(all > 500, "{all} functions in a library with patterns");
        // Another process with the same folder.
        let (edited, _) = known(&host(), &TEXT.replace("-7$", "-[0-9]$"));
        let (again, _) = known(&host(), &TEXT.replace("-7$", "-[1-9]$"));
        std::fs::remove_dir_all(&folder).unwrap();
        println!("{all} functions, {generated} generated, {} {}", edited - all, again - edited);
        for new in [edited - all, again - edited] {
            assert!(new <= generated, "{new} functions compiled, {generated} generated");
        }
    }
}
