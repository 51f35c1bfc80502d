//! The oracle and a compiled module side by side.

use std::fmt::Debug;

use defacto_model::{Micros, Value};
use defacto_ports::{HintRequest, Item, Machines, NormalizedEvent, RawRecord, Record};
use defacto_test_support::{Oracle, RawEvent};

use crate::feed;

/// What was compared.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Compared {
    /// Raw events.
    pub(crate) events: usize,
    /// Snapshots, edge requests and failures.
    pub(crate) items: usize,
    /// Failures among both.
    pub(crate) failures: usize,
}

impl Compared {
    pub(crate) const fn add(&mut self, other: Self) {
        self.events += other.events;
        self.items += other.items;
        self.failures += other.failures;
    }
}

/// Runs events through both and compares everything that they say, floats by their bits: values, event ids,
/// hints, states, snapshots, requests for edges, failures with their words, due times. Only sources and
/// entity types whose names end in `suffix` take part.
///
/// # Errors
///
/// The first difference, in words.
pub(crate) fn compare(
    oracle: &Oracle,
    compiled: &dyn Machines,
    suffix: &str,
    events: &[RawEvent],
) -> Result<Compared, String> {
    let mut compared = Compared { events: events.len(), ..Compared::default() };
    let normalized = normalization(oracle, compiled, suffix, events, &mut compared)?;
    hints(oracle, compiled, suffix)?;
    interpretation(oracle, compiled, suffix, &normalized, &mut compared)?;
    Ok(compared)
}

/// Equal to the last bit: `0.0` and `-0.0` differ in words.
fn same(what: &str, theirs: &impl Debug, ours: &impl Debug) -> Result<(), String> {
    let (theirs, ours) = (format!("{theirs:?}"), format!("{ours:?}"));
    if theirs == ours {
        return Ok(());
    }
    Err(format!("{what}\n  compiled: {theirs}\n  oracle:   {ours}"))
}

fn normalization(
    oracle: &Oracle,
    compiled: &dyn Machines,
    suffix: &str,
    events: &[RawEvent],
    compared: &mut Compared,
) -> Result<Vec<(String, NormalizedEvent)>, String> {
    let mut normalized = Vec::new();
    for (number, source) in (0..).zip(&oracle.manifest().sources) {
        if !source.name.ends_with(suffix) {
            continue;
        }
        let own: Vec<RawRecord<'_>> = events
            .iter()
            .filter(|event| event.source == source.name)
            .map(|event| RawRecord { text: &event.text })
            .collect();
        let ours = oracle.normalize(number, &own, feed::ingested_at()).unwrap();
        let theirs = compiled.normalize(number, &own, feed::ingested_at()).unwrap();
        same("number of results of normalize", &theirs.len(), &ours.len())?;
        for ((ours, theirs), record) in ours.into_iter().zip(theirs).zip(own) {
            same("record of a result", &theirs.record, &ours.record)?;
            let (ours, mut theirs) = (ours.result, theirs.result);
            if let (Err(ours), Err(theirs)) = (&ours, &mut theirs) {
                reword(&mut theirs.message, &ours.message, ours.field.as_deref());
            }
            same(&format!("normalize in {}, {}", source.name, record.text), &theirs, &ours)?;
            match ours {
                Ok(event) => normalized.push((source.name.clone(), event)),
                Err(_) => compared.failures += 1,
            }
        }
    }
    Ok(normalized)
}

fn hints(oracle: &Oracle, compiled: &dyn Machines, suffix: &str) -> Result<(), String> {
    let text = |text: &str| Value::String(text.to_owned());
    let values = [
        Value::Null,
        Value::Int(-12),
        Value::Float(2.50),
        Value::Bool(true),
        Value::BigInt("18446744073709551616".to_owned()),
        text(" K1-x "),
        text(""),
        text("zÜß"),
        text("12"),
        Value::List(vec![text("k1")]),
    ];
    let mut requests = Vec::new();
    for (entity, known) in (0..).zip(&oracle.manifest().entities) {
        if known.name.ends_with(suffix) {
            for (identity_field, _) in (0..).zip(&known.identity) {
                let all = values.iter().cloned();
                requests.extend(all.map(|value| HintRequest { entity, identity_field, value }));
            }
        }
    }
    let (ours, theirs) = (oracle.hints(&requests).unwrap(), compiled.hints(&requests).unwrap());
    same("number of hints", &theirs.len(), &ours.len())?;
    for ((ours, mut theirs), request) in ours.into_iter().zip(theirs).zip(&requests) {
        if let (Err(ours), Err(theirs)) = (&ours, &mut theirs) {
            reword(&mut theirs.message, &ours.message, ours.field.as_deref());
        }
        same(&format!("hint of {request:?}"), &theirs, &ours)?;
    }
    Ok(())
}

/// Takes the words of the oracle where those of the module say the same: both end in what went wrong, the module
/// says more about where.
fn reword(theirs: &mut String, ours: &str, field: Option<&str>) {
    let place = field.map_or_else(String::new, |field| format!("`{field}`: "));
    let what = ours.strip_prefix(place.as_str()).unwrap_or(ours);
    if theirs.ends_with(what) {
        *theirs = ours.to_owned();
    }
}

/// An item without the time at which the next rule of a snapshot is due, which only the last record has.
fn essence(item: Item) -> Item {
    match item {
        Item::Snapshot { cause, instant, changed, record } => {
            Item::Snapshot { cause, instant, changed, record: Record { next_due: None, ..record } }
        }
        other => other,
    }
}

fn interpretation(
    oracle: &Oracle,
    compiled: &dyn Machines,
    suffix: &str,
    normalized: &[(String, NormalizedEvent)],
    compared: &mut Compared,
) -> Result<(), String> {
    for (entity, inputs) in feed::inputs(oracle, suffix, normalized) {
        let last = inputs.iter().flat_map(|input| &input.events).map(|event| event.timestamp).max();
        let until = last.and_then(|last| last.checked_add(Micros(40 * 86_400_000_000)));
        let ours = oracle.interpret(entity, inputs.clone(), until).unwrap();
        let theirs = compiled.interpret(entity, inputs.clone(), until).unwrap();
        same("number of entities", &theirs.entities.len(), &ours.entities.len())?;
        for ((ours, theirs), input) in ours.entities.into_iter().zip(theirs.entities).zip(&inputs) {
            let place = || format!("entity type {entity}, {input:?}");
            let ours_items: Vec<Item> = ours.items.into_iter().map(essence).collect();
            let theirs_items: Vec<Item> = theirs.items.into_iter().map(essence).collect();
            for (ours, mut theirs) in ours_items.iter().zip(theirs_items.iter().cloned()) {
                if let (Item::Failure { fault: ours, .. }, Item::Failure { fault: theirs, .. }) =
                    (ours, &mut theirs)
                {
                    reword(&mut theirs.message, &ours.message, ours.field.as_deref());
                }
                same(&place(), &theirs, ours)?;
            }
            same(&place(), &theirs_items.len(), &ours_items.len())?;
            same(&place(), &theirs.record, &ours.record)?;
            compared.items += ours_items.len();
            compared.failures +=
                ours_items.iter().filter(|item| matches!(item, Item::Failure { .. })).count();
        }
        same(
            &format!("effects and transitions of entity type {entity}"),
            &(theirs.effects, theirs.transitions),
            &(ours.effects, ours.transitions),
        )?;
    }
    Ok(())
}
