//! Entity types that have other columns under other definitions, and the same entities (language.md 8.5).

use std::collections::BTreeMap;

use defacto_model::{EntityManifest, Manifest, Value, ValueType};
use serde_json::{Map, Value as Json};

/// Properties that a type has now and had not, each with the value that it has in every row.
pub(crate) type Added = Vec<(String, Value)>;

/// Types of which nothing differs but properties that are never written, read or computed: what such a property has is the
/// default, in every row, and no row exists because of it. `functions` of modules must be the same.
pub(crate) fn relaid(before: &Json, after: &Json, new: &Manifest) -> BTreeMap<String, Added> {
    differing(before, after, new, added)
}

/// Types of both definitions for which `difference` has an answer; none where the `functions` of modules differ.
pub(crate) fn differing<T>(
    before: &Json,
    after: &Json,
    new: &Manifest,
    difference: impl Fn(Map<String, Json>, Map<String, Json>, &EntityManifest) -> Option<T>,
) -> BTreeMap<String, T> {
    let type_of = |document: &Json, name: &str| document["entities"][name].as_object().cloned();
    if before["functions"] != after["functions"] {
        return BTreeMap::new();
    }
    let both = new.entities.iter().filter_map(|entity| {
        let (old, own) = (type_of(before, &entity.name)?, type_of(after, &entity.name)?);
        Some((entity.name.clone(), difference(old, own, entity)?))
    });
    both.collect()
}

fn added(
    mut old: Map<String, Json>,
    mut new: Map<String, Json>,
    entity: &EntityManifest,
) -> Option<Added> {
    let (mut before, mut after) = (properties(&mut old), properties(&mut new));
    let gone: Vec<String> = before.keys().filter(|it| !after.contains_key(*it)).cloned().collect();
    let come: Vec<String> = after.keys().filter(|it| !before.contains_key(*it)).cloned().collect();
    if gone.is_empty() && come.is_empty() {
        return None;
    }
    let mut added = Added::new();
    if gone.iter().any(|name| !is_plain(&before[name])) {
        return None;
    }
    for name in &come {
        let property = &after[name];
        let declared = entity.properties.iter().find(|it| it.name == *name)?.r#type;
        if !is_plain(property) {
            return None;
        }
        added.push((name.clone(), constant(&property["default"], declared)?));
    }
    before.retain(|name, _| !gone.contains(name));
    after.retain(|name, _| !come.contains(name));
    let rest = |entity: Map<String, Json>, properties: Map<String, Json>| {
        Json::from(vec![Json::Object(entity), Json::Object(properties)]).to_string()
    };
    let (old, new) = (rest(old, before), rest(new, after));
    // A name that occurs anywhere else may be read or written there.
    let named = new
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|word| gone.iter().chain(&come).any(|name| name == word));
    (old == new && !named).then_some(added)
}

/// Takes the properties out of a type, without their labels; what identifies entities is compared elsewhere.
pub(crate) fn properties(entity: &mut Map<String, Json>) -> Map<String, Json> {
    let mut properties = entity.get("properties").and_then(Json::as_object).cloned();
    entity.retain(|key, _| key != "identity" && key != "properties");
    for property in properties.iter_mut().flat_map(Map::values_mut).filter_map(Json::as_object_mut)
    {
        property.retain(|key, _| key != "sensitive" && key != "treatment");
    }
    properties.unwrap_or_default()
}

/// Whether a property without its labels has nothing but a default and what is asked of written values.
fn is_plain(property: &Json) -> bool {
    const PLAIN: [&str; 5] = ["type", "default", "allowed", "min", "max"];
    property.as_object().is_some_and(|it| it.keys().all(|key| PLAIN.contains(&&**key)))
}

/// A default as the column holds it; `None` when that takes more than reading it.
fn constant(default: &Json, declared: ValueType) -> Option<Value> {
    Some(match (declared, default) {
        (_, Json::Null) => Value::Null,
        (ValueType::String, Json::String(text)) => Value::String(text.clone()),
        (ValueType::Boolean, Json::Bool(flag)) => Value::Bool(*flag),
        (ValueType::Integer, Json::Number(number)) => Value::Int(number.as_i64()?),
        (ValueType::Number, Json::Number(number)) if number.is_f64() => {
            Value::Float(number.as_f64()?)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use defacto_model::PropertyManifest;
    use serde_json::json;

    use super::*;

    fn found(before: &Json, after: &Json) -> Option<Added> {
        let property = |(name, declared): (&str, ValueType)| PropertyManifest {
            name: name.to_owned(),
            r#type: declared,
            computed: false,
            sensitive: None,
            treatment: None,
            fed_by: Vec::new(),
        };
        let entity = EntityManifest {
            name: "door".to_owned(),
            start: 0,
            states: Vec::new(),
            properties: [("color", ValueType::String), ("n", ValueType::Integer)]
                .map(property)
                .into(),
            identity: Vec::new(),
            relationships: Vec::new(),
            events: Vec::new(),
            reads_id: false,
        };
        let object = |json: &Json| json.as_object().unwrap().clone();
        added(object(before), object(after), &entity)
    }

    #[test]
    fn a_property_that_nothing_names_is_a_column() {
        let states = json!({"shut": {"when": {"opened": {"effects": ["create"]}}}});
        let old = json!({"states": states, "properties": {"n": {"type": "integer", "default": 1}}});
        let new = json!({"states": states, "properties": {
            "n": {"type": "integer", "default": 1, "sensitive": "pii"},
            "color": {"type": "string", "default": "red"}}});
        let red = vec![("color".to_owned(), Value::String("red".to_owned()))];
        assert_eq!(found(&old, &new), Some(red));
        assert_eq!(found(&new, &old), Some(Vec::new()));
        assert_eq!(found(&old, &old), None);
        assert_eq!(
            found(&json!({"states": states}), &old),
            Some(vec![("n".to_owned(), Value::Int(1))])
        );
    }

    #[test]
    fn a_property_that_something_names_is_more() {
        let old = json!({"states": {"shut": {"when": {"opened": {"effects": ["create"]}}}}});
        let with = |color: Json, guard: &str| {
            json!({"states": {"shut": {"when": {"opened": {"effects": ["create"], "guard": guard}}}},
                   "properties": {"color": color}})
        };
        let mut plain = with(json!({"type": "string"}), "");
        plain["states"] = old["states"].clone();
        assert_eq!(found(&old, &plain), Some(vec![("color".to_owned(), Value::Null)]));
        let mut computed = plain.clone();
        computed["properties"]["color"]["compute"] = "'red'".into();
        assert_eq!(found(&old, &computed), None);
        let mut before = with(json!({"type": "string"}), "event.color == 'red'");
        let after = before.clone();
        before.as_object_mut().unwrap().remove("properties");
        assert_eq!(found(&before, &after), None, "the guard names it");
        assert_eq!(found(&old, &with(json!({"type": "string"}), "true")), None, "another guard");
    }
}
