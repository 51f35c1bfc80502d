//! Rows of the engine itself in the ledger: merge, unmerge and block, about two entities each.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use defacto_model::{EntityId, EventId, Timestamp, Value};
use defacto_ports::{Appended, HintRow, NewEvent, Transaction};
use sha2::{Digest, Sha256};

use crate::apply::{Block, Target};
use crate::build::count;
use crate::catalog::SYSTEM_SOURCE;
use crate::decode::Event;
use crate::{BuildResult, Error, EventFailure, Pipeline};

/// What carrying out brought.
pub(crate) struct Done {
    /// Events that changed their entity.
    pub(crate) moved: u64,
    pub(crate) merged: u64,
    pub(crate) rebuilt: u64,
}

impl Pipeline {
    /// Appends a system row, resolves it and brings the history after it.
    pub(crate) async fn carry_out(
        &mut self,
        mut tx: Box<dyn Transaction>,
        new: NewEvent,
        failures: &mut Vec<EventFailure>,
    ) -> Result<Option<Done>, Error> {
        let appended = tx.append(std::slice::from_ref(&new)).await?;
        let Some(Appended::Inserted(sequence)) = appended.first().copied() else {
            return Ok(None);
        };
        let event = Event::system(new, sequence)?;
        let (block, moved) = self.resolve_system(&mut *tx, event).await?;
        let realm = self.realm();
        let mut touched = Vec::new();
        let merged = count(block.merges.len());
        let target = Target { realm: &realm, replay: false };
        let summary =
            self.apply_block(&mut *tx, target, block, &HashSet::new(), &mut touched).await?;
        let done = Done { moved, merged, rebuilt: summary.rebuilt };
        let mut progress = self.build.clone();
        progress.cursor = sequence;
        self.commit_block(tx, progress, touched).await?;
        let mut build = BuildResult::default();
        self.report(summary, &mut build).await?;
        self.settle(&mut build).await?;
        failures.append(&mut build.failures);
        Ok(Some(done))
    }

    /// Resolves a row of the engine's own that was just appended, after what others appended before it. Returns what is to be
    /// applied, and how many events changed their entity.
    async fn resolve_system(
        &mut self,
        tx: &mut dyn Transaction,
        event: Event,
    ) -> Result<(Block, u64), Error> {
        let (cursor, sequence) = (self.build.cursor, event.sequence);
        let mut events = self.outstanding(tx, sequence).await?;
        events.push(Arc::new(event));
        let resolved = self.resolve_new(tx, &events, sequence).await?;
        let merges = tx.merges_between(cursor, sequence, usize::MAX).await?;
        let undone = self.undone_between(tx, cursor, sequence).await?;
        let mut rows = resolved.rows;
        let events = events.into_iter().map(|event| {
            let rows = rows.remove(&event.sequence).unwrap_or_default();
            (event, rows)
        });
        Ok((Block { events: events.collect(), merges, undone }, resolved.moved))
    }
}

/// The row about two entities, each with its hints.
pub(crate) fn system_event(
    event_type: &str,
    sides: [(EntityId, &[HintRow]); 2],
    reason: &str,
    now: Timestamp,
) -> NewEvent {
    let [(from, from_hints), (into, into_hints)] = sides;
    let data = [
        ("from_entity_id".to_owned(), Value::String(from.to_string())),
        ("from_hints".to_owned(), hint_value(from_hints)),
        ("into_entity_id".to_owned(), Value::String(into.to_string())),
        ("into_hints".to_owned(), hint_value(into_hints)),
        ("reason".to_owned(), Value::String(reason.to_owned())),
    ];
    let text = format!("{event_type}:{from}:{into}:{now}");
    let data = defacto_json::encode_data(&data);
    NewEvent {
        event_id: EventId(Sha256::digest(text.as_bytes()).into()),
        event_type: event_type.to_owned(),
        timestamp: now,
        source: SYSTEM_SOURCE.to_owned(),
        raw: data.clone(),
        data,
        hints: Vec::new(),
        ingested_at: now,
    }
}

/// The type of the entity whose hints these are.
pub(crate) fn type_of(hints: &[HintRow]) -> Option<&str> {
    hints.first().map(|hint| hint.key.entity_type.as_str())
}

/// Hints as `{type: {field: [texts]}}`.
fn hint_value(hints: &[HintRow]) -> Value {
    let mut types: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for hint in hints {
        let fields = types.entry(hint.key.entity_type.clone()).or_default();
        fields.entry(hint.field.clone()).or_default().push(hint.key.value.clone());
    }
    let fields = |fields: BTreeMap<String, Vec<String>>| {
        let lists = fields.into_iter().map(|(name, mut values)| {
            values.sort_unstable();
            (name, Value::List(values.into_iter().map(Value::String).collect()))
        });
        Value::Object(lists.collect())
    };
    Value::Object(types.into_iter().map(|(name, inner)| (name, fields(inner))).collect())
}
