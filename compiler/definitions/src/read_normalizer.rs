//! Sources that a module normalizes (decisions.md 39).

use defacto_diagnostics::Code;
use defacto_model::RawInput;

use crate::{
    LIMITS, Literal, NormalizerDef, Spanned,
    names::Names,
    node::{Node, NodeValue},
    read::{At, Fields, Reader},
};

/// Keys that only such sources have. `module` is written by the canonical form.
pub(crate) const NORMALIZER_KEYS: [&str; 5] = ["normalizer", "module", "config", "input", "limits"];
/// Digits of a digest.
const DIGEST_DIGITS: usize = 64;

impl Reader {
    /// Reads `normalizer` and what belongs to it.
    pub(crate) fn normalizer(&mut self, fields: &Fields<'_>) -> Option<NormalizerDef> {
        let name = self.optional_text(fields, "normalizer")?;
        self.name(&name, Names::Normalizer);
        for key in ["event_type", "timestamp"] {
            if let Some((at, _)) = fields.get(key) {
                let message = format!("`{key}` is what the normalizer gives");
                self.error_with_help(Code::E02, &at, message, "leave the key out");
            }
        }
        let input = match fields.get("input") {
            Some((at, node)) => self.word(&at, node, "input", &RawInput::ALL).unwrap_or_default(),
            None => RawInput::default(),
        };
        let config = match fields.get("config") {
            Some((at, node)) => self.config(&at, node),
            None => {
                let At { path, span } = fields.at.clone();
                Spanned { value: Literal::Object(Vec::new()), span: Some(span), path }
            }
        };
        let digest = match fields.get("module") {
            Some((at, node)) => self.digest(&at, node),
            None => None,
        };
        let limits = match fields.get("limits") {
            Some((at, node)) => self.limits(&at, node),
            None => Vec::new(),
        };
        Some(NormalizerDef { name, digest, config, input, limits, description: None })
    }

    /// The digest of a module.
    pub(crate) fn digest(&mut self, at: &At, node: &Node) -> Option<String> {
        let digest = self.text(at, node)?.value;
        let good = digest.len() == DIGEST_DIGITS
            && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !good {
            self.error(Code::E06, at, "a module is named by its SHA-256 in lower-case hexadecimal");
        }
        good.then_some(digest)
    }

    fn config(&mut self, at: &At, node: &Node) -> Spanned<Literal> {
        let empty = Spanned {
            value: Literal::Object(Vec::new()),
            span: Some(node.span),
            path: at.path.clone(),
        };
        if node.is_null() {
            return empty;
        }
        if !matches!(node.value, NodeValue::Map(_)) {
            self.wrong_kind(at, node, "a mapping");
            return empty;
        }
        self.literal(at, node).unwrap_or(empty)
    }

    /// Limits that differ from the defaults.
    pub(crate) fn limits(&mut self, at: &At, node: &Node) -> Vec<(&'static str, u64)> {
        let known = LIMITS.map(|(name, _, _)| name);
        let Some(fields) = self.fields(at, node, "`limits`", &known) else { return Vec::new() };
        let mut limits = Vec::new();
        for (name, smallest, largest) in LIMITS {
            let Some((at, node)) = fields.get(name) else { continue };
            let Some(given) = self.literal(&at, node) else { continue };
            match given.value {
                Literal::Int(value)
                    if u64::try_from(value).is_ok_and(|v| (smallest..=largest).contains(&v)) =>
                {
                    limits.push((name, value.unsigned_abs()));
                }
                _ => {
                    let message = format!("`{name}` is an integer from {smallest} to {largest}");
                    self.error(Code::E08, &at, message);
                }
            }
        }
        limits
    }

    /// E-02 for what mappings need and modules give.
    pub(crate) fn refuse_mappings(&mut self, fields: &Fields<'_>) {
        let Some((at, node)) = fields.get("events") else { return };
        let NodeValue::Map(events) = &node.value else { return };
        for (name, event) in events {
            let NodeValue::Map(entries) = &event.value else { continue };
            for (key, _) in entries {
                let what = match key.text.as_str() {
                    "mappings" => "fields come from the normalizer, not from `mappings`",
                    "raw_type" => "event types come from the normalizer, not from `raw_type`",
                    _ => continue,
                };
                let at = at.key(name).key(key);
                let help = "of an event of a normalizer only `hints` are given here";
                self.error_with_help(Code::E02, &at, what, help);
            }
        }
    }

    /// E-02 for keys that make no sense without a module.
    pub(crate) fn refuse_normalizer_keys(&mut self, fields: &Fields<'_>) {
        for key in NORMALIZER_KEYS {
            if let Some((at, _)) = fields.get(key) {
                let message = format!("`{key}` is for sources with a `normalizer`");
                let help =
                    "name a module of `normalizers/` with `normalizer`, or leave the key out";
                self.error_with_help(Code::E02, &at, message, help);
            }
        }
    }
}
