//! The compiler on a large folder: 50 entity types of 10 states with 10 handlers each, 5,000 handlers in all.
//!
//! Prints times and sizes. Times depend on the machine and are not judged; sizes do not, and more than
//! [`SIZE_MAX`] ends with exit code 1.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops where it cannot go on"
)]

use std::fmt::Write;
use std::time::Instant;

use defacto_compiler::{Compiled, Input, SourceFile, analyze, compile};

/// Bytes of a component beyond names section, manifest and runtime library.
const SIZE_MAX: usize = 1 << 20;
const ENTITIES: usize = 50;
const STATES: usize = 10;
const EVENTS: usize = 10;
/// Rounds of each measurement; the best counts, because other programs only ever make it slower.
const ROUNDS: usize = 7;

fn main() {
    let files = folder();
    let input = Input::Files(&files);
    let bytes: usize = files.iter().map(|file| file.text.len()).sum();
    println!(
        "definitions                   {:>10} handlers, {bytes} bytes",
        ENTITIES * STATES * EVENTS
    );

    let outcome = compile(&input).expect("the compiler is intact");
    let Compiled { component, statistics, .. } = outcome.compiled.expect("the folder is valid");

    println!("validate                      {:>10.1} ms", best(|| drop(analyze(&input))));
    println!("compile                       {:>10.1} ms", best(|| drop(compile(&input))));
    // The manifest is there twice: for the host before a module runs, and behind `describe`.
    let own = component.len()
        - statistics.names
        - 2 * statistics.manifest
        - statistics.library_code
        - statistics.library_data;
    println!("component                     {:>10} bytes", component.len());
    println!(
        "  its own part                {own:>10} bytes, {} a handler",
        own / (ENTITIES * STATES * EVENTS)
    );
    println!("    code                      {:>10} bytes", statistics.code);
    println!("    constants                 {:>10} bytes", statistics.constants);
    println!("  names                       {:>10} bytes", statistics.names);
    println!("  manifest, twice             {:>10} bytes each", statistics.manifest);
    assert!(own <= SIZE_MAX, "the folder's own part has {own} bytes, more than {SIZE_MAX}");
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

fn folder() -> Vec<SourceFile> {
    (0..ENTITIES)
        .flat_map(|number| {
            [
                SourceFile {
                    path: format!("entities/machine_{number}.yaml"),
                    text: entity(number),
                },
                SourceFile { path: format!("sources/plant_{number}.yaml"), text: source(number) },
            ]
        })
        .collect()
}

/// Each handler has a guard of two comparisons, a transition, two assignments, one of them arithmetic with
/// floats, and an increment. No two are equal.
fn entity(number: usize) -> String {
    let mut text = format!(
        "machine_{number}:
  starts: state_0
  identity:
    serial_{number}: {{ match: exact }}
  properties:
    operator: {{ type: string }}
    cycles: {{ type: integer, default: 0 }}
    energy: {{ type: number, default: 0 }}
    pressure: {{ type: number, min: 0 }}
  states:
"
    );
    for state in 0..STATES {
        write!(text, "    state_{state}:\n      when:\n").expect("text");
        for event in 0..EVENTS {
            // Only the first state meets things that are new.
            let create = if state == 0 { "\n            - create" } else { "" };
            let (limit, factor, next) =
                (number + 10 * state, event + 2, (state + event + 1) % STATES);
            write!(
                text,
                "        reading_{event}:
          guard: \"event.load > {limit} and entity.energy < {event}{state}00.5\"
          effects:{create}
            - {{ transition: {{ to: state_{next} }} }}
            - {{ set: {{ property: operator, from: event.operator }} }}
            - {{ increment: {{ property: cycles }} }}
            - {{ set: {{ property: energy, compute: \"entity.energy + event.load * {factor}.25\" }} }}
"
            )
            .expect("text");
        }
    }
    text
}

fn source(number: usize) -> String {
    let mut text = format!("plant_{number}:\n  event_type: kind\n  timestamp: at\n  events:\n");
    for event in 0..EVENTS {
        write!(
            text,
            "    reading_{event}:
      raw_type: plant_{number}.reading_{event}
      mappings:
        serial_{number}: {{ from: machine.serial }}
        operator: {{ from: operator }}
        load: {{ from: load, type: number }}
      hints:
        machine_{number}: [serial_{number}]
"
        )
        .expect("text");
    }
    text
}
