//! Runs each fuzz target for `DEFACTO_FUZZ_SECONDS` of processor time (5 unless set) from a new seed, or from `DEFACTO_FUZZ_SEED`; those
//! that are the compiler's own three times as long. Memory is counted for a process, so that each target runs in one of
//! its own, two at a time. One alone: `cargo test -p defacto-test-fuzz -- --ignored raw_records`.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing, and its seed in any case"
)]

mod limits;

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use std::{env, fs, thread};

use defacto_test_fuzz::{
    Mutator, corpus, data, definitions, expression, frames, programs, records,
};
use defacto_test_support::Random;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Memory that an input may take.
const BYTES_MAX: usize = 64 << 20;
/// Processor time that an input may take.
const TIME_MAX: Duration = Duration::from_secs(5);
/// What threads of the product have; code without optimization needs more.
const STACK: usize = if cfg!(debug_assertions) { 16 << 20 } else { 2 << 20 };

/// Memory is counted for the process: one at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn setting(name: &str) -> Option<u64> {
    env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

fn seconds() -> u64 {
    setting("DEFACTO_FUZZ_SECONDS").unwrap_or(5)
}

/// Every target, and how many times as long as the shortest it runs.
const TARGETS: [(&str, u64); 8] = [
    ("expressions", 3),
    ("definition_sets", 3),
    ("damaged_programs", 3),
    ("random_programs", 3),
    ("raw_records", 1),
    ("data_columns", 1),
    ("data_round_trips", 1),
    ("answers_of_modules", 1),
];

#[test]
fn every_target_survives() {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some((target, times)) = TARGETS.get(next.fetch_add(1, Ordering::Relaxed)) {
            let output = Command::new(env::current_exe().unwrap())
                .args(["--exact", target, "--ignored", "--nocapture"])
                .env("DEFACTO_FUZZ_SECONDS", (seconds() * times).to_string())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            println!("{said}");
            if !output.status.success() || !said.contains("1 passed") {
                println!("{}", String::from_utf8_lossy(&output.stderr));
                failed.lock().unwrap().push(*target);
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{failed:?}");
}

/// Bytes that a piece of work takes at most, beyond what was there before.
fn peak(work: impl FnOnce()) -> usize {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    work();
    MEMORY.peak_usage().saturating_sub(before)
}

/// Processor time of this process, all threads together, in steps of 10 ms: what else runs on the machine does not count.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("the times of this process");
    // The name, in parentheses, may hold anything; user and system time are the 12th and 13th field behind it.
    let (_, fields) = stat.rsplit_once(')').expect("a name in parentheses");
    let ticks = fields.split_whitespace().skip(11).take(2);
    Duration::from_millis(10 * ticks.map(|t| t.parse::<u64>().expect("a number")).sum::<u64>())
}

/// Runs a body on inputs until so much processor time is used.
fn fuzz<I: AsRef<[u8]>>(
    name: &str,
    make: impl Fn(&mut Random) -> I + Sync,
    run: impl Fn(&I) + Sync,
) {
    let _alone = alone();
    let clock = || {
        u64::from(
            SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, |d| d.subsec_nanos()),
        )
    };
    let seed = setting("DEFACTO_FUZZ_SEED").unwrap_or_else(clock);
    let time = Duration::from_secs(seconds());
    // An overflow of the stack ends the process: the input is on the disk before.
    let last = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}.input"));
    println!("{name}: seed {seed}, inputs in {}", last.display());
    thread::scope(|scope| {
        let work = || {
            let mut random = Random::new(seed);
            let (mut count, mut most, mut slowest) = (0_u64, 0, Duration::ZERO);
            let started = processor_time();
            while processor_time().saturating_sub(started) < time {
                let input = make(&mut random);
                fs::write(&last, input.as_ref()).expect("the folder for test output");
                let began = processor_time();
                let bytes = peak(|| run(&input));
                let took = processor_time().saturating_sub(began);
                assert!(took < TIME_MAX, "input {count} took {took:?}");
                assert!(bytes < BYTES_MAX, "input {count} took {bytes} bytes");
                (count, most, slowest) = (count + 1, most.max(bytes), slowest.max(took));
            }
            println!(
                "{name}: {count} inputs, at most {} KiB, slowest {} ms",
                most >> 10,
                slowest.as_millis()
            );
            assert!(count > 0);
        };
        let thread =
            thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).expect("a thread");
        assert!(
            thread.join().is_ok(),
            "{name} fails with seed {seed}; the input is in {}",
            last.display()
        );
    });
}

#[test]
#[ignore = "run by `every_target_survives`"]
fn expressions() {
    let corpus = Mutator::new(corpus::expressions());
    fuzz("expression", |random| corpus.next(random), |text| expression::run(text));
}

#[test]
#[ignore = "run by `every_target_survives`"]
fn definition_sets() {
    let corpus = Mutator::new(corpus::definitions());
    fuzz("definitions", |random| corpus.next(random), |text| definitions::run(text));
}

#[test]
#[ignore = "run by `every_target_survives`"]
fn random_programs() {
    let run = |seed: &[u8; 8]| programs::run(u64::from_le_bytes(*seed));
    fuzz("programs", |random| random.bits().to_le_bytes(), run);
}

#[test]
#[ignore = "run by `every_target_survives`"]
fn damaged_programs() {
    let run = |seed: &[u8; 8]| programs::damaged(u64::from_le_bytes(*seed));
    fuzz("damaged-programs", |random| random.bits().to_le_bytes(), run);
}

#[test]
#[ignore = "run by `every_target_survives`"]
fn raw_records() {
    let corpus = Mutator::new(corpus::records());
    fuzz("records", |random| corpus.next(random), |text| records::run(text));
}

#[test]
#[ignore = "run by `every_target_survives`"]
fn data_columns() {
    let corpus = Mutator::new(data::corpus());
    fuzz("data", |random| corpus.next(random), |text| data::run(text));
}

#[test]
#[ignore = "run by `every_target_survives`"]
fn data_round_trips() {
    let run = |seed: &[u8; 8]| data::round_trip(u64::from_le_bytes(*seed));
    fuzz("data-round-trip", |random| random.bits().to_le_bytes(), run);
}

#[test]
#[ignore = "run by `every_target_survives`"]
fn answers_of_modules() {
    let manifest = frames::manifest();
    let run = |seed: &[u8; 8]| frames::run(&manifest, u64::from_le_bytes(*seed));
    fuzz("frames", |random| random.bits().to_le_bytes(), run);
}
