//! What is known of entities only through the events of others, which relate to them by fields (language.md 6.8).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use defacto_model::{EntityId, Sequence};
use defacto_ports::{HintKey, HintText, LedgerRow, Transaction};

use crate::apart::separations;
use crate::decode::Event;
use crate::edges::cluster;
use crate::{Error, Pipeline};

/// What events told of others, and nothing else does before them.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Entities that nothing else tells of at all.
    pub(crate) unheard: Vec<EntityId>,
    /// Whether without the events others may be identified otherwise.
    pub(crate) counts: bool,
}

impl Pipeline {
    /// What goes with events that nobody else owns.
    pub(crate) async fn told(
        &self,
        tx: &mut dyn Transaction,
        events: Vec<LedgerRow>,
        erased: &[EntityId],
    ) -> Result<Told, Error> {
        let gone: BTreeSet<Sequence> = events.iter().map(|row| row.sequence).collect();
        let known_otherwise = Told { unheard: Vec::new(), counts: true };
        let mut keys: BTreeMap<EntityId, Vec<(HintKey, Sequence)>> = BTreeMap::new();
        let (hints, places): (Vec<HintKey>, Vec<Sequence>) =
            self.telling(tx, events).await?.into_iter().unzip();
        if hints.is_empty() {
            return Ok(Told::default());
        }
        let found = tx.find_hints(&hints).await?;
        for ((key, sequence), id) in hints.into_iter().zip(places).zip(found) {
            if let Some(id) = id.filter(|id| !erased.contains(id)) {
                keys.entry(id).or_default().push((key, sequence));
            }
        }
        let apart = separations(tx).await?;
        let mut unheard = Vec::new();
        for (id, mut keys) in keys {
            let mut heard = false;
            for (owner, row) in tx.events_of(&[id], None).await? {
                if gone.contains(&row.sequence) {
                    continue;
                }
                heard = true;
                let own = self.standing_hints(tx, &owner.entity_type, &row.event.hints).await?;
                keys.retain(|(key, told)| row.sequence > *told || !own.contains(key));
            }
            if keys.is_empty() {
                continue;
            }
            let mut ids = vec![id];
            cluster(tx, &mut ids).await?;
            if heard || ids.len() > 1 || apart.iter().any(|it| it.a == id || it.b == id) {
                return Ok(known_otherwise);
            }
            unheard.push(id);
        }
        if unheard.is_empty() {
            return Ok(Told::default());
        }
        let related = tx.events_relating(&unheard).await?;
        if related.iter().any(|(_, row)| !gone.contains(&row.sequence)) {
            return Ok(known_otherwise);
        }
        Ok(Told { unheard, counts: false })
    }

    /// Hints, as they stand, that events tell of others by fields.
    async fn telling(
        &self,
        tx: &mut dyn Transaction,
        rows: Vec<LedgerRow>,
    ) -> Result<BTreeSet<(HintKey, Sequence)>, Error> {
        let catalog = Arc::clone(&self.catalog);
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            events.push(Arc::new(Event::from_row(&catalog, row)?));
        }
        let mut out = BTreeSet::new();
        for ((at, owner, slot), texts) in self.relate_hints(&catalog, &events)? {
            let Some(event) = events.get(at) else { continue };
            let Some((_, taken)) = catalog.entity_event(owner, &event.event_type) else { continue };
            let relationship = taken.relates.get(slot).map(|relate| relate.relationship);
            let side =
                relationship.and_then(|relationship| catalog.pairs.side(owner, relationship));
            let Some(target) = side.map(|side| side.target) else { continue };
            for (field, value) in texts {
                let hint = HintText {
                    entity_type: catalog.entity_name(target).to_owned(),
                    field: catalog.identity_field_name(target, field).to_owned(),
                    value,
                    candidate: None,
                };
                let key = self.standing(tx, &catalog, &hint).await?;
                out.extend(key.map(|key| (key, event.sequence)));
            }
        }
        Ok(out)
    }
}
