use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use sha2::{Digest, Sha256};
use wasmtime::component::Component;
use wasmtime::{
    Config, Engine, Inlining, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
};

use crate::cwasm::CodeFolder;
use crate::function_cache::FunctionCache;
use crate::{CompiledDefinitions, Limits, LoadError, cwasm, epoch};

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
        let engine = start(&options.limits).map_err(|e| failed(format!("{e:#}")))?;
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
        let digest = digest(component);
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
        let code = compile(&self.limits, &self.functions, bytes)
            .map_err(|error| LoadError::Invalid { message: format!("{error:#}") })?;
        if let Some(folder) = &self.folder {
            folder.store(digest, &code);
        }
        if let Some(file) = &functions
            && let Err(error) = self.functions.save(file)
        {
            tracing::warn!(%error, "code of functions is not cached");
        }
        cwasm::from_compiled(&self.engine, &code)
            .map_err(|error| LoadError::Invalid { message: format!("{error:#}") })
    }
}

/// The digest under which a component is known: SHA-256 of its bytes, hexadecimal.
pub fn digest(component: &[u8]) -> String {
    hex::encode(Sha256::digest(component))
}

/// Machine code of a component, in an engine of its own.
///
/// The engine is what makes the cache of functions work. Its key of a function is a hash over everything in the
/// compiler's context, which wasmtime clears and uses again for the next function. Cranelift 0.135 forgets to clear one
/// list, that of exception handlers, which only entry points fill (of functions that are exported or in a table). A
/// function compiled in a context that an entry point had before gets another key, and with several threads that is
/// left to chance. With inlining on, wasmtime translates all functions before it gives any context back, so that in
/// a new engine each function has a context that nobody had before. (What `Intrinsics` inlines does not occur here.)
fn compile(
    limits: &Limits,
    functions: &Arc<FunctionCache>,
    component: &[u8],
) -> wasmtime::Result<Vec<u8>> {
    let mut config = settings_of_definitions(limits);
    config.enable_incremental_compilation(Arc::<FunctionCache>::clone(functions))?;
    Engine::new(&config)?.precompile_component(component)
}

/// Pools instances where the machine has the address space for it.
fn start(limits: &Limits) -> wasmtime::Result<Engine> {
    let mut config = settings_of_definitions(limits);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)));
    Engine::new(&config).or_else(|error| {
        tracing::warn!(%error, "instances are not pooled");
        Engine::new(&settings_of_definitions(limits))
    })
}

/// Those of the engine that compiles and of the one that runs.
fn settings_of_definitions(limits: &Limits) -> Config {
    let mut config = settings(limits);
    config.compiler_inlining(Inlining::Intrinsics);
    config
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

    /// Functions that the host has machine code of, after loading the text.
    fn known(host: &Arc<Host>, text: &str) -> usize {
        let outcome = compile(&Input::Document { name: "test.yaml", text }).unwrap();
        let compiled = outcome.compiled.unwrap_or_else(|| panic!("{:?}", outcome.diagnostics));
        host.load(&compiled.component).unwrap();
        host.functions.len()
    }

    /// Another guard in each round, and another pattern of another length.
    fn edited(round: usize) -> String {
        let guard = format!("-{}$'){}", "7".repeat(round), " and event.kind != 'x'".repeat(round));
        TEXT.replace("-7$')", &guard)
    }

    #[test]
    fn an_edit_compiles_nothing_of_the_library() {
        // The handler, and what refers to a text that has moved in the memory.
        const EDITED: std::ops::RangeInclusive<usize> = 1..=4;
        let name = format!("defacto-host-functions-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let host = || {
            let cache = Some(folder.clone());
            Host::new(HostOptions { limits: Limits::default(), cache }).unwrap()
        };
        // More threads than processors: the order in which functions are compiled is another each time.
        let threads = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
        threads.install(|| {
            let mut before = known(&host(), TEXT);
            assert!(before > 500, "{before} functions in a library with patterns");
            let mut check = |host: &Arc<Host>, round| {
                let after = known(host, &edited(round));
                let new = after - before;
                assert!(EDITED.contains(&new), "{new} functions in round {round}");
                before = after;
            };
            // Processes that share the folder, and one that compiles several times.
            (1..=6).for_each(|round| check(&host(), round));
            let host = host();
            (7..=12).for_each(|round| check(&host, round));
        });
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
