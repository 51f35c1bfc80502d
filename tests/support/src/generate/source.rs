//! Sources and schemas.

use super::entity::literal;
use super::events::{EventShape, SourceShape};
use super::expression::{Env, Kind};
use super::plan::{Declared, Event, Field, Plan};
use super::profile::Parts;
use super::tree::Tree;
use crate::Random;

/// All sources, and what their raw events look like.
pub(crate) fn all(plan: &Plan, random: &mut Random) -> (Tree, Vec<SourceShape>) {
    let mut trees = Vec::new();
    let mut shapes = Vec::new();
    for at in 0..plan.sources {
        let (tree, shape) = source(plan, at, random);
        trees.push((shape.name.clone(), tree));
        shapes.push(shape);
    }
    (Tree::map(trees), shapes)
}

fn source(plan: &Plan, at: usize, random: &mut Random) -> (Tree, SourceShape) {
    let name = plan.profile.name(&format!("src{at}"));
    let type_path = random.pick(&["type", "meta.kind"]).to_owned();
    let time_path = random.pick(&["at", "meta.at"]).to_owned();
    let heavy = plan.profile.parts == Parts::Heavy;
    let timestamp = match random.below(if heavy { 9 } else { 6 }) {
        0 => Tree::map([("from", Tree::text(time_path.clone())), ("zone", Tree::text("+02:00"))]),
        1 => Tree::map([("compute", Tree::text(format!("to_datetime(event.{time_path})")))]),
        6.. => Tree::map([
            ("from", Tree::text(time_path.clone())),
            ("format", Tree::text(random.pick(&["%Y-%m-%dT%H:%M:%SZ", "%FT%T%#z", "%+"]))),
            ("zone", Tree::text(random.pick(&["UTC", "-03:30"]))),
        ]),
        _ => Tree::text(time_path.clone()),
    };
    let mut events = Vec::new();
    let mut shapes = Vec::new();
    for event in &plan.events {
        // The first source has every event, so that what entities handle is produced.
        if at > 0 && !events.is_empty() && random.chance(50) {
            continue;
        }
        let raw_type =
            if random.chance(30) { format!("raw.{}", event.name) } else { event.name.clone() };
        let mut keys =
            vec![("mappings", mappings(event, plan, random)), ("hints", hints(plan, event))];
        if raw_type != event.name {
            keys.push(("raw_type", Tree::text(raw_type.clone())));
        }
        events.push((event.name.clone(), Tree::map(keys)));
        shapes.push(EventShape { raw_type, fields: event.fields.clone() });
    }
    let mut keys = vec![
        ("event_type", Tree::text(type_path.clone())),
        ("timestamp", timestamp),
        ("events", Tree::map(events)),
    ];
    match random.below(6) {
        0 => keys.push(("event_id", Tree::texts(["$raw"]))),
        1 => keys.push(("event_id", Tree::texts(["ref", "$timestamp", "$source"]))),
        2 => keys.push(("event_id", Tree::texts(["ref"]))),
        _ => {}
    }
    (Tree::map(keys), SourceShape { name, type_path, time_path, events: shapes })
}

fn hints(plan: &Plan, event: &Event) -> Tree {
    let entities = event.entities.iter().filter_map(|at| plan.entities.get(*at));
    Tree::map(entities.map(|entity| (entity.name.clone(), Tree::texts(entity.identity.clone()))))
}

fn mappings(event: &Event, plan: &Plan, random: &mut Random) -> Tree {
    let mut env = Env::new(plan.profile.parts);
    for field in &event.fields {
        env.add(Kind::Any, &format!("event.{}", field.path));
    }
    let mut list = Vec::new();
    for field in &event.fields {
        list.push((field.name.clone(), mapping(field, &env, random)));
    }
    Tree::map(list)
}

fn mapping(field: &Field, env: &Env, random: &mut Random) -> Tree {
    if field.identity {
        return Tree::text(field.path.clone());
    }
    let mut keys = Vec::new();
    if random.chance(20) {
        let compute = env.expression(field.r#type.kind(), 2, random);
        // A field that is always null may not be required.
        let compute = if compute == "null" { format!("event.{}", field.path) } else { compute };
        keys.push(("compute", Tree::text(compute)));
    } else {
        keys.push(("from", Tree::text(field.path.clone())));
    }
    if field.r#type != Declared::None {
        keys.push(("type", Tree::text(field.r#type.name())));
        if random.chance(25) {
            keys.push(("default", literal(field.r#type, random)));
        }
    }
    Tree::map(keys)
}

/// Schemas of all event types.
pub(crate) fn schemas(plan: &Plan, random: &mut Random) -> Tree {
    Tree::map(plan.events.iter().map(|event| {
        let fields = event
            .fields
            .iter()
            .map(|field| (field.name.clone(), schema_field(field, plan, random)));
        let fields: Vec<(String, Tree)> = fields.collect();
        (event.name.clone(), Tree::map([("fields", Tree::map(fields))]))
    }))
}

fn schema_field(field: &Field, plan: &Plan, random: &mut Random) -> Tree {
    let r#type = match (field.r#type, field.identity) {
        (Declared::None, true) => Declared::String,
        (Declared::None, false) => random.pick(&Declared::ALL),
        (known, _) => known,
    };
    let mut keys = vec![("type", Tree::text(r#type.name()))];
    if random.chance(15) {
        keys.push(("required", Tree::raw(true)));
    }
    match r#type {
        Declared::Number | Declared::Integer if random.chance(20) => {
            keys.push(("max", Tree::raw(1000)))
        }
        Declared::String if random.chance(20) => keys.push(("max_length", Tree::raw(12))),
        Declared::String if plan.profile.parts != Parts::Light && random.chance(10) => {
            keys.push(("regex", Tree::text("^[^z]*$")))
        }
        _ => {}
    }
    Tree::map(keys)
}
