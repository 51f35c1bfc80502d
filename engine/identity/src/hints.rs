use std::collections::HashMap;

use defacto_model::EntityId;

use crate::SpaceId;

/// Hints and the entities to which they lead.
#[derive(Debug, Clone, Default)]
pub struct HintMap {
    spaces: Vec<HashMap<Box<str>, EntityId>>,
    len: usize,
}

impl HintMap {
    /// The entity of a hint, as it was when the hint was put in.
    pub fn get(&self, space: SpaceId, value: &str) -> Option<EntityId> {
        self.spaces.get(space.0 as usize)?.get(value).copied()
    }

    /// Adds or changes a hint.
    pub fn insert(&mut self, space: SpaceId, value: &str, id: EntityId) {
        let index = space.0 as usize;
        if self.spaces.len() <= index {
            self.spaces.resize_with(index + 1, HashMap::new);
        }
        if let Some(map) = self.spaces.get_mut(index)
            && map.insert(value.into(), id).is_none()
        {
            self.len += 1;
        }
    }

    /// Number of hints.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.spaces.clear();
        self.len = 0;
    }
}
