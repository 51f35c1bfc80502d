//! Sources whose events a module makes (decisions.md 39). What it gives takes the place of raw values, so that hints,
//! schemas and event ids are those of any source.

use std::collections::BTreeSet;

use defacto_definitions::{NormalizerDef, SourceDef, SourceEventDef};
use defacto_diagnostics::{Code, Diagnostic, nearest};
use defacto_model::{DescribedEvent, NormalizerManifest, RawPath, SourceManifest};

use crate::kinds::Kinds;
use crate::scope::{Typed, raw_cell};
use crate::source::{Sources, event_id};
use crate::timestamp::Computed;
use crate::{ExprKind, Mapping, Source, SourceEvent, Timestamp};

impl<'a> Sources<'a> {
    /// Checks a source with a module, which has been described: else there is nothing to check against.
    pub(crate) fn made(
        &mut self,
        def: &'a SourceDef,
        module: &'a NormalizerDef,
        found: &mut Vec<Diagnostic>,
    ) -> Source {
        let made = module.description.as_ref().map_or(&[][..], |it| it.events.as_slice());
        unknown_events(def, module, made, found);
        unknown_id_fields(def, made, found);
        event_id(def, found);
        let mut events: Vec<SourceEvent> = Vec::with_capacity(made.len());
        for event in &def.events {
            if made.iter().all(|made| made.r#type != event.name.value) {
                continue;
            }
            let mut event = self.event(event, &mut Computed::none(), found);
            for mapping in &mut event.mappings {
                // Which parts of a record a field derives from, only the module knows.
                mapping.lineage = Vec::new();
            }
            events.push(event);
        }
        for event in made {
            if !def.events.iter().any(|listed| listed.name.value == event.r#type) {
                events.push(unlisted(event));
            }
        }
        events.sort_by(|a, b| a.name.cmp(&b.name));
        for event in &mut events {
            let path =
                RawPath { path: SourceManifest::MADE_TIMESTAMP.to_owned(), literal_first: true };
            let cell = raw_cell(&mut event.paths, path);
            event.timestamp = Some(Typed::new(ExprKind::Raw(cell), Kinds::ANY).expr);
            event.raw_types = vec![event.name.clone()];
        }
        Source {
            name: def.name.value.clone(),
            event_type: RawPath { path: String::new(), literal_first: true },
            timestamp: Timestamp::Compute,
            event_id: def
                .event_id
                .as_ref()
                .map(|names| names.iter().map(|name| name.value.clone()).collect()),
            events,
            normalizer: Some(NormalizerManifest {
                name: module.name.value.clone(),
                digest: module.digest.clone().unwrap_or_default(),
                config: module.config_text(),
                input: module.input,
                limits: module
                    .limits
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), *value))
                    .collect(),
                events: made.to_vec(),
            }),
        }
    }
}

/// An event type that the source does not list: its events are kept, and belong to no entity.
fn unlisted(made: &DescribedEvent) -> SourceEvent {
    let mut paths = Vec::new();
    let mut mappings: Vec<Mapping> = Vec::with_capacity(made.fields.len());
    for field in &made.fields {
        let cell = raw_cell(&mut paths, RawPath { path: field.name.clone(), literal_first: true });
        mappings.push(Mapping {
            name: field.name.clone(),
            value: Typed::new(ExprKind::Raw(cell), Kinds::ANY).expr,
            computed: false,
            coerce: field.r#type.declared(),
            default: defacto_model::Value::Null,
            lineage: Vec::new(),
        });
    }
    mappings.sort_by(|a, b| a.name.cmp(&b.name));
    SourceEvent {
        name: made.r#type.clone(),
        raw_types: Vec::new(),
        paths,
        timestamp: None,
        mappings,
        schema: None,
        hints: Vec::new(),
    }
}

/// E-31: a listed event that the module does not make.
fn unknown_events(
    def: &SourceDef,
    module: &NormalizerDef,
    made: &[DescribedEvent],
    found: &mut Vec<Diagnostic>,
) {
    let unknown = |event: &&SourceEventDef| made.iter().all(|it| it.r#type != event.name.value);
    for event in def.events.iter().filter(unknown) {
        let name = &event.name;
        let message =
            format!("the normalizer `{}` makes no event `{}`", module.name.value, name.value);
        let mut diagnostic = Diagnostic::new(Code::E31, &name.path, name.span, message);
        diagnostic.help =
            Some(match nearest(&name.value, made.iter().map(|it| it.r#type.as_str())) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    let known: Vec<&str> =
                        made.iter().map(|it| it.r#type.as_str()).take(20).collect();
                    format!("it makes: {}", known.join(", "))
                }
            });
        found.push(diagnostic);
    }
}

/// E-31: a field of `event_id` that no event of the module has.
fn unknown_id_fields(def: &SourceDef, made: &[DescribedEvent], found: &mut Vec<Diagnostic>) {
    let fields: BTreeSet<&str> =
        made.iter().flat_map(|event| &event.fields).map(|field| field.name.as_str()).collect();
    for name in def.event_id.iter().flatten() {
        if name.value.starts_with('$') || fields.contains(name.value.as_str()) {
            continue;
        }
        let message = format!("no event of the normalizer has a field `{}`", name.value);
        let mut diagnostic = Diagnostic::new(Code::E31, &name.path, name.span, message);
        diagnostic.help = nearest(&name.value, fields.iter().copied())
            .map(|near| format!("did you mean `{near}`?"));
        found.push(diagnostic);
    }
}
