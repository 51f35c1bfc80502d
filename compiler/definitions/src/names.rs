/// What a name names; its alphabet depends on it (language.md 1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    Entity,
    Property,
    IdentityField,
    MappedField,
    Relationship,
    Source,
    Normalizer,
    State,
    Event,
}

/// Longest identifier that every store accepts, in bytes.
const IDENTIFIER_BYTES_MAX: usize = 63;

impl Names {
    /// Whether `.` and `-` are allowed.
    pub(crate) fn dashes(self) -> bool {
        matches!(self, Self::Source | Self::Normalizer | Self::State | Self::Event)
    }

    fn what(self) -> &'static str {
        match self {
            Self::Entity => "entity",
            Self::Property => "property",
            Self::IdentityField => "identity field",
            Self::MappedField => "field",
            Self::Relationship => "relationship",
            Self::Source => "source",
            Self::Normalizer => "normalizer",
            Self::State => "state",
            Self::Event => "event",
        }
    }
}

/// Whether the name is legal; the message says why not.
pub(crate) fn check_name(name: &str, names: Names) -> Result<(), String> {
    let what = names.what();
    let shown = name.escape_debug();
    // Of entities and relationships the names of tables count, which is for the checker.
    let table = matches!(names, Names::Entity | Names::Relationship);
    if name.len() > IDENTIFIER_BYTES_MAX && !table {
        let length = name.len();
        return Err(format!(
            "{what} name of {length} bytes; at most {IDENTIFIER_BYTES_MAX} are allowed"
        ));
    }
    if name.starts_with("_defacto_") {
        return Err(format!("{what} name `{shown}` is reserved: it begins with `_defacto_`"));
    }
    let mut chars = name.chars();
    let first = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    let rest = chars.all(|c| {
        c.is_ascii_alphanumeric() || c == '_' || (names.dashes() && matches!(c, '.' | '-'))
    });
    if first && rest {
        return Ok(());
    }
    let alphabet = if names.dashes() { "`_`, `.` and `-`" } else { "and `_`" };
    Err(format!(
        "illegal {what} name `{shown}`: letters, digits {alphabet} are allowed, a letter or `_` first"
    ))
}

#[cfg(test)]
mod tests {
    use super::{Names, check_name};

    #[test]
    fn alphabet_length_and_reserved_names() {
        for name in ["a", "_", "A1_b", "_defacto"] {
            assert_eq!(check_name(name, Names::Property), Ok(()), "{name}");
        }
        for name in ["", "1a", "a-b", "a.b", "ä", "a b", "_defacto_x", "a:b"] {
            assert!(check_name(name, Names::Property).is_err(), "{name}");
        }
        assert_eq!(check_name("order.paid-2", Names::Event), Ok(()));
        assert!(check_name("-x", Names::Event).is_err());
        assert!(check_name("_defacto_merge", Names::Event).is_err());
        assert_eq!(check_name(&"x".repeat(63), Names::State), Ok(()));
        assert!(check_name(&"x".repeat(64), Names::State).is_err());
    }
}
