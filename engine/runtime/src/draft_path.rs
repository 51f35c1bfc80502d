//! Places in the canonical form, as diagnostics and differences write them.

use serde_json::Value;

use crate::Error;

/// One step of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Key of a map.
    Key(String),
    /// Item of a list.
    Item(usize),
}

/// A place as steps. Names may contain full stops, so that the longest run of parts that is a key wins; a part in double
/// quotes is one name as it stands.
pub(crate) fn parse(document: &Value, path: &str) -> Result<Vec<Step>, Error> {
    let unreadable = || Error::Draft(format!("`{path}` is no place in the definitions"));
    let mut steps = Vec::new();
    let mut value = Some(document);
    let mut rest = path;
    while !rest.is_empty() {
        let (step, left) = if let Some(inner) = rest.strip_prefix('[') {
            let (digits, left) = inner.split_once(']').ok_or_else(unreadable)?;
            (Step::Item(digits.parse().map_err(|_| unreadable())?), left)
        } else if let Some(inner) = rest.strip_prefix('"') {
            let (name, left) = inner.split_once('"').ok_or_else(unreadable)?;
            (Step::Key(name.to_owned()), left)
        } else {
            let (name, left) = name(value, rest);
            (Step::Key(name.to_owned()), left)
        };
        value = value.and_then(|value| at(value, &step));
        steps.push(step);
        rest = match left.strip_prefix('.') {
            Some("") => return Err(unreadable()),
            Some(next) => next,
            None if left.is_empty() || left.starts_with('[') => left,
            None => return Err(unreadable()),
        };
    }
    if steps.is_empty() || steps.contains(&Step::Key(String::new())) {
        return Err(unreadable());
    }
    Ok(steps)
}

/// The next name of a path and what follows: the longest key of the map that the path begins with, else the part up to
/// the next mark.
fn name<'p>(value: Option<&Value>, path: &'p str) -> (&'p str, &'p str) {
    let keys = value.and_then(Value::as_object).into_iter().flat_map(serde_json::Map::keys);
    let known = keys
        .filter_map(|key| {
            let left = path.strip_prefix(key.as_str())?;
            (left.is_empty() || left.starts_with(['.', '['])).then_some(left)
        })
        .min_by_key(|left| left.len());
    let left =
        known.unwrap_or_else(|| path.find(['.', '[']).and_then(|at| path.get(at..)).unwrap_or(""));
    (path.strip_suffix(left).unwrap_or(path), left)
}

/// A place in words.
pub(crate) fn text(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
            Step::Item(at) => text.push_str(&format!("[{at}]")),
        }
    }
    text
}

fn at<'v>(value: &'v Value, step: &Step) -> Option<&'v Value> {
    match step {
        Step::Key(key) => value.get(key),
        Step::Item(at) => value.get(at),
    }
}

/// What stands at a place.
pub(crate) fn get<'v>(document: &'v Value, steps: &[Step]) -> Option<&'v Value> {
    steps.iter().try_fold(document, at)
}

fn get_mut<'v>(document: &'v mut Value, steps: &[Step]) -> Option<&'v mut Value> {
    steps.iter().try_fold(document, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Item(at) => value.get_mut(at),
    })
}

/// Sets what stands at a place: a key, an item, or the item after the last.
pub(crate) fn put(document: &mut Value, steps: &[Step], value: Value) -> Result<(), Error> {
    let missing = || Error::Draft(format!("there is nothing that could hold `{}`", text(steps)));
    let (last, outer) = steps.split_last().ok_or_else(missing)?;
    match (get_mut(document, outer).ok_or_else(missing)?, last) {
        (Value::Object(entries), Step::Key(key)) => {
            entries.insert(key.clone(), value);
        }
        (Value::Array(items), Step::Item(at)) if *at < items.len() => {
            if let Some(item) = items.get_mut(*at) {
                *item = value;
            }
        }
        (Value::Array(items), Step::Item(at)) if *at == items.len() => items.push(value),
        _ => return Err(missing()),
    }
    Ok(())
}

/// Removes what stands at a place; false when there is nothing.
pub(crate) fn remove(document: &mut Value, steps: &[Step]) -> bool {
    let Some((last, outer)) = steps.split_last() else { return false };
    match (get_mut(document, outer), last) {
        (Some(Value::Object(entries)), Step::Key(key)) => entries.shift_remove(key).is_some(),
        (Some(Value::Array(items)), Step::Item(at)) if *at < items.len() => {
            items.remove(*at);
            true
        }
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_with_full_stops_are_found() {
        let document = json!({"events": {"a": 1, "a.b": {"c": [1, {"d": 2}]}, "a.b.c": 0}});
        let key = |key: &str| Step::Key(key.to_owned());
        let cases = [
            ("events.a.b.c[1].d", vec![key("events"), key("a.b.c"), Step::Item(1), key("d")]),
            ("events.a.b.x", vec![key("events"), key("a.b"), key("x")]),
            ("events.new.one", vec![key("events"), key("new"), key("one")]),
            ("events.\"new.one\".x", vec![key("events"), key("new.one"), key("x")]),
        ];
        for (path, wanted) in cases {
            assert_eq!(parse(&document, path).unwrap(), wanted, "{path}");
        }
        for path in ["", ".", "a.", "a..b", "a[x]", "a[1", "a[1]b", "\"a"] {
            assert!(parse(&document, path).is_err(), "{path}");
        }
    }

    #[test]
    fn items_are_replaced_appended_and_removed() {
        let mut document = json!({"a": [1, 2]});
        let mut put_at = |at: usize, value: Value| {
            put(&mut document, &[Step::Key("a".to_owned()), Step::Item(at)], value).is_ok()
        };
        assert!(put_at(0, json!(0)) && put_at(2, json!(3)) && !put_at(9, json!(9)));
        assert!(remove(&mut document, &[Step::Key("a".to_owned()), Step::Item(1)]));
        assert_eq!(document, json!({"a": [0, 3]}));
    }
}
