//! Random raw events: mostly what a source expects, partly not.

use std::collections::BTreeMap;

use defacto_model::{Micros, Timestamp, Value};

use super::GeneratedSet;
use super::plan::{Declared, Field};
use crate::Random;

/// What raw events of a source look like.
#[derive(Debug, Clone)]
pub(crate) struct SourceShape {
    pub(crate) name: String,
    pub(crate) type_path: String,
    pub(crate) time_path: String,
    pub(crate) events: Vec<EventShape>,
}

/// What a raw event looks like.
#[derive(Debug, Clone)]
pub(crate) struct EventShape {
    pub(crate) raw_type: String,
    pub(crate) fields: Vec<Field>,
}

/// A raw event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawEvent {
    /// Name of its source.
    pub source: String,
    /// JSON text.
    pub text: String,
}

/// Makes raw events in order of arrival; their times mostly ascend.
pub fn raw_events(set: &GeneratedSet, seed: u64, count: usize) -> Vec<RawEvent> {
    let mut random = Random::new(seed ^ 0x5eed_e7e4);
    let mut clock = Timestamp::parse_text("2024-01-01T00:00:00Z").unwrap_or(Timestamp::EPOCH);
    let mut events = Vec::with_capacity(count);
    for number in 0..count {
        const HOUR: i64 = 3_600_000_000;
        let step =
            random.pick(&[0, 1_000_000, HOUR, HOUR, 26 * HOUR, 26 * HOUR, 130 * HOUR, 900 * HOUR]);
        clock = clock.checked_add(Micros(step)).unwrap_or(clock);
        let late = if random.chance(8) { -random.pick(&[HOUR, 50 * HOUR, 700 * HOUR]) } else { 0 };
        let at = clock.checked_add(Micros(late)).unwrap_or(clock);
        let source = set.shapes.get(random.below(set.shapes.len()));
        let event = source.and_then(|source| source.events.get(random.below(source.events.len())));
        if let (Some(source), Some(event)) = (source, event) {
            let text = defacto_json::to_json(&record(source, event, at, number, &mut random));
            events.push(RawEvent { source: source.name.clone(), text });
        }
    }
    events
}

fn record(
    source: &SourceShape,
    event: &EventShape,
    at: Timestamp,
    number: usize,
    random: &mut Random,
) -> Value {
    let mut record = Value::Object(BTreeMap::new());
    let raw_type = if random.chance(2) { "unheard_of" } else { event.raw_type.as_str() };
    put(&mut record, &source.type_path, Value::String(raw_type.to_owned()));
    if !random.chance(1) {
        put(&mut record, &source.time_path, time(at, random));
    }
    put(&mut record, "ref", Value::Int(i64::try_from(number).unwrap_or(0)));
    for field in &event.fields {
        if !random.chance(6) {
            put(&mut record, &field.path, value(field, random));
        }
    }
    record
}

fn time(at: Timestamp, random: &mut Random) -> Value {
    match random.below(50) {
        0 => Value::String("soon".to_owned()),
        1..=5 => Value::Int(at.as_micros().div_euclid(1_000_000)),
        6..=8 => Value::Int(at.as_micros().div_euclid(1_000)),
        _ => Value::String(at.to_zulu()),
    }
}

/// Puts a value at a dot-path; digits are places in lists.
fn put(at: &mut Value, path: &str, value: Value) {
    let (step, rest) = path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest)));
    let slot = match step.parse::<usize>() {
        Ok(place) => {
            if !matches!(at, Value::List(_)) {
                *at = Value::List(Vec::new());
            }
            let Value::List(elements) = at else { return };
            while elements.len() <= place {
                elements.push(Value::Null);
            }
            elements.get_mut(place)
        }
        Err(_) => {
            if !matches!(at, Value::Object(_)) {
                *at = Value::Object(BTreeMap::new());
            }
            let Value::Object(entries) = at else { return };
            Some(entries.entry(step.to_owned()).or_default())
        }
    };
    match (slot, rest) {
        (Some(slot), Some(rest)) => put(slot, rest, value),
        (Some(slot), None) => *slot = value,
        (None, _) => {}
    }
}

fn value(field: &Field, random: &mut Random) -> Value {
    if field.identity {
        return match random.below(30) {
            0 => Value::Null,
            1 => Value::Int(7),
            2 => Value::String(String::new()),
            n => Value::String(format!("k{}{}", n % 5, if n % 7 == 0 { "-x" } else { "" })),
        };
    }
    if random.chance(8) {
        return odd(random);
    }
    let text = |text: &str| Value::String(text.to_owned());
    match field.r#type {
        Declared::None => odd(random),
        Declared::String => text(random.pick(&["a", "ab-c", "Ünï", "10", "a,b", "zz", ""])),
        Declared::Number => {
            let number = [
                Value::Float(1.5),
                Value::Int(3),
                text("2.25"),
                Value::Float(-40.0),
                Value::Float(1e3),
            ];
            random.pick(&number)
        }
        Declared::Integer => random.pick(&[
            Value::Int(1),
            Value::Int(-7),
            text("12"),
            Value::Float(4.0),
            Value::Int(900),
        ]),
        Declared::Boolean => {
            random.pick(&[Value::Bool(true), Value::Bool(false), text("yes"), Value::Int(0)])
        }
        Declared::Datetime => random.pick(&[
            text("2024-02-01"),
            text("2024-05-05T05:05:05+02:00"),
            Value::Int(1_700_000_000),
        ]),
    }
}

/// Any JSON.
fn odd(random: &mut Random) -> Value {
    let text = |text: &str| Value::String(text.to_owned());
    match random.below(13) {
        0 => Value::Null,
        1 => Value::Bool(random.chance(50)),
        2 => Value::Int(i64::try_from(random.below(100)).unwrap_or(0) - 50),
        3 => Value::Float(2.5),
        4 => text("text"),
        5 => text("2024-06-01T00:00:00Z"),
        6 => Value::List(vec![Value::Int(1), text("x"), Value::Null]),
        7 => Value::Object(BTreeMap::from([
            ("x".to_owned(), Value::Int(5)),
            ("0".to_owned(), text("zero")),
        ])),
        8 => Value::BigInt("18446744073709551616".to_owned()),
        9 => Value::Int(i64::MAX),
        10 => text(" 7 "),
        11 => text(random.pick(&["(", "x", "month", "%Q"])),
        _ => text("3"),
    }
}
