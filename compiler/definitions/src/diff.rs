//! What changed between two sets of definitions (language.md 8.6).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::Canonical;

/// What a change touches; hashes, not classes, decide about builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeClass {
    /// A source.
    Source,
    /// An event schema.
    Schema,
    /// An identity block.
    Identity,
    /// Anything else of an entity, or an entity as a whole.
    Behaviour,
    /// `sensitive` or `treatment`.
    Label,
}

impl ChangeClass {
    /// The word of the specification.
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Schema => "schema",
            Self::Identity => "identity",
            Self::Behaviour => "behaviour",
            Self::Label => "label",
        }
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Place in the canonical form: `entities.order.states.open.when.paid.guard`. Relationships go by their type.
    pub path: String,
    /// Value before; absent where something was added.
    pub from: Option<Value>,
    /// Value after; absent where something was removed.
    pub to: Option<Value>,
    /// What it touches.
    pub class: ChangeClass,
}

/// All changes, each list sorted by path.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Diff {
    /// Present only after.
    pub added: Vec<Change>,
    /// Present only before.
    pub removed: Vec<Change>,
    /// Present in both, with another value.
    pub modified: Vec<Change>,
}

impl Diff {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.modified.is_empty()
    }

    /// `{added, removed, modified}`, lists of `{path, from, to, class}`.
    pub fn to_json(&self) -> Value {
        let list = |changes: &[Change]| -> Value {
            changes
                .iter()
                .map(|change| {
                    let mut entry = Map::new();
                    entry.insert("path".to_owned(), json!(change.path));
                    for (key, value) in [("from", &change.from), ("to", &change.to)] {
                        if let Some(value) = value {
                            entry.insert(key.to_owned(), value.clone());
                        }
                    }
                    entry.insert("class".to_owned(), json!(change.class.name()));
                    Value::Object(entry)
                })
                .collect()
        };
        json!({
            "added": list(&self.added),
            "removed": list(&self.removed),
            "modified": list(&self.modified),
        })
    }
}

/// What changed from `before` to `after`. Written order is not a change.
pub fn diff(before: &Canonical, after: &Canonical) -> Diff {
    let mut diff = Diff::default();
    compare("", before.value(), after.value(), &mut diff);
    for changes in [&mut diff.added, &mut diff.removed, &mut diff.modified] {
        changes.sort_by(|a, b| a.path.cmp(&b.path));
    }
    diff
}

fn compare(path: &str, before: &Value, after: &Value, diff: &mut Diff) {
    if before == after {
        return;
    }
    let key = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    if let (Some(before), Some(after)) = (entries(path, before), entries(path, after)) {
        for (name, from) in &before {
            match after.get(name) {
                Some(to) => compare(&key(name), from, to, diff),
                None => {
                    let change = change(key(name), Some(from), None);
                    diff.removed.push(change);
                }
            }
        }
        for (name, to) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
            diff.added.push(change(key(name), None, Some(to)));
        }
        return;
    }
    if let (Value::Array(before), Value::Array(after)) = (before, after)
        && before.len() == after.len()
        && before.iter().chain(after).any(|item| item.is_object() || item.is_array())
    {
        for (index, (from, to)) in before.iter().zip(after).enumerate() {
            compare(&format!("{path}[{index}]"), from, to, diff);
        }
        return;
    }
    diff.modified.push(change(path.to_owned(), Some(before), Some(after)));
}

/// The entries of a map, or of a list of relationships by their types.
fn entries<'v>(path: &str, value: &'v Value) -> Option<BTreeMap<&'v str, &'v Value>> {
    match value {
        Value::Object(entries) => {
            Some(entries.iter().map(|(name, value)| (name.as_str(), value)).collect())
        }
        Value::Array(items) if is_relationships(path) => {
            let named = items.iter().map(|item| Some((item.get("type")?.as_str()?, item)));
            let named: BTreeMap<_, _> = named.collect::<Option<_>>()?;
            (named.len() == items.len()).then_some(named)
        }
        _ => None,
    }
}

fn is_relationships(path: &str) -> bool {
    matches!(path.split('.').collect::<Vec<_>>().as_slice(), ["entities", _, "relationships"])
}

fn change(path: String, from: Option<&Value>, to: Option<&Value>) -> Change {
    let class = class(&path);
    Change { path, from: from.cloned(), to: to.cloned(), class }
}

fn class(path: &str) -> ChangeClass {
    let steps: Vec<&str> = path.split('.').collect();
    match steps.as_slice() {
        ["sources", ..] => ChangeClass::Source,
        ["schemas", ..] => ChangeClass::Schema,
        [_, _, "identity", ..] => ChangeClass::Identity,
        [_, _, "properties", _, "sensitive" | "treatment"]
        | [_, _, "relationships", _, "properties", _, "sensitive" | "treatment"] => {
            ChangeClass::Label
        }
        _ => ChangeClass::Behaviour,
    }
}

impl Diff {
    /// The shape of the reference: `{added: {entity: body}, removed: {…}, modified: {entity: {added_properties,
    /// removed_properties, added_states, removed_states, identity_changed}}}`. It is blind to most changes.
    pub fn summary(&self) -> Value {
        let (mut added, mut removed) = (Map::new(), Map::new());
        let mut modified: BTreeMap<&str, Summary<'_>> = BTreeMap::new();
        let lists = [(&self.added, true), (&self.removed, false)];
        for (changes, is_added) in lists {
            for change in changes {
                let steps: Vec<&str> = change.path.split('.').collect();
                match steps.as_slice() {
                    ["entities", name] => {
                        let body = if is_added { &change.to } else { &change.from };
                        let map = if is_added { &mut added } else { &mut removed };
                        map.insert((*name).to_owned(), body.clone().unwrap_or_default());
                    }
                    ["entities", name, "properties", property] => {
                        modified.entry(name).or_default().properties(is_added).push(property);
                    }
                    ["entities", name, "states", rest @ ..] if named_state(rest, change) => {
                        let state = change.path.splitn(4, '.').nth(3).unwrap_or("");
                        modified.entry(name).or_default().states(is_added).push(state);
                    }
                    ["entities", name, part, ..] => {
                        modified.entry(name).or_default().identity |= *part == "identity";
                    }
                    _ => {}
                }
            }
        }
        for change in &self.modified {
            if let ["entities", name, part, ..] =
                change.path.split('.').collect::<Vec<_>>().as_slice()
            {
                modified.entry(name).or_default().identity |= *part == "identity";
            }
        }
        let modified: Map<_, _> =
            modified.into_iter().map(|(name, it)| (name.to_owned(), it.to_json())).collect();
        json!({ "added": added, "removed": removed, "modified": modified })
    }
}

/// Whether the change is of a state as a whole, whose value is the state's body.
fn named_state(rest: &[&str], change: &Change) -> bool {
    let body = change.to.as_ref().or(change.from.as_ref()).and_then(Value::as_object);
    let body = body.is_some_and(|body| {
        body.keys().all(|key| matches!(key.as_str(), "when" | "after" | "terminal"))
    });
    !rest.is_empty() && body && !rest.iter().any(|step| matches!(*step, "when" | "after"))
}

#[derive(Default)]
struct Summary<'a> {
    added_properties: Vec<&'a str>,
    removed_properties: Vec<&'a str>,
    added_states: Vec<&'a str>,
    removed_states: Vec<&'a str>,
    identity: bool,
}

impl<'a> Summary<'a> {
    fn properties(&mut self, added: bool) -> &mut Vec<&'a str> {
        if added { &mut self.added_properties } else { &mut self.removed_properties }
    }

    fn states(&mut self, added: bool) -> &mut Vec<&'a str> {
        if added { &mut self.added_states } else { &mut self.removed_states }
    }

    fn to_json(&self) -> Value {
        json!({
            "added_properties": self.added_properties,
            "removed_properties": self.removed_properties,
            "added_states": self.added_states,
            "removed_states": self.removed_states,
            "identity_changed": self.identity,
        })
    }
}
