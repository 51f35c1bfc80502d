//! Ten thousand random definition sets agree between oracle and compiled module. Compiling each alone would
//! compile the runtime library ten thousand times, so many sets make up one definitions folder, in which all
//! names end in the seed of their set.
//!
//! `DEFACTO_PACKED_SEEDS=17..18` runs the set of seed 17 alone.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use defacto_compiler::{Input, compile};
use defacto_host::{CompiledDefinitions, Host, HostOptions};
use defacto_test_support::{
    GeneratedSet, Oracle, OracleError, PACK, RawEvent, pack, packed_definitions, raw_events,
};

use crate::agreement::seeds;
use crate::compare::{Compared, compare};

/// Raw events for each set.
const EVENTS: usize = 24;

/// A disagreement.
struct Found {
    seed: u64,
    set: GeneratedSet,
    events: Vec<RawEvent>,
}

/// Both judges of a document.
fn judges(host: &Arc<Host>, text: &str) -> Result<(Oracle, CompiledDefinitions), OracleError> {
    let oracle = Oracle::from_text(text)?;
    let outcome = compile(&Input::Document { name: "generated.json", text }).unwrap();
    Ok((oracle, host.load(&outcome.compiled.unwrap().component).unwrap()))
}

/// Compares the sets of these seeds in one component.
fn agree(host: &Arc<Host>, seeds: impl Iterator<Item = u64>) -> Result<Compared, Found> {
    let sets: Vec<(u64, GeneratedSet)> =
        seeds.map(|seed| (seed, packed_definitions(seed))).collect();
    let (oracle, compiled) = judges(host, &pack(sets.iter().map(|(_, set)| set))).unwrap();
    let mut sum = Compared::default();
    for (seed, set) in sets {
        let events = raw_events(&set, seed, EVENTS);
        match compare(&oracle, &compiled, &format!("_{seed}"), &events) {
            Ok(compared) => sum.add(compared),
            Err(_) => return Err(Found { seed, set, events }),
        }
    }
    Ok(sum)
}

/// A small set and few events that still disagree, and how; of a disagreement that only a pack shows, all of it.
fn smallest(host: &Arc<Host>, found: Found) -> (GeneratedSet, Vec<RawEvent>, String) {
    let Found { mut set, mut events, .. } = found;
    let differs = |set: &GeneratedSet, events: &[RawEvent]| {
        let (oracle, compiled) = judges(host, &set.text).ok()?;
        compare(&oracle, &compiled, "", events).err()
    };
    let Some(mut difference) = differs(&set, &events) else {
        return (set, events, "only together with the other sets of its pack".to_owned());
    };
    let mut part = 0;
    while let Some(less) = set.without(part) {
        let known = |event: &&RawEvent| less.text.contains(&format!("\"{}\":", event.source));
        let fewer: Vec<RawEvent> = events.iter().filter(known).cloned().collect();
        match differs(&less, &fewer) {
            Some(still) => (set, events, difference) = (less, fewer, still),
            None => part += 1,
        }
    }
    if let Ok((oracle, compiled)) = judges(host, &set.text) {
        let mut at = 0;
        while at < events.len() {
            let mut fewer = events.clone();
            fewer.remove(at);
            match compare(&oracle, &compiled, "", &fewer) {
                Err(still) => (events, difference) = (fewer, still),
                Ok(_) => at += 1,
            }
        }
    }
    (set, events, difference)
}

#[test]
fn ten_thousand_sets_do_what_the_oracle_does() {
    let host = Host::new(HostOptions::default()).unwrap();
    let all = seeds("DEFACTO_PACKED_SEEDS", 0..10_000);
    let next = AtomicU64::new(all.start / PACK);
    let results = Mutex::new((Compared::default(), Vec::new()));
    let work = || {
        loop {
            let pack = next.fetch_add(1, Ordering::Relaxed);
            let (from, to) = (all.start.max(pack * PACK), all.end.min((pack + 1) * PACK));
            if from >= to {
                return;
            }
            let outcome = agree(&host, from..to);
            let mut results = results.lock().unwrap();
            match outcome {
                Ok(compared) => results.0.add(compared),
                Err(found) => results.1.push(found),
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let (compared, mut found) = results.into_inner().unwrap();
    println!("{compared:?}");
    let packs = found.len();
    found.sort_by_key(|found| found.seed);
    for found in found.into_iter().take(3) {
        let seed = found.seed;
        let (set, events, difference) = smallest(&host, found);
        println!("DEFACTO_PACKED_SEEDS={seed}..{}: {difference}\n{}", seed + 1, set.text);
        for event in events {
            println!("  {} {}", event.source, event.text);
        }
    }
    assert_eq!(packs, 0, "packs that differ");
    let sets = usize::try_from(all.end - all.start).unwrap();
    assert!(
        sets < 1_000
            || (compared.events == sets * EVENTS
                && compared.items > 10 * sets
                && compared.failures > sets),
        "too little happened in {sets} sets: {compared:?}"
    );
}
