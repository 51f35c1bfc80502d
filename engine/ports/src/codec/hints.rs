use std::borrow::Cow;

use super::damaged;
use crate::{Error, HintText};

/// Writes the hints of an event as JSON: lists of entity type, field, value and, where it has one, the candidate id.
pub fn encode_hints(hints: &[HintText]) -> String {
    if hints.is_empty() {
        return "[]".to_owned();
    }
    if hints.iter().all(|hint| hint.candidate.is_none()) {
        let plain: Vec<[&str; 3]> = hints
            .iter()
            .map(|h| [h.entity_type.as_str(), h.field.as_str(), h.value.as_str()])
            .collect();
        return serde_json::to_string(&plain).unwrap_or_default();
    }
    let plain: Vec<Vec<Cow<'_, str>>> = hints
        .iter()
        .map(|h| {
            let parts = [&h.entity_type, &h.field, &h.value].map(|part| Cow::from(part.as_str()));
            parts.into_iter().chain(h.candidate.map(|id| Cow::from(id.to_string()))).collect()
        })
        .collect();
    // Text cannot fail to become JSON.
    serde_json::to_string(&plain).unwrap_or_default()
}

/// Reads the hints of an event.
///
/// # Errors
///
/// [`Error::Inconsistent`] when the text is not of this form.
pub fn decode_hints(text: &str) -> Result<Vec<HintText>, Error> {
    if text == "[]" {
        return Ok(Vec::new());
    }
    let bad = || damaged("an event's hints");
    let plain: Vec<Vec<String>> = serde_json::from_str(text).map_err(|_| bad())?;
    plain
        .into_iter()
        .map(|parts| {
            let mut parts = parts.into_iter();
            let mut part = || parts.next().ok_or_else(bad);
            let (entity_type, field, value) = (part()?, part()?, part()?);
            let candidate = parts.next().map(|id| id.parse()).transpose().map_err(|_| bad())?;
            Ok(HintText { entity_type, field, value, candidate })
        })
        .collect()
}
