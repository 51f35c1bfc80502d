//! The compiler and the host on a large folder (50 entity types of 10 states with 10 handlers each) and on a small
//! one (three entity types that use no heavy part), on a machine that has never seen them and on one that has.
//!
//! `cargo bench -p defacto-test-benches --bench compiler -- small` measures one of them. Prints times and sizes. Times depend on the machine and are not judged; the sizes are, by `tests/it`.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops where it cannot go on"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use defacto_compiler::{Compiled, Input, analyze, compile};
use defacto_host::{Host, HostOptions};
use defacto_test_benches::{HANDLERS, SMALL, machines};

/// Rounds of each measurement; the best counts, because other programs only ever make it slower.
const ROUNDS: usize = 7;

fn main() {
    let cache = std::env::temp_dir().join(format!("defacto-bench-{}", std::process::id()));
    let wanted =
        |size: &str| std::env::args().nth(1).is_none_or(|arg| arg == size || arg == "--bench");
    if wanted("large") {
        println!("-- large: {HANDLERS} handlers");
        measure(&Input::Files(&machines()), &cache.join("large"));
    }
    if wanted("small") {
        println!("-- small: 3 entity types");
        measure(&Input::Document { name: "small.yaml", text: SMALL }, &cache.join("small"));
    }
    std::fs::remove_dir_all(&cache).ok();
}

fn measure(input: &Input<'_>, cache: &Path) {
    let outcome = compile(input).expect("the compiler is intact");
    let Compiled { component, statistics, .. } = outcome.compiled.expect("the folder is valid");
    let validate = best(|| drop(analyze(input)));
    let compiling = best(|| drop(compile(input)));
    let bare = || Host::new(HostOptions::default()).expect("a host");
    let native = best(|| drop(load(&bare(), &component)));
    let hosts = || {
        let cache = Some(cache.to_owned());
        Host::new(HostOptions { cache, ..HostOptions::default() }).expect("a host")
    };
    drop(load(&hosts(), &component));
    let host = hosts();
    let cached = best(|| drop(load(&host, &component)));
    println!("validate                      {validate:>10.1} ms");
    println!("compile to Wasm               {compiling:>10.1} ms");
    println!("start, compile, load, cold    {native:>10.1} ms");
    println!("  all of it                   {:>10.1} ms", compiling + native);
    println!("load from the cache           {cached:>10.1} ms");
    println!("component                     {:>10} bytes", component.len());
    println!("  generated code              {:>10} bytes", statistics.code);
    println!("  constants                   {:>10} bytes", statistics.constants);
    println!("  names                       {:>10} bytes", statistics.names);
    println!("  manifest, twice             {:>10} bytes each", statistics.manifest);
    println!(
        "  library code                {:>10} bytes in {} functions",
        statistics.library_code, statistics.library_functions
    );
}

fn load(host: &Arc<Host>, component: &[u8]) -> defacto_host::CompiledDefinitions {
    host.load(component).expect("the component is valid")
}

/// Milliseconds of the fastest round.
fn best(mut work: impl FnMut()) -> f64 {
    (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed().as_secs_f64() * 1e3
        })
        .fold(f64::INFINITY, f64::min)
}
