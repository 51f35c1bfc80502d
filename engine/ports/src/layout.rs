//! Which tables a realm has: what of a manifest concerns storage, kept beside the tables.

use defacto_model::{Manifest, Value, ValueType};
use serde::{Deserialize, Serialize};

use crate::{EdgeKey, Error};

/// Name and type of a typed column.
pub type Property = (String, ValueType);

/// Tables of a [`crate::Realm`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Layout {
    /// In the order of the manifest.
    pub entities: Vec<EntityLayout>,
    /// Relationship pairs, each once.
    pub pairs: Vec<PairLayout>,
    /// Names under which pairs are read.
    pub relations: Vec<RelationLayout>,
}

/// One entity type.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EntityLayout {
    /// Its name.
    pub name: String,
    /// Its properties.
    pub properties: Vec<Property>,
}

/// One relationship pair, in canonical direction.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PairLayout {
    /// Entity type of the canonical source.
    pub source_type: String,
    /// Entity type of the canonical target.
    pub target_type: String,
    /// Name on the canonical source.
    pub relationship: String,
    /// Properties of an edge: those that either side declares, the source's first.
    pub properties: Vec<Property>,
}

/// A name under which a pair is read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RelationLayout {
    /// The name.
    pub name: String,
    /// Index into [`Layout::pairs`].
    pub pair: usize,
    /// Whether source and target are the canonical ones.
    pub forward: bool,
}

/// An entity type whose tables are copied.
#[derive(Debug, Clone, PartialEq)]
pub struct CopiedType {
    /// Its name.
    pub entity_type: String,
    /// Properties that the old tables lack, each with the value that all rows have.
    pub added: Vec<(String, Value)>,
}

/// Where a property comes from when tables are copied.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Origin<'a> {
    /// The old property at this place.
    Property(usize),
    /// One value in all rows.
    Same(&'a Value),
}

/// Tables of an entity type in both layouts.
#[derive(Debug)]
pub struct AlikeType<'a> {
    /// The old ones.
    pub from: &'a EntityLayout,
    /// The new ones.
    pub to: &'a EntityLayout,
    /// Of each new property; `None` when all are the same in the same order.
    pub origins: Option<Vec<Origin<'a>>>,
}

/// Tables of two layouts of which one is filled from the other.
#[derive(Debug)]
pub struct Alike<'a> {
    /// Entity types.
    pub entities: Vec<AlikeType<'a>>,
    /// Relationship pairs, in both.
    pub pairs: Vec<(&'a PairLayout, &'a PairLayout)>,
}

impl Layout {
    /// The tables for a manifest.
    pub fn of(manifest: &Manifest) -> Layout {
        let mut layout = Layout::default();
        for entity in &manifest.entities {
            layout.entities.push(EntityLayout {
                name: entity.name.clone(),
                properties: entity.properties.iter().map(|p| (p.name.clone(), p.r#type)).collect(),
            });
            for relationship in &entity.relationships {
                let own = (entity.name.as_str(), relationship.name.as_str());
                let other = (relationship.target.as_str(), relationship.inverse.as_str());
                let ((source_type, name), (target_type, _)) = (own.min(other), own.max(other));
                let known = layout
                    .pairs
                    .iter()
                    .position(|p| p.source_type == source_type && p.relationship == name);
                let pair = known.unwrap_or(layout.pairs.len());
                if known.is_none() {
                    layout.pairs.push(PairLayout {
                        source_type: source_type.to_owned(),
                        target_type: target_type.to_owned(),
                        relationship: name.to_owned(),
                        properties: Vec::new(),
                    });
                }
                if let Some(pair) = layout.pairs.get_mut(pair) {
                    let known = std::mem::take(&mut pair.properties);
                    let declared = relationship.properties.clone();
                    let (first, second) =
                        if own <= other { (declared, known) } else { (known, declared) };
                    pair.properties = first;
                    for property in second {
                        if !pair.properties.iter().any(|known| known.0 == property.0) {
                            pair.properties.push(property);
                        }
                    }
                }
                layout.relations.push(RelationLayout {
                    name: relationship.name.clone(),
                    pair,
                    forward: own <= other,
                });
            }
        }
        layout
    }

    /// Tables of these types and pairs here, each beside that of another layout, to copy rows from one to the other.
    ///
    /// # Errors
    ///
    /// [`Error::Inconsistent`] when one of the two has none, when a property of a type comes from nowhere, or when a pair has
    /// other columns.
    pub fn alike<'a>(
        &'a self,
        other: &'a Self,
        types: &'a [CopiedType],
        pairs: &[EdgeKey],
    ) -> Result<Alike<'a>, Error> {
        let differ =
            || Error::Inconsistent { message: "tables to be copied have other columns".to_owned() };
        let mut alike = Alike { entities: Vec::new(), pairs: Vec::new() };
        for copied in types {
            let (from, to) =
                (self.entity(&copied.entity_type)?, other.entity(&copied.entity_type)?);
            let origin = |property: &Property| {
                let old = from.properties.iter().position(|known| known == property);
                let added = || copied.added.iter().find(|(name, _)| *name == property.0);
                old.map(Origin::Property).or_else(|| added().map(|(_, value)| Origin::Same(value)))
            };
            let origins = match from.properties == to.properties {
                true => None,
                false => {
                    let all: Option<Vec<_>> = to.properties.iter().map(origin).collect();
                    Some(all.ok_or_else(differ)?)
                }
            };
            alike.entities.push(AlikeType { from, to, origins });
        }
        for key in pairs {
            let (a, b) = (self.pair(key)?, other.pair(key)?);
            if a.properties != b.properties {
                return Err(differ());
            }
            alike.pairs.push((a, b));
        }
        Ok(alike)
    }

    /// The pairs that are read under a name, each with its direction, and the properties of them all, each name once.
    pub fn relation(&self, name: &str) -> (Vec<(&PairLayout, bool)>, Vec<&Property>) {
        let named = self.relations.iter().filter(|relation| relation.name == name);
        let pairs: Vec<(&PairLayout, bool)> = named
            .filter_map(|relation| Some((self.pairs.get(relation.pair)?, relation.forward)))
            .collect();
        let mut columns: Vec<&Property> = Vec::new();
        for property in pairs.iter().flat_map(|(pair, _)| &pair.properties) {
            if !columns.iter().any(|known| known.0 == property.0) {
                columns.push(property);
            }
        }
        (pairs, columns)
    }

    /// An entity type by name.
    ///
    /// # Errors
    ///
    /// [`Error::Inconsistent`] when there is none.
    pub fn entity(&self, name: &str) -> Result<&EntityLayout, Error> {
        self.entities.iter().find(|entity| entity.name == name).ok_or_else(|| Error::Inconsistent {
            message: format!("no tables hold entities of the type {name}"),
        })
    }

    /// A pair by key.
    ///
    /// # Errors
    ///
    /// [`Error::Inconsistent`] when there is none.
    pub fn pair(&self, key: &EdgeKey) -> Result<&PairLayout, Error> {
        self.pairs
            .iter()
            .find(|p| p.source_type == key.source_type && p.relationship == key.relationship)
            .ok_or_else(|| Error::Inconsistent {
                message: format!(
                    "no table holds the relationship {} of {}",
                    key.relationship, key.source_type
                ),
            })
    }
}
