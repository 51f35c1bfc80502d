use std::thread;
use std::time::Duration;

use wasmtime::Engine;

/// Milliseconds between two ticks.
const TICK_MS: u64 = 50;

/// Lets the engine's epochs pass until the engine is gone. Deadlines only stop stuck machines, so ticks may be
/// late without harm.
pub(crate) fn start(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    let tick = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(Duration::from_millis(TICK_MS));
        }
    };
    thread::Builder::new().name("defacto-epoch".to_owned()).spawn(tick).map(drop)
}

/// Ticks that make up a deadline.
pub(crate) fn ticks(deadline_ms: u64) -> u64 {
    deadline_ms.div_ceil(TICK_MS).saturating_add(1)
}
