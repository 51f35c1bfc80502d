use std::collections::BTreeMap;

use defacto_model::{Cardinality, Manifest, RelationshipManifest, Value};
use defacto_ports::EdgeKey;
use defacto_ports::layout::Layout;

/// Which edges a new edge closes, seen from the relating side (language.md 6.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Exclusive {
    /// The relating entity has one partner at most.
    pub(crate) own: bool,
    /// The other end has one partner at most.
    pub(crate) other: bool,
}

impl Exclusive {
    fn of(own: Cardinality, inverse: Cardinality) -> Self {
        let single = |c| matches!(c, Cardinality::BelongsTo | Cardinality::HasOne);
        Self { own: single(own), other: single(inverse) }
    }
}

/// A relationship seen from the entity type that declares it.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    /// Index of the pair.
    pub(crate) pair: usize,
    /// Whether the declaring type is the pair's source.
    pub(crate) forward: bool,
    /// What a new edge closes.
    pub(crate) exclusive: Exclusive,
    /// Index of the target type.
    pub(crate) target: u32,
    /// Of each property of the pair, its place among those that this side declares.
    places: Vec<Option<usize>>,
}

impl Side {
    /// Values of the properties that this side declares as those of the pair's edges: what only the other side declares is
    /// null.
    pub(crate) fn of_edge(&self, mut declared: Vec<Value>) -> Vec<Value> {
        let mut take = |at: Option<usize>| {
            declared.get_mut(at?).map(|value| std::mem::replace(value, Value::Null))
        };
        self.places.iter().map(|at| take(*at).unwrap_or(Value::Null)).collect()
    }
}

/// A pair of relationships that are one fact read from two sides.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    /// Canonical side.
    pub(crate) key: EdgeKey,
    /// Index of the canonical source type.
    pub(crate) source: u32,
    /// Index of the canonical target type.
    pub(crate) target: u32,
    /// A canonical source has one partner at most.
    pub(crate) one_target: bool,
    /// A canonical target has one partner at most.
    pub(crate) one_source: bool,
    /// A relationship of a type with itself that is its own inverse.
    pub(crate) symmetric: bool,
    /// Only the relating entity's own requests can change its edges: no effect relates from the other side,
    /// and a new edge closes none of another source.
    pub(crate) own_only: bool,
    /// Names of the properties of its edges.
    pub(crate) properties: Vec<String>,
}

/// All relationships of a manifest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pairs {
    pub(crate) pairs: Vec<Pair>,
    /// By entity type and relationship.
    pub(crate) sides: Vec<Vec<Side>>,
}

/// The two names of a relationship: as its declarer and as the other side has it.
fn ends(entity_type: &str, relationship: &RelationshipManifest) -> (EdgeKey, EdgeKey) {
    let key = |source_type: &str, relationship: &str| EdgeKey {
        source_type: source_type.to_owned(),
        relationship: relationship.to_owned(),
    };
    (key(entity_type, &relationship.name), key(&relationship.target, &relationship.inverse))
}

/// Under which key the edges of a relationship are stored, and whether in the direction of the declaring
/// type.
pub fn canonical_pair(entity_type: &str, relationship: &RelationshipManifest) -> (EdgeKey, bool) {
    let (here, there) = ends(entity_type, relationship);
    if here <= there { (here, true) } else { (there, false) }
}

impl Pairs {
    pub(crate) fn new(manifest: &Manifest) -> Self {
        let mut out = Self::default();
        let mut known: BTreeMap<EdgeKey, usize> = BTreeMap::new();
        let layout = Layout::of(manifest);
        let names = |key: &EdgeKey| -> Vec<String> {
            let properties = layout.pair(key).map(|pair| pair.properties.as_slice());
            properties.unwrap_or_default().iter().map(|(name, _)| name.clone()).collect()
        };
        for (index, entity) in (0..).zip(&manifest.entities) {
            let mut sides = Vec::new();
            for relationship in &entity.relationships {
                let (here, there) = ends(&entity.name, relationship);
                let target = manifest.find_entity(&relationship.target).map_or(index, |(i, _)| i);
                let exclusive =
                    Exclusive::of(relationship.cardinality, relationship.inverse_cardinality);
                let forward = here <= there;
                let symmetric = here == there;
                let key = if forward { here } else { there };
                let properties = names(&key);
                let place = |name: &String| {
                    relationship.properties.iter().position(|(known, _)| known == name)
                };
                let places = properties.iter().map(place).collect();
                let pair = *known.entry(key.clone()).or_insert_with(|| {
                    let (source, target, one_target, one_source) = if forward {
                        (index, target, exclusive.own, exclusive.other)
                    } else {
                        (target, index, exclusive.other, exclusive.own)
                    };
                    out.pairs.push(Pair {
                        key,
                        source,
                        target,
                        one_target,
                        one_source,
                        symmetric,
                        own_only: false,
                        properties,
                    });
                    out.pairs.len() - 1
                });
                sides.push(Side { pair, forward, exclusive, target, places });
            }
            out.sides.push(sides);
        }
        out.find_own_only(manifest);
        out
    }

    fn find_own_only(&mut self, manifest: &Manifest) {
        let mut relating = vec![[false; 2]; self.pairs.len()];
        for (entity, sides) in manifest.entities.iter().zip(&self.sides) {
            for relate in entity.events.iter().flat_map(|event| &event.relates) {
                if let Some(side) = sides.get(relate.relationship as usize)
                    && let Some(used) = relating.get_mut(side.pair)
                {
                    used[usize::from(side.forward)] = true;
                }
            }
        }
        for (pair, [backward, forward]) in self.pairs.iter_mut().zip(relating) {
            let closes_others = (forward && pair.one_source) || (backward && pair.one_target);
            let both = forward && backward;
            pair.own_only = !(both || closes_others || pair.symmetric);
        }
    }

    pub(crate) fn side(&self, entity: u32, relationship: u32) -> Option<&Side> {
        self.sides.get(entity as usize)?.get(relationship as usize)
    }
}
