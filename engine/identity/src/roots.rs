use std::collections::HashMap;

use defacto_model::EntityId;

/// Union-find over entity ids: where an id has gone in merges.
#[derive(Debug, Clone, Default)]
pub struct Roots {
    parents: HashMap<EntityId, EntityId>,
}

impl Roots {
    /// The entity that an id means now.
    pub fn find(&self, id: EntityId) -> EntityId {
        let mut id = id;
        while let Some(&parent) = self.parents.get(&id) {
            id = parent;
        }
        id
    }

    /// Lets a root lead to another root. Joining an id with itself changes nothing.
    pub fn join(&mut self, from: EntityId, into: EntityId) {
        let (from, into) = (self.find(from), self.find(into));
        if from != into {
            self.parents.insert(from, into);
        }
    }

    /// Number of ids that have ceased.
    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// Whether no id has ceased.
    pub fn is_empty(&self) -> bool {
        self.parents.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.parents.clear();
    }
}
