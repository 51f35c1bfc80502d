use std::collections::BTreeSet;

use crate::ValueType;

/// What a source's raw records are (decision 39).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum RawInput {
    /// JSON objects.
    #[default]
    Json,
    /// Rows of a table: kept as a JSON object of texts.
    Csv,
    /// Lines of text: kept as a JSON string.
    Text,
    /// Documents of bytes: kept as a JSON string in base64.
    Bytes,
}

impl RawInput {
    /// Every kind with its word in definitions.
    pub const ALL: [(&'static str, RawInput); 4] = [
        ("json", RawInput::Json),
        ("csv", RawInput::Csv),
        ("text", RawInput::Text),
        ("bytes", RawInput::Bytes),
    ];

    /// Its word in definitions.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("json", |(word, _)| word)
    }
}

/// What a normalizer says about itself: the answer of `describe` (`wit/engine@0.1.0/normalizer.wit`).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NormalizerDescription {
    /// Its own name.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// Event types, in the order of their indices.
    pub events: Vec<DescribedEvent>,
}

/// An event type that a normalizer makes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DescribedEvent {
    /// Name of the type.
    pub r#type: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Fields, in the order of an event's values.
    pub fields: Vec<DescribedField>,
}

/// A field of such a type.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DescribedField {
    /// Name of the field.
    pub name: String,
    /// Type of its values.
    #[serde(default)]
    pub r#type: DescribedType,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Type of a described field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names of the definition language")]
pub enum DescribedType {
    String,
    Number,
    Integer,
    Boolean,
    Datetime,
    /// Values of every kind.
    #[default]
    Any,
}

impl DescribedType {
    /// The declared type; `None` for [`Self::Any`].
    pub fn declared(self) -> Option<ValueType> {
        match self {
            Self::String => Some(ValueType::String),
            Self::Number => Some(ValueType::Number),
            Self::Integer => Some(ValueType::Integer),
            Self::Boolean => Some(ValueType::Boolean),
            Self::Datetime => Some(ValueType::Datetime),
            Self::Any => None,
        }
    }
}

impl From<ValueType> for DescribedType {
    fn from(declared: ValueType) -> Self {
        match declared {
            ValueType::String => Self::String,
            ValueType::Number => Self::Number,
            ValueType::Integer => Self::Integer,
            ValueType::Boolean => Self::Boolean,
            ValueType::Datetime => Self::Datetime,
        }
    }
}

/// Most event types of a normalizer.
pub const EVENT_TYPES_MAX: usize = 1_000;
/// Most fields of an event type.
pub const EVENT_FIELDS_MAX: usize = 1_000;
/// Bytes of a name that a normalizer gives.
const NAME_BYTES_MAX: usize = 63;

impl NormalizerDescription {
    /// Checks what the form of the text does not: counts, and names that are usable and stand once.
    ///
    /// # Errors
    ///
    /// What is wrong, in words for the module's author.
    pub fn check(&self) -> Result<(), String> {
        check_texts(&[("name", &self.name), ("version", &self.version)])?;
        if self.events.is_empty() || self.events.len() > EVENT_TYPES_MAX {
            let count = self.events.len();
            return Err(format!(
                "`events` has {count} entries, and must have 1 to {EVENT_TYPES_MAX}"
            ));
        }
        let mut types = BTreeSet::new();
        for event in &self.events {
            check_name("event type", &event.r#type, true)?;
            if !types.insert(&event.r#type) {
                return Err(format!("event type `{}` stands twice", event.r#type));
            }
            if event.fields.len() > EVENT_FIELDS_MAX {
                return Err(format!(
                    "event type `{}` has {} fields, and may have {EVENT_FIELDS_MAX}",
                    event.r#type,
                    event.fields.len()
                ));
            }
            let mut names = BTreeSet::new();
            for field in &event.fields {
                check_name("field", &field.name, false)?;
                if !names.insert(&field.name) {
                    let name = &field.name;
                    return Err(format!("field `{name}` of `{}` stands twice", event.r#type));
                }
            }
        }
        Ok(())
    }
}

/// A module's own name and version.
pub(crate) fn check_texts(texts: &[(&str, &str)]) -> Result<(), String> {
    for (what, text) in texts {
        if text.is_empty() || text.len() > NAME_BYTES_MAX || text.chars().any(char::is_control) {
            return Err(format!("`{what}` must be 1 to {NAME_BYTES_MAX} bytes of plain text"));
        }
    }
    Ok(())
}

/// Names as in definitions (language.md 1.4); those of events may also have `.` and `-`.
pub(crate) fn check_name(what: &str, name: &str, dashes: bool) -> Result<(), String> {
    let mut chars = name.chars();
    let good = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || (dashes && matches!(c, '.' | '-')))
        && name.len() <= NAME_BYTES_MAX
        && !name.starts_with("_defacto_");
    if good {
        return Ok(());
    }
    let shown: String = name.chars().take(80).collect();
    let more = if dashes { "`_`, `.` and `-`" } else { "and `_`" };
    Err(format!(
        "{what} `{}` is no name: a letter or `_`, then letters, digits {more}, at most {NAME_BYTES_MAX}, \
         not beginning with `_defacto_`",
        shown.escape_debug()
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    fn described(events: &[(&str, &[&str])]) -> NormalizerDescription {
        let field = |name: &&str| DescribedField {
            name: (*name).to_owned(),
            r#type: DescribedType::Any,
            description: None,
        };
        let event = |(name, fields): &(&str, &[&str])| DescribedEvent {
            r#type: (*name).to_owned(),
            description: None,
            fields: fields.iter().map(field).collect(),
        };
        let events = events.iter().map(event).collect();
        NormalizerDescription { name: "n".to_owned(), version: "1".to_owned(), events }
    }

    #[test]
    fn names_and_counts_are_checked() {
        assert_eq!(described(&[("a.b-c", &["x", "_y"]), ("d", &[])]).check(), Ok(()));
        for bad in [
            described(&[]),
            described(&[("a", &["x", "x"])]),
            described(&[("a", &["x.y"])]),
            described(&[("a", &[]), ("a", &[])]),
            described(&[("_defacto_merge", &[])]),
            described(&[("", &[])]),
            NormalizerDescription { name: String::new(), ..described(&[("a", &[])]) },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
