use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use defacto_model::{EntityId, Sequence, Value, entity_id};
use defacto_ports::{
    EntityEventRow, HintKey, HintRow, HintText, HistoryQuery, LedgerRow, Transaction,
};

use crate::catalog::{Catalog, SYSTEM_SOURCE};
use crate::edges::EdgeWork;
use crate::erase::system_rows;
use crate::lifecycle::known;
use crate::pipeline::settings;
use crate::resolve::redacted_setting;
use crate::retry::on_the_whole;
use crate::secrets::secret;
use crate::treatment::{FieldTreatment, Treating, hashed, treat, treat_path};
use crate::{Error, OtherVersion, Pipeline, RedactResult};

/// What a redaction replaces.
struct Redaction<'a> {
    catalog: &'a Catalog,
    fields: &'a BTreeMap<String, FieldTreatment>,
    key: &'a str,
    /// Hints replaced, as they were.
    hints: BTreeSet<HintKey>,
}

impl Pipeline {
    /// Redacts the sensitive fields of an entity's events, and with them hints and history (engine.md 1.5).
    ///
    /// [`Pipeline::purge`] completes it. What stands in place of a value depends on the treatment of the property. Ledger, identity map and
    /// the history of all entities that have such events change in one transaction. Only where what the events lead to may
    /// change too (entities are kept apart, or a relationship leads by a redacted field), identity and history follow by
    /// a rebuild, which an interrupted redaction leaves to the next operation. Histories of `others` lose the entity, and those with which it shares events, at once; the next
    /// build of these versions makes them anew.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownEntity`]; what module and store say.
    pub async fn redact(
        &mut self,
        id: EntityId,
        others: &[OtherVersion],
    ) -> Result<RedactResult, Error> {
        let result = on_the_whole!(self, self.redact_inner(id, others));
        self.forget();
        result
    }

    async fn redact_inner(
        &mut self,
        id: EntityId,
        others: &[OtherVersion],
    ) -> Result<RedactResult, Error> {
        self.bring_up().await?;
        let catalog = Arc::clone(&self.catalog);
        let mut tx = self.begin().await?;
        let (root, hints) = known(&mut *tx, id, 1).await?;
        let mut result = RedactResult {
            entity_id: root,
            events_redacted: 0,
            rows_rewritten: 0,
            hints_replaced: 0,
        };
        let found =
            hints.first().and_then(|hint| catalog.manifest.find_entity(&hint.key.entity_type));
        let Some((entity, definition)) = found else { return Ok(result) };
        let Some(fields) = catalog.treated.get(entity as usize).filter(|fields| !fields.is_empty())
        else {
            return Ok(result);
        };
        let key = secret(&mut *tx, settings::REDACTION_KEY).await?;
        let rows = self.payload(&mut *tx, root, &definition.name).await?;
        let mut redaction =
            Redaction { catalog: &catalog, fields, key: &key, hints: BTreeSet::new() };
        let mut rewritten = Vec::new();
        for mut row in rows {
            let hints = redaction.hints(&row);
            let candidates = self.candidates(&mut *tx, &catalog, &row, &hints).await?;
            let fields = redaction.event(&mut row)?;
            for (at, candidate) in hints.iter().zip(candidates) {
                if let Some(hint) = row.event.hints.get_mut(*at) {
                    hint.value = hashed(&key, &hint.value);
                    hint.candidate = Some(candidate);
                }
            }
            if fields || !hints.is_empty() {
                row.redacted = true;
                rewritten.push(row);
            }
        }
        let replaced = redaction.hints;
        if rewritten.is_empty() {
            return Ok(result);
        }
        result.events_redacted = crate::build::count(rewritten.len());
        result.hints_replaced = crate::build::count(replaced.len());
        if !replaced.is_empty() {
            let merges = merge_rows(&mut *tx, &catalog, root, &replaced, &key).await?;
            rewritten.extend(merges);
            for hint in &replaced {
                let stored = HintKey { value: hashed(&key, &hint.value), ..hint.clone() };
                tx.set_setting(&redacted_setting(&stored), "1").await?;
            }
            tx.set_setting(settings::ANY_REDACTED, "1").await?;
        }
        let own: Vec<Sequence> = rewritten.iter().map(|row| row.sequence).collect();
        let carriers = tx.entity_events(&own).await?;
        let apart = tx.setting(settings::ANY_APART).await?.is_some();
        let same_ids = !apart && !by_fields(&catalog, &rewritten, &carriers);
        // Read as they are still: nothing has been written yet.
        let siblings = self.siblings(&mut *tx, &own).await?;
        rewritten.extend(siblings);
        tx.rewrite_events(&rewritten).await?;
        let rewritten: Vec<Sequence> = rewritten.iter().map(|row| row.sequence).collect();
        let owners = tx.entity_events(&rewritten).await?;
        let mut concerned: BTreeSet<EntityId> =
            owners.iter().flat_map(|row| [row.entity_id, row.origin_id]).collect();
        concerned.extend(self.absorbed(&mut *tx, root).await?);
        self.deplete(&mut *tx, others, &concerned).await?;
        if same_ids {
            rename(&mut *tx, &replaced, &key).await?;
            let mut redo: BTreeMap<u32, BTreeSet<EntityId>> = BTreeMap::new();
            for row in carriers {
                if let Some((entity, _)) = catalog.manifest.find_entity(&row.entity_type) {
                    redo.entry(entity).or_default().insert(row.entity_id);
                }
            }
            let realm = self.realm();
            self.remake(&mut *tx, &realm, redo, EdgeWork::default()).await?;
        } else {
            tx.set_setting(settings::RESOLVED_WITH, defacto_planner::REDACTED).await?;
        }
        tx.set_setting(settings::UNPURGED, "1").await?;
        self.commit(tx).await?;
        self.forget();
        if !replaced.is_empty() {
            self.redaction = Some(key);
        }
        self.bring_up().await?;
        self.settle(&mut crate::BuildResult::default()).await?;
        let query = HistoryQuery {
            entity_id: Some(root),
            limit: usize::MAX >> 1,
            ..HistoryQuery::default()
        };
        let mut reader = self.store.read().await?;
        let rows = reader.history(&self.realm(), &definition.name, &query).await?;
        result.rows_rewritten = crate::build::count(rows.len());
        Ok(result)
    }

    /// Hints with a text as it was given, also when it is redacted since: any type, any field.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn find_hints(&self, value: &str) -> Result<Vec<HintRow>, Error> {
        let mut reader = self.store.read().await?;
        let mut found = reader.find_hint_text(value).await?;
        if let Some(key) = &self.redaction {
            found.extend(reader.find_hint_text(&hashed(key, value)).await?);
        }
        Ok(found)
    }

    /// Ledger rows of an entity's events and of their duplicates, with the records as received.
    async fn payload(
        &self,
        tx: &mut dyn Transaction,
        root: EntityId,
        entity_type: &str,
    ) -> Result<Vec<LedgerRow>, Error> {
        let mut rows: Vec<LedgerRow> = Vec::new();
        for (row, event) in tx.events_of(&[root], None).await? {
            if row.entity_type == entity_type {
                rows.push(event);
            }
        }
        let sequences: Vec<Sequence> = rows.iter().map(|row| row.sequence).collect();
        let raws = tx.raw_texts(&sequences).await?;
        for (row, raw) in rows.iter_mut().zip(raws) {
            row.event.raw = raw;
        }
        rows.extend(tx.duplicates_of(&sequences).await?);
        Ok(rows)
    }

    /// Ids that the hints of an event gave to new entities, for those of its hints that are asked for.
    async fn candidates(
        &self,
        tx: &mut dyn Transaction,
        catalog: &Catalog,
        row: &LedgerRow,
        asked: &[usize],
    ) -> Result<Vec<EntityId>, Error> {
        let mut out = Vec::with_capacity(asked.len());
        for asked in asked {
            let Some(asked) = row.event.hints.get(*asked) else { continue };
            let group = || row.event.hints.iter().filter(|h| h.entity_type == asked.entity_type);
            if let Some(kept) = group().find_map(|hint| hint.candidate) {
                out.push(kept);
                continue;
            }
            let keyed = group().filter_map(|hint| Some((hint_key(catalog, hint)?, hint)));
            let Some((key, hint)) = keyed.min_by(|(a, _), (b, _)| a.cmp(b)) else { continue };
            let digest = self.hint_digest(tx, &key).await?;
            let mut generation = tx.erased_generation(&digest).await?;
            // Who was redacted and then erased was erased by what stood for the hint.
            let standing = self.standing(tx, catalog, hint).await?;
            if let Some(hidden) = standing.filter(|standing| *standing != key) {
                let digest = self.hint_digest(tx, &hidden).await?;
                generation += tx.erased_generation(&digest).await?;
            }
            let namespace = &self.options.namespace;
            out.push(entity_id(namespace, &key.entity_type, &key.space, &key.value, generation));
        }
        Ok(out)
    }
}

/// Whether an effect of these events finds its target by fields that are not among the event's hints: what is redacted
/// gives no hint any more.
fn by_fields(catalog: &Catalog, rows: &[LedgerRow], carriers: &[EntityEventRow]) -> bool {
    carriers.iter().any(|carrier| {
        let row = rows.iter().find(|row| row.sequence == carrier.sequence);
        let (Some(row), Some((owner, _))) =
            (row, catalog.manifest.find_entity(&carrier.entity_type))
        else {
            return false;
        };
        let Some((_, taken)) = catalog.entity_event(owner, &row.event.event_type) else {
            return false;
        };
        taken.relates.iter().any(|relate| {
            let target = catalog.pairs.side(owner, relate.relationship).map_or(owner, |s| s.target);
            let target = catalog.entity_name(target);
            let own = |name: &String| {
                let hints = &row.event.hints;
                hints.iter().any(|hint| hint.entity_type == target && hint.field == *name)
            };
            !relate.hint_fields.iter().all(own)
        })
    })
}

/// Puts what stands for redacted hints in their place in the identity map.
async fn rename(
    tx: &mut dyn Transaction,
    replaced: &BTreeSet<HintKey>,
    key: &str,
) -> Result<(), Error> {
    let keys: Vec<HintKey> = replaced.iter().cloned().collect();
    let found: BTreeSet<EntityId> = tx.find_hints(&keys).await?.into_iter().flatten().collect();
    let ids: Vec<EntityId> = found.into_iter().collect();
    let mut rows = tx.hints_of(&ids).await?;
    for row in rows.iter_mut().filter(|row| replaced.contains(&row.key)) {
        row.key.value = hashed(key, &row.key.value);
    }
    tx.clear_hints(Some(&ids)).await?;
    tx.add_hints(&rows).await?;
    Ok(())
}

/// Key of a hint; keys of one type are ordered as the rule for new ids asks (engine.md 2.3).
pub(crate) fn hint_key(catalog: &Catalog, hint: &HintText) -> Option<HintKey> {
    let (entity, _) = catalog.manifest.find_entity(&hint.entity_type)?;
    let field = catalog.identity_field(entity, &hint.field)?;
    let space = catalog.spaces.of_field(entity, field)?;
    Some(HintKey {
        entity_type: hint.entity_type.clone(),
        space: catalog.spaces.name(space).to_owned(),
        value: hint.value.clone(),
    })
}

impl Redaction<'_> {
    /// Positions of the event's hints that come from redacted fields and are not redacted yet.
    fn hints(&mut self, row: &LedgerRow) -> Vec<usize> {
        let event = &row.event;
        let mapped = self.catalog.source_event(&event.source, &event.event_type);
        let mut out = Vec::new();
        for (at, hint) in event.hints.iter().enumerate() {
            let carrier = mapped.and_then(|mapped| {
                let (entity, _) = self.catalog.manifest.find_entity(&hint.entity_type)?;
                let field = self.catalog.identity_field(entity, &hint.field)?;
                let known = mapped
                    .hints
                    .iter()
                    .find(|h| h.entity == entity && h.identity_field == field)?;
                mapped.fields.get(known.field as usize).map(|field| field.name.as_str())
            });
            let treated = self.fields.contains_key(carrier.unwrap_or(&hint.field));
            if treated
                && hint.candidate.is_none()
                && let Some(key) = hint_key(self.catalog, hint)
            {
                self.hints.insert(key);
                out.push(at);
            }
        }
        out
    }

    /// Replaces fields in `data` and what they derive from in `raw`; returns whether there were any. What an earlier
    /// redaction left stays as it is.
    fn event(&self, row: &mut LedgerRow) -> Result<bool, Error> {
        let event = &mut row.event;
        let mapped = self.catalog.fields(&event.source, &event.event_type);
        let mut data = defacto_json::decode_data(&event.data, mapped)
            .map_err(|source| Error::Ledger { sequence: row.sequence, source })?;
        let mut raw = defacto_json::parse(&event.raw).ok();
        let mut changed = false;
        for (name, value) in &mut data {
            let Some(field) = self.fields.get(name.as_str()) else { continue };
            let left = match value {
                Value::Null => true,
                Value::String(text) => self.catalog.is_treated(name, text),
                _ => false,
            };
            if row.redacted && left {
                continue;
            }
            let how = Treating { field: *field, key: self.key };
            changed |= !value.is_null();
            *value = treat(value, &how);
            let lineage = mapped.iter().find(|field| field.name == *name).map(|f| &f.lineage);
            if let Some(raw) = &mut raw {
                for path in lineage.into_iter().flatten() {
                    changed |= treat_path(raw, path, &how);
                }
            }
        }
        if changed {
            event.data = defacto_json::encode_data(&data);
            if self.catalog.is_made(&event.source) {
                event.raw = crate::siblings::marked();
            } else if let Some(raw) = raw {
                event.raw = defacto_json::to_json(&raw);
            }
        }
        Ok(changed)
    }
}

/// Rows of explicit merges, unmerges and blocks that name redacted hints, with what stands for these.
async fn merge_rows(
    tx: &mut dyn Transaction,
    catalog: &Catalog,
    root: EntityId,
    replaced: &BTreeSet<HintKey>,
    key: &str,
) -> Result<Vec<LedgerRow>, Error> {
    let mut ids = vec![root];
    crate::edges::cluster(tx, &mut ids).await?;
    let sequences = system_rows(tx, &ids).await?;
    let mut out = Vec::new();
    for sequence in sequences {
        let before = Sequence(sequence.0 - 1);
        for mut row in tx.scan_events(before, sequence, 1, true).await? {
            if row.event.source != SYSTEM_SOURCE {
                continue;
            }
            let mut data = defacto_json::decode_data(&row.event.data, &[])
                .map_err(|source| Error::Ledger { sequence, source })?;
            for (name, value) in &mut data {
                if name == "from_hints" || name == "into_hints" {
                    replace(catalog, value, replaced, key);
                }
            }
            row.event.data = defacto_json::encode_data(&data);
            row.event.raw.clone_from(&row.event.data);
            out.push(row);
        }
    }
    Ok(out)
}

/// Replaces texts in `{type: {field: [texts]}}`.
fn replace(catalog: &Catalog, hints: &mut Value, replaced: &BTreeSet<HintKey>, key: &str) {
    let Value::Object(types) = hints else { return };
    for (entity_type, fields) in types {
        let Value::Object(fields) = fields else { continue };
        for (field, values) in fields {
            let Value::List(values) = values else { continue };
            for value in values {
                let Value::String(text) = value else { continue };
                let hint = HintText {
                    entity_type: entity_type.clone(),
                    field: field.clone(),
                    value: text.clone(),
                    candidate: None,
                };
                if hint_key(catalog, &hint).is_some_and(|key| replaced.contains(&key)) {
                    *text = hashed(key, text);
                }
            }
        }
    }
}
