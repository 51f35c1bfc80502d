//! Entity types: properties, identity, handlers, rules (language.md 2).

use std::collections::{BTreeMap, BTreeSet};

use defacto_definitions::{EntityDef, HandlerDef, PropertyDef, RelationshipDef, RuleDef};
use defacto_diagnostics::{Code, Diagnostic};
use defacto_model::ValueType;

use crate::effect::{Effects, boolean, warn_integer_quotient};
use crate::expression::expression;
use crate::foreign::Foreign;
use crate::property::property;
use crate::scope::{EntityNames, EventFields, Reads, Scope, index};
use crate::usage::Usage;
use crate::{
    Entity, EntityEvent, EventCell, Handler, IdentityField, Property, RelateTarget, Relationship,
    Rule, State, identifier, reach, threshold,
};

/// Most time rules of a state: a record keeps one bit for each.
const RULES_MAX: usize = 64;

/// What the parts of an entity type are checked against.
pub(crate) struct EntityContext<'a> {
    pub(crate) def: &'a EntityDef,
    pub(crate) names: &'a EntityNames,
    /// Identity fields by entity type.
    pub(crate) identities: &'a BTreeMap<&'a str, Vec<&'a str>>,
    /// Fields by event type.
    pub(crate) events: &'a BTreeMap<&'a str, EventFields>,
    /// Functions of modules.
    pub(crate) foreign: &'a Foreign,
}

impl<'a> EntityContext<'a> {
    /// Identity fields of an entity type; `None` when it is not declared.
    pub(crate) fn identity_of(&self, entity: &str) -> Option<&'a [&'a str]> {
        self.identities.get(entity).map(Vec::as_slice)
    }
}

/// One event type while its handlers are checked.
#[derive(Default)]
struct EventBuild {
    fields: Vec<EventCell>,
    relates: Vec<RelateTarget>,
    always: Option<Handler>,
}

/// Names of an entity type.
pub(crate) fn names(def: &EntityDef) -> EntityNames {
    let property = |p: &PropertyDef| (p.name.value.clone(), p.type_known.then_some(p.r#type));
    EntityNames { properties: def.properties.iter().map(property).collect() }
}

/// Checks an entity type. Relationships come without their inverses, which need both sides.
pub(crate) fn entity(context: &EntityContext<'_>, found: &mut Vec<Diagnostic>) -> (Entity, Usage) {
    let def = context.def;
    let mut usage = Usage::new(context.foreign);
    identifier::entity(def, found);
    let identity = identity(context, found);
    let properties = properties(context, &mut usage, found);
    let relationships = def.relationships.iter().map(|r| relationship(r, found)).collect();

    let event_names: BTreeSet<&str> = def
        .states
        .iter()
        .flat_map(|state| &state.when)
        .chain(&def.always)
        .map(|handler| handler.event.value.as_str())
        .collect();
    let mut builds: Vec<(&str, EventBuild)> =
        event_names.iter().map(|name| (*name, EventBuild::default())).collect();

    let mut states = Vec::with_capacity(def.states.len());
    for state in &def.states {
        let start = state.name.value == def.starts.value;
        let mut when = Vec::with_capacity(state.when.len());
        for handler_def in &state.when {
            if let Some((at, build)) = build_of(&mut builds, &handler_def.event.value) {
                when.push((at, handler(context, handler_def, build, start, &mut usage, found)));
            }
        }
        when.sort_by_key(|(at, _)| *at);
        if let Some(extra) = state.after.get(RULES_MAX) {
            let message = format!("a state can have at most {RULES_MAX} time rules");
            found.push(Diagnostic::new(Code::E16, &extra.path, extra.span, message));
        }
        let after = state.after.iter().map(|r| rule(context, r, &mut usage, found)).collect();
        states.push(State { name: state.name.value.clone(), when, after });
    }
    for handler_def in &def.always {
        if let Some((_, build)) = build_of(&mut builds, &handler_def.event.value) {
            let always = handler(context, handler_def, build, true, &mut usage, found);
            build.always = Some(always);
        }
    }
    reach::check(def, found);

    let start = def.states.iter().position(|state| state.name.value == def.starts.value);
    let events = builds
        .into_iter()
        .map(|(name, build)| EntityEvent {
            name: name.to_owned(),
            fields: build.fields,
            relates: build.relates,
            always: build.always,
        })
        .collect();
    let entity = Entity {
        name: def.name.value.clone(),
        start: index(start.unwrap_or_default()),
        states,
        properties,
        identity,
        relationships,
        events,
        reads_id: usage.reads.id,
    };
    (entity, usage)
}

fn build_of<'b>(
    builds: &'b mut [(&str, EventBuild)],
    name: &str,
) -> Option<(u32, &'b mut EventBuild)> {
    // In the order of the names.
    let at = builds.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
    builds.get_mut(at).map(|(_, build)| (index(at), build))
}

fn identity(context: &EntityContext<'_>, found: &mut Vec<Diagnostic>) -> Vec<IdentityField> {
    let def = context.def;
    def.identity
        .iter()
        .map(|field| {
            let normalize = field.normalize.as_ref().and_then(|text| {
                let mut reads = Reads::new(context.foreign);
                let typed = expression(text, &mut Scope::Normalize, &mut reads, found)?;
                Some(typed.expr)
            });
            IdentityField {
                name: field.name.value.clone(),
                space: field.space.clone(),
                case_insensitive: field.case_insensitive,
                normalize,
            }
        })
        .collect()
}

fn properties(
    context: &EntityContext<'_>,
    usage: &mut Usage,
    found: &mut Vec<Diagnostic>,
) -> Vec<Property> {
    let def = context.def;
    let mut depends: Vec<BTreeSet<u32>> = Vec::with_capacity(def.properties.len());
    let mut properties = Vec::with_capacity(def.properties.len());
    for property_def in &def.properties {
        identifier::property(&def.name.value, property_def, found);
        let mut checked = property(property_def, found);
        let mut reads = Reads::new(context.foreign);
        if let Some(text) = &property_def.compute {
            let mut scope =
                Scope::Entity { entity: context.names, place: "the `compute` of a property" };
            let typed = expression(text, &mut scope, &mut reads, found);
            if reads.now {
                found.push(
                    Diagnostic::new(
                        Code::W10,
                        &text.path,
                        text.span,
                        "a computed property that reads the current time moves only when an event or rule does",
                    )
                    .with_help("its value is as of the last change of the entity"),
                );
            }
            if let Some(typed) = typed {
                if property_def.r#type == ValueType::Number {
                    warn_integer_quotient(text, &typed, found);
                }
                checked.compute = Some(typed.expr);
            }
        }
        usage.reads.id |= reads.id;
        usage.reads.properties.extend(&reads.properties);
        depends.push(if property_def.compute.is_some() {
            reads.properties
        } else {
            BTreeSet::new()
        });
        properties.push(checked);
    }
    report_cycles(def, &depends, found);
    properties
}

/// Reports each cycle among computed properties once, at its first member (E-22).
fn report_cycles(def: &EntityDef, depends: &[BTreeSet<u32>], found: &mut Vec<Diagnostic>) {
    // reach[i]: what i depends on, directly or not.
    let mut reach: Vec<BTreeSet<u32>> = depends.to_vec();
    loop {
        let next: Vec<BTreeSet<u32>> = reach
            .iter()
            .map(|known| {
                let further = known.iter().filter_map(|at| reach.get(*at as usize)).flatten();
                known.iter().chain(further).copied().collect()
            })
            .collect();
        if next == reach {
            break;
        }
        reach = next;
    }
    let mut reported = BTreeSet::new();
    for (at, property_def) in (0..).zip(&def.properties) {
        let Some(known) = reach.get(at as usize) else { continue };
        if !known.contains(&at) || reported.contains(&at) {
            continue;
        }
        let members: BTreeSet<u32> = known
            .iter()
            .copied()
            .filter(|other| reach.get(*other as usize).is_some_and(|back| back.contains(&at)))
            .collect();
        let names: Vec<String> = members
            .iter()
            .filter_map(|at| def.properties.get(*at as usize))
            .map(|p| format!("`{}`", p.name.value))
            .collect();
        let place = property_def.compute.as_ref();
        let message = if names.len() < 2 {
            format!("the computed property {} depends on itself", names.concat())
        } else {
            format!("the computed properties {} depend on one another", names.join(", "))
        };
        let path = place.map_or(&property_def.name.path, |text| &text.path);
        found.push(Diagnostic::new(Code::E22, path, place.and_then(|text| text.span), message));
        reported.extend(members);
    }
}

fn relationship(def: &RelationshipDef, found: &mut Vec<Diagnostic>) -> Relationship {
    identifier::relationship(def, found);
    Relationship {
        name: def.r#type.value.clone(),
        target: def.target.value.clone(),
        cardinality: def.cardinality,
        inverse: String::new(),
        inverse_cardinality: def.cardinality,
        properties: def.properties.iter().map(|p| property(p, found)).collect(),
    }
}

fn handler(
    context: &EntityContext<'_>,
    def: &HandlerDef,
    build: &mut EventBuild,
    may_create: bool,
    usage: &mut Usage,
    found: &mut Vec<Diagnostic>,
) -> Handler {
    let unknown = EventFields::default();
    let fields = context.events.get(def.event.value.as_str()).unwrap_or(&unknown);
    let mut scope = Scope::Handler { entity: context.names, fields, cells: &mut build.fields };
    let guard =
        def.guard.as_ref().and_then(|text| boolean(text, "guard", &mut scope, usage, found));
    let relates = Some(&mut build.relates);
    let effects =
        Effects { context, relates, may_create, usage, found }.list(&def.effects, &mut scope);
    let creates = effects.iter().any(|effect| effect.kind == crate::EffectKind::Create);
    Handler { guard, effects, creates, path: def.event.path.clone() }
}

fn rule(
    context: &EntityContext<'_>,
    def: &RuleDef,
    usage: &mut Usage,
    found: &mut Vec<Diagnostic>,
) -> Rule {
    let mut scope = Scope::Entity { entity: context.names, place: "a time rule" };
    let threshold_us = match threshold::micros(&def.threshold.value) {
        Ok(micros) => micros,
        Err(message) => {
            found.push(
                Diagnostic::new(Code::E16, &def.threshold.path, def.threshold.span, message)
                    .with_help("digits and a unit (`w`, `d`, `h`, `m`, `s`), such as `30d`, or a sum such as `1d12h`"),
            );
            1
        }
    };
    let guard =
        def.guard.as_ref().and_then(|text| boolean(text, "guard", &mut scope, usage, found));
    let effects = Effects { context, relates: None, may_create: false, usage, found }
        .list(&def.effects, &mut scope);
    Rule { kind: def.kind, threshold_us, guard, effects, path: def.path.clone() }
}
