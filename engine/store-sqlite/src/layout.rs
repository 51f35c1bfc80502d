//! Which tables a realm has: what of a manifest concerns storage, kept beside the tables.

use defacto_model::{Manifest, ValueType};
use defacto_ports::{EdgeKey, Error};
use serde::{Deserialize, Serialize};

/// Name and type of a typed column.
pub(crate) type Property = (String, ValueType);

/// Tables of a realm.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Layout {
    pub(crate) entities: Vec<EntityLayout>,
    pub(crate) pairs: Vec<PairLayout>,
    pub(crate) relations: Vec<RelationLayout>,
}

/// One entity type.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EntityLayout {
    pub(crate) name: String,
    pub(crate) properties: Vec<Property>,
}

/// One relationship pair, in canonical direction.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PairLayout {
    pub(crate) source_type: String,
    pub(crate) target_type: String,
    pub(crate) relationship: String,
    pub(crate) properties: Vec<Property>,
}

/// A name under which a pair is read.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RelationLayout {
    pub(crate) name: String,
    /// Index into [`Layout::pairs`].
    pub(crate) pair: usize,
    /// Whether source and target are the canonical ones.
    pub(crate) forward: bool,
}

impl Layout {
    pub(crate) fn of(manifest: &Manifest) -> Layout {
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
                if let Some(pair) = layout.pairs.get_mut(pair)
                    && (own <= other || pair.properties.is_empty())
                    && !relationship.properties.is_empty()
                {
                    pair.properties.clone_from(&relationship.properties);
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

    pub(crate) fn entity(&self, name: &str) -> Result<&EntityLayout, Error> {
        self.entities.iter().find(|entity| entity.name == name).ok_or_else(|| Error::Inconsistent {
            message: format!("no tables hold entities of the type {name}"),
        })
    }

    pub(crate) fn pair(&self, key: &EdgeKey) -> Result<&PairLayout, Error> {
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

/// An identifier in SQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The column of a property: a prefix keeps it apart from the store's own.
pub(crate) fn property_column(name: &str) -> String {
    quoted(&format!("p:{name}"))
}
