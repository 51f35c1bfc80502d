//! Entities: identity, properties, states, relationships (language.md 2).

use std::collections::BTreeMap;

use defacto_diagnostics::{Code, Diagnostic, Label};
use defacto_model::{Cardinality, Sensitivity, Treatment, ValueType};

use crate::{
    EntityDef, HandlerDef, IdentityFieldDef, Literal, PropertyDef, RelationshipDef, RuleDef,
    RuleKind, Spanned, StateDef,
    names::Names,
    node::{Node, NodeValue},
    read::{At, Fields, Reader, absent},
};

/// The words of `type`.
pub(crate) const TYPES: [(&str, ValueType); 5] = [
    ("string", ValueType::String),
    ("number", ValueType::Number),
    ("integer", ValueType::Integer),
    ("boolean", ValueType::Boolean),
    ("datetime", ValueType::Datetime),
];

const RULES: [(&str, RuleKind); 3] = [
    ("inactivity", RuleKind::Inactivity),
    ("expiration", RuleKind::Expiration),
    ("state_duration", RuleKind::StateDuration),
];

impl Reader {
    /// Always gives an entity, so that references to it are not reported as well.
    pub(crate) fn entity(&mut self, name: Spanned<String>, at: &At, node: &Node) -> EntityDef {
        const KEYS: [&str; 6] =
            ["starts", "identity", "properties", "states", "always", "relationships"];
        let mut entity = EntityDef {
            starts: absent(at),
            name,
            identity: Vec::new(),
            properties: Vec::new(),
            states: Vec::new(),
            always: Vec::new(),
            relationships: Vec::new(),
        };
        if node.is_null() {
            self.wrong_kind(at, node, "a mapping");
            return entity;
        }
        let Some(fields) = self.fields(at, node, "an entity", &KEYS) else {
            return entity;
        };
        if let Some(starts) = self.required_text(&fields, "an entity", "starts") {
            entity.starts = starts;
        }
        if let Some(blocks) = self.required_names(&fields, "identity", Names::IdentityField) {
            entity.identity = blocks
                .into_iter()
                .map(|(name, at, node)| self.identity_field(name, &at, node))
                .collect();
        }
        if let Some((at, node)) = fields.get("properties") {
            entity.properties = self.properties(&at, node, true);
        }
        if let Some(blocks) = self.required_names(&fields, "states", Names::State) {
            entity.states =
                blocks.into_iter().map(|(name, at, node)| self.state(name, &at, node)).collect();
        }
        if let Some((at, node)) = fields.get("always") {
            entity.always = self.handlers(&at, node);
        }
        if let Some((at, node)) = fields.get("relationships") {
            let items = self.list(&at, node).unwrap_or(&[]).iter().enumerate();
            entity.relationships =
                items.filter_map(|(i, node)| self.relationship(&at.item(i, node), node)).collect();
        }
        entity
    }

    /// A required, non-empty map of names of an entity: E-03 without it, E-04 when empty.
    fn required_names<'n>(
        &mut self,
        fields: &Fields<'n>,
        key: &str,
        names: Names,
    ) -> Option<Vec<(Spanned<String>, At, &'n Node)>> {
        let Some((at, node)) = fields.get(key) else {
            self.missing(&fields.at, "an entity", key);
            return None;
        };
        let entries = self.names(&at, node, names)?;
        if entries.is_empty() {
            self.error(Code::E04, &at, format!("`{key}` needs at least one entry"));
        }
        Some(entries)
    }

    fn identity_field(&mut self, name: Spanned<String>, at: &At, node: &Node) -> IdentityFieldDef {
        const MATCHES: [(&str, bool); 2] = [("exact", false), ("case_insensitive", true)];
        let mut field = IdentityFieldDef {
            space: name.value.clone(),
            name,
            case_insensitive: false,
            normalize: None,
        };
        if let NodeValue::Scalar(_) = node.value
            && !node.is_null()
        {
            let word = self.word(at, node, "match", &MATCHES);
            field.case_insensitive = word.unwrap_or(false);
            return field;
        }
        let known = ["match", "normalize", "space"];
        let Some(fields) = self.fields(at, node, "an identity field", &known) else {
            return field;
        };
        if let Some((at, node)) = fields.get("match") {
            field.case_insensitive = self.word(&at, node, "match", &MATCHES).unwrap_or(false);
        }
        field.normalize = self.optional_expression(&fields, "normalize", false);
        if let Some(space) = self.optional_text(&fields, "space") {
            self.name(&space, Names::IdentityField);
            field.space = space.value;
        }
        field
    }

    /// Properties of an entity, or of a relationship (which has no computed ones).
    fn properties(&mut self, at: &At, node: &Node, computed: bool) -> Vec<PropertyDef> {
        let entries = self.names(at, node, Names::Property).unwrap_or_default();
        let mut lower: BTreeMap<String, Spanned<String>> = BTreeMap::new();
        // The checker looks at the properties of entities.
        for (name, _, _) in entries.iter().filter(|_| !computed) {
            let Some(first) = lower.get(&name.value.to_ascii_lowercase()) else {
                lower.insert(name.value.to_ascii_lowercase(), name.clone());
                continue;
            };
            let message =
                format!("`{}` and `{}` differ in letter case only", first.value, name.value);
            let mut diagnostic = Diagnostic::new(Code::E02, &name.path, name.span, message);
            let first = first.span.map(|span| Label { span, text: "first here".to_owned() });
            diagnostic.labels.extend(first);
            self.diagnostics.push(diagnostic);
        }
        let entries = entries.into_iter();
        entries.map(|(name, at, node)| self.property(name, &at, node, computed)).collect()
    }

    fn property(
        &mut self,
        name: Spanned<String>,
        at: &At,
        node: &Node,
        computed: bool,
    ) -> PropertyDef {
        const SENSITIVE: [(&str, Sensitivity); 3] =
            [("pii", Sensitivity::Pii), ("phi", Sensitivity::Phi), ("pci", Sensitivity::Pci)];
        const TREATMENTS: [(&str, Treatment); 3] =
            [("hash", Treatment::Hash), ("mask", Treatment::Mask), ("redact", Treatment::Redact)];
        const KEYS: [&str; 8] =
            ["type", "default", "allowed", "min", "max", "sensitive", "treatment", "compute"];
        let (what, known) = if computed {
            ("a property", KEYS.as_slice())
        } else {
            ("a relationship's property", KEYS.get(..7).unwrap_or(&KEYS))
        };
        let mut property = PropertyDef {
            name,
            r#type: ValueType::String,
            type_known: false,
            default: None,
            allowed: None,
            min: None,
            max: None,
            compute: None,
            sensitive: None,
            treatment: None,
        };
        let Some(fields) = self.fields(at, node, what, known) else {
            return property;
        };
        if let Some(r#type) = self.required_type(&fields, what) {
            property.r#type = r#type;
            property.type_known = true;
        }
        property.default = self.optional_literal(&fields, "default");
        if let Some((at, node)) = fields.get("allowed") {
            property.allowed = self.literals(&at, node);
        }
        property.min = self.optional_literal(&fields, "min");
        property.max = self.optional_literal(&fields, "max");
        if computed {
            property.compute = self.optional_expression(&fields, "compute", false);
        }
        if let Some((at, node)) = fields.get("sensitive") {
            property.sensitive = self.word(&at, node, "sensitivity", &SENSITIVE);
        }
        if let Some((at, node)) = fields.get("treatment") {
            let value = self.word(&at, node, "treatment", &TREATMENTS);
            property.treatment =
                value.map(|value| Spanned { value, span: Some(node.span), path: at.path });
        }
        property
    }

    /// `type`, which must be one of the five.
    pub(crate) fn required_type(&mut self, fields: &Fields<'_>, what: &str) -> Option<ValueType> {
        if let Some((at, node)) = fields.get("type") {
            return self.word(&at, node, "type", &TYPES);
        }
        self.missing(&fields.at, what, "type");
        None
    }

    fn state(&mut self, name: Spanned<String>, at: &At, node: &Node) -> StateDef {
        let mut state = StateDef { name, when: Vec::new(), after: Vec::new(), terminal: false };
        let Some(fields) = self.fields(at, node, "a state", &["when", "after", "terminal"]) else {
            return state;
        };
        if let Some((at, node)) = fields.get("when") {
            state.when = self.handlers(&at, node);
        }
        if let Some((at, node)) = fields.get("after") {
            let items = self.list(&at, node).unwrap_or(&[]).iter().enumerate();
            state.after =
                items.filter_map(|(i, node)| self.rule(&at.item(i, node), node)).collect();
        }
        if let Some((at, node)) = fields.get("terminal") {
            state.terminal = self.boolean(&at, node);
        }
        state
    }

    /// `true` or `false`; E-01 for anything else.
    pub(crate) fn boolean(&mut self, at: &At, node: &Node) -> bool {
        if let Some(Literal::Bool(value)) = node.literal() {
            return value;
        }
        self.wrong_kind(at, node, "`true` or `false`");
        false
    }

    fn handlers(&mut self, at: &At, node: &Node) -> Vec<HandlerDef> {
        let entries = self.names(at, node, Names::Event).unwrap_or_default().into_iter();
        entries.map(|(event, at, node)| self.handler(event, &at, node)).collect()
    }

    fn handler(&mut self, event: Spanned<String>, at: &At, node: &Node) -> HandlerDef {
        let mut handler = HandlerDef { event, guard: None, effects: Vec::new() };
        if let Some(fields) = self.fields(at, node, "a handler", &["guard", "effects"]) {
            handler.guard = self.optional_expression(&fields, "guard", true);
            handler.effects = self.effects(&fields, "a handler");
        }
        handler
    }

    fn rule(&mut self, at: &At, node: &Node) -> Option<RuleDef> {
        const KEYS: [&str; 7] =
            ["type", "threshold", "guard", "effects", "inactivity", "expiration", "state_duration"];
        let fields = self.fields(at, node, "a time rule", &KEYS)?;
        let mut short: Vec<_> =
            RULES.iter().filter_map(|(word, kind)| Some((*kind, fields.get(word)?))).collect();
        let guard = self.optional_expression(&fields, "guard", true);
        let effects = self.effects(&fields, "a time rule");
        let long = fields.get("type").is_some() || fields.get("threshold").is_some();
        let (span, path) = (Some(at.span), at.path.clone());
        // A broken rule is kept for its effects: without them states would seem unreachable.
        let stand_in = RuleDef {
            kind: RuleKind::StateDuration,
            threshold: Spanned {
                value: Literal::String("52w".to_owned()),
                span,
                path: path.clone(),
            },
            guard,
            effects,
            span,
            path,
        };
        let (kind, at_threshold, threshold) = match (short.pop(), long) {
            (Some((kind, (at, node))), false) if short.is_empty() => (Some(kind), at, node),
            (Some((_, (at, _))), _) => {
                self.error(Code::E01, &at, "a time rule has one type and one threshold");
                return Some(stand_in);
            }
            (None, _) => {
                let kind = match fields.get("type") {
                    Some((at, node)) => self.word(&at, node, "rule type", &RULES),
                    None => {
                        self.missing(at, "a time rule", "type");
                        None
                    }
                };
                let Some((at, node)) = fields.get("threshold") else {
                    self.missing(at, "a time rule", "threshold");
                    return Some(stand_in);
                };
                (kind, at, node)
            }
        };
        let threshold =
            self.literal(&at_threshold, threshold).unwrap_or_else(|| stand_in.threshold.clone());
        Some(RuleDef { kind: kind.unwrap_or(stand_in.kind), threshold, ..stand_in })
    }

    fn relationship(&mut self, at: &At, node: &Node) -> Option<RelationshipDef> {
        const WHAT: &str = "a relationship";
        const KEYS: [&str; 5] = ["type", "target", "cardinality", "properties", "inverse"];
        const CARDINALITIES: [(&str, Cardinality); 4] = [
            ("has_many", Cardinality::HasMany),
            ("has_one", Cardinality::HasOne),
            ("belongs_to", Cardinality::BelongsTo),
            ("many_to_many", Cardinality::ManyToMany),
        ];
        let fields = self.fields(at, node, WHAT, &KEYS)?;
        let r#type = self.required_text(&fields, WHAT, "type");
        // A colon is E-20, which is for the checker.
        if let Some(name) = r#type.as_ref().filter(|name| !name.value.contains(':')) {
            self.name(name, Names::Relationship);
        }
        let target = self.required_text(&fields, WHAT, "target");
        let cardinality = match fields.get("cardinality") {
            Some((at, node)) => self.word(&at, node, "cardinality", &CARDINALITIES),
            None => {
                self.missing(at, WHAT, "cardinality");
                None
            }
        };
        let properties = match fields.get("properties") {
            Some((at, node)) => self.properties(&at, node, false),
            None => Vec::new(),
        };
        let inverse = self.optional_text(&fields, "inverse");
        let (r#type, target, cardinality) = (r#type?, target?, cardinality?);
        Some(RelationshipDef { r#type, target, cardinality, properties, inverse })
    }
}
