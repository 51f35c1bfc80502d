use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use defacto_model::{EntityId, Sequence};
use defacto_ports::{EntityEventRow, HintKey, HintRow, LedgerRow, Reader, Transaction};

use crate::apart::{Separation, separations, set_separations};
use crate::edges::EdgeWork;
use crate::lifecycle::{ALL, known};
use crate::pipeline::settings;
use crate::retry::on_the_whole;
use crate::secrets::{hmac, secret};
use crate::treatment::{Treating, treat, treat_path};
use crate::{EraseResult, Error, OtherVersion, Pipeline};

/// Events read at once.
const SCAN: usize = 4096;

impl Pipeline {
    /// Removes an entity, those merged into it, and everything that is known only through them
    /// (engine.md 1.6). Histories of other `versions` lose it, and entities with which it shares events, at once; the next build
    /// of these versions makes them anew. Erasing again gives the recorded
    /// result. [`Pipeline::purge`] completes it.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownEntity`]; what module and store say.
    pub async fn erase(
        &mut self,
        id: EntityId,
        versions: &[OtherVersion],
    ) -> Result<EraseResult, Error> {
        let result = on_the_whole!(self, self.erase_inner(id, versions));
        self.forget();
        result
    }

    /// What erasing an entity did, if it has been erased.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn erasure_of(&self, id: EntityId) -> Result<Option<EraseResult>, Error> {
        recorded(self.store.read().await?.as_mut(), id).await
    }

    async fn erase_inner(
        &mut self,
        id: EntityId,
        versions: &[OtherVersion],
    ) -> Result<EraseResult, Error> {
        self.begin_operation();
        self.bring_up().await?;
        let catalog = Arc::clone(&self.catalog);
        let realm = self.realm();
        let mut tx = self.begin().await?;
        if let Some(result) = recorded(&mut *tx, id).await? {
            return Ok(result);
        }
        let (root, hints) = known(&mut *tx, id, ALL).await?;
        let entity_type =
            hints.first().map(|hint| hint.key.entity_type.clone()).unwrap_or_default();
        let mut ids = self.absorbed(&mut *tx, root).await?;
        ids.sort_unstable();
        let erased = |id: &EntityId| ids.binary_search(id).is_ok();

        let mut events: BTreeMap<Sequence, LedgerRow> = BTreeMap::new();
        for (_, event) in tx.events_by_origin(&ids).await? {
            events.insert(event.sequence, event);
        }
        let sequences: Vec<Sequence> = events.keys().copied().collect();
        let mut others: BTreeMap<Sequence, Vec<EntityEventRow>> = BTreeMap::new();
        for row in tx.entity_events(&sequences).await? {
            if !erased(&row.origin_id) {
                others.entry(row.sequence).or_default().push(row);
            }
        }
        let alone: Vec<Sequence> =
            sequences.iter().filter(|at| !others.contains_key(at)).copied().collect();
        let lost = alone.iter().filter_map(|at| events.get(at)).cloned().collect();
        let told = self.told(&mut *tx, lost, &ids).await?;
        let kept = self.kept(&mut *tx, &entity_type, &ids, events, &mut others).await?;
        let mut holders = alone.clone();
        holders.extend(kept.iter().map(|kept| kept.row.sequence));
        holders.sort_unstable();
        let siblings = self.siblings(&mut *tx, &holders).await?;
        let (mut scrubbed, found_otherwise) = self.scrub(&mut *tx, &entity_type, kept).await?;
        let carried = self.scrub_carriers(&mut *tx, &entity_type, &hints, &sequences).await?;
        scrubbed += crate::build::count(carried.len());
        for row in tx.entity_events(&carried).await? {
            others.entry(row.sequence).or_default().push(row);
        }

        for hint in &hints {
            let digest = self.hint_digest(&mut *tx, &hint.key).await?;
            tx.add_erased_hint(&digest).await?;
        }
        tx.set_setting(settings::ANY_ERASED, "1").await?;
        tx.set_setting(settings::UNPURGED, "1").await?;
        self.any_erased = true;
        let merges = self.count_merges(&mut *tx, &ids).await?;
        tx.clear_hints(Some(&ids)).await?;
        tx.clear_hints(Some(&told.unheard)).await?;
        let asked = system_rows(&mut *tx, &ids).await?;
        tx.clear_merges(Some(&ids)).await?;
        // Rows of explicit merges hold the hints of both sides.
        tx.delete_events(&asked).await?;
        let parted = self.forget_separations(&mut *tx, &ids, &asked).await?;
        let deleted = tx.delete_events(&alone).await?;
        if !siblings.is_empty() {
            tx.rewrite_events(&siblings).await?;
        }
        let rewritten: Vec<Sequence> = others.keys().copied().collect();
        tx.clear_entity_events(Some(&rewritten)).await?;
        let mut kept: Vec<EntityEventRow> = others.into_values().flatten().collect();
        let mut redo: BTreeMap<u32, BTreeSet<EntityId>> = BTreeMap::new();
        for row in &mut kept {
            for target in &mut row.targets {
                *target = target.filter(|target| !erased(target));
            }
            if let Some((entity, _)) = catalog.manifest.find_entity(&row.entity_type) {
                redo.entry(entity).or_default().insert(row.entity_id);
            }
        }
        tx.add_entity_events(&kept).await?;
        tx.delete_states(&realm, &entity_type, &ids).await?;
        tx.delete_history(&realm, &entity_type, &ids).await?;
        let mut withdrawn = Vec::new();
        for (at, pair) in catalog.pairs.pairs.iter().enumerate() {
            let requests = tx.edge_requests(&realm, &pair.key, &ids).await?;
            withdrawn.extend(requests.into_iter().map(|request| (at, request)));
        }
        let all: Vec<_> = ids.iter().map(|id| (*id, None)).collect();
        tx.delete_edge_requests(&realm, &all).await?;
        for pair in &catalog.pairs.pairs {
            tx.delete_edges(&realm, &pair.key, &ids).await?;
        }
        // Those who shared events with the erased see them scrubbed from now on.
        let mut concerned: BTreeSet<EntityId> = redo.values().flatten().copied().collect();
        concerned.extend(ids.iter().copied());
        self.deplete(&mut *tx, versions, &concerned).await?;
        let work = EdgeWork { withdrawn, ..EdgeWork::default() };
        self.remake(&mut *tx, &realm, redo, work).await?;
        // Events that the erased was kept out of may join others now, and others may be who they are by its events.
        let again = parted || found_otherwise || told.counts;
        if again {
            tx.set_setting(settings::RESOLVED_WITH, defacto_planner::REDACTED).await?;
        }
        let result = EraseResult {
            entity_id: root,
            entities_erased: crate::build::count(ids.len()),
            events_deleted: deleted,
            merge_log_cleaned: merges,
            events_scrubbed: scrubbed,
            cold_events_deleted: 0,
        };
        let text = serde_json::to_string(&result).unwrap_or_default();
        for id in &ids {
            tx.set_setting(&erasure_setting(*id), &text).await?;
        }
        self.commit(tx).await?;
        if again {
            self.bring_up().await?;
        }
        let mut build = crate::BuildResult::default();
        self.settle(&mut build).await?;
        Ok(result)
    }

    async fn count_merges(&self, tx: &mut dyn Transaction, ids: &[EntityId]) -> Result<u64, Error> {
        let mut rows: BTreeSet<(Sequence, EntityId)> = BTreeSet::new();
        for id in ids {
            rows.extend(tx.merges(Some(*id)).await?.iter().map(|row| (row.sequence, row.from)));
        }
        Ok(crate::build::count(rows.len()))
    }

    /// Forgets what kept erased entities apart from others; whether anything did.
    async fn forget_separations(
        &self,
        tx: &mut dyn Transaction,
        ids: &[EntityId],
        rows: &[Sequence],
    ) -> Result<bool, Error> {
        let all = separations(tx).await?;
        let concerned = |it: &Separation| {
            ids.contains(&it.a) || ids.contains(&it.b) || rows.contains(&it.sequence)
        };
        let kept: Vec<Separation> = all.iter().filter(|it| !concerned(it)).cloned().collect();
        if kept.len() == all.len() {
            return Ok(false);
        }
        set_separations(tx, &kept).await?;
        Ok(true)
    }

    /// Takes hints of an erased entity out of events that carry them and yet belong to others of its type: there are such
    /// once entities have been kept apart. Returns these events.
    async fn scrub_carriers(
        &self,
        tx: &mut dyn Transaction,
        entity_type: &str,
        hints: &[HintRow],
        own: &[Sequence],
    ) -> Result<Vec<Sequence>, Error> {
        let mut out = Vec::new();
        if tx.setting(settings::ANY_APART).await?.is_none() {
            return Ok(out);
        }
        let mut after = Sequence(0);
        loop {
            let page = tx.scan_events(after, Sequence(i64::MAX), SCAN, true).await?;
            let Some(last) = page.last() else { return Ok(out) };
            after = last.sequence;
            let mut rows = Vec::new();
            for mut row in page {
                let mut fields = Vec::new();
                if own.binary_search(&row.sequence).is_err() {
                    for hint in row.event.hints.iter().filter(|h| h.entity_type == entity_type) {
                        let key = self.standing(tx, &self.catalog, hint).await?;
                        if key.is_some_and(|key| hints.iter().any(|it| it.key == key)) {
                            fields.push((hint.field.clone(), hint.value.clone()));
                        }
                    }
                }
                if !fields.is_empty() {
                    self.scrub_hints(&mut row, entity_type, &fields)?;
                    out.push(row.sequence);
                    rows.push(row);
                }
            }
            if !rows.is_empty() {
                tx.rewrite_events(&rows).await?;
            }
        }
    }

    /// Takes hints of one type, and the fields that bring them, out of an event.
    fn scrub_hints(
        &self,
        row: &mut LedgerRow,
        entity_type: &str,
        gone: &[(String, String)],
    ) -> Result<(), Error> {
        let catalog = &self.catalog;
        let event = &mut row.event;
        event.hints.retain(|hint| {
            hint.entity_type != entity_type
                || !gone.iter().any(|(field, value)| *field == hint.field && *value == hint.value)
        });
        row.redacted = true;
        let Some(mapped) = catalog.source_event(&event.source, &event.event_type) else {
            return Ok(());
        };
        let mut fields = defacto_json::decode_data(&event.data, &mapped.fields)
            .map_err(|source| Error::Ledger { sequence: row.sequence, source })?;
        let mut raw = defacto_json::parse(&event.raw).ok();
        for (at, field) in (0u32..).zip(&mapped.fields) {
            let brings = mapped.hints.iter().any(|hint| {
                hint.field == at
                    && catalog.entity_name(hint.entity) == entity_type
                    && gone.iter().any(|(name, _)| {
                        name == catalog.identity_field_name(hint.entity, hint.identity_field)
                    })
            });
            if !brings {
                continue;
            }
            if let Some((_, value)) = fields.iter_mut().find(|(name, _)| *name == field.name) {
                *value = treat(value, &Treating::MARK);
            }
            for path in &field.lineage {
                if let Some(raw) = &mut raw {
                    treat_path(raw, path, &Treating::MARK);
                }
            }
        }
        event.data = defacto_json::encode_data(&fields);
        if let Some(raw) = raw {
            event.raw = defacto_json::to_json(&raw);
        }
        Ok(())
    }

    /// Keyed digest by which an erased hint is recognised without being kept.
    pub(crate) async fn hint_digest(
        &self,
        tx: &mut dyn Transaction,
        key: &HintKey,
    ) -> Result<String, Error> {
        let secret = secret(tx, settings::ERASURE_KEY).await?;
        let text = format!("{}\0{}\0{}", key.entity_type, key.space, key.value);
        Ok(hex::encode(hmac(secret.as_bytes(), text.as_bytes())))
    }
}

/// Setting that keeps what an erasure did.
fn erasure_setting(id: EntityId) -> String {
    format!("erased/{id}")
}

async fn recorded<R>(reader: &mut R, id: EntityId) -> Result<Option<EraseResult>, Error>
where
    R: Reader + ?Sized,
{
    let text = reader.setting(&erasure_setting(id)).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Ledger places of the explicit merges, unmerges and blocks that mention the ids.
pub(crate) async fn system_rows(
    tx: &mut dyn Transaction,
    ids: &[EntityId],
) -> Result<Vec<Sequence>, Error> {
    let mut out = BTreeSet::new();
    for id in ids {
        let rows = tx.merges(Some(*id)).await?;
        out.extend(rows.iter().filter(|row| row.reason.is_some()).map(|row| row.sequence));
        out.extend(rows.iter().filter_map(|row| row.undone_by));
    }
    for it in separations(tx).await? {
        if ids.contains(&it.a) || ids.contains(&it.b) {
            out.insert(it.sequence);
        }
    }
    Ok(out.into_iter().collect())
}
