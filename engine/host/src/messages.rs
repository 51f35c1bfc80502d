//! Failures in words: what the table of language.md 3.5 says that each must name.

use defacto_frames::FaultRecord;
use defacto_functions::{FaultKind, fault_message};
use defacto_model::{EntityManifest, FailureCode, Manifest, SourceEventManifest, SourceManifest};
use defacto_ports::{FaultReport, RecordFailure};

/// What went wrong, without where.
pub(crate) fn words(fault: &FaultRecord) -> String {
    match FaultKind::from_number(fault.kind) {
        Some(kind) => fault_message(kind, fault.detail, &fault.value, &fault.other),
        None => format!("fault {}", fault.kind),
    }
}

/// N02.
pub(crate) fn unknown_type(raw_type: &str, source: &str) -> String {
    format!("source `{source}` has no event with raw type `{raw_type}`")
}

/// N08.
pub(crate) fn no_id(source: &SourceManifest, event: &SourceEventManifest) -> RecordFailure {
    let names = source.event_id.as_deref().unwrap_or_default();
    let listed: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    RecordFailure {
        code: FailureCode::N08,
        message: format!("all fields of `event_id` are null: {}", listed.join(", ")),
        handler: Some(event.name.clone()),
        field: names.first().cloned(),
    }
}

/// N03 to N07 and N09.
pub(crate) fn record_failure(
    manifest: &Manifest,
    source: &SourceManifest,
    event: &SourceEventManifest,
    fault: &FaultRecord,
) -> RecordFailure {
    let code = fault.code.unwrap_or(FailureCode::N05);
    let index = fault.field.and_then(|field| usize::try_from(field).ok());
    let why = words(fault);
    let (field, message) = match code {
        FailureCode::N03 | FailureCode::N04 => {
            let field = source.timestamp_field.clone();
            let message = format!("timestamp field `{field}`: {why}");
            (Some(field), message)
        }
        FailureCode::N09 => {
            let hint = index.and_then(|index| event.hints.get(index));
            let named = hint.and_then(|hint| {
                let entity = manifest.entities.get(hint.entity as usize)?;
                Some((entity, entity.identity.get(hint.identity_field as usize)?))
            });
            match named {
                Some((entity, field)) => (
                    Some(field.name.clone()),
                    format!("identity field `{}` of entity `{}`: {why}", field.name, entity.name),
                ),
                None => (None, why),
            }
        }
        _ => match index.and_then(|index| event.fields.get(index)) {
            Some(field) => (Some(field.name.clone()), format!("field `{}`: {why}", field.name)),
            None => (None, why),
        },
    };
    RecordFailure { code, message, handler: Some(event.name.clone()), field }
}

/// N09 of a hint built outside normalization.
pub(crate) fn hint_failure(
    entity: Option<&EntityManifest>,
    identity_field: u32,
    why: &str,
) -> FaultReport {
    let field = entity.and_then(|entity| entity.identity.get(identity_field as usize));
    let message = match (entity, field) {
        (Some(entity), Some(field)) => {
            format!("identity field `{}` of entity `{}`: {why}", field.name, entity.name)
        }
        _ => why.to_owned(),
    };
    let field = field.map(|field| field.name.clone());
    FaultReport { code: FailureCode::N09, field, message }
}

/// What was at work when an interpretation failed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum At<'m> {
    /// An event, in a state if the entity exists.
    Event { event: Option<&'m str>, state: Option<&'m str> },
    /// A rule of a state.
    Rule { state: &'m str, rule: u32 },
}

/// I01 to I06 and T01.
pub(crate) fn interpretation_failure(
    entity: &EntityManifest,
    at: At<'_>,
    fault: &FaultRecord,
) -> FaultReport {
    let code = fault.code.unwrap_or(FailureCode::I01);
    let why = words(fault);
    let index = fault.field.and_then(|field| usize::try_from(field).ok());
    let property = index.and_then(|index| property_name(entity, index)).map(str::to_owned);
    let place = place(entity, at);
    let effect = fault.field.map_or("an effect".to_owned(), |n| format!("effect {}", n + 1));
    let named = property.as_ref().map_or(String::new(), |name| format!("property `{name}` of "));
    let (field, message) = match code {
        FailureCode::I01 => (None, format!("guard of {place}: {why}")),
        FailureCode::I02 => (None, format!("condition of {effect} of {place}: {why}")),
        FailureCode::I06 => (None, format!("{effect} of {place}: {why}")),
        _ => (property, format!("{named}{place}: {why}")),
    };
    FaultReport { code, field, message }
}

/// The properties of the edges count on after those of the type.
fn property_name(entity: &EntityManifest, index: usize) -> Option<&str> {
    let own = entity.properties.iter().map(|property| property.name.as_str());
    let edges = entity.relationships.iter().flat_map(|relationship| &relationship.properties);
    own.chain(edges.map(|(name, _)| name.as_str())).nth(index)
}

/// The failure of an event or rule that alone exhausts a limit or breaks the module.
pub(crate) fn limit_failure(entity: &EntityManifest, at: At<'_>, why: &str) -> FaultReport {
    let code = match at {
        At::Event { .. } => FailureCode::I01,
        At::Rule { .. } => FailureCode::T01,
    };
    FaultReport { code, field: None, message: format!("{}: {why}", place(entity, at)) }
}

fn place(entity: &EntityManifest, at: At<'_>) -> String {
    let name = &entity.name;
    match at {
        At::Event { event, state } => {
            let event =
                event.map_or("an event without handler".to_owned(), |e| format!("event `{e}`"));
            match state {
                Some(state) => format!("entity `{name}` in state `{state}` at {event}"),
                None => format!("entity `{name}`, which does not exist, at {event}"),
            }
        }
        At::Rule { state, rule } => {
            format!("entity `{name}`, rule {} of state `{state}`", rule + 1)
        }
    }
}
