use std::collections::HashMap;

use defacto_model::{EntityId, Sequence, Timestamp, entity_id};

use crate::{Apart, HintMap, Roots, SpaceId, Spaces};

/// A hint of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hint<'a> {
    /// Its value space.
    pub space: SpaceId,
    /// Index of the identity field that brings it.
    pub field: u32,
    /// Text after `normalize` and case folding, or what stands for it since it was redacted.
    pub value: &'a str,
    /// The text itself: ids are made from it.
    pub plain: &'a str,
    /// In a redacted event: the id that its hints gave to a new entity when they were still known.
    pub candidate: Option<EntityId>,
}

/// The hints of an event for one entity type, in written order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeHints<'a> {
    /// Index of the entity type.
    pub entity: u32,
    /// At least one.
    pub hints: Vec<Hint<'a>>,
}

/// A `relate` that may run for an event (language.md 6.8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelateStep<'a> {
    /// Index of the relating entity type.
    pub owner: u32,
    /// Index of the target type.
    pub target: u32,
    /// Usable hints in the order in which they are tried; `None` means the event's own hints for the target.
    pub hints: Option<Vec<Hint<'a>>>,
}

/// An event to resolve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventStep<'a> {
    /// Place in the ledger.
    pub sequence: Sequence,
    /// Event time: the time of merges that it causes.
    pub timestamp: Timestamp,
    /// Hints by entity type, in written order.
    pub groups: Vec<TypeHints<'a>>,
    /// Relates, grouped by owner in the order of `groups`.
    pub relates: Vec<RelateStep<'a>>,
}

/// A merge that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeStep<'a> {
    /// Place in the ledger.
    pub sequence: Sequence,
    /// When it was asked for.
    pub timestamp: Timestamp,
    /// Index of the entity type.
    pub entity: u32,
    /// Hints of the entity that ceases.
    pub from: Vec<Hint<'a>>,
    /// Hints of the survivor.
    pub into: Vec<Hint<'a>>,
    /// Reason given.
    pub reason: &'a str,
}

/// One row of the ledger, as identity sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "named by the types inside")]
pub enum Step<'a> {
    Event(EventStep<'a>),
    Merge(MergeStep<'a>),
}

/// How often hints were erased; absent means never.
pub type Generations = HashMap<(SpaceId, String), u32>;

/// An event of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedRow {
    /// The event.
    pub sequence: Sequence,
    /// Index of the entity type.
    pub entity: u32,
    /// Id at the event's place in the ledger.
    pub origin: EntityId,
    /// Id after the whole block.
    pub current: EntityId,
    /// Targets of the relates of this (entity type, event), at the event's place.
    pub targets: Vec<Option<EntityId>>,
}

/// A hint met for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHint {
    /// Its value space.
    pub space: SpaceId,
    /// Index of the entity type.
    pub entity: u32,
    /// Index of the identity field that brought it.
    pub field: u32,
    /// Text.
    pub value: String,
    /// Entity after the whole block.
    pub entity_id: EntityId,
}

/// A merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// The id that ceases.
    pub from: EntityId,
    /// The survivor at this place of the ledger.
    pub into: EntityId,
    /// Index of the entity type.
    pub entity: u32,
    /// Time of the merging event.
    pub timestamp: Timestamp,
    /// Place of the merging event.
    pub sequence: Sequence,
    /// Reason of an explicit merge.
    pub reason: Option<String>,
}

/// What a block of events says about identity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resolution {
    /// One per event and entity type, in the order of the input.
    pub rows: Vec<ResolvedRow>,
    /// In the order in which they were met.
    pub hints: Vec<NewHint>,
    /// In the order in which they happened.
    pub merges: Vec<Merge>,
    /// Events without any usable hint (N10).
    pub unresolved: Vec<Sequence>,
    /// Relates without a usable hint.
    pub unrelated: u64,
    /// Events whose hints reach entities that may never become one.
    pub kept_apart: Vec<Sequence>,
}

/// Resolves a block of ledger rows in the order given, which must be sequence order.
///
/// `known` must hold every stored hint that the block mentions; `roots` where ids that it leads to have
/// gone, where that is not in `known` itself; `apart` which of them may not be joined.
pub fn resolve(
    namespace: &str,
    spaces: &Spaces,
    known: &HintMap,
    roots: &Roots,
    apart: &Apart,
    generations: &Generations,
    steps: &[Step<'_>],
) -> Resolution {
    let mut pass = Pass {
        namespace,
        spaces,
        known,
        before: roots,
        apart: apart.after(roots),
        generations,
        roots: Roots::default(),
        added: HintMap::default(),
        out: Resolution::default(),
    };
    for step in steps {
        match step {
            Step::Event(event) => pass.event(event),
            Step::Merge(merge) => pass.merge(merge),
        }
    }
    let Pass { roots, mut out, .. } = pass;
    if !roots.is_empty() {
        for row in &mut out.rows {
            row.current = roots.find(row.origin);
        }
        for hint in &mut out.hints {
            hint.entity_id = roots.find(hint.entity_id);
        }
    }
    out
}

struct Pass<'a> {
    namespace: &'a str,
    spaces: &'a Spaces,
    known: &'a HintMap,
    before: &'a Roots,
    apart: Apart,
    generations: &'a Generations,
    roots: Roots,
    added: HintMap,
    out: Resolution,
}

impl Pass<'_> {
    fn look_up(&self, hint: &Hint<'_>) -> Option<EntityId> {
        let id = self
            .added
            .get(hint.space, hint.value)
            .or_else(|| self.known.get(hint.space, hint.value).map(|id| self.before.find(id)))?;
        Some(self.roots.find(id))
    }

    fn event(&mut self, event: &EventStep<'_>) {
        if event.groups.is_empty() {
            self.out.unresolved.push(event.sequence);
            return;
        }
        let first = self.out.rows.len();
        for group in &event.groups {
            let id = self.group(event, group);
            self.out.rows.push(ResolvedRow {
                sequence: event.sequence,
                entity: group.entity,
                origin: id,
                current: id,
                targets: Vec::new(),
            });
        }
        for relate in &event.relates {
            let target = self.target(relate, first);
            if target.is_none() {
                self.out.unrelated += 1;
            }
            let own = self.out.rows.iter_mut().skip(first).find(|row| row.entity == relate.owner);
            if let Some(row) = own {
                row.targets.push(target);
            }
        }
    }

    /// The entity that the event's hints of one type lead to, created or merged as needed (engine.md 2.2).
    fn group(&mut self, event: &EventStep<'_>, group: &TypeHints<'_>) -> EntityId {
        let mut roots: Vec<EntityId> = group.hints.iter().filter_map(|h| self.look_up(h)).collect();
        let first = roots.first().copied();
        roots.sort_unstable();
        roots.dedup();
        let id = match roots.first() {
            None => self.new_id(&group.hints),
            Some(_) if self.apart.forbids(&roots) => {
                self.out.kept_apart.push(event.sequence);
                first.unwrap_or_else(|| self.new_id(&group.hints))
            }
            Some(&winner) => {
                for &loser in roots.iter().skip(1) {
                    self.join(loser, winner, group.entity, event.timestamp, event.sequence, None);
                }
                winner
            }
        };
        for hint in &group.hints {
            self.attach(group.entity, hint, id);
        }
        id
    }

    fn target(&mut self, relate: &RelateStep<'_>, first_row: usize) -> Option<EntityId> {
        let Some(hints) = &relate.hints else {
            let mut own = self.out.rows.iter().skip(first_row);
            return own.find(|row| row.entity == relate.target).map(|row| row.origin);
        };
        if let Some(id) = hints.iter().find_map(|hint| self.look_up(hint)) {
            return Some(id);
        }
        let first = hints.first()?;
        let id = self.new_id(std::slice::from_ref(first));
        self.attach(relate.target, first, id);
        Some(id)
    }

    fn merge(&mut self, step: &MergeStep<'_>) {
        let from = step.from.iter().find_map(|hint| self.look_up(hint));
        let into = step.into.iter().find_map(|hint| self.look_up(hint));
        if let (Some(from), Some(into)) = (from, into)
            && from != into
            && !self.apart.forbids(&[from, into])
        {
            let reason = Some(step.reason.to_owned());
            self.join(from, into, step.entity, step.timestamp, step.sequence, reason);
        }
    }

    fn join(
        &mut self,
        from: EntityId,
        into: EntityId,
        entity: u32,
        timestamp: Timestamp,
        sequence: Sequence,
        reason: Option<String>,
    ) {
        self.roots.join(from, into);
        self.apart.join(from, into);
        self.out.merges.push(Merge { from, into, entity, timestamp, sequence, reason });
    }

    fn attach(&mut self, entity: u32, hint: &Hint<'_>, id: EntityId) {
        let known = self.added.get(hint.space, hint.value).is_some()
            || self.known.get(hint.space, hint.value).is_some();
        if !known {
            self.added.insert(hint.space, hint.value, id);
            self.out.hints.push(NewHint {
                space: hint.space,
                entity,
                field: hint.field,
                value: hint.value.to_owned(),
                entity_id: id,
            });
        }
    }

    /// The id that hints, none of them known, give to a new entity (engine.md 2.3).
    fn new_id(&self, hints: &[Hint<'_>]) -> EntityId {
        if let Some(candidate) = hints.iter().find_map(|hint| hint.candidate) {
            return candidate;
        }
        let smallest =
            hints.iter().map(|h| (self.spaces.name(h.space), h.plain, h.space, h.value)).min();
        let (space, plain, key, value) = smallest.unwrap_or(("", "", SpaceId(u32::MAX), ""));
        let generation = if self.generations.is_empty() {
            0
        } else {
            self.generations.get(&(key, value.to_owned())).copied().unwrap_or(0)
        };
        entity_id(self.namespace, self.spaces.entity_type(key), space, plain, generation)
    }
}

#[cfg(test)]
mod tests {
    use defacto_model::{EntityManifest, IdentityFieldManifest, Manifest};

    use super::*;

    /// One entity type, `customer`, with the identity fields `email` and `phone`.
    fn spaces() -> Spaces {
        let field = |name: &str| IdentityFieldManifest {
            name: name.to_owned(),
            space: name.to_owned(),
            case_insensitive: false,
            normalize: false,
        };
        let customer = EntityManifest {
            name: "customer".to_owned(),
            start: 0,
            states: Vec::new(),
            properties: Vec::new(),
            identity: vec![field("email"), field("phone")],
            relationships: Vec::new(),
            events: Vec::new(),
            reads_id: false,
        };
        Spaces::new(&Manifest {
            abi: 0,
            layout: 0,
            origin: 0,
            content_hash: String::new(),
            source_hash: String::new(),
            identity_hash: String::new(),
            definition_hash: String::new(),
            label_hash: String::new(),
            entity_hashes: Vec::new(),
            entities: vec![customer],
            sources: Vec::new(),
            functions: Vec::new(),
        })
    }

    fn event<'a>(sequence: i64, hints: &[(u32, &'a str)]) -> Step<'a> {
        let hints = hints.iter().map(|&(field, value)| Hint {
            space: SpaceId(field),
            field,
            value,
            plain: value,
            candidate: None,
        });
        Step::Event(EventStep {
            sequence: Sequence(sequence),
            timestamp: Timestamp::EPOCH,
            groups: vec![TypeHints { entity: 0, hints: hints.collect() }],
            relates: Vec::new(),
        })
    }

    fn run(known: &HintMap, generations: &Generations, steps: &[Step<'_>]) -> Resolution {
        let apart = Apart::default();
        resolve("defacto", &spaces(), known, &Roots::default(), &apart, generations, steps)
    }

    fn ids(resolution: &Resolution) -> Vec<String> {
        resolution.rows.iter().map(|row| row.current.to_string()).collect()
    }

    const A: &str = "1d1cdb27-dde9-8f44-ac60-5454ffa54ef9";

    #[test]
    fn the_smallest_hint_gives_the_id_and_erasures_count() {
        let both = [event(1, &[(1, "1"), (0, "a@x")])];
        assert_eq!(ids(&run(&HintMap::default(), &Generations::new(), &both)), [A]);
        let erased = Generations::from([((SpaceId(0), "a@x".to_owned()), 1)]);
        let again = run(&HintMap::default(), &erased, &both);
        assert_eq!(ids(&again), ["2f022bf7-b36a-8ff2-9d51-4e07dc988857"]);
    }

    #[test]
    fn chains_of_merges_in_one_block_end_in_one_survivor() {
        let steps = [
            event(1, &[(0, "b@x")]),
            event(2, &[(1, "1")]),
            event(3, &[(0, "a@x")]),
            event(4, &[(0, "b@x"), (1, "1")]),
            event(5, &[(1, "1"), (0, "a@x")]),
        ];
        let found = run(&HintMap::default(), &Generations::new(), &steps);
        assert_eq!(ids(&found), [A; 5]);
        assert_eq!(found.merges.len(), 2);
        assert!(found.hints.iter().all(|hint| hint.entity_id.to_string() == A));
    }

    #[test]
    fn what_is_kept_apart_joins_nothing_also_through_a_third() {
        let alone = [event(1, &[(0, "b@x")]), event(2, &[(1, "1")]), event(3, &[(0, "a@x")])];
        let found = run(&HintMap::default(), &Generations::new(), &alone);
        let (b, one, a) = (found.rows[0].current, found.rows[1].current, found.rows[2].current);
        let mut known = HintMap::default();
        for hint in &found.hints {
            known.insert(hint.space, &hint.value, hint.entity_id);
        }
        // a and b are apart; what joins a cannot join b.
        let steps = [
            event(4, &[(1, "1"), (0, "a@x")]),
            event(5, &[(0, "b@x"), (1, "1"), (1, "2")]),
            event(6, &[(1, "2")]),
        ];
        let apart = Apart::new([(b, a)]);
        let (spaces, none) = (spaces(), Generations::new());
        let found = resolve("defacto", &spaces, &known, &Roots::default(), &apart, &none, &steps);
        assert_eq!(found.merges.len(), 1);
        let survivor = a.min(one);
        let to: Vec<EntityId> = found.rows.iter().map(|row| row.current).collect();
        assert_eq!(to, [survivor, b, b]);
        assert_eq!(found.kept_apart, [Sequence(5)]);
    }

    #[test]
    fn a_new_hint_joins_what_is_known_without_a_ghost() {
        let steps = [event(1, &[(0, "b@x")]), event(2, &[(0, "b@x"), (1, "1")])];
        let found = run(&HintMap::default(), &Generations::new(), &steps);
        assert!(found.merges.is_empty());
        assert_eq!(ids(&found), ["cf17697a-9a1c-8d4f-a394-7c7a11331c7d"; 2]);
    }
}
