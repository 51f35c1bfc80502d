//! Names in SQL.

use sha2::{Digest, Sha256};

/// Bytes of a name; Postgres cuts longer ones without a word.
const NAME_MAX: usize = 63;
/// Digits of the hash that keeps an altered name apart.
const HASH_DIGITS: usize = 8;

/// An identifier in SQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in SQL.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The schema of a version's state. Where the version's name must change, eight digits of its hash keep it apart from
/// others (decision 31).
pub(crate) fn version_schema(namespace: &str, version: &str) -> String {
    let safe = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let plain = format!("{namespace}_{version}");
    if version.chars().all(safe) && plain.len() <= NAME_MAX {
        return plain;
    }
    let digest = hex::encode(Sha256::digest(version.as_bytes()));
    let digest: String = digest.chars().take(HASH_DIGITS).collect();
    let room = NAME_MAX.saturating_sub(namespace.len() + HASH_DIGITS + 2);
    let kept: String = version
        .to_ascii_lowercase()
        .chars()
        .map(|c| if safe(c) { c } else { '_' })
        .take(room)
        .collect();
    format!("{namespace}_{kept}_{digest}")
}

#[cfg(test)]
mod tests {
    use super::version_schema;

    #[test]
    fn schemas_of_versions_fit_and_differ() {
        assert_eq!(version_schema("defacto", "1a2b3c4d"), "defacto_1a2b3c4d");
        assert_eq!(version_schema("defacto", "v2.1"), "defacto_v2_1_49df083f");
        assert_ne!(version_schema("n", "V1"), version_schema("n", "v1"));
        let long = "x".repeat(62);
        assert_eq!(version_schema(&"n".repeat(48), &long).len(), 63);
        assert_ne!(version_schema("defacto", &long), version_schema("defacto", &"x".repeat(61)));
    }
}
