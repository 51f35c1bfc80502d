use std::collections::BTreeSet;

use defacto_check::{Effect, EffectKind, Entity, Expr, Program, Timestamp, Type};
use defacto_model::ValueType;

use crate::library::Library;

/// The heavy parts of the library (`compiler/guest/src/parts.rs`) that no value of the program can reach.
pub(crate) fn dropped(program: &Program, library: &Library) -> BTreeSet<u32> {
    let parts = [
        ("part_number", reads_numbers(program)),
        ("part_format", reads_formats(program)),
        (
            "part_fold",
            program.entities.iter().flat_map(|e| &e.identity).any(|f| f.case_insensitive),
        ),
    ];
    parts
        .into_iter()
        .filter(|(_, needed)| !needed)
        .filter_map(|(name, _)| library.function(name))
        .collect()
}

fn reads_formats(program: &Program) -> bool {
    program.sources.iter().any(|source| {
        matches!(&source.timestamp, Timestamp::Format { format: Some(format), .. } if !format.is_empty())
    })
}

/// Whether text may have to become a number of a declared type.
fn reads_numbers(program: &Program) -> bool {
    let mappings = program.sources.iter().flat_map(|s| &s.events).flat_map(|e| &e.mappings);
    mappings.into_iter().any(|m| m.coerce == Some(ValueType::Number) && may_be_text(&m.value))
        || program.entities.iter().any(stores_text_as_number)
}

fn may_be_text(value: &Expr) -> bool {
    matches!(value.r#type, Type::Any | Type::String)
}

fn stores_text_as_number(entity: &Entity) -> bool {
    let number = |property: u32| {
        let property = usize::try_from(property).ok().and_then(|p| entity.properties.get(p));
        property.is_none_or(|p| p.r#type == ValueType::Number)
    };
    let edges = entity.relationships.iter().flat_map(|r| &r.properties);
    let edge_number = edges.into_iter().any(|p| p.r#type == ValueType::Number);
    let stores = |effect: &Effect| match &effect.kind {
        EffectKind::Set { property, value } => number(*property) && may_be_text(value),
        EffectKind::Relate { properties, .. } => {
            edge_number && properties.iter().flatten().any(may_be_text)
        }
        EffectKind::Create | EffectKind::Transition { .. } | EffectKind::Increment { .. } => false,
    };
    let handlers = entity
        .states
        .iter()
        .flat_map(|s| s.when.iter().map(|(_, h)| h))
        .chain(entity.events.iter().filter_map(|e| e.always.as_ref()));
    let rules = entity.states.iter().flat_map(|s| &s.after);
    handlers.flat_map(|h| &h.effects).chain(rules.flat_map(|r| &r.effects)).any(stores)
        || entity
            .properties
            .iter()
            .any(|p| p.r#type == ValueType::Number && p.compute.as_ref().is_some_and(may_be_text))
}
