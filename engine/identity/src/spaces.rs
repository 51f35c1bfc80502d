use defacto_model::Manifest;

/// A value space of one entity type: hints with equal text in it are one hint (engine.md 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpaceId(pub u32);

#[derive(Debug, Clone)]
struct Space {
    entity: u32,
    entity_type: String,
    name: String,
}

/// The value spaces of a manifest.
#[derive(Debug, Clone, Default)]
pub struct Spaces {
    spaces: Vec<Space>,
    by_field: Vec<Vec<SpaceId>>,
}

impl Spaces {
    /// Collects the spaces of every entity type.
    pub fn new(manifest: &Manifest) -> Self {
        let mut out = Self::default();
        for (entity, definition) in (0..).zip(&manifest.entities) {
            let fields = definition.identity.iter().map(|field| {
                let known =
                    out.spaces.iter().position(|s| s.entity == entity && s.name == field.space);
                let index = known.unwrap_or_else(|| {
                    out.spaces.push(Space {
                        entity,
                        entity_type: definition.name.clone(),
                        name: field.space.clone(),
                    });
                    out.spaces.len() - 1
                });
                SpaceId(u32::try_from(index).unwrap_or(u32::MAX))
            });
            let fields = fields.collect();
            out.by_field.push(fields);
        }
        out
    }

    /// Number of spaces.
    pub fn len(&self) -> usize {
        self.spaces.len()
    }

    /// Whether no entity type has identity fields.
    pub fn is_empty(&self) -> bool {
        self.spaces.is_empty()
    }

    /// Space of an identity field, both by index.
    pub fn of_field(&self, entity: u32, field: u32) -> Option<SpaceId> {
        self.by_field.get(entity as usize)?.get(field as usize).copied()
    }

    /// Space by names.
    pub fn find(&self, entity_type: &str, name: &str) -> Option<SpaceId> {
        let index =
            self.spaces.iter().position(|s| s.entity_type == entity_type && s.name == name)?;
        Some(SpaceId(u32::try_from(index).ok()?))
    }

    /// Name of a space; empty for an unknown one.
    pub fn name(&self, space: SpaceId) -> &str {
        self.spaces.get(space.0 as usize).map_or("", |s| &s.name)
    }

    /// Entity type of a space; empty for an unknown one.
    pub fn entity_type(&self, space: SpaceId) -> &str {
        self.spaces.get(space.0 as usize).map_or("", |s| &s.entity_type)
    }
}
