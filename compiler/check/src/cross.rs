//! What needs entities, sources and schemas at once: the X rules and warnings about what never meets.

use std::collections::{BTreeMap, BTreeSet};

use defacto_definitions::{
    Definitions, EffectDef, EntityDef, HandlerDef, MappingDef, SourceDef, SourceEventDef,
};
use defacto_diagnostics::{Code, Diagnostic};
use defacto_model::ValueType;

use crate::literal::type_name;
use crate::schema::Schema;
use crate::usage::Usage;
use crate::{ExprKind, Source};

/// Runs all checks of this kind.
pub(crate) fn check(
    definitions: &Definitions,
    schemas: &BTreeMap<&str, Schema<'_>>,
    sources: &[Source],
    usages: &[Usage],
    found: &mut Vec<Diagnostic>,
) {
    if !definitions.schemas.is_empty() {
        handled_without_schema(definitions, schemas, found);
        produced_against_schema(definitions, schemas, sources, found);
    }
    for (entity, usage) in definitions.entities.iter().zip(usages) {
        unproduced_events(definitions, entity, found);
        never_hinted(definitions, entity, found);
        property_usage(entity, usage, found);
    }
    for source in &definitions.sources {
        for event in &source.events {
            unhandled(definitions, event, found);
            repeats(definitions, source, event, found);
        }
    }
}

fn handlers(entity: &EntityDef) -> impl Iterator<Item = &HandlerDef> {
    entity.states.iter().flat_map(|state| &state.when).chain(&entity.always)
}

fn handled_without_schema(
    definitions: &Definitions,
    schemas: &BTreeMap<&str, Schema<'_>>,
    found: &mut Vec<Diagnostic>,
) {
    for handler in definitions.entities.iter().flat_map(handlers) {
        let event = &handler.event;
        if !schemas.contains_key(event.value.as_str()) {
            let message =
                format!("there are schemas, but none for the handled event `{}`", event.value);
            found.push(Diagnostic::new(Code::X06, &event.path, event.span, message));
        }
    }
}

fn produced_against_schema(
    definitions: &Definitions,
    schemas: &BTreeMap<&str, Schema<'_>>,
    sources: &[Source],
    found: &mut Vec<Diagnostic>,
) {
    for (source, checked) in definitions.sources.iter().zip(sources) {
        for event in &source.events {
            let name = &event.name;
            let Some(schema) = schemas.get(name.value.as_str()) else {
                let message = format!(
                    "there are schemas, but none for the event `{}` of this source",
                    name.value
                );
                found.push(Diagnostic::new(Code::X07, &name.path, name.span, message));
                continue;
            };
            for mapping in &event.mappings {
                mapping_against_schema(mapping, schema, found);
            }
            let checked = checked.events.iter().find(|checked| checked.name == name.value);
            for field in schema.fields().filter(|field| field.required) {
                let mapping =
                    checked.and_then(|c| c.mappings.iter().find(|m| m.name == field.name.value));
                let message = match mapping {
                    None => format!(
                        "the schema requires `{}`, which this event does not map",
                        field.name.value
                    ),
                    Some(mapping) if always_null(mapping) => {
                        format!(
                            "the schema requires `{}`, which is always null here",
                            field.name.value
                        )
                    }
                    Some(_) => continue,
                };
                found.push(Diagnostic::new(Code::X09, &name.path, name.span, message));
            }
        }
    }
}

fn always_null(mapping: &crate::Mapping) -> bool {
    let null = |kind: &ExprKind| matches!(kind, ExprKind::Literal(defacto_model::Value::Null));
    mapping.default == defacto_model::Value::Null && null(&mapping.value.kind)
}

fn mapping_against_schema(mapping: &MappingDef, schema: &Schema<'_>, found: &mut Vec<Diagnostic>) {
    let name = &mapping.name;
    let Some(wanted) = schema.type_of(&name.value) else {
        let message =
            format!("the schema of `{}` has no field `{}`", schema.def.name.value, name.value);
        found.push(Diagnostic::new(Code::X08, &name.path, name.span, message));
        return;
    };
    if let Some(given) = mapping.r#type
        && given != wanted
        && (given, wanted) != (ValueType::Integer, ValueType::Number)
    {
        let message = format!(
            "the mapping gives `{}`, but the schema of `{}` declares `{}`",
            type_name(given),
            schema.def.name.value,
            type_name(wanted)
        );
        found.push(Diagnostic::new(Code::X10, &name.path, name.span, message));
    }
}

/// W-5.
fn unproduced_events(definitions: &Definitions, entity: &EntityDef, found: &mut Vec<Diagnostic>) {
    let produced: BTreeSet<&str> = definitions
        .sources
        .iter()
        .flat_map(|source| &source.events)
        .map(|e| e.name.value.as_str())
        .collect();
    for handler in handlers(entity) {
        let event = &handler.event;
        if !produced.contains(event.value.as_str()) {
            let message = format!("no source produces the event `{}`", event.value);
            found.push(Diagnostic::new(Code::W05, &event.path, event.span, message));
        }
    }
}

/// W-6.
fn never_hinted(definitions: &Definitions, entity: &EntityDef, found: &mut Vec<Diagnostic>) {
    let hints = || {
        definitions.sources.iter().flat_map(|source| &source.events).flat_map(|event| &event.hints)
    };
    for field in &entity.identity {
        let name = &field.name;
        let hinted = hints().any(|(target, fields)| {
            target.value == entity.name.value
                && fields.iter().any(|field| field.value == name.value)
        });
        if !hinted {
            let message = format!("no source gives a hint for the identity field `{}`", name.value);
            found.push(Diagnostic::new(Code::W06, &name.path, name.span, message));
        }
    }
}

/// W-3 and W-11.
fn property_usage(entity: &EntityDef, usage: &Usage, found: &mut Vec<Diagnostic>) {
    for (at, property) in (0..).zip(&entity.properties) {
        let name = &property.name;
        let written = usage.written.contains(&at);
        let identity = entity.identity.iter().any(|field| field.name.value == name.value);
        if written && !identity && !usage.reads.properties.contains(&at) {
            let message = format!("`{}` is written, but no expression reads it", name.value);
            found.push(Diagnostic::new(Code::W03, &name.path, name.span, message));
        }
        if !written && property.default.is_none() && property.compute.is_none() {
            let message = format!("nothing ever writes `{}`, so it is always null", name.value);
            found.push(Diagnostic::new(Code::W11, &name.path, name.span, message));
        }
    }
}

/// W-2.
fn unhandled(definitions: &Definitions, event: &SourceEventDef, found: &mut Vec<Diagnostic>) {
    for (target, _) in &event.hints {
        let Some(entity) =
            definitions.entities.iter().find(|entity| entity.name.value == target.value)
        else {
            continue;
        };
        if !handlers(entity).any(|handler| handler.event.value == event.name.value) {
            let message = format!(
                "the event `{}` reaches `{}`, but none of its handlers takes it",
                event.name.value, target.value
            );
            found.push(Diagnostic::new(Code::W02, &target.path, target.span, message));
        }
    }
}

/// W-13: what repeats could be taken for duplicates, or counted twice.
fn repeats(
    definitions: &Definitions,
    source: &SourceDef,
    event: &SourceEventDef,
    found: &mut Vec<Diagnostic>,
) {
    let hint_fields: BTreeSet<&str> = event
        .hints
        .iter()
        .flat_map(|(_, fields)| fields)
        .map(|field| field.value.as_str())
        .collect();
    let counted = event.hints.iter().any(|(target, _)| {
        let entity = definitions.entities.iter().find(|entity| entity.name.value == target.value);
        entity
            .into_iter()
            .flat_map(handlers)
            .filter(|handler| handler.event.value == event.name.value)
            .any(|handler| {
                handler
                    .effects
                    .iter()
                    .any(|effect| matches!(effect.value, EffectDef::Increment { .. }))
            })
    });
    let name = &event.name;
    let message = match &source.event_id {
        None if counted => {
            "events are counted here, but only fields and timestamp tell them apart: two with the same are one"
        }
        None if event
            .mappings
            .iter()
            .all(|mapping| hint_fields.contains(mapping.name.value.as_str())) =>
        {
            "only identity fields and timestamp tell these events apart: two at one instant are one"
        }
        Some(key)
            if counted && key.iter().all(|field| hint_fields.contains(field.value.as_str())) =>
        {
            "`event_id` names only identity fields, so of all events of an entity only the first counts"
        }
        _ => return,
    };
    found.push(
        Diagnostic::new(Code::W13, &name.path, name.span, message)
            .with_help("name a field that is unique to each event in `event_id`"),
    );
}
