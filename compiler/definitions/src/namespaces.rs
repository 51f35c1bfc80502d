use std::collections::BTreeSet;

use serde_json::Value;

/// Names before `::` in the texts of a canonical form: those of the modules whose functions its expressions may call. A
/// text that is no expression may add one.
pub fn namespaces(value: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut rest = vec![value];
    while let Some(value) = rest.pop() {
        match value {
            Value::String(text) => in_text(text, &mut names),
            Value::Array(items) => rest.extend(items),
            Value::Object(entries) => rest.extend(entries.iter().map(|(_, value)| value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    names
}

fn in_text(text: &str, names: &mut BTreeSet<String>) {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("::") {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name = before.rsplit(|c| !word(c)).next().unwrap_or_default();
        if !name.is_empty() && !names.contains(name) {
            names.insert(name.to_owned());
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_modules_are_found_wherever_they_stand() {
        let value = serde_json::json!({
            "a::b": ["geo::country(event.ip) == 'DE' and -fx::rate(1)", {"x": "a + (str::trim(net::host(u)))"}],
            "b": "::none", "c": 7,
        });
        let names: Vec<_> = namespaces(&value).into_iter().collect();
        assert_eq!(names, ["fx", "geo", "net", "str"]);
    }
}
