use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use defacto_identity::Spaces;
use defacto_model::{EntityEventManifest, Manifest, MappedFieldManifest, SourceEventManifest};
use defacto_planner::Hashes;
use sha2::{Digest, Sha256};

use crate::pairs::Pairs;
use crate::treatment::{FieldTreatment, looks_treated, treated};

/// What follows from a manifest and is needed for every event.
#[derive(Debug)]
pub(crate) struct Catalog {
    pub(crate) manifest: Manifest,
    pub(crate) spaces: Spaces,
    pub(crate) pairs: Pairs,
    /// By entity type: event type to index.
    events: Vec<HashMap<String, u32>>,
    /// Source and event type to the event's definition.
    mapped: HashMap<String, HashMap<String, SourceEventManifest>>,
    pub(crate) hashes: Hashes,
    /// By entity type: fields that its redaction rewrites.
    pub(crate) treated: Vec<BTreeMap<String, FieldTreatment>>,
}

/// The ledger's rows of the engine itself have this source.
pub(crate) const SYSTEM_SOURCE: &str = "_defacto";
/// Event type of an explicit merge.
pub(crate) const MERGE_EVENT: &str = "_defacto_merge";
/// Event type of a merge taken back.
pub(crate) const UNMERGE_EVENT: &str = "_defacto_unmerge";
/// Event type of two entities kept apart.
pub(crate) const BLOCK_EVENT: &str = "_defacto_block";

impl Catalog {
    pub(crate) fn new(manifest: &Manifest, digest: &str) -> Self {
        let events = manifest.entities.iter().map(|entity| {
            (0..).zip(&entity.events).map(|(i, event)| (event.event_type.clone(), i)).collect()
        });
        let mapped = manifest.sources.iter().map(|source| {
            let events = source.events.iter().map(|e| (e.name.clone(), e.clone())).collect();
            (source.name.clone(), events)
        });
        Self {
            spaces: Spaces::new(manifest),
            pairs: Pairs::new(manifest),
            events: events.collect(),
            mapped: mapped.collect(),
            hashes: Hashes {
                source: manifest.source_hash.clone(),
                identity: manifest.identity_hash.clone(),
                targets: targets_hash(manifest),
                definition: manifest.definition_hash.clone(),
                label: manifest.label_hash.clone(),
                module: digest.to_owned(),
            },
            treated: manifest.entities.iter().map(treated).collect(),
            manifest: manifest.clone(),
        }
    }

    /// Index and definition of an event type as an entity type takes it.
    pub(crate) fn entity_event(
        &self,
        entity: u32,
        event_type: &str,
    ) -> Option<(u32, &EntityEventManifest)> {
        let index = *self.events.get(entity as usize)?.get(event_type)?;
        let event = self.manifest.entities.get(entity as usize)?.events.get(index as usize)?;
        Some((index, event))
    }

    /// Definition of an event type in a source.
    pub(crate) fn source_event(
        &self,
        source: &str,
        event_type: &str,
    ) -> Option<&SourceEventManifest> {
        self.mapped.get(source)?.get(event_type)
    }

    /// Whether a module makes the events of a source.
    pub(crate) fn is_made(&self, source: &str) -> bool {
        let source = self.manifest.find_source(source);
        source.is_some_and(|(_, source)| source.normalizer.is_some())
    }

    /// Mapped fields of an event type in a source, in name order.
    pub(crate) fn fields(&self, source: &str, event_type: &str) -> &[MappedFieldManifest] {
        self.source_event(source, event_type).map_or(&[], |event| &event.fields)
    }

    pub(crate) fn entity_name(&self, entity: u32) -> &str {
        self.manifest.entities.get(entity as usize).map_or("", |e| &e.name)
    }

    pub(crate) fn state_name(&self, entity: u32, state: u32) -> &str {
        let entity = self.manifest.entities.get(entity as usize);
        entity.and_then(|e| e.states.get(state as usize)).map_or("", |s| &s.name)
    }

    /// Identity field of a type by name.
    pub(crate) fn identity_field(&self, entity: u32, name: &str) -> Option<u32> {
        let fields = &self.manifest.entities.get(entity as usize)?.identity;
        (0..).zip(fields).find(|(_, field)| field.name == name).map(|(index, _)| index)
    }

    pub(crate) fn identity_field_name(&self, entity: u32, field: u32) -> &str {
        let entity = self.manifest.entities.get(entity as usize);
        entity.and_then(|e| e.identity.get(field as usize)).map_or("", |f| &f.name)
    }

    /// Whether the value of a redacted event's field is only what a redaction may have left.
    pub(crate) fn is_treated(&self, field: &str, text: &str) -> bool {
        let mut treatments = self.treated.iter().filter_map(|fields| fields.get(field));
        treatments.any(|field| looks_treated(text, field.treatment))
    }

    /// Whether an effect of another entity may find one of this type by a field that gives the event no hint of it.
    pub(crate) fn named_by_field(&self, entity_type: &str) -> bool {
        let Some((target, _)) = self.manifest.find_entity(entity_type) else { return false };
        let gives = |event: &SourceEventManifest, name: &String| {
            let field = self.identity_field(target, name);
            let mut hints = event.hints.iter();
            hints.any(|hint| hint.entity == target && Some(hint.identity_field) == field)
        };
        (0..).zip(&self.manifest.entities).any(|(owner, entity)| {
            entity.events.iter().any(|taken| {
                let leads = |relationship| {
                    self.pairs.side(owner, relationship).is_some_and(|side| side.target == target)
                };
                let relates = || taken.relates.iter().filter(|relate| leads(relate.relationship));
                self.manifest.sources.iter().any(|source| {
                    let mut events = source.events.iter().filter(|e| e.name == taken.event_type);
                    source.normalizer.is_some() && relates().next().is_some()
                        || events.any(|event| {
                            relates()
                                .flat_map(|relate| &relate.hint_fields)
                                .any(|name| !gives(event, name))
                        })
                })
            })
        })
    }

    /// Whether some state of a type has time rules.
    pub(crate) fn has_rules(&self, entity: u32) -> bool {
        let entity = self.manifest.entities.get(entity as usize);
        entity.is_some_and(|e| e.states.iter().any(|state| state.rules > 0))
    }
}

/// Hash over everything of the entities that makes `relate` give ids: the identity map depends on it.
fn targets_hash(manifest: &Manifest) -> String {
    let mut text = String::new();
    for entity in &manifest.entities {
        for event in &entity.events {
            for relate in &event.relates {
                let relationship = entity.relationships.get(relate.relationship as usize);
                let target = relationship.map_or("", |r| &r.target);
                let _ = writeln!(
                    text,
                    "{} {} {} {}",
                    entity.name,
                    event.event_type,
                    target,
                    relate.hint_fields.join(",")
                );
            }
        }
    }
    hex::encode(Sha256::digest(text.as_bytes()))
}
