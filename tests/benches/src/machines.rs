//! A large folder: 50 entity types of 10 states with 10 handlers each, no two of the 5,000 handlers equal.

use std::fmt::Write;

use defacto_compiler::SourceFile;

/// Entity types of the folder.
const ENTITIES: usize = 50;
/// States of each.
const STATES: usize = 10;
/// Handlers of each state.
const EVENTS: usize = 10;
/// Handlers of the folder.
pub const HANDLERS: usize = ENTITIES * STATES * EVENTS;

/// The files of the folder.
pub fn machines() -> Vec<SourceFile> {
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
        let _infallible = write!(text, "    state_{state}:\n      when:\n");
        for event in 0..EVENTS {
            // Only the first state meets things that are new.
            let create = if state == 0 { "\n            - create" } else { "" };
            let (limit, factor, next) =
                (number + 10 * state, event + 2, (state + event + 1) % STATES);
            let _infallible = write!(
                text,
                "        reading_{event}:
          guard: \"event.load > {limit} and entity.energy < {event}{state}00.5\"
          effects:{create}
            - {{ transition: {{ to: state_{next} }} }}
            - {{ set: {{ property: operator, from: event.operator }} }}
            - {{ increment: {{ property: cycles }} }}
            - {{ set: {{ property: energy, compute: \"entity.energy + event.load * {factor}.25\" }} }}
"
            );
        }
    }
    text
}

fn source(number: usize) -> String {
    let mut text = format!("plant_{number}:\n  event_type: kind\n  timestamp: at\n  events:\n");
    for event in 0..EVENTS {
        let _infallible = write!(
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
        );
    }
    text
}
