//! What stays of events that name an erased entity and are others' too (engine.md 1.6).

use std::collections::{BTreeMap, BTreeSet};

use defacto_model::{EntityId, Sequence};
use defacto_ports::{EntityEventRow, LedgerRow, Transaction};

use crate::catalog::Catalog;
use crate::treatment::{Treating, treat, treat_path};
use crate::{Error, Pipeline};

/// An event that stays, with its record.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) row: LedgerRow,
    /// Whether it was the erased entity's own, among others'.
    own: bool,
    /// Fields by which effects of others found the erased.
    naming: BTreeSet<String>,
    /// Fields by which effects found somebody else.
    telling: BTreeSet<String>,
}

impl Kept {
    fn new(
        catalog: &Catalog,
        row: LedgerRow,
        owners: &[EntityEventRow],
        ids: &[EntityId],
        own: bool,
    ) -> Self {
        let (mut naming, mut telling) = (BTreeSet::new(), BTreeSet::new());
        for owner in owners {
            let Some((entity, _)) = catalog.manifest.find_entity(&owner.entity_type) else {
                continue;
            };
            let Some((_, taken)) = catalog.entity_event(entity, &row.event.event_type) else {
                continue;
            };
            for (relate, target) in taken.relates.iter().zip(&owner.targets) {
                let Some(target) = target else { continue };
                let fields = if ids.contains(target) { &mut naming } else { &mut telling };
                fields.extend(relate.hint_fields.iter().cloned());
            }
        }
        Self { row, own, naming, telling }
    }
}

impl Pipeline {
    /// Events that stay although they name one of the erased, with their duplicates: `own`, as far as they are others' too,
    /// and those in which somebody relates to them. The owners of these join `others`.
    pub(crate) async fn kept(
        &self,
        tx: &mut dyn Transaction,
        entity_type: &str,
        ids: &[EntityId],
        own: BTreeMap<Sequence, LedgerRow>,
        others: &mut BTreeMap<Sequence, Vec<EntityEventRow>>,
    ) -> Result<Vec<Kept>, Error> {
        let mut out: BTreeMap<Sequence, Kept> = BTreeMap::new();
        for (sequence, row) in own {
            if let Some(owners) = others.get(&sequence) {
                out.insert(sequence, Kept::new(&self.catalog, row, owners, ids, true));
            }
        }
        if self.catalog.named_by_field(entity_type) {
            for (owner, row) in tx.events_relating(ids).await? {
                let sequence = row.sequence;
                if ids.contains(&owner.origin_id) || out.contains_key(&sequence) {
                    continue;
                }
                let owners = tx.entity_events(&[sequence]).await?;
                out.insert(sequence, Kept::new(&self.catalog, row, &owners, ids, false));
                others.insert(sequence, owners);
            }
        }
        let sequences: Vec<Sequence> = out.keys().copied().collect();
        let raws = tx.raw_texts(&sequences).await?;
        for (kept, raw) in out.values_mut().zip(raws) {
            kept.row.event.raw = raw;
        }
        let mut duplicates = Vec::new();
        for row in tx.duplicates_of(&sequences).await? {
            if let Some(kept) = row.duplicate_of.and_then(|first| out.get(&first)) {
                duplicates.push(Kept { row, ..kept.clone() });
            }
        }
        Ok(out.into_values().chain(duplicates).collect())
    }

    /// Takes what names the erased out of events that stay: hints of its type, and the fields that feed its hints and
    /// sensitive properties, in `data` and in `raw`; and fields by which others named it. What names another too stays.
    /// Returns how many events there were, and whether effects may find somebody else by their fields than they did.
    pub(crate) async fn scrub(
        &self,
        tx: &mut dyn Transaction,
        entity_type: &str,
        events: Vec<Kept>,
    ) -> Result<(u64, bool), Error> {
        let catalog = &self.catalog;
        let Some((entity, definition)) = catalog.manifest.find_entity(entity_type) else {
            return Ok((0, false));
        };
        let sensitive: Vec<&str> = definition
            .properties
            .iter()
            .filter(|property| property.treatment.is_some())
            .map(|property| property.name.as_str())
            .collect();
        let (mut rows, mut found_otherwise) = (Vec::new(), false);
        for Kept { mut row, own, naming, telling } in events {
            let event = &mut row.event;
            if own {
                event.hints.retain(|hint| hint.entity_type != entity_type);
            }
            if let Some(mapped) = catalog.source_event(&event.source, &event.event_type) {
                let mut fields = defacto_json::decode_data(&event.data, &mapped.fields)
                    .map_err(|source| Error::Ledger { sequence: row.sequence, source })?;
                let mut paths: Vec<&str> = Vec::new();
                for (at, field) in (0u32..).zip(&mapped.fields) {
                    let (mine, others): (Vec<_>, Vec<_>) = (mapped.hints.iter())
                        .filter(|hint| hint.field == at)
                        .partition(|hint| own && hint.entity == entity);
                    let named = naming.contains(&field.name);
                    let feeds = !mine.is_empty() || sensitive.contains(&field.name.as_str());
                    if !(named || own && feeds) {
                        continue;
                    }
                    if !others.is_empty() {
                        // The name may be somebody new's.
                        found_otherwise |= named;
                        continue;
                    }
                    found_otherwise |= telling.contains(&field.name);
                    paths.extend(field.lineage.iter().map(String::as_str));
                    if let Some((_, value)) =
                        fields.iter_mut().find(|(name, _)| *name == field.name)
                    {
                        *value = treat(value, &Treating::MARK);
                    }
                }
                event.data = defacto_json::encode_data(&fields);
                if catalog.is_made(&event.source) {
                    event.raw = crate::siblings::marked();
                } else if let Ok(mut raw) = defacto_json::parse(&event.raw) {
                    for path in paths {
                        treat_path(&mut raw, path, &Treating::MARK);
                    }
                    event.raw = defacto_json::to_json(&raw);
                }
            }
            row.redacted = true;
            rows.push(row);
        }
        if !rows.is_empty() {
            tx.rewrite_events(&rows).await?;
        }
        Ok((crate::build::count(rows.len()), found_otherwise))
    }
}
