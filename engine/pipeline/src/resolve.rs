use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use defacto_identity::{
    EventStep, Generations, Hint, MergeStep, RelateStep, Resolution, SpaceId, Step, TypeHints,
    resolve,
};
use defacto_model::{Sequence, Value};
use defacto_ports::{EntityEventRow, HintKey, HintRequest, HintRow, MergeRow, Transaction};

use crate::blocking::blocking_for;
use crate::catalog::{Catalog, MERGE_EVENT, SYSTEM_SOURCE};
use crate::decode::Event;
use crate::separate::separates;
use crate::treatment::hashed;
use crate::{Error, Pipeline, Warning};

/// What resolving a block brought.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    /// Rows by event.
    pub(crate) rows: HashMap<Sequence, Vec<EntityEventRow>>,
    pub(crate) merges: Vec<MergeRow>,
    /// Events that changed their entity.
    pub(crate) moved: u64,
    /// Events of `rows`, in order of the ledger.
    pub(crate) order: Vec<Sequence>,
}

/// Hints of a `_defacto_merge` row.
struct MergeHints {
    entity: u32,
    from: Vec<(u32, String)>,
    into: Vec<(u32, String)>,
    reason: String,
}

/// A relate whose hint texts come from event fields: (event, owner, target) and the texts found.
pub(crate) type FieldHints = HashMap<(usize, u32, usize), Vec<(u32, String)>>;

impl Pipeline {
    /// Resolves events, in sequence order, and stores what follows (T2, engine.md 2.2).
    pub(crate) async fn resolve_block(
        &mut self,
        tx: &mut dyn Transaction,
        events: &[Arc<Event>],
        position: Sequence,
    ) -> Result<Resolved, Error> {
        let mut out = Resolved::default();
        for part in events.split_inclusive(|event| separates(event)) {
            let last = part.last().filter(|event| separates(event));
            let before = part.len() - usize::from(last.is_some());
            self.resolve_part(tx, part.get(..before).unwrap_or_default(), &mut out).await?;
            if let Some(event) = last {
                self.separate(tx, event, &mut out).await?;
            }
        }
        tx.set_resolved(position).await?;
        Ok(out)
    }

    /// Resolves events none of which separates entities.
    async fn resolve_part(
        &mut self,
        tx: &mut dyn Transaction,
        events: &[Arc<Event>],
        out: &mut Resolved,
    ) -> Result<(), Error> {
        if events.is_empty() {
            return Ok(());
        }
        self.identity.trim();
        let apart = self.apart(tx).await?;
        let catalog = Arc::clone(&self.catalog);
        let fields = self.relate_hints(&catalog, events)?;
        let merges = merge_hints(&catalog, events);
        let redacted;
        let mut steps = steps(&catalog, events, &fields, &merges);
        if let Some(key) = &self.redaction {
            redacted = redacted_hints(tx, &catalog, key, &steps).await?;
            if !redacted.is_empty() {
                stand_in(&mut steps, &redacted);
            }
        }
        let generations = self.look_up(tx, &catalog, &steps).await?;
        let resolution = resolve(
            &self.options.namespace,
            &catalog.spaces,
            &self.identity.hints,
            &self.identity.roots,
            &apart,
            &generations,
            &steps,
        );
        self.note(&resolution);
        self.store_resolution(tx, &catalog, resolution, out).await
    }

    /// Resolves those of the events, which are in sequence order and end at a place of the ledger, that are not resolved
    /// yet.
    pub(crate) async fn resolve_new(
        &mut self,
        tx: &mut dyn Transaction,
        events: &[Arc<Event>],
        end: Sequence,
    ) -> Result<Resolved, Error> {
        let resolved_to = tx.resolved().await?;
        let old = events.partition_point(|event| event.sequence <= resolved_to);
        let (known, new) = events.split_at_checked(old).unwrap_or((&[], events));
        let mut resolved = self.resolve_block(tx, new, resolved_to.max(end)).await?;
        if !known.is_empty() {
            let known: Vec<Sequence> = known.iter().map(|event| event.sequence).collect();
            for row in tx.entity_events(&known).await? {
                resolved.rows.entry(row.sequence).or_default().push(row);
            }
        }
        Ok(resolved)
    }

    /// Hint texts that relates take from fields which are not among the event's own hints.
    pub(crate) fn relate_hints(
        &self,
        catalog: &Catalog,
        events: &[Arc<Event>],
    ) -> Result<FieldHints, Error> {
        let mut requests: Vec<HintRequest> = Vec::new();
        let mut places: Vec<((usize, u32, usize), u32)> = Vec::new();
        let mut found = FieldHints::new();
        for (at, event) in events.iter().enumerate() {
            let mut previous: Option<&str> = None;
            for hint in &event.hints {
                if previous == Some(hint.entity_type.as_str()) {
                    continue;
                }
                previous = Some(hint.entity_type.as_str());
                let Some((owner, _)) = catalog.manifest.find_entity(&hint.entity_type) else {
                    continue;
                };
                let Some((_, taken)) = catalog.entity_event(owner, &event.event_type) else {
                    continue;
                };
                for (slot, relate) in taken.relates.iter().enumerate() {
                    let Some(side) = catalog.pairs.side(owner, relate.relationship) else {
                        continue;
                    };
                    let target = catalog.entity_name(side.target);
                    for name in &relate.hint_fields {
                        let Some(field) = catalog.identity_field(side.target, name) else {
                            continue;
                        };
                        let own = event
                            .hints
                            .iter()
                            .find(|hint| hint.entity_type == target && hint.field == *name);
                        let place = (at, owner, slot);
                        if let Some(own) = own {
                            places.push((place, field));
                            requests.push(HintRequest {
                                entity: u32::MAX,
                                identity_field: field,
                                value: Value::String(own.value.clone()),
                            });
                        } else if let Some(value) = event.value(name)
                            && !value.is_null()
                            && !event.redacted(catalog, name, value)
                        {
                            places.push((place, field));
                            requests.push(HintRequest {
                                entity: side.target,
                                identity_field: field,
                                value: value.clone(),
                            });
                        }
                    }
                }
            }
        }
        if requests.is_empty() {
            return Ok(found);
        }
        // Texts that are known already only keep their place among the others.
        let (mut asked, mut texts) = (Vec::new(), Vec::with_capacity(requests.len()));
        for request in requests {
            match request {
                HintRequest { entity: u32::MAX, value: Value::String(text), .. } => {
                    texts.push(Some(text))
                }
                request => {
                    texts.push(None);
                    asked.push((texts.len() - 1, request));
                }
            }
        }
        if !asked.is_empty() {
            let (at, requests): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
            let answers = blocking_for(requests.len(), || self.machines.hints(&requests))?;
            for (at, answer) in at.into_iter().zip(answers) {
                // A hint that cannot be built is no usable hint (language.md 6.8).
                if let (Some(text), Ok(answer)) = (texts.get_mut(at), answer) {
                    *text = answer.filter(|text| !text.is_empty());
                }
            }
        }
        for ((place, field), text) in places.into_iter().zip(texts) {
            if let Some(text) = text {
                found.entry(place).or_default().push((field, text));
            }
        }
        Ok(found)
    }

    /// Brings every stored hint that the steps mention into memory, and how often unknown ones were erased.
    async fn look_up(
        &mut self,
        tx: &mut dyn Transaction,
        catalog: &Catalog,
        steps: &[Step<'_>],
    ) -> Result<Generations, Error> {
        let mut missing: Vec<(SpaceId, &str, &str)> = Vec::new();
        {
            let mut seen: HashSet<(SpaceId, &str)> = HashSet::new();
            let known = &self.identity.hints;
            for step in steps {
                for hint in hints_of(step) {
                    if known.get(hint.space, hint.value).is_none()
                        && seen.insert((hint.space, hint.value))
                    {
                        missing.push((hint.space, hint.value, hint.plain));
                    }
                }
            }
        }
        let mut generations = Generations::new();
        if missing.is_empty() {
            return Ok(generations);
        }
        let keys: Vec<HintKey> =
            missing.iter().map(|(space, value, _)| hint_key(catalog, *space, value)).collect();
        let found = tx.find_hints(&keys).await?;
        for ((space, value, plain), id) in missing.iter().zip(found) {
            match id {
                Some(id) => self.identity.hints.insert(*space, value, id),
                None if self.any_erased => {
                    let digest = self.hint_digest(tx, &hint_key(catalog, *space, value)).await?;
                    let mut generation = tx.erased_generation(&digest).await?;
                    if value != plain {
                        // Erased before it was redacted.
                        let digest =
                            self.hint_digest(tx, &hint_key(catalog, *space, plain)).await?;
                        generation += tx.erased_generation(&digest).await?;
                    }
                    if generation > 0 {
                        generations.insert((*space, (*value).to_owned()), generation);
                    }
                }
                None => {}
            }
        }
        Ok(generations)
    }

    async fn store_resolution(
        &mut self,
        tx: &mut dyn Transaction,
        catalog: &Catalog,
        resolution: Resolution,
        out: &mut Resolved,
    ) -> Result<(), Error> {
        let first = out.merges.len();
        for merge in resolution.merges {
            self.identity.roots.join(merge.from, merge.into);
            self.any_merges = true;
            tx.move_hints(merge.from, merge.into).await?;
            out.moved += tx.move_entity_events(merge.from, merge.into).await?;
            out.merges.push(MergeRow {
                from: merge.from,
                into: merge.into,
                entity_type: catalog.entity_name(merge.entity).to_owned(),
                timestamp: merge.timestamp,
                sequence: merge.sequence,
                reason: merge.reason,
                undone_by: None,
            });
        }
        let merges = out.merges.get(first..).unwrap_or_default();
        if !merges.is_empty() {
            tx.add_merges(merges).await?;
        }
        let mut hints = Vec::with_capacity(resolution.hints.len());
        for hint in resolution.hints {
            self.identity.hints.insert(hint.space, &hint.value, hint.entity_id);
            hints.push(HintRow {
                key: hint_key(catalog, hint.space, &hint.value),
                field: catalog.identity_field_name(hint.entity, hint.field).to_owned(),
                entity_id: hint.entity_id,
            });
        }
        if !hints.is_empty() {
            tx.add_hints(&hints).await?;
        }
        let rows: Vec<EntityEventRow> = resolution
            .rows
            .into_iter()
            .map(|row| EntityEventRow {
                sequence: row.sequence,
                entity_type: catalog.entity_name(row.entity).to_owned(),
                origin_id: row.origin,
                entity_id: row.current,
                targets: row.targets,
            })
            .collect();
        if !rows.is_empty() {
            tx.add_entity_events(&rows).await?;
        }
        for row in rows {
            out.order.push(row.sequence);
            out.rows.entry(row.sequence).or_default().push(row);
        }
        out.order.dedup();
        Ok(())
    }

    /// Keeps what a result warns of.
    fn note(&mut self, resolution: &Resolution) {
        let mut note = |message: &str, count: u64| {
            let warning = Warning { code: None, message: message.to_owned(), count };
            warning.add_to(&mut self.warnings);
        };
        note(KEPT_APART, crate::build::count(resolution.kept_apart.len()));
        note(UNRELATED, resolution.unrelated);
    }
}

const KEPT_APART: &str = "events with hints of entities that are kept apart: given to the entity \
     of their first hint, joining nothing";
const UNRELATED: &str = "relate effects without a usable hint: they relate nothing";

pub(crate) fn hint_key(catalog: &Catalog, space: SpaceId, value: &str) -> HintKey {
    HintKey {
        entity_type: catalog.spaces.entity_type(space).to_owned(),
        space: catalog.spaces.name(space).to_owned(),
        value: value.to_owned(),
    }
}

fn hints_of<'a>(step: &'a Step<'a>) -> Vec<Hint<'a>> {
    match step {
        Step::Event(event) => event
            .groups
            .iter()
            .flat_map(|group| &group.hints)
            .chain(event.relates.iter().filter_map(|relate| relate.hints.as_ref()).flatten())
            .copied()
            .collect(),
        Step::Merge(merge) => merge.from.iter().chain(&merge.into).copied().collect(),
    }
}

/// Setting that marks a hint as redacted.
pub(crate) fn redacted_setting(key: &HintKey) -> String {
    format!("redacted_hint/{}/{}/{}", key.entity_type, key.space, key.value)
}

/// What stands in the identity map for hints of the steps that were redacted in some event.
async fn redacted_hints(
    tx: &mut dyn Transaction,
    catalog: &Catalog,
    key: &str,
    steps: &[Step<'_>],
) -> Result<HashMap<(SpaceId, String), String>, Error> {
    let mut out: HashMap<(SpaceId, String), String> = HashMap::new();
    let mut seen: HashSet<(SpaceId, &str)> = HashSet::new();
    for step in steps {
        for hint in hints_of(step) {
            if hint.candidate.is_none() && seen.insert((hint.space, hint.value)) {
                let text = hashed(key, hint.value);
                let setting = redacted_setting(&hint_key(catalog, hint.space, &text));
                if tx.setting(&setting).await?.is_some() {
                    out.insert((hint.space, hint.value.to_owned()), text);
                }
            }
        }
    }
    Ok(out)
}

/// Puts what stands for redacted hints in their place.
fn stand_in<'a>(steps: &mut [Step<'a>], redacted: &'a HashMap<(SpaceId, String), String>) {
    let put = |hint: &mut Hint<'a>| {
        if let Some(text) = redacted.get(&(hint.space, hint.value.to_owned())) {
            hint.value = text;
        }
    };
    for step in steps {
        match step {
            Step::Event(event) => {
                event.groups.iter_mut().flat_map(|group| &mut group.hints).for_each(put);
                let relates = event.relates.iter_mut().filter_map(|relate| relate.hints.as_mut());
                relates.flatten().for_each(put);
            }
            Step::Merge(merge) => merge.from.iter_mut().chain(&mut merge.into).for_each(put),
        }
    }
}

/// Reads the hints of explicit merges; `None` for other events.
fn merge_hints(catalog: &Catalog, events: &[Arc<Event>]) -> Vec<Option<MergeHints>> {
    events
        .iter()
        .map(|event| {
            if event.source != SYSTEM_SOURCE || event.event_type != MERGE_EVENT {
                return None;
            }
            let from = side_hints(catalog, event.value("from_hints"));
            let into = side_hints(catalog, event.value("into_hints"));
            let reason = match event.value("reason") {
                Some(Value::String(reason)) => reason.clone(),
                _ => String::new(),
            };
            let entity = from.first().map_or(0, |(entity, ..)| *entity);
            let strip = |hints: Vec<(u32, u32, String)>| {
                hints.into_iter().map(|(_, f, v)| (f, v)).collect()
            };
            Some(MergeHints { entity, from: strip(from), into: strip(into), reason })
        })
        .collect()
}

pub(crate) fn side_hints(catalog: &Catalog, value: Option<&Value>) -> Vec<(u32, u32, String)> {
    let mut out = Vec::new();
    let Some(Value::Object(types)) = value else { return out };
    for (name, fields) in types {
        let Some((entity, _)) = catalog.manifest.find_entity(name) else { continue };
        let Value::Object(fields) = fields else { continue };
        for (field, values) in fields {
            let Some(field) = catalog.identity_field(entity, field) else { continue };
            let Value::List(values) = values else { continue };
            for value in values {
                if let Value::String(value) = value {
                    out.push((entity, field, value.clone()));
                }
            }
        }
    }
    out
}

fn steps<'a>(
    catalog: &Catalog,
    events: &'a [Arc<Event>],
    fields: &'a FieldHints,
    merges: &'a [Option<MergeHints>],
) -> Vec<Step<'a>> {
    let mut out = Vec::with_capacity(events.len());
    for (at, (event, merge)) in events.iter().zip(merges).enumerate() {
        if let Some(merge) = merge {
            let side = |hints: &'a [(u32, String)]| {
                hints
                    .iter()
                    .filter_map(|(field, value)| hint(catalog, merge.entity, *field, value))
                    .collect()
            };
            out.push(Step::Merge(MergeStep {
                sequence: event.sequence,
                timestamp: event.timestamp,
                entity: merge.entity,
                from: side(&merge.from),
                into: side(&merge.into),
                reason: &merge.reason,
            }));
            continue;
        }
        if event.source == SYSTEM_SOURCE {
            continue;
        }
        let mut groups: Vec<TypeHints<'a>> = Vec::new();
        for text in &event.hints {
            let Some((entity, _)) = catalog.manifest.find_entity(&text.entity_type) else {
                continue;
            };
            let Some(field) = catalog.identity_field(entity, &text.field) else { continue };
            let Some(mut hint) = hint(catalog, entity, field, &text.value) else { continue };
            hint.candidate = text.candidate;
            match groups.iter_mut().find(|group| group.entity == entity) {
                Some(group) => group.hints.push(hint),
                None => groups.push(TypeHints { entity, hints: vec![hint] }),
            }
        }
        let mut relates = Vec::new();
        for group in &groups {
            let Some((_, taken)) = catalog.entity_event(group.entity, &event.event_type) else {
                continue;
            };
            for (slot, relate) in taken.relates.iter().enumerate() {
                let target =
                    catalog.pairs.side(group.entity, relate.relationship).map_or(0, |s| s.target);
                let hints = (!relate.hint_fields.is_empty()).then(|| {
                    let found =
                        fields.get(&(at, group.entity, slot)).map_or(&[][..], Vec::as_slice);
                    found
                        .iter()
                        .filter_map(|(field, value)| hint(catalog, target, *field, value))
                        .collect()
                });
                relates.push(RelateStep { owner: group.entity, target, hints });
            }
        }
        out.push(Step::Event(EventStep {
            sequence: event.sequence,
            timestamp: event.timestamp,
            groups,
            relates,
        }));
    }
    out
}

fn hint<'a>(catalog: &Catalog, entity: u32, field: u32, value: &'a str) -> Option<Hint<'a>> {
    let space = catalog.spaces.of_field(entity, field)?;
    Some(Hint { space, field, value, plain: value, candidate: None })
}
