//! Entity types: properties, states, handlers, effects, rules.

use super::expression::Kind;
use super::plan::{Declared, Edge, Entity, Plan, Property};
use super::profile::Parts;
use super::tree::Tree;
use crate::Random;

/// All entity types.
pub(crate) fn all(plan: &Plan, random: &mut Random) -> Tree {
    let entities = (0..).zip(&plan.entities);
    Tree::map(
        entities
            .map(|(at, entity)| (entity.name.clone(), Builder { plan, at, entity }.entity(random))),
    )
}

/// A literal of a declared type.
pub(crate) fn literal(r#type: Declared, random: &mut Random) -> Tree {
    match r#type {
        Declared::None => Tree::raw("null"),
        Declared::String => Tree::text(random.pick(&["a", "ab-c", "Ünï", "10", ""])),
        Declared::Number => Tree::raw(random.pick(&["0", "1.5", "-2", "40.25"])),
        Declared::Integer => Tree::raw(random.pick(&["0", "1", "-3", "7"])),
        Declared::Boolean => Tree::raw(random.chance(50)),
        Declared::Datetime => Tree::text(random.pick(&["2024-01-01", "2024-03-01T10:00:00Z"])),
    }
}

/// `type` and constraints of a property.
fn typed(r#type: Declared, random: &mut Random) -> Vec<(String, Tree)> {
    let mut keys = vec![("type".to_owned(), Tree::text(r#type.name()))];
    let mut add = |key: &str, value: Tree| keys.push((key.to_owned(), value));
    match r#type {
        Declared::Integer | Declared::Number if random.chance(25) => {
            add("min", Tree::raw("-50"));
            add("max", Tree::raw("5000"));
        }
        Declared::String if random.chance(10) => {
            add("allowed", Tree::texts(["a", "b", "ab-c", "Ünï", "10", "", "yes"]));
        }
        Declared::Datetime if random.chance(15) => add("min", Tree::text("1999-01-01")),
        _ => {}
    }
    if random.chance(50) {
        add("default", literal(r#type, random));
    }
    keys
}

#[derive(Default)]
struct Handler {
    event: String,
    guard: Option<String>,
    effects: Vec<Tree>,
}

struct Rule {
    kind: &'static str,
    threshold: &'static str,
    guard: Option<String>,
    effects: Vec<Tree>,
}

#[derive(Default)]
struct State {
    when: Vec<Handler>,
    after: Vec<Rule>,
}

struct Builder<'a> {
    plan: &'a Plan,
    at: usize,
    entity: &'a Entity,
}

impl Builder<'_> {
    fn heavy(&self) -> bool {
        self.plan.profile.parts != Parts::Light
    }

    /// A depth of expressions that the size allows.
    fn depth(&self, wanted: usize) -> usize {
        wanted.min(self.plan.profile.size.depth)
    }

    fn entity(&self, random: &mut Random) -> Tree {
        let entity = self.entity;
        let properties = entity.properties.iter().enumerate().map(|(at, property)| {
            let keys = if property.computed {
                self.computed(at, property, random)
            } else {
                typed(property.r#type, random)
            };
            (property.name.clone(), Tree::Map(keys))
        });
        let properties: Vec<(String, Tree)> = properties.collect();
        let (states, always) = self.machine(random);
        let states = entity.states.iter().cloned().zip(states.into_iter().map(state));
        let always = always.into_iter().map(handler);
        let mut keys = vec![
            ("starts", Tree::text(entity.states.first().cloned().unwrap_or_default())),
            ("identity", self.identity(random)),
            ("properties", Tree::map(properties)),
            ("states", Tree::map(states)),
            ("always", Tree::map(always)),
        ];
        let edges: Vec<Tree> = entity.edges.iter().map(|edge| self.edge(edge, random)).collect();
        keys.push(("relationships", Tree::List(edges)));
        Tree::map(keys)
    }

    fn computed(&self, at: usize, property: &Property, random: &mut Random) -> Vec<(String, Tree)> {
        let env = self.plan.entity_env(self.at, at);
        let compute = env.expression(property.r#type.kind(), self.depth(2), random);
        vec![
            ("type".to_owned(), Tree::text(property.r#type.name())),
            ("compute".to_owned(), Tree::text(compute)),
        ]
    }

    fn identity(&self, random: &mut Random) -> Tree {
        let forms = [
            "",
            "",
            "str::trim(value)",
            "split(value, '-')[0]",
            "len(value)",
            "if starts_with(value, 'z') then null else value",
            "to_int(replace(value, 'k', ''))",
            if self.heavy() { "str::to_lowercase(value)" } else { "str::trim(value)" },
        ];
        Tree::map(self.entity.identity.iter().map(|name| {
            let mut keys = Vec::new();
            let normalize = random.pick(&forms);
            if !normalize.is_empty() {
                keys.push(("normalize", Tree::text(normalize)));
            }
            if self.heavy() && random.chance(30) {
                keys.push(("match", Tree::text("case_insensitive")));
            }
            (name.clone(), Tree::map(keys))
        }))
    }

    fn edge(&self, edge: &Edge, random: &mut Random) -> Tree {
        let target = self
            .plan
            .entities
            .get(edge.target)
            .map(|entity| entity.name.clone())
            .unwrap_or_default();
        let properties = edge
            .properties
            .iter()
            .map(|(name, r#type)| (name.clone(), Tree::Map(typed(*r#type, random))));
        let properties = Tree::map(properties.collect::<Vec<_>>());
        Tree::map([
            ("type", Tree::text(edge.name.clone())),
            ("target", Tree::text(target)),
            ("cardinality", Tree::text(edge.cardinality)),
            ("properties", properties),
        ])
    }

    fn machine(&self, random: &mut Random) -> (Vec<State>, Vec<Handler>) {
        let mut own: Vec<&str> = Vec::new();
        for event in &self.plan.events {
            if event.entities.contains(&self.at) || random.chance(5) {
                own.push(&event.name);
            }
        }
        let mut states: Vec<State> = Vec::new();
        for at in 0..self.entity.states.len() {
            let mut state = State::default();
            for event in &own {
                if random.chance(if at == 0 { 70 } else { self.plan.profile.size.handlers }) {
                    state.when.push(self.handler(event, at == 0 && random.chance(70), random));
                }
            }
            for _ in 0..random.below(self.plan.profile.size.rules) {
                state.after.push(self.rule(random));
            }
            states.push(state);
        }
        if let Some(start) = states.first_mut()
            && !start.when.iter().any(creates)
        {
            let event = own.first().copied().unwrap_or_default();
            start.when.retain(|handler| handler.event != event);
            start.when.push(self.handler(event, true, random));
        }
        for to in 1..states.len() {
            self.make_reachable(&mut states, to, random);
        }
        let mut always = Vec::new();
        for event in &own {
            if random.chance(25) {
                let create = random.chance(20);
                always.push(self.handler(event, create, random));
            }
        }
        (states, always)
    }

    /// Adds a transition to a state from one before it.
    fn make_reachable(&self, states: &mut [State], to: usize, random: &mut Random) {
        let effect = self.transition(to);
        let from = random.below(to);
        let Some(state) = states.get_mut(from) else { return };
        let at = random.below(state.when.len());
        match state.when.get_mut(at) {
            Some(handler) => handler.effects.push(effect),
            None => {
                let mut rule = self.rule(random);
                rule.effects.push(effect);
                state.after.push(rule);
            }
        }
    }

    fn transition(&self, to: usize) -> Tree {
        let to = self.entity.states.get(to).cloned().unwrap_or_default();
        Tree::map([("transition", Tree::map([("to", Tree::text(to))]))])
    }

    fn handler(&self, event: &str, create: bool, random: &mut Random) -> Handler {
        let env = self.plan.handler_env(self.at, event);
        let guard = random.chance(40).then(|| env.expression(Kind::Bool, self.depth(2), random));
        let mut effects = if create { vec![Tree::text("create")] } else { Vec::new() };
        for _ in 0..random.below(self.plan.profile.size.effects) + usize::from(!create) {
            effects.push(self.effect(event, true, random));
        }
        Handler { event: event.to_owned(), guard, effects }
    }

    fn rule(&self, random: &mut Random) -> Rule {
        let env = self.plan.entity_env(self.at, usize::MAX);
        let guard = random.chance(25).then(|| env.expression(Kind::Bool, self.depth(2), random));
        let effects = (0..1 + random.below(2)).map(|_| self.effect("", false, random)).collect();
        Rule {
            kind: random.pick(&["inactivity", "expiration", "state_duration", "state_duration"]),
            threshold: random.pick(&["3d", "36h", "1w", "90m", "30d", "2d12h"]),
            guard,
            effects,
        }
    }

    fn effect(&self, event: &str, handler: bool, random: &mut Random) -> Tree {
        let env = if handler {
            self.plan.handler_env(self.at, event)
        } else {
            self.plan.entity_env(self.at, usize::MAX)
        };
        let stored: Vec<&Property> =
            self.entity.properties.iter().filter(|p| !p.computed).collect();
        let numeric: Vec<&&Property> = stored
            .iter()
            .filter(|p| matches!(p.r#type, Declared::Integer | Declared::Number))
            .collect();
        let condition =
            random.chance(20).then(|| env.expression(Kind::Bool, self.depth(2), random));
        let with_condition = |mut keys: Vec<(&str, Tree)>| {
            keys.extend(condition.map(|condition| ("condition", Tree::text(condition))));
            Tree::map(keys)
        };
        let choice = random.below(10);
        if choice < 2 {
            let to = random.pick(&self.entity.states);
            return Tree::map([("transition", with_condition(vec![("to", Tree::text(to))]))]);
        }
        if choice < 4
            && let Some(property) = numeric.get(random.below(numeric.len()))
        {
            let by = match (random.below(4), property.r#type) {
                (0, _) => Tree::raw("2"),
                (1, Declared::Number) => Tree::raw("0.5"),
                (2, _) => Tree::text(env.expression(property.r#type.kind(), 1, random)),
                _ => Tree::raw("1"),
            };
            let keys = vec![("property", Tree::text(property.name.clone())), ("by", by)];
            return Tree::map([("increment", with_condition(keys))]);
        }
        if choice == 4
            && handler
            && let Some(edge) = self.entity.edges.get(random.below(self.entity.edges.len()))
        {
            return Tree::map([("relate", with_condition(self.relate(edge, &env, random)))]);
        }
        let property = stored.get(random.below(stored.len()));
        let (name, r#type) =
            property.map_or(("p0", Declared::String), |p| (p.name.as_str(), p.r#type));
        let (key, value) = self.value(r#type, &env, random);
        Tree::map([("set", with_condition(vec![("property", Tree::text(name)), (key, value)]))])
    }

    /// Where the value of a property comes from.
    fn value(
        &self,
        r#type: Declared,
        env: &super::expression::Env,
        random: &mut Random,
    ) -> (&'static str, Tree) {
        match random.below(10) {
            0 | 1 => match env.path(random).filter(|path| !path.contains('[')) {
                Some(path) => ("from", Tree::text(path)),
                None => ("value", literal(r#type, random)),
            },
            2 | 3 => ("value", literal(r#type, random)),
            4 if random.chance(30) => ("value", Tree::raw("null")),
            5 if random.chance(30) => {
                ("compute", Tree::text(env.expression(Kind::Any, self.depth(2), random)))
            }
            _ => ("compute", Tree::text(env.expression(r#type.kind(), self.depth(3), random))),
        }
    }

    fn relate(
        &self,
        edge: &Edge,
        env: &super::expression::Env,
        random: &mut Random,
    ) -> Vec<(&'static str, Tree)> {
        let target = self.plan.entities.get(edge.target);
        let name = target.map(|entity| entity.name.clone()).unwrap_or_default();
        let mut keys =
            vec![("type", Tree::text(edge.name.clone())), ("target", Tree::text(name.clone()))];
        if random.chance(60)
            && let Some(target) = target
        {
            keys.push(("hints", Tree::map([(name, Tree::texts(target.identity.clone()))])));
        }
        let mut properties = Vec::new();
        for (name, r#type) in &edge.properties {
            if random.chance(60) {
                properties.push((name.clone(), Tree::map([self.value(*r#type, env, random)])));
            }
        }
        keys.push(("properties", Tree::map(properties)));
        keys
    }
}

fn creates(handler: &Handler) -> bool {
    handler.effects.iter().any(|effect| matches!(effect, Tree::Text(word) if word == "create"))
}

fn handler(handler: Handler) -> (String, Tree) {
    let guard = handler.guard.map(|guard| ("guard", Tree::text(guard)));
    let keys = guard.into_iter().chain([("effects", Tree::List(handler.effects))]);
    (handler.event, Tree::map(keys))
}

fn state(state: State) -> Tree {
    let rules = state.after.into_iter().map(|rule| {
        let guard = rule.guard.map(|guard| ("guard", Tree::text(guard)));
        let fixed = [
            ("type", Tree::text(rule.kind)),
            ("threshold", Tree::text(rule.threshold)),
            ("effects", Tree::List(rule.effects)),
        ];
        Tree::map(fixed.into_iter().chain(guard))
    });
    Tree::map([
        ("when", Tree::map(state.when.into_iter().map(handler).collect::<Vec<_>>())),
        ("after", Tree::List(rules.collect())),
    ])
}
