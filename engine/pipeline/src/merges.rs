use std::collections::{BTreeSet, HashMap};

use defacto_model::{EntityId, Sequence};
use defacto_ports::{MergeRow, OrderKey, Reader};

use crate::Error;

/// Where ids have gone, and when.
#[derive(Debug, Clone, Default)]
pub(crate) struct MergeIndex {
    from: HashMap<EntityId, (OrderKey, EntityId)>,
}

impl MergeIndex {
    pub(crate) fn add(&mut self, merge: &MergeRow) {
        let key = OrderKey { timestamp: merge.timestamp, sequence: merge.sequence };
        self.from.insert(merge.from, (key, merge.into));
    }

    /// Reads the merges of ids and of everything that they were merged into.
    pub(crate) async fn load<R>(&mut self, reader: &mut R, ids: Vec<EntityId>) -> Result<(), Error>
    where
        R: Reader + ?Sized,
    {
        let mut ids = ids;
        loop {
            ids.retain(|id| !self.from.contains_key(id));
            ids.sort_unstable();
            ids.dedup();
            if ids.is_empty() {
                return Ok(());
            }
            let rows = reader.merges_from(&ids).await?;
            ids = rows.iter().map(|row| row.into).collect();
            for row in &rows {
                self.add(row);
            }
        }
    }

    /// The entity that an id meant at a place of event order.
    pub(crate) fn root_at(&self, id: EntityId, key: OrderKey) -> EntityId {
        let mut id = id;
        while let Some(&(at, into)) = self.from.get(&id) {
            if at > key {
                break;
            }
            id = into;
        }
        id
    }

    /// The entity that an id meant when the ledger ended at a place.
    pub(crate) fn root_until(&self, id: EntityId, until: Sequence) -> EntityId {
        let mut id = id;
        while let Some(&(at, into)) = self.from.get(&id) {
            if at.sequence > until {
                break;
            }
            id = into;
        }
        id
    }

    /// The entity that an id means in the end.
    pub(crate) fn root(&self, id: EntityId) -> EntityId {
        let mut id = id;
        while let Some(&(_, into)) = self.from.get(&id) {
            id = into;
        }
        id
    }

    /// When an id ceased, and into what.
    pub(crate) fn end_of(&self, id: EntityId) -> Option<(OrderKey, EntityId)> {
        self.from.get(&id).copied()
    }

    /// When an id, or what it was merged into, ceased by one of the merges of these losers.
    pub(crate) fn end_in(&self, id: EntityId, losers: &BTreeSet<EntityId>) -> Option<OrderKey> {
        let mut id = id;
        while let Some(&(key, into)) = self.from.get(&id) {
            if losers.contains(&id) {
                return Some(key);
            }
            id = into;
        }
        None
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.from.is_empty()
    }
}
