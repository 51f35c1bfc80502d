//! `definitions-examples/flights/entities/aircraft.yaml` as a person would write it in Rust, over the same inputs and
//! outputs as `defacto_ports::Machines::interpret`.

use defacto_model::{EntityManifest, FieldOrigin, Timestamp, Value};
use defacto_ports::{EntityInput, EntityOutput, Interpreted, Item, ItemCause, Record};

const DAY_US: i64 = 86_400_000_000;

const PARKED: u32 = 0;
const AIRBORNE: u32 = 1;
const STORED: u32 = 2;

const MANUFACTURER: usize = 0;
const MODEL: usize = 1;
const SEATS: usize = 2;
const CARRIER: usize = 3;
const LAST_AIRPORT: usize = 4;
const FLIGHTS: usize = 5;
const MILES: usize = 6;
const DELAY_MINUTES: usize = 7;
const WORST_DELAY: usize = 8;
const DELAY_PER_FLIGHT: usize = 9;
const CANCELLATIONS: usize = 10;

/// Event types of the aircraft, with the positions of the fields that its handlers read.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Registered { manufacturer: usize, model: usize, seats: usize },
    Departed { carrier: usize, origin: usize },
    Arrived { dest: usize, distance: usize, delay: usize },
    Cancelled,
    Other,
}

fn kinds(entity: &EntityManifest) -> Vec<Kind> {
    entity
        .events
        .iter()
        .map(|event| {
            let at = |name: &str| {
                let named =
                    |origin: &FieldOrigin| matches!(origin, FieldOrigin::Data(n) if n == name);
                event.fields.iter().position(|f| named(&f.origin)).unwrap_or(usize::MAX)
            };
            match event.event_type.as_str() {
                "registered" => Kind::Registered {
                    manufacturer: at("manufacturer"),
                    model: at("model"),
                    seats: at("seats"),
                },
                "departed" => Kind::Departed { carrier: at("carrier"), origin: at("origin") },
                "arrived" => Kind::Arrived {
                    dest: at("dest"),
                    distance: at("distance"),
                    delay: at("arr_delay"),
                },
                "cancelled" => Kind::Cancelled,
                _ => Kind::Other,
            }
        })
        .collect()
}

/// Applies events to aircraft, then runs rules up to an instant.
pub fn interpret(
    entity: &EntityManifest,
    inputs: &[EntityInput],
    advance_to: Option<Timestamp>,
) -> Interpreted {
    let kinds = kinds(entity);
    let mut result = Interpreted::default();
    for input in inputs {
        let mut record = input.record.clone();
        let mut items = Vec::new();
        for (ordinal, event) in input.events.iter().enumerate() {
            advance(&mut record, event.timestamp, &mut items);
            let kind =
                event.event.and_then(|i| kinds.get(i as usize)).copied().unwrap_or(Kind::Other);
            let before = record.clone();
            let related = apply(kind, &mut record, &event.cells, event.timestamp);
            let Some(after) = &mut record else { continue };
            compute(after);
            let changed = before.as_ref().is_none_or(|before| differs(before, after));
            after.last_event = Some(event.timestamp);
            let cause = ItemCause::Event(ordinal);
            if related {
                items.push(Item::Relate { cause, relate: 0, properties: Vec::new() });
            }
            if changed || related {
                let instant = event.timestamp;
                items.push(Item::Snapshot { cause, instant, changed, record: after.clone() });
            }
        }
        if let Some(until) = advance_to {
            advance(&mut record, until, &mut items);
        }
        if let Some(record) = &mut record {
            record.next_due = due(record).map(|(at, _)| at);
        }
        result.entities.push(EntityOutput { record, items });
    }
    result
}

fn apply(kind: Kind, record: &mut Option<Record>, cells: &[Value], at: Timestamp) -> bool {
    let cell = |i: usize| cells.get(i).cloned().unwrap_or_default();
    let number = |i: usize| match cells.get(i) {
        Some(Value::Float(x)) => Some(*x),
        _ => None,
    };
    let creates = matches!(kind, Kind::Registered { .. } | Kind::Departed { .. } | Kind::Cancelled);
    if record.is_none() && creates {
        *record = Some(create(at));
    }
    let Some(record) = record else { return false };
    let mut related = false;
    match kind {
        Kind::Registered { manufacturer, model, seats } if record.state == PARKED => {
            set(record, MANUFACTURER, cell(manufacturer));
            set(record, MODEL, cell(model));
            set(record, SEATS, cell(seats));
        }
        Kind::Departed { carrier, origin } if record.state != AIRBORNE => {
            if record.state == PARKED {
                set(record, CARRIER, cell(carrier));
                related = true;
            }
            set(record, LAST_AIRPORT, cell(origin));
            add(record, FLIGHTS);
            enter(record, AIRBORNE, at);
        }
        Kind::Arrived { dest, distance, delay } => {
            let delay = number(delay).unwrap_or(0.0);
            if record.state == AIRBORNE {
                set(record, LAST_AIRPORT, cell(dest));
                let miles = number(distance).map(|d| float(record, MILES) + d);
                set(record, MILES, miles.map_or(Value::Null, Value::Float));
                if delay > float(record, WORST_DELAY) {
                    set(record, WORST_DELAY, Value::Float(delay));
                }
                enter(record, PARKED, at);
            }
            if delay > 0.0 {
                let minutes = float(record, DELAY_MINUTES) + delay;
                set(record, DELAY_MINUTES, Value::Float(minutes));
            }
        }
        Kind::Cancelled if record.state == PARKED => add(record, CANCELLATIONS),
        _ => {}
    }
    related
}

fn create(at: Timestamp) -> Record {
    let mut properties = vec![Value::Null; 11];
    for i in [FLIGHTS, CANCELLATIONS] {
        properties[i] = Value::Int(0);
    }
    for i in [MILES, DELAY_MINUTES, WORST_DELAY, DELAY_PER_FLIGHT] {
        properties[i] = Value::Float(0.0);
    }
    Record {
        exists: true,
        state: PARKED,
        created: at,
        entered: at,
        last_event: None,
        latches: 0,
        last_rule: None,
        next_due: None,
        properties,
    }
}

fn due(record: &Record) -> Option<(Timestamp, u32)> {
    let after = |at: Timestamp, days: i64| Timestamp::from_micros(at.as_micros() + days * DAY_US);
    match record.state {
        PARKED => {
            let due = after(record.last_event?, 30)?;
            Some((due.max(record.entered), STORED))
        }
        AIRBORNE => Some((after(record.entered, 1)?, PARKED)),
        _ => None,
    }
}

fn advance(record: &mut Option<Record>, until: Timestamp, items: &mut Vec<Item>) {
    let Some(record) = record else { return };
    while let Some((instant, state)) = due(record).filter(|(at, _)| *at < until) {
        let cause = ItemCause::Rule { state: record.state, rule: 0 };
        enter(record, state, instant);
        record.last_rule = Some(instant);
        compute(record);
        items.push(Item::Snapshot { cause, instant, changed: true, record: record.clone() });
    }
}

fn enter(record: &mut Record, state: u32, at: Timestamp) {
    record.state = state;
    record.entered = at;
    record.latches = 0;
}

fn set(record: &mut Record, property: usize, value: Value) {
    record.properties[property] = value;
}

fn add(record: &mut Record, property: usize) {
    if let Value::Int(n) = &mut record.properties[property] {
        *n += 1;
    }
}

fn float(record: &Record, property: usize) -> f64 {
    match record.properties[property] {
        Value::Float(x) => x,
        _ => 0.0,
    }
}

fn compute(record: &mut Record) {
    let flights = match record.properties[FLIGHTS] {
        Value::Int(n) => n,
        _ => 0,
    };
    let each = if flights > 0 { float(record, DELAY_MINUTES) / flights as f64 } else { 0.0 };
    set(record, DELAY_PER_FLIGHT, Value::Float(each));
}

fn differs(before: &Record, after: &Record) -> bool {
    before.state != after.state
        || before.entered != after.entered
        || before.properties != after.properties
}
