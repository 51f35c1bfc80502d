//! Effects (language.md 2.6).

use defacto_diagnostics::Code;

use crate::{
    AmountDef, EffectDef, ExprText, Literal, Spanned, ValueDef,
    names::Names,
    node::{Node, NodeValue, ScalarKind},
    read::{At, Fields, Reader, suggestion},
};

const KINDS: [&str; 5] = ["create", "transition", "set", "increment", "relate"];

impl Reader {
    /// The list under `effects`: E-03 without it, E-04 when empty.
    pub(crate) fn effects(&mut self, fields: &Fields<'_>, what: &str) -> Vec<Spanned<EffectDef>> {
        let Some((at, node)) = fields.get("effects") else {
            self.missing(&fields.at, what, "effects");
            return Vec::new();
        };
        let Some(items) = self.list(&at, node) else {
            return Vec::new();
        };
        if items.is_empty() {
            self.error(Code::E04, &at, "`effects` needs at least one effect");
        }
        let items = items.iter().enumerate();
        items.filter_map(|(index, node)| self.effect(&at.item(index, node), node)).collect()
    }

    fn effect(&mut self, at: &At, node: &Node) -> Option<Spanned<EffectDef>> {
        let value = match &node.value {
            NodeValue::Scalar(scalar) if scalar.kind == ScalarKind::Text => {
                if scalar.text == "create" {
                    Some(EffectDef::Create)
                } else if KINDS.contains(&scalar.text.as_str()) {
                    let message = format!("`{}` needs to know what to do", scalar.text);
                    let help = format!("write `{}`", example(&scalar.text));
                    self.error_with_help(Code::E06, at, message, help);
                    None
                } else {
                    self.unknown_kind(at, &scalar.text);
                    None
                }
            }
            NodeValue::Map(entries) => {
                let mut bodies = entries.iter().filter(|(key, _)| !is_note(&key.text));
                let (Some((key, body)), None) = (bodies.next(), bodies.next()) else {
                    self.error(Code::E01, at, "an effect is a mapping with exactly one key");
                    return None;
                };
                let at = at.key(key);
                match key.text.as_str() {
                    "create" => {
                        self.fields(&at, body, "`create`", &[])?;
                        Some(EffectDef::Create)
                    }
                    "transition" => self.transition(&at, body),
                    "set" => self.set(&at, body),
                    "increment" => self.increment(&at, body),
                    "relate" => self.relate(&at, body),
                    kind => {
                        let path = at.path.trim_end_matches(kind).trim_end_matches('.').to_owned();
                        self.unknown_kind(&At { path, span: at.span }, kind);
                        None
                    }
                }
            }
            _ => {
                self.wrong_kind(at, node, "an effect");
                None
            }
        };
        Some(Spanned { value: value?, span: Some(node.span), path: at.path.clone() })
    }

    fn unknown_kind(&mut self, at: &At, kind: &str) {
        let message = format!("unknown effect `{}`", kind.escape_debug());
        self.error_with_help(Code::E06, at, message, suggestion(kind, &KINDS));
    }

    fn transition(&mut self, at: &At, node: &Node) -> Option<EffectDef> {
        if let NodeValue::Scalar(_) = node.value
            && !node.is_null()
        {
            let mut to = self.text(at, node)?;
            to.path.push_str(".to");
            return Some(EffectDef::Transition { to, condition: None });
        }
        let fields = self.fields(at, node, "`transition`", &["to", "condition"])?;
        let to = self.required_text(&fields, "`transition`", "to");
        let condition = self.condition(&fields);
        Some(EffectDef::Transition { to: to?, condition })
    }

    fn set(&mut self, at: &At, node: &Node) -> Option<EffectDef> {
        let known = ["property", "from", "value", "compute", "condition"];
        let fields = self.fields(at, node, "`set`", &known)?;
        let property = self.required_text(&fields, "`set`", "property");
        let values = self.values(&fields);
        let condition = self.condition(&fields);
        Some(EffectDef::Set { property: property?, values, condition })
    }

    fn increment(&mut self, at: &At, node: &Node) -> Option<EffectDef> {
        let fields = self.fields(at, node, "`increment`", &["property", "by", "condition"])?;
        let property = self.required_text(&fields, "`increment`", "property");
        let by = match fields.get("by") {
            None => Some(AmountDef::Literal(Spanned {
                value: Literal::Int(1),
                span: Some(at.span),
                path: format!("{}.by", at.path),
            })),
            Some((at, node)) if matches!(node.literal(), Some(Literal::String(_))) => {
                self.expression(&at, node, false).map(AmountDef::Compute)
            }
            Some((at, node)) => self.literal(&at, node).map(AmountDef::Literal),
        };
        let condition = self.condition(&fields);
        Some(EffectDef::Increment { property: property?, by: by?, condition })
    }

    fn relate(&mut self, at: &At, node: &Node) -> Option<EffectDef> {
        let known = ["type", "target", "hints", "properties", "condition"];
        let fields = self.fields(at, node, "`relate`", &known)?;
        let r#type = self.required_text(&fields, "`relate`", "type");
        let target = self.required_text(&fields, "`relate`", "target");
        let hints = match fields.get("hints") {
            Some((at, node)) => self.hints(&at, node),
            None => Vec::new(),
        };
        let mut properties = Vec::new();
        if let Some((at, node)) = fields.get("properties") {
            for (name, at, node) in self.names(&at, node, Names::Property).unwrap_or_default() {
                let known = ["from", "value", "compute"];
                if let Some(fields) = self.fields(&at, node, "a property of `relate`", &known) {
                    properties.push((name, self.values(&fields)));
                }
            }
        }
        let condition = self.condition(&fields);
        Some(EffectDef::Relate { r#type: r#type?, target: target?, hints, properties, condition })
    }

    /// Entity type to fields; E-04 for an empty list. The caller reports an empty map where that is wrong.
    pub(crate) fn hints(
        &mut self,
        at: &At,
        node: &Node,
    ) -> Vec<(Spanned<String>, Vec<Spanned<String>>)> {
        let mut hints = Vec::new();
        let entries = self.map(at, node).unwrap_or(&[]).iter();
        for (key, node) in entries.filter(|(key, _)| !key.text.starts_with("x-")) {
            let at = at.key(key);
            let Some(fields) = self.texts(&at, node) else {
                continue;
            };
            let empty = matches!(&node.value, NodeValue::List(items) if items.is_empty());
            if empty || node.is_null() {
                let message = format!("the hints for `{}` need at least one field", key.text);
                self.error(Code::E04, &at, message);
                continue;
            }
            let path = at.path.clone();
            let name = Spanned { value: key.text.clone(), span: Some(key.span), path };
            hints.push((name, fields));
        }
        hints
    }

    /// Every source of a value that is given; the checker wants exactly one (E-11).
    fn values(&mut self, fields: &Fields<'_>) -> Vec<ValueDef> {
        let mut values = Vec::new();
        if fields.get("from").is_some() {
            values
                .push(self.optional_text(fields, "from").map_or(ValueDef::Refused, ValueDef::From));
        }
        // A null value is a value: it clears the property.
        if let Some((at, node)) = fields.given("value") {
            values.push(self.literal(&at, node).map_or(ValueDef::Refused, ValueDef::Value));
        }
        if fields.get("compute").is_some() {
            let compute = self.optional_expression(fields, "compute", false);
            values.push(compute.map_or(ValueDef::Refused, ValueDef::Compute));
        }
        values
    }

    fn condition(&mut self, fields: &Fields<'_>) -> Option<ExprText> {
        self.optional_expression(fields, "condition", true)
    }
}

/// Metadata beside the one key of an effect.
fn is_note(key: &str) -> bool {
    matches!(key, "description" | "owner" | "tags") || key.starts_with("x-")
}

fn example(kind: &str) -> &'static str {
    match kind {
        "transition" => "{transition: {to: STATE}}",
        "set" => "{set: {property: NAME, from: event.FIELD}}",
        "increment" => "{increment: {property: NAME}}",
        _ => "{relate: {type: NAME, target: ENTITY}}",
    }
}
