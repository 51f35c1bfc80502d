//! Why two ids, or two hints, are one entity.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use defacto_model::{EntityId, EventId, Sequence, Timestamp};
use defacto_pipeline::Separation;
use defacto_ports::{HintRow, LedgerRow, MergeRow, Reader};
use serde::Serialize;

use crate::{Engine, Error};

/// Why two are one, or that they are not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Whether the two are one entity.
    pub joined: bool,
    /// The entity that the first means now.
    pub a: EntityId,
    /// The entity that the second means now.
    pub b: EntityId,
    /// What joined them, in the order that leads from the first to the second; empty when nothing did.
    pub joins: Vec<Join>,
    /// What keeps the two apart for good.
    pub apart: Vec<Separation>,
}

/// An event that carries hints of both sides, or an explicit merge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Join {
    /// Its place in the ledger.
    pub sequence: Sequence,
    /// The event.
    pub event_id: EventId,
    /// Its type; `_defacto_merge` for an explicit merge.
    pub event_type: String,
    /// Its source.
    pub source: String,
    /// Its time.
    pub timestamp: Timestamp,
    /// The hints that it carries for the type: field and value.
    pub hints: Vec<(String, String)>,
    /// The merge that it caused: who ceased, and into whom.
    pub merged: Option<(EntityId, EntityId)>,
    /// Reason of an explicit merge.
    pub reason: Option<String>,
}

/// A hint of one type: field and value.
type Hint = (String, String);

/// One side of the question.
#[derive(Debug, Clone)]
enum Side {
    Id(EntityId),
    Hint(HintRow),
}

impl Engine {
    /// Hints that lead to an entity; for a merged-away one those of the survivor.
    ///
    /// # Errors
    ///
    /// An unknown entity; what the store says.
    pub async fn hints_of(&self, id: EntityId) -> Result<Vec<HintRow>, Error> {
        let view = self.view(None).await?;
        let (root, _) = self.locate(&view, id).await?;
        Ok(self.store.read().await?.hints_of(&[root]).await?)
    }

    /// Merges into and out of an entity, those undone included, in order of the ledger.
    ///
    /// # Errors
    ///
    /// An unknown entity; what the store says.
    pub async fn merges_of(&self, id: EntityId) -> Result<Vec<MergeRow>, Error> {
        let view = self.view(None).await?;
        self.locate(&view, id).await?;
        Ok(self.store.read().await?.merges(Some(id)).await?)
    }

    /// Which events and hints made two one. Each is given as an entity id (that of a merged-away entity, say) or as a hint
    /// value.
    ///
    /// # Errors
    ///
    /// An unknown id or hint; what module and store say.
    pub async fn explain(&self, a: &str, b: &str) -> Result<Explanation, Error> {
        let (first, second) = (self.sides(a).await?, self.sides(b).await?);
        let mut reader = self.store.read().await?;
        let mut apart = None;
        for (a, root_a) in &first {
            for (b, root_b) in &second {
                if root_a == root_b {
                    let joins = self.joins(reader.as_mut(), a, b, *root_a).await?;
                    let apart = Vec::new();
                    return Ok(Explanation { joined: true, a: *root_a, b: *root_b, joins, apart });
                }
                apart = apart.or(Some((*root_a, *root_b)));
            }
        }
        match apart {
            Some((a, b)) => {
                drop(reader);
                let (of_a, of_b) = (self.separations_of(a).await?, self.separations_of(b).await?);
                let apart = of_a.into_iter().filter(|it| of_b.contains(it)).collect();
                Ok(Explanation { joined: false, a, b, joins: Vec::new(), apart })
            }
            None => Err(Error::UnknownHint(b.to_owned())),
        }
    }

    async fn sides(&self, text: &str) -> Result<Vec<(Side, EntityId)>, Error> {
        if let Ok(id) = text.parse::<EntityId>() {
            let view = self.view(None).await?;
            let (root, _) = self.locate(&view, id).await?;
            return Ok(vec![(Side::Id(id), root)]);
        }
        let hints = self.lookup(text, None, None).await?;
        if hints.is_empty() {
            return Err(Error::UnknownHint(text.to_owned()));
        }
        Ok(hints.into_iter().map(|hint| (Side::Hint(hint.clone()), hint.entity_id)).collect())
    }

    async fn joins(
        &self,
        reader: &mut dyn Reader,
        a: &Side,
        b: &Side,
        root: EntityId,
    ) -> Result<Vec<Join>, Error> {
        let Some(hint) = reader.hints_of(&[root]).await?.into_iter().next() else {
            return Ok(Vec::new());
        };
        let entity_type = hint.key.entity_type;
        match (a, b) {
            (Side::Hint(a), Side::Hint(b)) => {
                let links = links(reader, &entity_type, root).await?;
                let hint = |row: &HintRow| (row.field.clone(), row.key.value.clone());
                Ok(path(&links, &hint(a), &hint(b)))
            }
            (Side::Id(a), Side::Id(b)) => chain(reader, &entity_type, *a, *b).await,
            (Side::Id(id), Side::Hint(hint)) => {
                let (origin, event) = bringer(reader, &entity_type, root, hint).await?;
                let mut joins = chain(reader, &entity_type, *id, origin.unwrap_or(root)).await?;
                joins.extend(event);
                Ok(joins)
            }
            (Side::Hint(hint), Side::Id(id)) => {
                let (origin, event) = bringer(reader, &entity_type, root, hint).await?;
                let mut joins: Vec<Join> = event.into_iter().collect();
                joins.extend(chain(reader, &entity_type, origin.unwrap_or(root), *id).await?);
                Ok(joins)
            }
        }
    }
}

/// The merges between two ids that mean the same.
async fn chain(
    reader: &mut dyn Reader,
    entity_type: &str,
    a: EntityId,
    b: EntityId,
) -> Result<Vec<Join>, Error> {
    let mut up = merges_up(reader, a).await?;
    let mut down = merges_up(reader, b).await?;
    // What both have gone through together says nothing about the two.
    while up.last().is_some() && up.last() == down.last() {
        up.pop();
        down.pop();
    }
    down.reverse();
    up.extend(down);
    let mut joins = Vec::new();
    for merge in up {
        let after = Sequence(merge.sequence.0 - 1);
        if let Some(row) =
            reader.scan_events(after, merge.sequence, 1, true).await?.into_iter().next()
        {
            joins.push(join(entity_type, row, Some(&merge)));
        }
    }
    Ok(joins)
}

async fn merges_up(reader: &mut dyn Reader, id: EntityId) -> Result<Vec<MergeRow>, Error> {
    let mut id = id;
    let mut rows = Vec::new();
    while let Some(merge) = reader.merges_from(&[id]).await?.into_iter().next() {
        id = merge.into;
        rows.push(merge);
    }
    Ok(rows)
}

/// The first event that carried a hint, and the id that it had then.
async fn bringer(
    reader: &mut dyn Reader,
    entity_type: &str,
    root: EntityId,
    hint: &HintRow,
) -> Result<(Option<EntityId>, Option<Join>), Error> {
    let wanted = (hint.field.clone(), hint.key.value.clone());
    let mut rows = reader.events_of(&[root], None).await?;
    rows.sort_by_key(|(_, event)| event.sequence);
    let found = rows.into_iter().find(|(_, event)| hints(entity_type, event).contains(&wanted));
    Ok(match found {
        Some((row, event)) => (Some(row.origin_id), Some(join(entity_type, event, None))),
        None => (None, None),
    })
}

/// Every event of an entity, and every explicit merge into it.
async fn links(
    reader: &mut dyn Reader,
    entity_type: &str,
    root: EntityId,
) -> Result<Vec<Join>, Error> {
    let mut found: BTreeMap<Sequence, Join> = BTreeMap::new();
    for (_, event) in reader.events_of(&[root], None).await? {
        found.insert(event.sequence, join(entity_type, event, None));
    }
    let mut ids = vec![root];
    while let Some(id) = ids.pop() {
        for merge in reader.merges_into(&[id]).await? {
            ids.push(merge.from);
            let after = Sequence(merge.sequence.0 - 1);
            if let Some(row) =
                reader.scan_events(after, merge.sequence, 1, true).await?.into_iter().next()
            {
                found.insert(merge.sequence, join(entity_type, row, Some(&merge)));
            }
        }
    }
    Ok(found.into_values().collect())
}

/// The shortest way from one hint to another over events that carry several; of equal ones the earliest.
fn path(links: &[Join], from: &Hint, to: &Hint) -> Vec<Join> {
    let mut carried: BTreeMap<&Hint, Vec<usize>> = BTreeMap::new();
    for (at, link) in links.iter().enumerate() {
        for hint in &link.hints {
            carried.entry(hint).or_default().push(at);
        }
    }
    let mut via: BTreeMap<&Hint, (usize, &Hint)> = BTreeMap::new();
    let mut seen: BTreeSet<&Hint> = BTreeSet::from([from]);
    let mut next: VecDeque<&Hint> = VecDeque::from([from]);
    while let Some(hint) = next.pop_front() {
        if hint == to {
            break;
        }
        for at in carried.get(hint).into_iter().flatten() {
            for other in links.get(*at).into_iter().flat_map(|link| &link.hints) {
                if seen.insert(other) {
                    via.insert(other, (*at, hint));
                    next.push_back(other);
                }
            }
        }
    }
    let mut out = Vec::new();
    let mut hint = to;
    while let Some((at, before)) = via.get(hint) {
        out.extend(links.get(*at).cloned());
        hint = before;
    }
    out.reverse();
    out
}

fn join(entity_type: &str, row: LedgerRow, merge: Option<&MergeRow>) -> Join {
    Join {
        sequence: row.sequence,
        hints: hints(entity_type, &row),
        event_id: row.event.event_id,
        event_type: row.event.event_type,
        source: row.event.source,
        timestamp: row.event.timestamp,
        merged: merge.map(|merge| (merge.from, merge.into)),
        reason: merge.and_then(|merge| merge.reason.clone()),
    }
}

/// Hints of a type on an event; on an explicit merge those of both sides.
fn hints(entity_type: &str, row: &LedgerRow) -> Vec<Hint> {
    let of_type = row.event.hints.iter().filter(|hint| hint.entity_type == entity_type);
    let mut out: Vec<Hint> = of_type.map(|hint| (hint.field.clone(), hint.value.clone())).collect();
    if !row.event.event_type.starts_with("_defacto_") {
        return out;
    }
    let data: serde_json::Value = serde_json::from_str(&row.event.data).unwrap_or_default();
    for side in ["from_hints", "into_hints"] {
        let fields =
            data.get(side).and_then(|types| types.get(entity_type)).and_then(|it| it.as_object());
        for (field, values) in fields.into_iter().flatten() {
            for value in values.as_array().into_iter().flatten().filter_map(|value| value.as_str())
            {
                out.push((field.clone(), value.to_owned()));
            }
        }
    }
    out
}
