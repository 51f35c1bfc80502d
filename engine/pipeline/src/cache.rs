use std::collections::HashMap;

use defacto_identity::{Apart, HintMap, Roots};
use defacto_model::EntityId;
use defacto_ports::EntityStateRow;

/// States of entities that were used lately: two generations, the older of which is dropped when the younger
/// is full.
#[derive(Debug)]
pub(crate) struct StateCache {
    young: HashMap<EntityId, EntityStateRow>,
    old: HashMap<EntityId, EntityStateRow>,
    half: usize,
}

impl StateCache {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half: (capacity / 2).max(1) }
    }

    /// Takes a state out; the caller puts it back when its transaction is durable.
    pub(crate) fn take(&mut self, id: EntityId) -> Option<EntityStateRow> {
        let young = self.young.remove(&id);
        let old = self.old.remove(&id);
        young.or(old)
    }

    pub(crate) fn put(&mut self, row: EntityStateRow) {
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(row.entity_id, row);
    }

    pub(crate) fn remove(&mut self, id: EntityId) {
        self.young.remove(&id);
        self.old.remove(&id);
    }

    pub(crate) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}

/// Hints that were used lately, and where the ids that they lead to have gone.
#[derive(Debug)]
pub(crate) struct IdentityCache {
    pub(crate) hints: HintMap,
    pub(crate) roots: Roots,
    /// What may not be joined, once read: by the ids that entities meant when `roots` was empty.
    pub(crate) apart: Option<Apart>,
    capacity: usize,
}

impl IdentityCache {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { hints: HintMap::default(), roots: Roots::default(), apart: None, capacity }
    }

    /// Makes room before a block.
    pub(crate) fn trim(&mut self) {
        if self.hints.len() + self.roots.len() > self.capacity {
            self.clear();
        }
    }

    pub(crate) fn clear(&mut self) {
        self.hints.clear();
        self.roots.clear();
        self.apart = None;
    }
}
