use std::collections::BTreeMap;

use defacto_model::{EntityManifest, Treatment, Value, ValueType};

use crate::decode::REDACTED;
use crate::secrets::hmac;

/// How one event field is redacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FieldTreatment {
    pub(crate) treatment: Treatment,
    /// Every property that the field feeds holds text: else all that can stand for a value is null.
    pub(crate) text: bool,
}

/// Fields that a redaction of the entity type rewrites, by name: those that flow into a sensitive property, and those
/// named like it (language.md 2.3). Where properties differ, the stronger treatment counts.
pub(crate) fn treated(entity: &EntityManifest) -> BTreeMap<String, FieldTreatment> {
    let mut out: BTreeMap<String, FieldTreatment> = BTreeMap::new();
    for property in &entity.properties {
        let Some(treatment) = property.treatment else { continue };
        let text = property.r#type == ValueType::String;
        for name in property.fed_by.iter().chain([&property.name]) {
            let field = out.entry(name.clone()).or_insert(FieldTreatment { treatment, text });
            if strength(treatment) > strength(field.treatment) {
                field.treatment = treatment;
            }
            field.text &= text;
        }
    }
    out
}

const fn strength(treatment: Treatment) -> u8 {
    match treatment {
        Treatment::Mask => 0,
        Treatment::Hash => 1,
        Treatment::Redact => 2,
    }
}

/// A treatment with what it needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Treating<'a> {
    pub(crate) field: FieldTreatment,
    /// Key of the namespace, for [`Treatment::Hash`].
    pub(crate) key: &'a str,
}

impl Treating<'static> {
    /// The marker for every text, null for everything else.
    pub(crate) const MARK: Self =
        Self { field: FieldTreatment { treatment: Treatment::Redact, text: true }, key: "" };
}

/// The value that stands for one taken out: a text for text, else null (decision 46).
pub(crate) fn treat(value: &Value, how: &Treating<'_>) -> Value {
    match value {
        Value::String(text) if how.field.text => Value::String(match how.field.treatment {
            Treatment::Redact => REDACTED.to_owned(),
            Treatment::Mask => mask(text),
            Treatment::Hash => hashed(how.key, text),
        }),
        _ => Value::Null,
    }
}

/// Treats the value at a dot-path; returns whether there is one.
pub(crate) fn treat_path(value: &mut Value, path: &str, how: &Treating<'_>) -> bool {
    if let Value::Object(fields) = value
        && let Some(found) = fields.get_mut(path)
    {
        let some = !found.is_null();
        *found = treat(found, how);
        return some;
    }
    let (head, rest) = path.split_once('.').map_or((path, None), |(head, rest)| (head, Some(rest)));
    let found = match value {
        Value::Object(fields) => fields.get_mut(head),
        Value::List(items) => head.parse::<i64>().ok().and_then(|at| {
            let len = i64::try_from(items.len()).ok()?;
            let at = if at < 0 { at.checked_add(len)? } else { at };
            items.get_mut(usize::try_from(at).ok()?)
        }),
        _ => None,
    };
    match (found, rest) {
        (Some(found), None) => {
            let some = !found.is_null();
            *found = treat(found, how);
            some
        }
        (Some(found), Some(rest)) => treat_path(found, rest, how),
        (None, _) => false,
    }
}

/// Whether a text may be what a treatment left: such values give no hints (decision 45).
pub(crate) fn looks_treated(text: &str, treatment: Treatment) -> bool {
    text == REDACTED
        || match treatment {
            Treatment::Redact => false,
            Treatment::Hash => is_hashed(text),
            Treatment::Mask => text.is_empty() || text.contains('*'),
        }
}

/// `h_` and the HMAC-SHA-256 of a text.
pub(crate) fn hashed(key: &str, text: &str) -> String {
    format!("h_{}", hex::encode(hmac(key.as_bytes(), text.as_bytes())))
}

/// Whether a text has the form of [`hashed`].
pub(crate) fn is_hashed(text: &str) -> bool {
    text.strip_prefix("h_").is_some_and(|digits| {
        digits.len() == 64 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// The last four characters stay, or all are hidden when there are no more; an e-mail keeps its first character and
/// its domain.
fn mask(text: &str) -> String {
    let stars = |count: usize| "*".repeat(count);
    if let Some((local, domain)) = text.split_once('@')
        && !domain.is_empty()
        && !domain.contains('@')
        && let Some(first) = local.chars().next()
    {
        return format!("{first}{}@{domain}", stars(local.chars().count() - 1));
    }
    let length = text.chars().count();
    if length <= 4 {
        return stars(length);
    }
    let kept: String = text.chars().skip(length - 4).collect();
    format!("{}{kept}", stars(length - 4))
}

#[cfg(test)]
mod tests {
    use super::{FieldTreatment, Treating, hashed, is_hashed, mask, treat, treat_path};
    use defacto_model::{Treatment, Value};

    #[test]
    fn masks_keep_four_characters_or_the_domain() {
        for (text, masked) in [
            ("", ""),
            ("abcd", "****"),
            ("+49 30 1234", "*******1234"),
            ("ann@mail.test", "a**@mail.test"),
            ("é@x", "é@x"),
            ("@x.test", "***test"),
            ("a@b@c", "*@b@c"),
        ] {
            assert_eq!(mask(text), masked, "{text}");
        }
    }

    #[test]
    fn hashes_are_keyed_and_recognised() {
        // RFC 4231, test case 2.
        let expected = "h_5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hashed("Jefe", "what do ya want for nothing?"), expected);
        assert!(is_hashed(expected) && !is_hashed("h_5b") && !is_hashed(&expected.to_uppercase()));
    }

    #[test]
    fn only_text_leaves_a_text() {
        let how =
            Treating { field: FieldTreatment { treatment: Treatment::Mask, text: true }, key: "" };
        assert_eq!(treat(&Value::Int(12_345), &how), Value::Null);
        assert_eq!(treat(&Value::Null, &how), Value::Null);
        let number = Treating { field: FieldTreatment { text: false, ..how.field }, key: "" };
        assert_eq!(treat(&Value::String("12345".to_owned()), &number), Value::Null);
        let mut raw = defacto_json::parse(r#"{"a": [{"b": "secret"}], "c": 1}"#).unwrap();
        assert!(treat_path(&mut raw, "a.-1.b", &how));
        assert!(!treat_path(&mut raw, "a.0.absent", &how));
        assert_eq!(defacto_json::to_json(&raw), r#"{"a":[{"b":"**cret"}],"c":1}"#);
    }
}
