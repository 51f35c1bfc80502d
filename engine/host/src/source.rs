use std::collections::BTreeMap;

use defacto_json::Extractor;
use defacto_model::{RawPath, SourceEventManifest, SourceManifest};

/// A source with its raw paths merged, so that a record is read once whatever its event type.
#[derive(Debug)]
pub(crate) struct PreparedSource {
    pub(crate) extractor: Extractor,
    /// Slot of the event type.
    pub(crate) event_type: usize,
    /// Slot of the timestamp, unless it is computed.
    pub(crate) timestamp: Option<usize>,
    /// One per event definition.
    pub(crate) events: Vec<PreparedEvent>,
    by_raw_type: BTreeMap<String, usize>,
}

/// What an event definition takes from the extracted values.
#[derive(Debug)]
pub(crate) struct PreparedEvent {
    /// Slots of its paths.
    pub(crate) slots: Vec<usize>,
    /// Explicit parts of its id.
    pub(crate) id: Option<Vec<(String, IdPart)>>,
}

/// Where a part of an event id comes from (language.md 5.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IdPart {
    /// A mapped field.
    Field(usize),
    /// A raw value in a slot.
    Raw(usize),
    /// `$timestamp`.
    Timestamp,
    /// `$source`.
    Source,
    /// `$raw`.
    RawHash,
}

/// Distinct paths and their slots.
#[derive(Default)]
struct Slots {
    paths: Vec<RawPath>,
    known: BTreeMap<RawPath, usize>,
}

impl Slots {
    fn of(&mut self, path: &RawPath) -> usize {
        let next = self.paths.len();
        let slot = *self.known.entry(path.clone()).or_insert(next);
        if slot == next {
            self.paths.push(path.clone());
        }
        slot
    }
}

impl PreparedSource {
    pub(crate) fn new(source: &SourceManifest) -> Self {
        let mut slots = Slots::default();
        let event_type = slots.of(&source.event_type);
        let timestamp = source.timestamp.as_ref().map(|path| slots.of(path));
        let mut by_raw_type = BTreeMap::new();
        let mut events = Vec::with_capacity(source.events.len());
        for (index, event) in source.events.iter().enumerate() {
            for raw_type in &event.raw_types {
                by_raw_type.insert(raw_type.clone(), index);
            }
            events.push(PreparedEvent {
                slots: event.paths.iter().map(|path| slots.of(path)).collect(),
                id: source.event_id.as_ref().map(|names| id_parts(names, event, &mut slots)),
            });
        }
        let extractor = Extractor::new(&slots.paths);
        Self { extractor, event_type, timestamp, events, by_raw_type }
    }

    /// Index of the event definition that a raw type selects.
    pub(crate) fn event(&self, raw_type: &str) -> Option<usize> {
        self.by_raw_type.get(raw_type).copied()
    }
}

fn id_parts(
    names: &[String],
    event: &SourceEventManifest,
    slots: &mut Slots,
) -> Vec<(String, IdPart)> {
    let part = |name: &String| match name.as_str() {
        "$timestamp" => IdPart::Timestamp,
        "$source" => IdPart::Source,
        "$raw" => IdPart::RawHash,
        _ => match event.fields.iter().position(|field| field.name == *name) {
            Some(field) => IdPart::Field(field),
            None => IdPart::Raw(slots.of(&RawPath { path: name.clone(), literal_first: true })),
        },
    };
    let mut part = part;
    names.iter().map(|name| (name.clone(), part(name))).collect()
}
