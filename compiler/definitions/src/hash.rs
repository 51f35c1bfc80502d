use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{Canonical, json_text, namespaces};

/// Hashes of a canonical form (language.md 8.4): SHA-256, lower-case hexadecimal, over compact JSON with sorted
/// keys. Which of them changed decides how much has to be built again (8.5).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hashes {
    /// Over everything.
    pub content: String,
    /// Over sources and schemas.
    pub source: String,
    /// Over the identity blocks, by entity.
    pub identity: String,
    /// Over the entities without identity and labels.
    pub definition: String,
    /// Over `sensitive` and `treatment`, by entity.
    pub label: String,
    /// Of each entity alone what [`Self::definition`] covers, in the order of the entities' names.
    pub entities: Vec<String>,
}

impl Hashes {
    /// The name that a version gets by default: the first eight digits of the content hash.
    pub fn version_name(&self) -> &str {
        self.content.get(..8).unwrap_or(&self.content)
    }
}

/// The hashes of a canonical form.
pub fn hashes(canonical: &Canonical) -> Hashes {
    let part = |name: &str| canonical.value().get(name).cloned().unwrap_or_default();
    let (mut identities, mut behaviours, mut labels) = (Map::new(), Map::new(), Map::new());
    let mut entities = Vec::new();
    let modules = canonical.value().get("functions").and_then(Value::as_object);
    if let Value::Object(bodies) = part("entities") {
        for (name, mut body) in bodies {
            let mut identity = body.as_object_mut().and_then(|body| body.remove("identity"));
            let own = take_labels(&mut body);
            add_modules(&mut body, modules);
            if let Some(identity) = &mut identity {
                add_modules(identity, modules);
            }
            entities.push((name.clone(), digest(&body)));
            identities.insert(name.clone(), identity.unwrap_or_default());
            behaviours.insert(name.clone(), body);
            if !own.is_empty() {
                labels.insert(name, Value::Object(own));
            }
        }
    }
    entities.sort();
    let mut sources = Map::new();
    sources.insert("schemas".to_owned(), part("schemas"));
    let mut own = part("sources");
    add_modules(&mut own, modules);
    sources.insert("sources".to_owned(), own);
    Hashes {
        content: digest(canonical.value()),
        source: digest(&Value::Object(sources)),
        identity: digest(&Value::Object(identities)),
        definition: digest(&Value::Object(behaviours)),
        label: digest(&Value::Object(labels)),
        entities: entities.into_iter().map(|(_, hash)| hash).collect(),
    }
}

/// Adds the digests of the modules whose functions a part may call: another module may give other values. The key is
/// none that definitions can have.
fn add_modules(part: &mut Value, modules: Option<&Map<String, Value>>) {
    let Some(modules) = modules else { return };
    let called = namespaces(part);
    let digests: Map<String, Value> = modules
        .iter()
        .filter(|(name, _)| called.contains(*name))
        .map(|(name, digest)| (name.clone(), digest.clone()))
        .collect();
    if let (Some(part), false) = (part.as_object_mut(), digests.is_empty()) {
        part.insert("::".to_owned(), Value::Object(digests));
    }
}

/// Removes `sensitive` and `treatment` from every property of an entity and its relationships; returns them by
/// property, for edges by `relationship.property`.
fn take_labels(entity: &mut Value) -> Map<String, Value> {
    let mut labels = Map::new();
    if let Some(properties) = entity.get_mut("properties") {
        take_from(properties, "", &mut labels);
    }
    let relationships = entity.get_mut("relationships").and_then(Value::as_array_mut);
    for relationship in relationships.into_iter().flatten() {
        let name = relationship.get("type").and_then(Value::as_str).unwrap_or("").to_owned() + ".";
        if let Some(properties) = relationship.get_mut("properties") {
            take_from(properties, &name, &mut labels);
        }
    }
    labels
}

fn take_from(properties: &mut Value, prefix: &str, labels: &mut Map<String, Value>) {
    for (name, property) in properties.as_object_mut().into_iter().flatten() {
        let Some(property) = property.as_object_mut() else { continue };
        let taken: Map<_, _> = ["sensitive", "treatment"]
            .into_iter()
            .filter_map(|key| Some((key.to_owned(), property.remove(key)?)))
            .collect();
        if !taken.is_empty() {
            labels.insert(format!("{prefix}{name}"), Value::Object(taken));
        }
    }
}

fn digest(value: &Value) -> String {
    hex::encode(Sha256::digest(json_text::sorted(value)))
}
