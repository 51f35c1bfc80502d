use std::collections::BTreeSet;
use std::sync::Arc;

use defacto_model::{EntityId, Sequence, Value};
use defacto_ports::{EntityEventRow, HintKey, HintText, LedgerRow, MergeRow, Transaction};

use crate::apart::{Separation, separations, set_separations};
use crate::catalog::{Catalog, SYSTEM_SOURCE, UNMERGE_EVENT};
use crate::decode::Event;
use crate::edges::cluster;
use crate::merges::MergeIndex;
use crate::pipeline::settings;
use crate::redact::hint_key;
use crate::resolve::{Resolved, redacted_setting, side_hints};
use crate::treatment::hashed;
use crate::{Error, Pipeline};

/// Hints as they stand in the identity map.
pub(crate) type Side = BTreeSet<HintKey>;

impl Pipeline {
    /// Carries out an unmerge or a block at its place in the ledger: everything before it is resolved and stored.
    pub(crate) async fn separate(
        &mut self,
        tx: &mut dyn Transaction,
        event: &Event,
        out: &mut Resolved,
    ) -> Result<(), Error> {
        let catalog = Arc::clone(&self.catalog);
        let from = self.recorded(tx, &catalog, event.value("from_hints")).await?;
        let into = self.recorded(tx, &catalog, event.value("into_hints")).await?;
        let (Some(entity_type), Some(mut a), Some(mut b)) =
            (entity_type(&from), leads_to(tx, &from).await?, leads_to(tx, &into).await?)
        else {
            return Ok(());
        };
        let mut unmerged = None;
        if a == b {
            if event.event_type != UNMERGE_EVENT {
                return Ok(());
            }
            let named = named(event, "from_entity_id");
            let Some((merge, flipped)) = self.separating(tx, a, named, &from, &into).await? else {
                return Ok(());
            };
            let hints = if flipped { &into } else { &from };
            out.moved += self.take_back(tx, &merge, a, hints, event.sequence).await?;
            let mut index = MergeIndex::default();
            let winner = named_winner(event, flipped).unwrap_or(merge.into);
            index.load(tx, vec![winner, merge.into]).await?;
            let same = index.root(winner) == index.root(merge.into);
            (a, b) = (merge.from, if same { winner } else { merge.into });
            out.merges.retain(|it| (it.sequence, it.from) != (merge.sequence, merge.from));
            unmerged = Some(merge.sequence);
            let known: Vec<Sequence> =
                out.order.iter().copied().filter(|at| out.rows.contains_key(at)).collect();
            out.rows.clear();
            for row in tx.entity_events(&known).await? {
                out.rows.entry(row.sequence).or_default().push(row);
            }
        }
        let mut list = separations(tx).await?;
        list.push(Separation { sequence: event.sequence, entity_type, a, b, unmerged });
        set_separations(tx, &list).await?;
        tx.set_setting(settings::ANY_APART, "1").await?;
        self.identity.clear();
        Ok(())
    }

    /// Hints of one side of a system row, as they stand in the identity map now.
    async fn recorded(
        &self,
        tx: &mut dyn Transaction,
        catalog: &Catalog,
        value: Option<&Value>,
    ) -> Result<Side, Error> {
        let mut out = Side::new();
        for (entity, field, value) in side_hints(catalog, value) {
            let hint = HintText {
                entity_type: catalog.entity_name(entity).to_owned(),
                field: catalog.identity_field_name(entity, field).to_owned(),
                value,
                candidate: None,
            };
            out.extend(self.standing(tx, catalog, &hint).await?);
        }
        Ok(out)
    }

    /// Key under which a hint of an event stands in the identity map.
    pub(crate) async fn standing(
        &self,
        tx: &mut dyn Transaction,
        catalog: &Catalog,
        hint: &HintText,
    ) -> Result<Option<HintKey>, Error> {
        let Some(key) = hint_key(catalog, hint) else { return Ok(None) };
        if let (None, Some(secret)) = (hint.candidate, &self.redaction) {
            let hidden = HintKey { value: hashed(secret, &key.value), ..key.clone() };
            if tx.setting(&redacted_setting(&hidden)).await?.is_some() {
                return Ok(Some(hidden));
            }
        }
        Ok(Some(key))
    }

    /// Keys of an event's hints of one type, in written order.
    pub(crate) async fn standing_hints(
        &self,
        tx: &mut dyn Transaction,
        entity_type: &str,
        hints: &[HintText],
    ) -> Result<Vec<HintKey>, Error> {
        let mut out = Vec::new();
        for hint in hints.iter().filter(|hint| hint.entity_type == entity_type) {
            out.extend(self.standing(tx, &self.catalog, hint).await?);
        }
        Ok(out)
    }

    /// The merge without which the two sides are two: that of the entity named, or else the newest that has hints of one
    /// side alone (`true`: of `into`). Ids differ from the recorded ones where identity has been defined anew.
    async fn separating(
        &self,
        tx: &mut dyn Transaction,
        root: EntityId,
        named: Option<EntityId>,
        from: &Side,
        into: &Side,
    ) -> Result<Option<(MergeRow, bool)>, Error> {
        let mut ids = vec![root];
        cluster(tx, &mut ids).await?;
        let mut merges = tx.merges_into(&ids).await?;
        if let Some(row) = merges.iter().find(|row| Some(row.from) == named) {
            return Ok(Some((row.clone(), false)));
        }
        merges.sort_by_key(|row| std::cmp::Reverse((row.sequence, row.from)));
        for row in merges {
            let mut side = vec![row.from];
            cluster(tx, &mut side).await?;
            let mut carried = Side::new();
            for (owner, event) in tx.events_by_origin(&side).await? {
                if owner.entity_type == row.entity_type {
                    let keys = self.standing_hints(tx, &row.entity_type, &event.event.hints);
                    carried.extend(keys.await?);
                }
            }
            let (left, right) = (!carried.is_disjoint(from), !carried.is_disjoint(into));
            if left != right {
                return Ok(Some((row, right)));
            }
        }
        Ok(None)
    }

    /// Gives an entity that ceased its hints and events back; returns how many events.
    async fn take_back(
        &self,
        tx: &mut dyn Transaction,
        merge: &MergeRow,
        root: EntityId,
        hints: &Side,
        sequence: Sequence,
    ) -> Result<u64, Error> {
        let mut side = vec![merge.from];
        cluster(tx, &mut side).await?;
        tx.add_merges(&[MergeRow { undone_by: Some(sequence), ..merge.clone() }]).await?;
        let mut rows = tx.hints_of(&[root]).await?;
        let mut kept = Side::new();
        for row in &mut rows {
            if hints.contains(&row.key) {
                row.entity_id = merge.from;
            } else {
                kept.insert(row.key.clone());
            }
        }
        tx.clear_hints(Some(&[root])).await?;
        tx.add_hints(&rows).await?;
        let mut back: Vec<Sequence> = Vec::new();
        for (owner, event) in tx.events_of(&[root], None).await? {
            if owner.entity_type == merge.entity_type
                && (side.contains(&owner.origin_id)
                    || self.since_merge(tx, merge, &event, hints, &kept).await?)
            {
                back.push(event.sequence);
            }
        }
        back.sort_unstable();
        let mut owners = tx.entity_events(&back).await?;
        for owner in owners.iter_mut().filter(|owner| owner.entity_type == merge.entity_type) {
            if !side.contains(&owner.origin_id) {
                owner.origin_id = merge.from;
            }
            owner.entity_id = merge.from;
        }
        tx.clear_entity_events(Some(&back)).await?;
        tx.add_entity_events(&owners).await?;
        Ok(crate::build::count(back.len()))
    }

    /// Whether an event since the merge is the loser's: its first written hint that leads to one of the two decides, as
    /// it does while they are kept apart.
    async fn since_merge(
        &self,
        tx: &mut dyn Transaction,
        merge: &MergeRow,
        event: &LedgerRow,
        hints: &Side,
        kept: &Side,
    ) -> Result<bool, Error> {
        if event.sequence < merge.sequence {
            return Ok(false);
        }
        let keys = self.standing_hints(tx, &merge.entity_type, &event.event.hints).await?;
        let first = keys.iter().find(|key| hints.contains(key) || kept.contains(key));
        Ok(first.is_some_and(|key| hints.contains(key)))
    }

    /// Merges that a version's history shows up to `after` and that rows of the ledger up to `until` take back.
    pub(crate) async fn undone_between(
        &self,
        tx: &mut dyn Transaction,
        after: Sequence,
        until: Sequence,
    ) -> Result<Vec<MergeRow>, Error> {
        let mut out = Vec::new();
        for it in separations(tx).await? {
            let Some(merge) = it.unmerged else { continue };
            if it.sequence > after && it.sequence <= until && merge <= after {
                let rows = tx.merges(Some(it.a)).await?;
                out.extend(rows.into_iter().find(|row| row.sequence == merge && row.from == it.a));
            }
        }
        Ok(out)
    }
}

/// Whether a ledger row is an unmerge or a block.
pub(crate) fn separates(event: &Event) -> bool {
    event.source == SYSTEM_SOURCE
        && [UNMERGE_EVENT, crate::catalog::BLOCK_EVENT].contains(&event.event_type.as_str())
}

fn entity_type(side: &Side) -> Option<String> {
    side.first().map(|key| key.entity_type.clone())
}

async fn leads_to(tx: &mut dyn Transaction, side: &Side) -> Result<Option<EntityId>, Error> {
    let keys: Vec<HintKey> = side.iter().cloned().collect();
    Ok(tx.find_hints(&keys).await?.into_iter().flatten().next())
}

fn named(event: &Event, field: &str) -> Option<EntityId> {
    event.value(field)?.as_str()?.parse().ok()
}

fn named_winner(event: &Event, flipped: bool) -> Option<EntityId> {
    if flipped { None } else { named(event, "into_entity_id") }
}

/// Rows of one type among those of an event.
pub(crate) fn of_type<'a>(
    rows: &'a [(EntityEventRow, LedgerRow)],
    entity_type: &'a str,
) -> impl Iterator<Item = &'a (EntityEventRow, LedgerRow)> {
    rows.iter().filter(move |(row, _)| row.entity_type == entity_type)
}
