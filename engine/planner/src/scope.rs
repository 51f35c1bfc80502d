use std::collections::{BTreeMap, BTreeSet};

use defacto_model::{EntityManifest, Manifest};
use defacto_ports::EdgeKey;
use defacto_ports::layout::Layout;

/// What of a history made with other definitions is the same with these (language.md 8.5).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// Types whose entities have to be made anew.
    pub changed: BTreeSet<String>,
    /// Types whose entities are the same.
    pub kept: BTreeSet<String>,
    /// Relationship pairs whose edges are the same.
    pub pairs: BTreeSet<EdgeKey>,
}

/// Compares two sets of definitions under which events and entities' ids are the same.
///
/// A type is kept if nothing that decides about its entities changed, or if it is one of `relaid`, in which nothing but
/// properties that decide about nothing were added and removed, or one of `ruled`, in which nothing but time rules were
/// added (which of its entities differ is told by their history). The edges of a pair are the fold of what all types
/// that relate on it ask for, so these types change together.
pub fn scope(
    old: &Manifest,
    new: &Manifest,
    relaid: &BTreeSet<String>,
    ruled: &BTreeSet<String>,
) -> Scope {
    let mut out = Scope::default();
    for (index, entity) in new.entities.iter().enumerate() {
        let before = old.entities.iter().position(|known| known.name == entity.name);
        let same = before.is_some_and(|before| {
            let Some(old_entity) = old.entities.get(before) else { return false };
            if relaid.contains(&entity.name) {
                return common(old_entity, entity) == common(entity, old_entity);
            }
            if ruled.contains(&entity.name) {
                return has_rules_of(entity, old_entity);
            }
            let hash = old.entity_hashes.get(before);
            hash.is_some()
                && hash == new.entity_hashes.get(index)
                && behaviour(old_entity) == behaviour(entity)
        });
        let types = if same { &mut out.kept } else { &mut out.changed };
        types.insert(entity.name.clone());
    }
    let (before, after) = (pairs(old), pairs(new));
    let mut relating: BTreeMap<&EdgeKey, BTreeSet<&String>> = BTreeMap::new();
    for (key, types) in before.iter().chain(&after) {
        relating.entry(key).or_default().extend(types);
    }
    let (old_layout, new_layout) = (Layout::of(old), Layout::of(new));
    let columns =
        |layout: &Layout, key: &EdgeKey| layout.pair(key).map(|pair| pair.properties.clone()).ok();
    loop {
        let known = out.changed.len();
        for (key, types) in &relating {
            let other = columns(&old_layout, key) != columns(&new_layout, key);
            if other || types.iter().any(|name| !out.kept.contains(*name)) {
                let joined = types.iter().filter_map(|name| out.kept.take(*name));
                out.changed.extend(joined.collect::<Vec<_>>());
            }
        }
        if out.changed.len() == known {
            break;
        }
    }
    let same = relating.iter().filter(|(key, types)| {
        before.contains_key(**key)
            && after.contains_key(**key)
            && types.iter().all(|name| out.kept.contains(*name))
    });
    out.pairs = same.map(|(key, _)| (*key).clone()).collect();
    out
}

/// Everything of a type but identity and labels: in written order, which decides the order of columns and the numbers
/// of states.
fn behaviour(entity: &EntityManifest) -> EntityManifest {
    let mut entity = entity.clone();
    entity.identity.clear();
    for property in &mut entity.properties {
        property.sensitive = None;
        property.treatment = None;
        property.fed_by.clear();
    }
    entity
}

/// The same without properties that another form of the type lacks.
fn common(entity: &EntityManifest, other: &EntityManifest) -> EntityManifest {
    let mut entity = behaviour(entity);
    entity.properties.retain(|own| other.properties.iter().any(|known| known.name == own.name));
    entity
}

/// Whether a type is the same as another form of it but for time rules, and has no fewer.
fn has_rules_of(entity: &EntityManifest, other: &EntityManifest) -> bool {
    let (mut new, mut old) = (behaviour(entity), behaviour(other));
    let more = new.states.iter().zip(&old.states).all(|(new, old)| new.rules >= old.rules);
    for state in new.states.iter_mut().chain(&mut old.states) {
        state.rules = 0;
    }
    more && new == old
}

/// Pairs on which some effect relates, with the types that do.
fn pairs(manifest: &Manifest) -> BTreeMap<EdgeKey, BTreeSet<String>> {
    let mut out: BTreeMap<EdgeKey, BTreeSet<String>> = BTreeMap::new();
    for entity in &manifest.entities {
        for relate in entity.events.iter().flat_map(|event| &event.relates) {
            let declared = entity.relationships.get(relate.relationship as usize);
            if let Some(relationship) = declared {
                let key = |source_type: &String, relationship: &String| EdgeKey {
                    source_type: source_type.clone(),
                    relationship: relationship.clone(),
                };
                let here = key(&entity.name, &relationship.name);
                let there = key(&relationship.target, &relationship.inverse);
                out.entry(here.min(there)).or_default().insert(entity.name.clone());
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use defacto_model::{Cardinality, EntityEventManifest, RelateManifest, RelationshipManifest};

    use super::*;

    fn entity(name: &str, relations: &[(&str, &str, &str)], relates: bool) -> EntityManifest {
        let relationship = |(name, target, inverse): &(&str, &str, &str)| RelationshipManifest {
            name: (*name).to_owned(),
            target: (*target).to_owned(),
            cardinality: Cardinality::ManyToMany,
            inverse: (*inverse).to_owned(),
            inverse_cardinality: Cardinality::ManyToMany,
            properties: Vec::new(),
        };
        let relate = |relationship| RelateManifest { relationship, hint_fields: Vec::new() };
        let count = u32::try_from(relations.len()).unwrap_or(0);
        EntityManifest {
            name: name.to_owned(),
            start: 0,
            states: Vec::new(),
            properties: Vec::new(),
            identity: Vec::new(),
            relationships: relations.iter().map(relationship).collect(),
            events: vec![EntityEventManifest {
                event_type: "seen".to_owned(),
                fields: Vec::new(),
                relates: if relates { (0..count).map(relate).collect() } else { Vec::new() },
            }],
            reads_id: false,
        }
    }

    fn manifest(entities: Vec<(EntityManifest, &str)>) -> Manifest {
        let (entities, hashes): (Vec<_>, Vec<_>) = entities.into_iter().unzip();
        Manifest {
            abi: 1,
            layout: 0,
            origin: 0,
            content_hash: String::new(),
            source_hash: String::new(),
            identity_hash: String::new(),
            definition_hash: String::new(),
            label_hash: String::new(),
            entity_hashes: hashes.into_iter().map(str::to_owned).collect(),
            entities,
            sources: Vec::new(),
            functions: Vec::new(),
        }
    }

    fn names(names: &BTreeSet<String>) -> Vec<&str> {
        names.iter().map(String::as_str).collect()
    }

    /// `buyer` and `order` are related, `device` stands alone.
    fn shop(both_relate: bool, hashes: [&'static str; 3]) -> Manifest {
        manifest(vec![
            (entity("buyer", &[("placed", "order", "by")], both_relate), hashes[0]),
            (entity("device", &[], false), hashes[1]),
            (entity("order", &[("by", "buyer", "placed")], true), hashes[2]),
        ])
    }

    fn compared(old: &Manifest, new: &Manifest) -> Scope {
        scope(old, new, &BTreeSet::new(), &BTreeSet::new())
    }

    #[test]
    fn a_type_that_stands_alone_changes_alone() {
        let found = compared(&shop(true, ["1", "2", "3"]), &shop(true, ["1", "X", "3"]));
        assert_eq!(
            (names(&found.changed), names(&found.kept)),
            (vec!["device"], vec!["buyer", "order"])
        );
        assert_eq!(found.pairs.len(), 1);
    }

    #[test]
    fn types_that_relate_on_one_pair_change_together() {
        let found = compared(&shop(true, ["1", "2", "3"]), &shop(true, ["X", "2", "3"]));
        assert_eq!((names(&found.changed), found.pairs.len()), (vec!["buyer", "order"], 0));
        let found = compared(&shop(false, ["1", "2", "3"]), &shop(false, ["X", "2", "3"]));
        assert_eq!((names(&found.changed), found.pairs.len()), (vec!["buyer"], 1));
        let found = compared(&shop(false, ["1", "2", "3"]), &shop(false, ["1", "2", "X"]));
        assert_eq!((names(&found.changed), found.pairs.len()), (vec!["order"], 0));
        let found = compared(&shop(false, ["1", "2", "3"]), &shop(true, ["1", "2", "3"]));
        assert_eq!(names(&found.changed), ["buyer", "order"], "one relates from now on");
    }

    #[test]
    fn what_is_new_or_in_another_order_is_made_anew() {
        let old = manifest(vec![(entity("device", &[], false), "2")]);
        let found = compared(&old, &shop(true, ["1", "2", "3"]));
        assert_eq!(names(&found.kept), ["device"]);
        let none = manifest(Vec::new());
        assert!(compared(&none, &none).changed.is_empty());
    }

    #[test]
    fn a_type_with_other_columns_is_kept_if_nothing_else_differs() {
        let relaid = BTreeSet::from(["order".to_owned()]);
        let (old, mut new) = (shop(true, ["1", "2", "3"]), shop(true, ["1", "2", "X"]));
        let property = |name: &str| defacto_model::PropertyManifest {
            name: name.to_owned(),
            r#type: defacto_model::ValueType::String,
            computed: false,
            sensitive: None,
            treatment: None,
            fed_by: Vec::new(),
        };
        new.entities[2].properties.push(property("region"));
        let found = scope(&old, &new, &relaid, &BTreeSet::new());
        assert_eq!((found.changed.len(), found.kept.len(), found.pairs.len()), (0, 3, 1));
        new.entities[2].start = 1;
        assert_eq!(
            names(&scope(&old, &new, &relaid, &BTreeSet::new()).changed),
            ["buyer", "order"]
        );
    }
    #[test]
    fn a_type_with_more_rules_is_kept_if_nothing_else_differs() {
        let ruled = BTreeSet::from(["order".to_owned()]);
        let (mut old, mut new) = (shop(true, ["1", "2", "3"]), shop(true, ["1", "2", "X"]));
        let state = |rules| vec![defacto_model::StateManifest { name: "open".to_owned(), rules }];
        (old.entities[2].states, new.entities[2].states) = (state(1), state(2));
        let found = scope(&old, &new, &BTreeSet::new(), &ruled);
        assert_eq!((found.changed.len(), found.kept.len(), found.pairs.len()), (0, 3, 1));
        let back = scope(&new, &old, &BTreeSet::new(), &ruled);
        assert_eq!(names(&back.changed), ["buyer", "order"]);
        new.entities[2].reads_id = true;
        let found = scope(&old, &new, &BTreeSet::new(), &ruled);
        assert_eq!(names(&found.changed), ["buyer", "order"]);
    }
}
