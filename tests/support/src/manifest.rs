use defacto_check::{
    Entity, EntityEvent, Program, Property, Relationship, Source, SourceEvent, Timestamp, Type,
    fields_into,
};
use defacto_definitions::Hashes;
use defacto_model::{
    EntityEventManifest, EntityManifest, FieldManifest, HintManifest, IdentityFieldManifest,
    Manifest, MappedFieldManifest, PropertyManifest, RelateManifest, RelationshipManifest,
    SourceEventManifest, SourceManifest, StateManifest, ValueType,
};

/// The manifest of a program that no module has: layout and address are zero.
pub fn manifest(program: &Program, hashes: &Hashes) -> Manifest {
    Manifest {
        abi: 1,
        layout: 0,
        origin: 0,
        content_hash: hashes.content.clone(),
        source_hash: hashes.source.clone(),
        identity_hash: hashes.identity.clone(),
        definition_hash: hashes.definition.clone(),
        label_hash: hashes.label.clone(),
        entity_hashes: hashes.entities.clone(),
        entities: program.entities.iter().map(entity).collect(),
        sources: program.sources.iter().map(source).collect(),
    }
}

fn entity(entity: &Entity) -> EntityManifest {
    let rules = |rules: usize| u32::try_from(rules).unwrap_or(u32::MAX);
    EntityManifest {
        name: entity.name.clone(),
        start: entity.start,
        states: entity
            .states
            .iter()
            .map(|state| StateManifest {
                name: state.name.clone(),
                rules: rules(state.after.len()),
            })
            .collect(),
        properties: (0..)
            .zip(&entity.properties)
            .map(|(index, one)| property(entity, index, one))
            .collect(),
        identity: entity
            .identity
            .iter()
            .map(|field| IdentityFieldManifest {
                name: field.name.clone(),
                space: field.space.clone(),
                case_insensitive: field.case_insensitive,
                normalize: field.normalize.is_some(),
            })
            .collect(),
        relationships: entity.relationships.iter().map(relationship).collect(),
        events: entity.events.iter().map(event).collect(),
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

fn event(event: &EntityEvent) -> EntityEventManifest {
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
            .map(|relate| RelateManifest {
                relationship: relate.relationship,
                hint_fields: relate.hint_fields.clone(),
            })
            .collect(),
    }
}

const fn declared(r#type: Type) -> Option<ValueType> {
    match r#type {
        Type::Bool => Some(ValueType::Boolean),
        Type::Int => Some(ValueType::Integer),
        Type::Float => Some(ValueType::Number),
        Type::String => Some(ValueType::String),
        Type::DateTime => Some(ValueType::Datetime),
        Type::Null | Type::Duration | Type::List | Type::Object | Type::Any => None,
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
            .map_or_else(|| "timestamp".to_owned(), |path| path.path.clone()),
        timestamp,
        events: source.events.iter().map(source_event).collect(),
        event_id: source.event_id.clone(),
    }
}

fn source_event(event: &SourceEvent) -> SourceEventManifest {
    let of_schema = |name: &str| {
        event.schema.iter().flatten().find(|check| check.name == name).map(|c| c.r#type)
    };
    SourceEventManifest {
        name: event.name.clone(),
        raw_types: event.raw_types.clone(),
        paths: event.paths.clone(),
        fields: event
            .mappings
            .iter()
            .map(|mapping| MappedFieldManifest {
                name: mapping.name.clone(),
                r#type: of_schema(&mapping.name).or(mapping.coerce),
                lineage: mapping.lineage.clone(),
            })
            .collect(),
        hints: event
            .hints
            .iter()
            .map(|&(entity, identity_field, field)| HintManifest { entity, identity_field, field })
            .collect(),
    }
}
