//! Names and types that the parts of a set have in common.

use super::expression::{Env, Kind};
use super::profile::Profile;
use crate::Random;

/// A declared type, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Declared {
    #[default]
    None,
    String,
    Number,
    Integer,
    Boolean,
    Datetime,
}

impl Declared {
    pub(crate) const ALL: [Self; 5] =
        [Self::String, Self::Number, Self::Integer, Self::Boolean, Self::Datetime];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::String => "string",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Datetime => "datetime",
        }
    }

    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::None => Kind::Any,
            Self::String => Kind::String,
            Self::Number => Kind::Float,
            Self::Integer => Kind::Int,
            Self::Boolean => Kind::Bool,
            Self::Datetime => Kind::DateTime,
        }
    }
}

/// A field of an event type.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) r#type: Declared,
    /// Raw path.
    pub(crate) path: String,
    /// Whether it carries an identity.
    pub(crate) identity: bool,
}

/// An event type.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) fields: Vec<Field>,
    /// Entities that it hints at.
    pub(crate) entities: Vec<usize>,
}

/// A property.
#[derive(Debug, Clone)]
pub(crate) struct Property {
    pub(crate) name: String,
    pub(crate) r#type: Declared,
    pub(crate) computed: bool,
}

/// A relationship.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    pub(crate) name: String,
    pub(crate) target: usize,
    pub(crate) cardinality: &'static str,
    pub(crate) properties: Vec<(String, Declared)>,
}

/// An entity type.
#[derive(Debug, Clone)]
pub(crate) struct Entity {
    pub(crate) name: String,
    pub(crate) identity: Vec<String>,
    pub(crate) properties: Vec<Property>,
    pub(crate) states: Vec<String>,
    pub(crate) edges: Vec<Edge>,
}

/// The whole.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) entities: Vec<Entity>,
    pub(crate) events: Vec<Event>,
    pub(crate) sources: usize,
    pub(crate) schemas: bool,
    pub(crate) profile: Profile,
}

impl Plan {
    pub(crate) fn new(profile: Profile, random: &mut Random) -> Self {
        let size = profile.size;
        let count = 1 + random.below(size.entities);
        let mut entities: Vec<Entity> = (0..count).map(|at| entity(at, &profile, random)).collect();
        edges(&mut entities, &profile, random);
        let events = (0..size.events_min + random.below(size.events_more))
            .map(|at| event(at, &entities, &profile, random))
            .collect();
        let sources = 1 + random.below(size.sources);
        let schemas = random.chance(25);
        let schemas = profile.schemas.unwrap_or(schemas);
        Self { entities, events, sources, schemas, profile }
    }

    /// What handlers of an entity see.
    pub(crate) fn handler_env(&self, entity: usize, event: &str) -> Env {
        let mut env = self.entity_env(entity, usize::MAX);
        for (path, kind) in [
            ("event.timestamp", Kind::DateTime),
            ("event.type", Kind::String),
            ("event.source", Kind::String),
        ] {
            env.add(kind, path);
        }
        for field in self.events.iter().filter(|e| e.name == event).flat_map(|e| &e.fields) {
            let path = format!("event.{}", field.name);
            if field.r#type == Declared::None {
                env.add(Kind::Any, &format!("{path}.x"));
                env.add(Kind::Any, &format!("{path}[0]"));
                env.add(Kind::Any, &format!("{path}.0"));
            }
            env.add(field.r#type.kind(), &path);
        }
        env
    }

    /// What computed properties and rules see; of computed properties only those before `before`.
    pub(crate) fn entity_env(&self, entity: usize, before: usize) -> Env {
        let mut env = Env::new(self.profile.parts);
        env.add(Kind::String, "entity.state");
        env.add(Kind::DateTime, "entity.created_time");
        env.add(Kind::DateTime, "entity.state_entered_time");
        env.add(Kind::DateTime, "entity.last_event_time");
        env.add(Kind::String, "entity.id");
        let properties = self.entities.get(entity).map_or(&[][..], |entity| &entity.properties);
        for (_, property) in
            properties.iter().enumerate().filter(|(at, p)| !p.computed || *at < before)
        {
            env.add(property.r#type.kind(), &format!("entity.{}", property.name));
        }
        env
    }
}

fn entity(at: usize, profile: &Profile, random: &mut Random) -> Entity {
    let size = profile.size;
    let name = profile.name(["client", "order", "asset"].get(at).copied().unwrap_or("other"));
    let identity = (0..1 + random.below(2)).map(|n| format!("{name}_key{n}")).collect();
    let stored = 1 + random.below(size.properties);
    let mut properties: Vec<Property> = (0..stored)
        .map(|n| Property {
            name: format!("p{n}"),
            r#type: random.pick(&Declared::ALL),
            computed: false,
        })
        .collect();
    for n in 0..random.below(size.computed) {
        let at = random.below(properties.len() + 1);
        let property =
            Property { name: format!("c{n}"), r#type: random.pick(&Declared::ALL), computed: true };
        properties.insert(at, property);
    }
    let states = (0..size.states_min + random.below(3)).map(|n| format!("s{n}")).collect();
    Entity { name, identity, properties, states, edges: Vec::new() }
}

fn edges(entities: &mut [Entity], profile: &Profile, random: &mut Random) {
    let pairs = [
        ("belongs_to", "has_many"),
        ("has_many", "belongs_to"),
        ("has_one", "belongs_to"),
        ("many_to_many", "many_to_many"),
    ];
    for at in 1..entities.len() {
        if !random.chance(60) {
            continue;
        }
        let target = random.below(at);
        let (own, other) = random.pick(&pairs);
        let properties: Vec<(String, Declared)> =
            (0..random.below(3)).map(|n| (format!("w{n}"), random.pick(&Declared::ALL))).collect();
        let mut add = |from: usize, to: usize, name: String, cardinality| {
            if let Some(entity) = entities.get_mut(from) {
                entity.edges.push(Edge {
                    name,
                    target: to,
                    cardinality,
                    properties: properties.clone(),
                });
            }
        };
        add(at, target, profile.name(&format!("r{at}")), own);
        add(target, at, profile.name(&format!("r{at}_back")), other);
    }
    if random.chance(20)
        && let Some(entity) = entities.first_mut()
    {
        let edge = Edge {
            name: profile.name("peer"),
            target: 0,
            cardinality: "many_to_many",
            properties: Vec::new(),
        };
        entity.edges.push(edge);
    }
}

fn event(at: usize, entities: &[Entity], profile: &Profile, random: &mut Random) -> Event {
    let mut hinted = vec![at % entities.len().max(1)];
    for other in 0..entities.len() {
        if !hinted.contains(&other) && random.chance(35) {
            hinted.push(other);
        }
    }
    let mut fields: Vec<Field> = hinted
        .iter()
        .filter_map(|at| entities.get(*at))
        .flat_map(|entity| &entity.identity)
        .map(|name| Field {
            name: name.clone(),
            r#type: Declared::None,
            path: name.clone(),
            identity: true,
        })
        .collect();
    for n in 0..random.below(profile.size.fields) {
        let name = format!("f{n}");
        let path = match random.below(5) {
            0 => format!("d.{name}"),
            1 => format!("l_{name}.0"),
            2 => format!("o_{name}.x.y"),
            _ => name.clone(),
        };
        let r#type = if random.chance(30) { Declared::None } else { random.pick(&Declared::ALL) };
        fields.push(Field { name, r#type, path, identity: false });
    }
    Event { name: profile.name(&format!("e{at}")), fields, entities: hinted }
}
