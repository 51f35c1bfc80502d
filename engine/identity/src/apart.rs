use defacto_model::EntityId;

use crate::Roots;

/// Pairs of entities that may never become one (decision 40), each by the id that it means now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Apart {
    pairs: Vec<(EntityId, EntityId)>,
}

impl Apart {
    /// Collects pairs.
    pub fn new(pairs: impl IntoIterator<Item = (EntityId, EntityId)>) -> Self {
        Self { pairs: pairs.into_iter().filter(|(a, b)| a != b).collect() }
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Whether two of the ids are a pair.
    pub fn forbids(&self, ids: &[EntityId]) -> bool {
        self.pairs.iter().any(|(a, b)| ids.contains(a) && ids.contains(b))
    }

    /// An id has ceased into another: its pairs are those of the survivor.
    pub fn join(&mut self, from: EntityId, into: EntityId) {
        for (a, b) in &mut self.pairs {
            for id in [a, b] {
                if *id == from {
                    *id = into;
                }
            }
        }
    }

    /// The same pairs after merges.
    #[must_use]
    pub fn after(&self, roots: &Roots) -> Self {
        Self { pairs: self.pairs.iter().map(|(a, b)| (roots.find(*a), roots.find(*b))).collect() }
    }
}
