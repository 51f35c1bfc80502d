//! Normalizing again only the sources that changed, and making anew only the entities that their events belong to
//! (language.md 8.5). It holds as long as identity stays as it is, which only doing it can show.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use defacto_model::{EntityId, FieldOrigin, Sequence, Timestamp};
use defacto_ports::{EntityEventRow, LedgerRow, Realm, Transaction};

use crate::base::{Base, Renew, Subject};
use crate::build::count;
use crate::cache::{IdentityCache, StateCache};
use crate::catalog::Catalog;
use crate::made::Made;
use crate::merges::MergeIndex;
use crate::pipeline::settings;
use crate::shards::Post;
use crate::visits::{Redone, RedonePlan, RedoneWork, visitors};
use crate::{BuildResult, Error, EventFailure, Pipeline, Timing};

/// Rows asked for at a time.
const PAGE: usize = 1024;

/// What a ledger with some sources normalized again comes to.
#[derive(Debug, Default)]
struct Renewed {
    /// Entities, by type, that see something else now.
    redo: Redone,
    failures: Vec<EventFailure>,
    /// Latest instant of an event normalized again.
    newest: Option<Timestamp>,
}

/// What of a renewal a plan tells.
#[derive(Debug, Default)]
pub(crate) struct RenewalPlan {
    pub(crate) redone: RedonePlan,
    pub(crate) sources: Vec<String>,
}

/// One pass over the ledger.
#[derive(Debug, Default)]
struct Pass {
    failures: Vec<EventFailure>,
    newest: Option<Timestamp>,
    /// Rows that entities see otherwise.
    seen: Vec<Sequence>,
    ids_changed: bool,
    /// Duplicates with what they were duplicates of.
    duplicates: BTreeMap<Sequence, Sequence>,
}

impl Pipeline {
    /// The first step of a build that takes over a history whose sources changed: ledger, a copy of the history, and in it
    /// the entities made anew, in one transaction. What is left is that of any build under way. False, and nothing done,
    /// where identity would change.
    pub(crate) async fn renew(
        &mut self,
        base: &Base,
        result: &mut BuildResult,
    ) -> Result<bool, Error> {
        self.forget();
        let before = self.build.clone();
        let mut tx = self.begin().await?;
        base.check(&mut *tx).await?;
        let Some(renewed) = self.renew_ledger(&mut *tx, base).await? else {
            drop(tx);
            self.load().await?;
            return Ok(false);
        };
        let generation = self.build.generation + 1;
        let realm = Realm { version: self.version.clone(), generation };
        tx.drop_realm(&realm).await?;
        tx.create_realm(&realm, &self.catalog.manifest).await?;
        tx.copy_types(&base.realm, &realm, &base.copied(), &base.pairs()).await?;
        // Everything is derived again, failures too.
        self.build.cursor = Sequence(0);
        let outcome = self.remake_renewed(&mut *tx, &realm, base, renewed.redo).await;
        let mut progress = std::mem::replace(&mut self.build, before);
        let work = outcome?;
        progress.watermark = base.build.watermark.max(renewed.newest);
        progress.pending = Some((generation, base.build.cursor, None));
        let resolved = tx.resolved().await?;
        tx.set_setting(&self.under_way(), &self.made_of(resolved, Some(base))).await?;
        let mut done = work.on_top_of(result.done());
        done.events_failed += count(renewed.failures.len());
        self.note_done(&mut *tx, done).await?;
        self.set_data_state(&mut *tx).await?;
        tx.save_build(&self.progress_key(), &progress).await?;
        self.commit(tx).await?;
        self.build = progress;
        self.states.clear();
        result.events_failed += count(renewed.failures.len());
        result.failures.extend(renewed.failures);
        self.report_remade(work, result).await?;
        Ok(true)
    }

    /// Makes anew in a copied history what sees something else of the ledger, or has been where time rules were added.
    async fn remake_renewed(
        &mut self,
        tx: &mut dyn Transaction,
        realm: &Realm,
        base: &Base,
        seen: Redone,
    ) -> Result<RedoneWork, Error> {
        let redo = self.redone(tx, realm, base, seen).await?;
        self.remake_pages(tx, realm, redo).await
    }

    /// What sees something else of the ledger, and what has been where time rules were added.
    async fn redone(
        &self,
        tx: &mut dyn Transaction,
        realm: &Realm,
        base: &Base,
        seen: Redone,
    ) -> Result<Redone, Error> {
        let mut redo = visitors(tx, realm, &base.ruled, &self.catalog.manifest).await?;
        for (entity, ids) in seen {
            redo.entry(entity).or_default().extend(ids);
        }
        Ok(redo)
    }

    /// What [`Pipeline::renew`] would do, with nothing done; `None` where it would do nothing.
    pub(crate) async fn preview_renewal(
        &mut self,
        base: &Base,
    ) -> Result<Option<RenewalPlan>, Error> {
        let mut tx = self.store.begin().await?;
        let Some(renewed) = self.renew_ledger(&mut *tx, base).await? else { return Ok(None) };
        let redo = self.redone(&mut *tx, &base.realm, base, renewed.redo).await?;
        let redone = RedonePlan::of(&mut *tx, redo, &self.catalog.manifest).await?;
        let sources = base.renew.iter().flat_map(|renew| renew.sources.iter().cloned());
        Ok(Some(RenewalPlan { redone, sources: sources.collect() }))
    }

    /// A pipeline of the same store by other definitions, to try something in a transaction that is dropped.
    pub(crate) fn twin(&self, subject: Subject<'_>) -> Pipeline {
        let machines = Arc::clone(subject.machines);
        let catalog = Catalog::new(machines.manifest(), machines.digest());
        Pipeline {
            identity: IdentityCache::new(self.options.identity_cache),
            states: StateCache::new(self.options.entity_cache),
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            machines,
            catalog: Arc::new(catalog),
            version: subject.version.to_owned(),
            unregistered: None,
            options: self.options.clone(),
            build: subject.build.clone(),
            active: false,
            beside: true,
            any_merges: self.any_merges,
            any_erased: self.any_erased,
            redaction: self.redaction.clone(),
            compiled: std::sync::Mutex::new(None),
            timing: Timing::default(),
            warnings: Vec::new(),
            post: Post::alone(),
            before: None,
            entered: self.entered,
            unended: false,
            caught_up: false,
            unsettled: true,
            resolved: self.resolved,
            reported: (Sequence(0), None),
        }
    }

    /// Brings the ledger's columns, and which rows are duplicates, up to the new sources. `None` where that would change
    /// identity.
    async fn renew_ledger(
        &mut self,
        tx: &mut dyn Transaction,
        base: &Base,
    ) -> Result<Option<Renewed>, Error> {
        let Some(renew) = &base.renew else { return Ok(None) };
        let resolved = tx.resolved().await?;
        let size = self.options.batch_size.max(1);
        tx.suspend_event_ids().await?;
        let (mut pass, mut made) = (Pass::default(), Made::default());
        let mut after = Sequence(0);
        loop {
            let rows = tx.scan_events(after, Sequence(i64::MAX), size, true).await?;
            let Some(last) = rows.last() else { break };
            after = last.sequence;
            let page = self.renew_page(tx, renew, rows, resolved, &mut pass, &mut made).await?;
            let Some(changed) = page else { return Ok(None) };
            if !changed.is_empty() {
                tx.rewrite_events(&changed).await?;
            }
        }
        tx.restore_event_ids().await?;
        let mut seen = pass.seen;
        let mut owners = BTreeSet::new();
        if pass.ids_changed {
            let Some(turned) = self.turned(tx, resolved, &pass.duplicates).await? else {
                return Ok(None);
            };
            let ceased: Vec<Sequence> = turned.ceased;
            owners.extend(self.owners(tx, &ceased).await?);
            if !ceased.is_empty() {
                tx.clear_entity_events(Some(&ceased)).await?;
            }
            seen.extend(turned.rows.iter().map(|row| row.sequence));
            if !turned.rows.is_empty() {
                tx.add_entity_events(&turned.rows).await?;
            }
        }
        for chunk in made.finish().chunks(size) {
            tx.append(chunk).await?;
        }
        owners.extend(self.owners(tx, &seen).await?);
        let mut redo = Redone::new();
        for (entity, id) in owners {
            if base.scope.kept.contains(self.catalog.entity_name(entity)) {
                redo.entry(entity).or_default().insert(id);
            }
        }
        Ok(Some(Renewed { redo, failures: pass.failures, newest: pass.newest }))
    }

    /// Rows of a page that normalizing again changes; `None` where a change touches identity.
    async fn renew_page(
        &self,
        tx: &mut dyn Transaction,
        renew: &Renew,
        rows: Vec<LedgerRow>,
        resolved: Sequence,
        pass: &mut Pass,
        made: &mut Made,
    ) -> Result<Option<Vec<LedgerRow>>, Error> {
        let retyped = |row: &LedgerRow| {
            renew.retyped.iter().any(|(source, event)| {
                *source == row.event.source && *event == row.event.event_type
            })
        };
        let mut own = Vec::new();
        let mut before = BTreeMap::new();
        for row in rows {
            pass.duplicates.extend(row.duplicate_of.map(|first| (row.sequence, first)));
            if !renew.sources.contains(&row.event.source) {
                continue;
            }
            if row.duplicate_of.is_none() && retyped(&row) {
                pass.seen.push(row.sequence);
            }
            before.insert(row.sequence, row.clone());
            own.push(row);
        }
        let mut changed = Vec::new();
        for row in self.renormalize(own, made, &mut pass.failures)? {
            pass.newest = pass.newest.max(Some(row.event.timestamp));
            let Some(old) = before.get(&row.sequence) else { continue };
            if old.event == row.event {
                continue;
            }
            pass.ids_changed |= old.event.event_id != row.event.event_id;
            // What is no event of its own, or has not been given to anyone yet, can only matter by becoming one.
            if row.duplicate_of.is_none() && row.sequence <= resolved {
                if self.tells_of_others(old, &row, retyped(old))
                    || self.moves_merges(tx, old, &row).await?
                {
                    return Ok(None);
                }
                if self.is_seen(old, &row) {
                    pass.seen.push(row.sequence);
                }
            }
            changed.push(row);
        }
        Ok(Some(changed))
    }

    /// Whether a row may lead to other entities than before: by its type, its hints, or fields by which it relates.
    fn tells_of_others(&self, old: &LedgerRow, new: &LedgerRow, retyped: bool) -> bool {
        let (a, b) = (&old.event, &new.event);
        if a.event_type != b.event_type || a.hints != b.hints {
            return true;
        }
        let fields = self.relating_fields(new);
        if fields.is_empty() || (a.data == b.data && !retyped) {
            return false;
        }
        let read = |text: &str| defacto_json::decode_data(text, &[]).unwrap_or_default();
        let (before, after) = (read(&a.data), read(&b.data));
        let value = |data: &[(String, defacto_model::Value)], field: &str| {
            data.iter().find(|(name, _)| name == field).map(|(_, value)| value.clone())
        };
        retyped || fields.iter().any(|field| value(&before, field) != value(&after, field))
    }

    /// Fields by which effects of an event's entities find others.
    fn relating_fields(&self, row: &LedgerRow) -> BTreeSet<&str> {
        let owners = row.event.hints.iter().filter_map(|hint| {
            let (owner, _) = self.catalog.manifest.find_entity(&hint.entity_type)?;
            Some(self.catalog.entity_event(owner, &row.event.event_type)?.1)
        });
        let relates = owners.flat_map(|event| &event.relates);
        relates.flat_map(|relate| &relate.hint_fields).map(String::as_str).collect()
    }

    /// Whether a merge bears another time now.
    async fn moves_merges(
        &self,
        tx: &mut dyn Transaction,
        old: &LedgerRow,
        new: &LedgerRow,
    ) -> Result<bool, Error> {
        if old.event.timestamp == new.event.timestamp || !self.any_merges {
            return Ok(false);
        }
        if tx.setting(settings::ANY_APART).await?.is_some() {
            return Ok(true);
        }
        let before = Sequence(new.sequence.0.saturating_sub(1));
        Ok(!tx.merges_between(before, new.sequence, 1).await?.is_empty())
    }

    /// Whether entities see a difference: of ids only those that read them; history finds them by the row's place.
    fn is_seen(&self, old: &LedgerRow, new: &LedgerRow) -> bool {
        let (a, b) = (&old.event, &new.event);
        if a.timestamp != b.timestamp || a.data != b.data {
            return true;
        }
        b.hints.iter().any(|hint| {
            let found = self.catalog.manifest.find_entity(&hint.entity_type);
            let taken =
                found.and_then(|(owner, _)| self.catalog.entity_event(owner, &b.event_type));
            taken.is_some_and(|(_, event)| {
                event.fields.iter().any(|field| field.origin == FieldOrigin::Id)
            })
        })
    }

    /// Entities, with their types, to whom rows belong.
    async fn owners(
        &self,
        tx: &mut dyn Transaction,
        rows: &[Sequence],
    ) -> Result<BTreeSet<(u32, EntityId)>, Error> {
        let mut out = BTreeSet::new();
        for page in rows.chunks(PAGE) {
            for row in tx.entity_events(page).await? {
                let found = self.catalog.manifest.find_entity(&row.entity_type);
                out.extend(found.map(|(entity, _)| (entity, row.entity_id)));
            }
        }
        Ok(out)
    }

    /// Rows that became duplicates, and duplicates that became events, since the ids changed. Both leave identity as it is
    /// where a row told exactly the same of whom it is as an earlier one that was and is an event; `None` elsewhere.
    async fn turned(
        &self,
        tx: &mut dyn Transaction,
        resolved: Sequence,
        before: &BTreeMap<Sequence, Sequence>,
    ) -> Result<Option<Turned>, Error> {
        let now = duplicates(tx, self.options.batch_size.max(1), resolved).await?;
        let ceased = now.iter().filter(|(row, _)| !before.contains_key(row));
        let ceased: Vec<(Sequence, Sequence)> = ceased.map(|(a, b)| (*a, *b)).collect();
        let begun = before.iter().filter(|(row, _)| **row <= resolved && !now.contains_key(row));
        let begun: Vec<(Sequence, Sequence)> = begun.map(|(a, b)| (*a, *b)).collect();
        let mut out = Turned::default();
        if ceased.is_empty() && begun.is_empty() {
            return Ok(Some(out));
        }
        if tx.setting(settings::ANY_APART).await?.is_some() {
            return Ok(None);
        }
        let mut merges = MergeIndex::default();
        for (row, first) in ceased.iter().chain(&begun) {
            let event = |other: &Sequence| !before.contains_key(other) && !now.contains_key(other);
            if first >= row || !event(first) || !self.tell_the_same(tx, *first, *row).await? {
                return Ok(None);
            }
        }
        for (row, first) in &begun {
            for known in tx.entity_events(&[*first]).await? {
                let ids = known.targets.iter().flatten().copied().chain([known.origin_id]);
                merges.load(tx, ids.collect()).await?;
                let then = |id| merges.root_until(id, *row);
                out.rows.push(EntityEventRow {
                    sequence: *row,
                    origin_id: then(known.origin_id),
                    targets: known.targets.iter().map(|id| id.map(then)).collect(),
                    ..known.clone()
                });
            }
        }
        out.ceased = ceased.into_iter().map(|(row, _)| row).collect();
        Ok(Some(out))
    }

    /// Whether two rows lead to the same entities.
    async fn tell_the_same(
        &self,
        tx: &mut dyn Transaction,
        first: Sequence,
        row: Sequence,
    ) -> Result<bool, Error> {
        let mut found = Vec::new();
        for place in [first, row] {
            let before = Sequence(place.0.saturating_sub(1));
            found.extend(tx.scan_events(before, place, 1, true).await?);
        }
        let [first, row] = found.as_slice() else { return Ok(false) };
        Ok(!first.redacted && !row.redacted && !self.tells_of_others(first, row, false))
    }
}

/// Rows whose standing as events changed.
#[derive(Debug, Default)]
struct Turned {
    /// Duplicates from now on.
    ceased: Vec<Sequence>,
    /// To whom those belong that are events from now on.
    rows: Vec<EntityEventRow>,
}

async fn duplicates(
    tx: &mut dyn Transaction,
    size: usize,
    until: Sequence,
) -> Result<BTreeMap<Sequence, Sequence>, Error> {
    let mut out = BTreeMap::new();
    let mut after = Sequence(0);
    loop {
        let rows = tx.scan_events(after, until, size, true).await?;
        let Some(last) = rows.last() else { return Ok(out) };
        after = last.sequence;
        out.extend(rows.iter().filter_map(|row| Some((row.sequence, row.duplicate_of?))));
    }
}
