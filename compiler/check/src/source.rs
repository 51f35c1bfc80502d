//! Sources: raw paths, mappings, hints, dedup keys (language.md 3).

use std::collections::{BTreeMap, BTreeSet};

use defacto_definitions::{Definitions, EntityDef, MappingDef, SourceDef, SourceEventDef, Spanned};
use defacto_diagnostics::{Code, Diagnostic, nearest};
use defacto_model::{RawPath, Value};

use crate::expression::expression;
use crate::foreign::Foreign;
use crate::kinds::Kinds;
use crate::literal;
use crate::schema::Schema;
use crate::scope::{EventFields, Reads, Scope, Typed, index, position, raw_cell};
use crate::timestamp;
use crate::{ExprKind, Mapping, Source, SourceEvent};

/// What sources are checked against, and what they tell about event types.
pub(crate) struct Sources<'a> {
    definitions: &'a Definitions,
    schemas: &'a BTreeMap<&'a str, Schema<'a>>,
    foreign: &'a Foreign,
    /// Fields by event type.
    pub(crate) events: BTreeMap<&'a str, EventFields>,
}

impl<'a> Sources<'a> {
    pub(crate) fn new(
        definitions: &'a Definitions,
        schemas: &'a BTreeMap<&'a str, Schema<'a>>,
        foreign: &'a Foreign,
    ) -> Self {
        let mut events: BTreeMap<&str, EventFields> = BTreeMap::new();
        for (name, schema) in schemas {
            let fields =
                schema.fields().map(|field| (field.name.value.clone(), field.r#type)).collect();
            events.entry(name).or_default().schema = Some(fields);
        }
        Self { definitions, schemas, foreign, events }
    }

    /// Checks one source.
    pub(crate) fn source(&mut self, def: &'a SourceDef, found: &mut Vec<Diagnostic>) -> Source {
        if let Some(module) = &def.normalizer {
            return self.made(def, module, found);
        }
        let (form, mut computed) = timestamp::of(&def.timestamp, found);
        raw_types(def, found);
        event_id(def, found);
        let mut defs: Vec<&SourceEventDef> = def.events.iter().collect();
        defs.sort_by(|a, b| a.name.value.cmp(&b.name.value));
        let mut events = Vec::with_capacity(defs.len());
        for event in defs {
            events.push(self.event(event, &mut computed, found));
        }
        computed.report_unused(self.foreign, found);
        Source {
            name: def.name.value.clone(),
            event_type: RawPath { path: def.event_type.value.clone(), literal_first: true },
            timestamp: form,
            event_id: def
                .event_id
                .as_ref()
                .map(|names| names.iter().map(|name| name.value.clone()).collect()),
            events,
            normalizer: None,
        }
    }

    pub(crate) fn event(
        &mut self,
        def: &'a SourceEventDef,
        timestamp: &mut timestamp::Computed<'_>,
        found: &mut Vec<Diagnostic>,
    ) -> SourceEvent {
        let mut paths = Vec::new();
        let mut mapping_defs: Vec<&MappingDef> = def.mappings.iter().collect();
        mapping_defs.sort_by(|a, b| a.name.value.cmp(&b.name.value));
        let mut mappings = Vec::with_capacity(mapping_defs.len());
        let mut kinds_by_field = Vec::with_capacity(mapping_defs.len());
        for mapping_def in mapping_defs {
            let (mapping, kinds) = mapping(mapping_def, self.foreign, &mut paths, found);
            kinds_by_field.push((mapping.name.clone(), kinds));
            mappings.push(mapping);
        }
        let timestamp = timestamp.expression(self.foreign, &mut paths, found);
        let schema = self.schemas.get(def.name.value.as_str());
        let fields = self.events.entry(&def.name.value).or_default();
        fields.produced = true;
        for (field, kinds) in kinds_by_field {
            let declared = schema.and_then(|schema| schema.type_of(&field)).map(Kinds::of_declared);
            let known = fields.mapped.entry(field).or_insert(Kinds::NULL);
            *known = declared.unwrap_or(known.or(kinds));
        }
        let raw_types = if def.raw_types.is_empty() {
            vec![def.name.value.clone()]
        } else {
            def.raw_types
                .iter()
                .map(|name| name.value.clone())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect()
        };
        let hints = hints(&self.definitions.entities, def, &mappings, found);
        SourceEvent {
            name: def.name.value.clone(),
            raw_types,
            paths,
            timestamp,
            schema: schema.map(|schema| schema.checks(&mappings)),
            mappings,
            hints,
        }
    }
}

fn raw_types(def: &SourceDef, found: &mut Vec<Diagnostic>) {
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for event in &def.events {
        let own = std::slice::from_ref(&event.name);
        let names = if event.raw_types.is_empty() { own } else { &event.raw_types };
        for name in names {
            let owner = owners.entry(&name.value).or_insert(&event.name.value);
            if *owner != event.name.value {
                let message =
                    format!("the raw type `{}` already means `{owner}` in this source", name.value);
                found.push(Diagnostic::new(
                    Code::E27,
                    &event.name.path,
                    name.span.or(event.name.span),
                    message,
                ));
            }
        }
    }
}

pub(crate) fn event_id(def: &SourceDef, found: &mut Vec<Diagnostic>) {
    for name in def.event_id.iter().flatten() {
        let pseudo = ["$timestamp", "$source", "$raw"];
        if name.value.is_empty() {
            let message = "`event_id` names a field without a name";
            found.push(Diagnostic::new(Code::E28, &name.path, name.span, message));
        }
        if name.value.starts_with('$') && !pseudo.contains(&name.value.as_str()) {
            let help = nearest(&name.value, pseudo);
            let message = format!(
                "`{}` is no pseudo-field; there are `$timestamp`, `$source` and `$raw`",
                name.value
            );
            let mut diagnostic = Diagnostic::new(Code::E28, &name.path, name.span, message);
            diagnostic.help = help.map(|name| format!("did you mean `{name}`?"));
            found.push(diagnostic);
        }
    }
}

fn mapping(
    def: &MappingDef,
    foreign: &Foreign,
    paths: &mut Vec<RawPath>,
    found: &mut Vec<Diagnostic>,
) -> (Mapping, Kinds) {
    let mut lineage = BTreeSet::new();
    let mut computed = false;
    let value = if let Some(text) = &def.compute {
        computed = true;
        let mut scope = Scope::Raw { paths, lineage: &mut lineage };
        expression(text, &mut scope, &mut Reads::new(foreign), found)
            .unwrap_or_else(|| Typed::new(ExprKind::Literal(Value::Null), Kinds::ANY))
    } else if let Some(from) = &def.from {
        lineage.insert(from.value.clone());
        let cell = raw_cell(paths, RawPath { path: from.value.clone(), literal_first: true });
        Typed::new(ExprKind::Raw(cell), Kinds::ANY)
    } else {
        Typed::new(ExprKind::Literal(Value::Null), Kinds::NULL)
    };
    let default = def.default.as_ref().map_or(Value::Null, |given| {
        literal::coerced(literal::value(&given.value), def.r#type).unwrap_or_else(|message| {
            found.push(Diagnostic::new(Code::E25, &given.path, given.span, message));
            Value::Null
        })
    });
    let kinds =
        def.r#type.map_or(value.kinds, Kinds::of_declared).or(Kinds::of_value(&default)).nullable();
    let mapping = Mapping {
        name: def.name.value.clone(),
        value: value.expr,
        computed,
        coerce: def.r#type,
        default,
        lineage: lineage.into_iter().collect(),
    };
    (mapping, kinds)
}

fn hints(
    entities: &[EntityDef],
    def: &SourceEventDef,
    mappings: &[Mapping],
    found: &mut Vec<Diagnostic>,
) -> Vec<(u32, u32, u32)> {
    let mut hints = Vec::new();
    for (entity, fields) in &def.hints {
        let mut report = |field: &Spanned<String>, message: String, help: Option<&str>| {
            let span = field.span.or(entity.span);
            let mut diagnostic = Diagnostic::new(Code::E26, &entity.path, span, message);
            diagnostic.help = help.map(|name| format!("did you mean `{name}`?"));
            found.push(diagnostic);
        };
        let Some(at) = entities.iter().position(|known| known.name.value == entity.value) else {
            let help =
                nearest(&entity.value, entities.iter().map(|known| known.name.value.as_str()));
            report(entity, format!("there is no entity `{}`", entity.value), help);
            continue;
        };
        let identity = entities.get(at).map_or(&[][..], |known| &known.identity);
        for field in fields {
            let name = field.value.as_str();
            let known = position(identity, |f| f.name.value == name);
            let mapped = position(mappings, |mapping| mapping.name == name);
            if known.is_none() {
                let help = nearest(name, identity.iter().map(|f| f.name.value.as_str()));
                report(field, format!("`{name}` is no identity field of `{}`", entity.value), help);
            }
            if mapped.is_none() {
                let help = nearest(name, mappings.iter().map(|mapping| mapping.name.as_str()));
                report(
                    field,
                    format!("no mapping of this event gives the hint field `{name}`"),
                    help,
                );
            }
            if let (Some(known), Some(mapped)) = (known, mapped) {
                hints.push((index(at), known, mapped));
            }
        }
    }
    hints
}
