//! The oracle and the compiled module agree on random definition sets and random events.
//!
//! `DEFACTO_SEEDS=1000..2000` runs other seeds than the usual few.

use std::ops::Range;
use std::sync::Arc;

use defacto_compiler::{Input, compile};
use defacto_host::{Host, HostOptions};
use defacto_test_support::{GeneratedSet, Oracle, RawEvent, definitions, raw_events};

use crate::compare::{Compared, compare};

/// Seeds to run: the usual ones, or those that a variable of the environment gives.
pub(crate) fn seeds(variable: &str, usual: Range<u64>) -> Range<u64> {
    let Ok(text) = std::env::var(variable) else { return usual };
    let (from, to) = text.split_once("..").unwrap();
    from.parse().unwrap()..to.parse().unwrap()
}

/// Compiles a set and compares all of it.
pub(crate) fn agree(
    host: &Arc<Host>,
    set: &GeneratedSet,
    events: &[RawEvent],
) -> Result<Compared, String> {
    let oracle = Oracle::from_text(&set.text).unwrap();
    let outcome = compile(&Input::Document { name: "generated.json", text: &set.text }).unwrap();
    let compiled = host.load(&outcome.compiled.unwrap().component).unwrap();
    compare(&oracle, &compiled, "", events)
}

#[test]
fn compiled_modules_do_what_the_oracle_does() {
    let host = Host::new(HostOptions::default()).unwrap();
    for seed in seeds("DEFACTO_SEEDS", 0..12) {
        let set = definitions(seed);
        if let Err(difference) = agree(&host, &set, &raw_events(&set, seed, 40)) {
            panic!("seed {seed}: {difference}\n{}", set.text);
        }
    }
}
