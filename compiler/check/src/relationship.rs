//! Both sides of relationships: targets, cardinalities, pairing (language.md 2.7).

use std::collections::{BTreeMap, BTreeSet};

use defacto_definitions::{EntityDef, RelationshipDef};
use defacto_diagnostics::{Code, Diagnostic, nearest};
use defacto_model::Cardinality;

/// Entity and position of a relationship.
type At = (usize, usize);

/// The partner of each relationship, as far as there is one; reports E-20 and E-21.
pub(crate) fn pair(entities: &[EntityDef], found: &mut Vec<Diagnostic>) -> BTreeMap<At, At> {
    targets(entities, found);
    let mut pairs = BTreeMap::new();
    for (a, b) in related(entities) {
        let (Some(from), Some(to)) = (entities.get(a), entities.get(b)) else { continue };
        let ours = between(entities, a, b);
        if a == b {
            within(entities, from, &ours, &mut pairs, found);
        } else {
            let theirs = between(entities, b, a);
            across(entities, (from, &ours), (to, &theirs), &mut pairs, found);
        }
    }
    pairs
}

/// The pairs of entity types between which a relationship is declared, the first one written first.
fn related(entities: &[EntityDef]) -> BTreeSet<(usize, usize)> {
    let names: BTreeMap<&str, usize> =
        entities.iter().enumerate().map(|(at, entity)| (entity.name.value.as_str(), at)).collect();
    let mut related = BTreeSet::new();
    for (from, entity) in entities.iter().enumerate() {
        for relationship in &entity.relationships {
            if let Some(&to) = names.get(relationship.target.value.as_str()) {
                related.insert((from.min(to), from.max(to)));
            }
        }
    }
    related
}

fn targets(entities: &[EntityDef], found: &mut Vec<Diagnostic>) {
    for entity in entities {
        for (at, relationship) in entity.relationships.iter().enumerate() {
            let (name, target) = (&relationship.r#type, &relationship.target);
            if entity.relationships.iter().take(at).any(|other| other.r#type.value == name.value) {
                let message = format!("the relationship `{}` is declared twice", name.value);
                found.push(Diagnostic::new(Code::E20, &name.path, name.span, message));
            }
            if !entities.iter().any(|entity| entity.name.value == target.value) {
                let help = nearest(
                    &target.value,
                    entities.iter().map(|entity| entity.name.value.as_str()),
                );
                let message = format!("there is no entity `{}`", target.value);
                let mut diagnostic = Diagnostic::new(Code::E20, &target.path, target.span, message);
                diagnostic.help = help.map(|name| format!("did you mean `{name}`?"));
                found.push(diagnostic);
            }
        }
    }
}

fn between(entities: &[EntityDef], from: usize, to: usize) -> Vec<At> {
    let (Some(source), Some(target)) = (entities.get(from), entities.get(to)) else {
        return Vec::new();
    };
    let all = source.relationships.iter().enumerate();
    all.filter(|(_, r)| r.target.value == target.name.value).map(|(at, _)| (from, at)).collect()
}

fn def(entities: &[EntityDef], at: At) -> Option<&RelationshipDef> {
    entities.get(at.0)?.relationships.get(at.1)
}

/// Whether two relationships can be the two sides of one.
fn fit(a: &RelationshipDef, b: &RelationshipDef) -> bool {
    let named = |one: &RelationshipDef, other: &RelationshipDef| {
        one.inverse.as_ref().is_none_or(|inverse| inverse.value == other.r#type.value)
    };
    cardinalities_fit(a.cardinality, b.cardinality) && named(a, b) && named(b, a)
}

const fn cardinalities_fit(a: Cardinality, b: Cardinality) -> bool {
    use Cardinality::{BelongsTo, HasMany, HasOne, ManyToMany};
    matches!(
        (a, b),
        (HasMany | HasOne, BelongsTo) | (BelongsTo, HasMany | HasOne) | (ManyToMany, ManyToMany)
    )
}

/// Pairs relationships of two different entity types.
fn across(
    entities: &[EntityDef],
    (from, ours): (&EntityDef, &[At]),
    (to, theirs): (&EntityDef, &[At]),
    pairs: &mut BTreeMap<At, At>,
    found: &mut Vec<Diagnostic>,
) {
    let graph = Graph::new(entities, ours, theirs);
    let matching = graph.matching(None);
    for (left, partner) in matching.iter().enumerate() {
        let (Some(at), None) = (ours.get(left), partner) else { continue };
        unpaired(entities, *at, to, theirs, found);
    }
    for (right, at) in theirs.iter().enumerate() {
        if !matching.contains(&Some(right)) {
            unpaired(entities, *at, from, ours, found);
        }
    }
    if matching.iter().any(Option::is_none) || ours.len() != theirs.len() {
        return;
    }
    ambiguity(from, &graph, &matching, found);
    for (left, partner) in matching.iter().enumerate() {
        if let (Some(a), Some(b)) = (ours.get(left), partner.and_then(|right| theirs.get(right))) {
            pairs.insert(*a, *b);
            pairs.insert(*b, *a);
        }
    }
}

/// Pairs relationships of an entity type with itself.
fn within(
    entities: &[EntityDef],
    entity: &EntityDef,
    all: &[At],
    pairs: &mut BTreeMap<At, At>,
    found: &mut Vec<Diagnostic>,
) {
    let select = |test: fn(Cardinality) -> bool| -> Vec<At> {
        all.iter()
            .copied()
            .filter(|at| def(entities, *at).is_some_and(|r| test(r.cardinality)))
            .collect()
    };
    let having = select(|c| matches!(c, Cardinality::HasMany | Cardinality::HasOne));
    let belonging = select(|c| c == Cardinality::BelongsTo);
    across(entities, (entity, &having), (entity, &belonging), pairs, found);

    // `many_to_many` may be its own inverse; what no inverse fixes must be the only one left.
    let symmetric = select(|c| c == Cardinality::ManyToMany);
    let mut open: Vec<At> = Vec::new();
    for at in &symmetric {
        let Some(relationship) = def(entities, *at) else { continue };
        let Some(inverse) = &relationship.inverse else {
            open.push(*at);
            continue;
        };
        let partner = symmetric.iter().find(|other| {
            def(entities, **other)
                .is_some_and(|o| o.r#type.value == inverse.value && fit(relationship, o))
        });
        match partner {
            Some(partner) => {
                pairs.insert(*at, *partner);
                pairs.insert(*partner, *at);
            }
            None => unpaired(entities, *at, entity, &symmetric, found),
        }
    }
    open.retain(|at| !pairs.contains_key(at));
    match open.as_slice() {
        [] => {}
        [only] => {
            pairs.insert(*only, *only);
        }
        _ => ambiguous(entity, found),
    }
    shared_partners(entities, &symmetric, pairs, found);
}

/// Two relationships that name the same inverse cannot both have it.
fn shared_partners(
    entities: &[EntityDef],
    all: &[At],
    pairs: &BTreeMap<At, At>,
    found: &mut Vec<Diagnostic>,
) {
    for at in all {
        let Some(partner) = pairs.get(at) else { continue };
        if pairs.get(partner) != Some(at)
            && let Some(relationship) = def(entities, *at)
        {
            let place = relationship.inverse.as_ref().unwrap_or(&relationship.r#type);
            let message = format!(
                "the inverse of `{}` is already that of another",
                relationship.r#type.value
            );
            found.push(Diagnostic::new(Code::E21, &place.path, place.span, message));
        }
    }
}

fn unpaired(
    entities: &[EntityDef],
    at: At,
    other: &EntityDef,
    candidates: &[At],
    found: &mut Vec<Diagnostic>,
) {
    let (Some(relationship), Some(entity)) = (def(entities, at), entities.get(at.0)) else {
        return;
    };
    let name = &relationship.r#type.value;
    let (message, help) = if let Some(inverse) = &relationship.inverse
        && !candidates
            .iter()
            .any(|c| def(entities, *c).is_some_and(|c| c.r#type.value == inverse.value))
    {
        let names =
            candidates.iter().filter_map(|c| def(entities, *c)).map(|c| c.r#type.value.as_str());
        let known = nearest(&inverse.value, names).map(|known| format!("did you mean `{known}`?"));
        (
            format!(
                "`{}` declares no relationship `{}` back to `{}`",
                other.name.value, inverse.value, entity.name.value
            ),
            known,
        )
    } else if candidates.is_empty()
        || (candidates == [at] && relationship.cardinality != Cardinality::ManyToMany)
    {
        let wanted = match relationship.cardinality {
            Cardinality::HasMany | Cardinality::HasOne => "belongs_to",
            Cardinality::BelongsTo => "has_many` or `has_one",
            Cardinality::ManyToMany => "many_to_many",
        };
        (
            format!("`{}` declares no inverse of `{name}`", other.name.value),
            Some(format!(
                "declare on `{}` a relationship to `{}` with cardinality `{wanted}`",
                other.name.value, entity.name.value
            )),
        )
    } else {
        (
            format!("no relationship of `{}` to `{}` is left that fits `{name}`", other.name.value, entity.name.value),
            Some("pairs are has_many/belongs_to, has_one/belongs_to and many_to_many/many_to_many, each relationship once".into()),
        )
    };
    let path = format!("entities.{}.relationships.{name}", entity.name.value);
    let mut diagnostic = Diagnostic::new(Code::E21, path, relationship.r#type.span, message);
    diagnostic.help = help;
    found.push(diagnostic);
}

fn ambiguity(
    entity: &EntityDef,
    graph: &Graph,
    matching: &[Option<usize>],
    found: &mut Vec<Diagnostic>,
) {
    for (left, right) in matching.iter().enumerate() {
        let Some(right) = right else { continue };
        if graph.matching(Some((left, *right))).iter().all(Option::is_some) {
            ambiguous(entity, found);
            return;
        }
    }
}

fn ambiguous(entity: &EntityDef, found: &mut Vec<Diagnostic>) {
    let path = format!("entities.{}.relationships", entity.name.value);
    let span = entity.relationships.first().and_then(|r| r.r#type.span);
    found.push(
        Diagnostic::new(Code::E21, path, span, "relationships can be paired in more than one way")
            .with_help("name the other side with `inverse: <relationship>`"),
    );
}

/// Which relationship of one side fits which of the other.
struct Graph {
    fits: Vec<Vec<bool>>,
    rights: usize,
}

impl Graph {
    fn new(entities: &[EntityDef], ours: &[At], theirs: &[At]) -> Self {
        let row = |a: &At| {
            theirs
                .iter()
                .map(|b| matches!((def(entities, *a), def(entities, *b)), (Some(a), Some(b)) if fit(a, b)))
                .collect()
        };
        Self { fits: ours.iter().map(row).collect(), rights: theirs.len() }
    }

    /// A largest pairing, without one edge if asked: the partner of each on the left.
    fn matching(&self, without: Option<(usize, usize)>) -> Vec<Option<usize>> {
        let mut owners: Vec<Option<usize>> = vec![None; self.rights];
        for left in 0..self.fits.len() {
            let mut seen = vec![false; self.rights];
            self.augment(left, without, &mut seen, &mut owners);
        }
        let mut partners = vec![None; self.fits.len()];
        for (right, owner) in owners.iter().enumerate() {
            if let Some(slot) = owner.and_then(|left| partners.get_mut(left)) {
                *slot = Some(right);
            }
        }
        partners
    }

    fn augment(
        &self,
        left: usize,
        without: Option<(usize, usize)>,
        seen: &mut [bool],
        owners: &mut [Option<usize>],
    ) -> bool {
        for right in 0..self.rights {
            let fits = self.fits.get(left).and_then(|row| row.get(right)).copied().unwrap_or(false);
            if !fits || without == Some((left, right)) {
                continue;
            }
            match seen.get_mut(right) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            let owner = owners.get(right).copied().flatten();
            if owner.is_none_or(|other| self.augment(other, without, seen, owners)) {
                if let Some(slot) = owners.get_mut(right) {
                    *slot = Some(left);
                }
                return true;
            }
        }
        false
    }
}
