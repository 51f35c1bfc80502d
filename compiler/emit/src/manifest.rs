use defacto_check::{
    Entity, EntityEvent, Mapping, Program, Property, Relationship, Source, SourceEvent, Timestamp,
    Type, fields_into,
};
use defacto_definitions::Hashes;
use defacto_frames::abi;
use defacto_model::{
    EntityEventManifest, EntityManifest, FieldManifest, HintManifest, IdentityFieldManifest,
    Manifest, MappedFieldManifest, PropertyManifest, RelateManifest, RelationshipManifest,
    SourceEventManifest, SourceManifest, StateManifest, ValueType,
};
use sha2::{Digest, Sha256};

use crate::library::EmitError;

/// Name of the component's custom section that holds the manifest as JSON.
pub const MANIFEST_SECTION: &str = "defacto-manifest";

/// The manifest of a program; `origin` is not known yet.
pub(crate) fn build(program: &Program, hashes: &Hashes) -> Result<Manifest, EmitError> {
    let mut manifest = manifest(program, hashes, 0, u32::MAX);
    let described = (abi::ABI, &manifest.entities, &manifest.sources);
    manifest.layout = checksum(&serde_json::to_vec(&described)?);
    Ok(manifest)
}

/// What a host must know of a program. `layout` and `origin` tie a manifest to one module; where there is none, they
/// mean nothing.
pub fn manifest(program: &Program, hashes: &Hashes, layout: u32, origin: u32) -> Manifest {
    Manifest {
        abi: abi::ABI,
        layout,
        origin,
        content_hash: hashes.content.clone(),
        source_hash: hashes.source.clone(),
        identity_hash: hashes.identity.clone(),
        definition_hash: hashes.definition.clone(),
        label_hash: hashes.label.clone(),
        entity_hashes: hashes.entities.clone(),
        entities: program.entities.iter().map(entity).collect(),
        sources: program.sources.iter().map(source).collect(),
        functions: program.functions.clone(),
    }
}

/// First four bytes of SHA-256, little-endian.
fn checksum(bytes: &[u8]) -> u32 {
    let digest = Sha256::digest(bytes);
    digest.first_chunk::<4>().map_or(0, |first| u32::from_le_bytes(*first))
}

fn entity(entity: &Entity) -> EntityManifest {
    EntityManifest {
        name: entity.name.clone(),
        start: entity.start,
        states: entity
            .states
            .iter()
            .map(|s| StateManifest {
                name: s.name.clone(),
                rules: crate::constants::count(s.after.len()),
            })
            .collect(),
        properties: (0..)
            .zip(&entity.properties)
            .map(|(index, one)| property(entity, index, one))
            .collect(),
        identity: entity
            .identity
            .iter()
            .map(|f| IdentityFieldManifest {
                name: f.name.clone(),
                space: f.space.clone(),
                case_insensitive: f.case_insensitive,
                normalize: f.normalize.is_some(),
            })
            .collect(),
        relationships: entity.relationships.iter().map(relationship).collect(),
        events: entity.events.iter().map(entity_event).collect(),
        reads_id: entity.reads_id,
    }
}

fn property(entity: &Entity, index: u32, property: &Property) -> PropertyManifest {
    PropertyManifest {
        name: property.name.clone(),
        r#type: property.r#type,
        computed: property.compute.is_some(),
        sensitive: property.sensitive,
        treatment: property.treatment,
        fed_by: property.treatment.map_or_else(Vec::new, |_| fields_into(entity, index)),
    }
}

fn relationship(relationship: &Relationship) -> RelationshipManifest {
    RelationshipManifest {
        name: relationship.name.clone(),
        target: relationship.target.clone(),
        cardinality: relationship.cardinality,
        inverse: relationship.inverse.clone(),
        inverse_cardinality: relationship.inverse_cardinality,
        properties: relationship.properties.iter().map(|p| (p.name.clone(), p.r#type)).collect(),
    }
}

fn entity_event(event: &EntityEvent) -> EntityEventManifest {
    EntityEventManifest {
        event_type: event.name.clone(),
        fields: event
            .fields
            .iter()
            .map(|cell| FieldManifest {
                origin: cell.origin.clone(),
                r#type: declared(cell.r#type),
            })
            .collect(),
        relates: event
            .relates
            .iter()
            .map(|r| RelateManifest {
                relationship: r.relationship,
                hint_fields: r.hint_fields.clone(),
            })
            .collect(),
    }
}

fn source(source: &Source) -> SourceManifest {
    let timestamp = match &source.timestamp {
        Timestamp::Field(path) | Timestamp::Format { from: path, .. } => Some(path.clone()),
        Timestamp::Compute => None,
    };
    SourceManifest {
        name: source.name.clone(),
        event_type: source.event_type.clone(),
        timestamp_field: timestamp
            .as_ref()
            .map_or_else(|| "timestamp".to_owned(), |p| p.path.clone()),
        timestamp,
        events: source.events.iter().map(source_event).collect(),
        event_id: source.event_id.clone(),
        normalizer: source.normalizer.clone(),
    }
}

fn source_event(event: &SourceEvent) -> SourceEventManifest {
    SourceEventManifest {
        name: event.name.clone(),
        raw_types: event.raw_types.clone(),
        paths: event.paths.clone(),
        fields: (0..)
            .zip(&event.mappings)
            .map(|(number, m)| mapped_field(event, number, m))
            .collect(),
        hints: event
            .hints
            .iter()
            .map(|&(entity, identity_field, field)| HintManifest { entity, identity_field, field })
            .collect(),
    }
}

/// The schema has the last word on the type of a field, then the mapping.
fn mapped_field(event: &SourceEvent, number: u32, mapping: &Mapping) -> MappedFieldManifest {
    let by_schema =
        event.schema.iter().flatten().find(|c| c.mapping == Some(number)).map(|c| c.r#type);
    MappedFieldManifest {
        name: mapping.name.clone(),
        r#type: by_schema.or(mapping.coerce),
        lineage: mapping.lineage.clone(),
    }
}

/// The declared type whose values are exactly those of a static one.
fn declared(r#type: Type) -> Option<ValueType> {
    match r#type {
        Type::Bool => Some(ValueType::Boolean),
        Type::Int => Some(ValueType::Integer),
        Type::Float => Some(ValueType::Number),
        Type::String => Some(ValueType::String),
        Type::DateTime => Some(ValueType::Datetime),
        Type::Null | Type::Duration | Type::List | Type::Object | Type::Any => None,
    }
}
