//! Sizes that the benchmarks report and that must hold everywhere.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use defacto_compiler::{Compiled, Input, compile};
use defacto_test_benches::{HANDLERS, SMALL, machines};

#[test]
fn a_large_folder_stays_below_its_limit() {
    let files = machines();
    let compiled = compile(&Input::Files(&files)).unwrap().compiled.unwrap();
    let Compiled { component, statistics, .. } = compiled;
    // The manifest is there twice: for the host before a module runs, and behind `describe`.
    let own = component.len()
        - statistics.names
        - 2 * statistics.manifest
        - statistics.library_code
        - statistics.library_data;
    // The goal is 1 MiB; 956 kB hold.
    assert!(own <= 980_000, "{own} bytes of its own, {} a handler", own / HANDLERS);
}

#[test]
fn a_small_folder_carries_little_of_the_library() {
    let input = Input::Document { name: "small.yaml", text: SMALL };
    let statistics = compile(&input).unwrap().compiled.unwrap().statistics;
    assert!(
        statistics.library_code < 42_000,
        "{} bytes of machine code to make, in {} functions",
        statistics.library_code,
        statistics.library_functions
    );
}
