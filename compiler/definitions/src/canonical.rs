//! The canonical form (language.md 1.6): one JSON value for all ways to write the same definitions.

use defacto_model::{Cardinality, Sensitivity, Treatment, ValueType};
use serde_json::{Map, Value, json};

use crate::{
    AmountDef, Definitions, EffectDef, EntityDef, ExprText, HandlerDef, IdentityFieldDef, Literal,
    MappingDef, PropertyDef, RelationshipDef, RuleDef, RuleKind, SchemaDef, SchemaFieldDef,
    SourceDef, SourceEventDef, Spanned, StateDef, TimestampDef, ValueDef, json_text,
};

/// Definitions in canonical form: defaults explicit, shorthands written out, metadata gone.
///
/// Maps keep the written order, which decides the order of columns; hashes and differences ignore it.
#[derive(Debug, Clone, PartialEq)]
pub struct Canonical(Value);

impl Canonical {
    /// `{entities, sources, schemas}`, and `functions` where expressions call any.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// Compact JSON in written order: what is stored with a version. [`crate::load_document`] reads it again and
    /// gives the same definitions.
    pub fn stored(&self) -> String {
        self.0.to_string()
    }

    /// Compact JSON with sorted keys: what is hashed.
    pub fn sorted(&self) -> String {
        json_text::sorted(&self.0)
    }
}

/// The canonical form. Meant for definitions without errors; of others, what could not be read is missing.
pub fn canonical(definitions: &Definitions) -> Canonical {
    let entities = definitions.entities.iter();
    let sources = definitions.sources.iter();
    let schemas = definitions.schemas.iter();
    Canonical(object([
        ("entities", Some(map(entities.map(|it| (&it.name, entity(it)))))),
        ("sources", Some(map(sources.map(|it| (&it.name, source(it)))))),
        ("schemas", Some(map(schemas.map(|it| (&it.name, schema(it)))))),
        ("functions", unless_empty(functions(definitions))),
    ]))
}

/// Digests of the modules that expressions call functions of, with limits where any differ from the defaults.
fn functions(definitions: &Definitions) -> Value {
    let modules = definitions.functions.iter().filter_map(|module| {
        let digest = Value::String(module.digest.clone()?);
        let said = match limits(&module.limits) {
            None => digest,
            limits => object([("module", Some(digest)), ("limits", limits)]),
        };
        Some((module.name.value.clone(), said))
    });
    Value::Object(modules.collect())
}

fn limits(limits: &[(&'static str, u64)]) -> Option<Value> {
    let limits = limits.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
    unless_empty(Value::Object(limits.collect()))
}

fn object<const N: usize>(entries: [(&str, Option<Value>); N]) -> Value {
    let given = entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(given.collect())
}

fn map<'a>(entries: impl Iterator<Item = (&'a Spanned<String>, Value)>) -> Value {
    Value::Object(entries.map(|(name, value)| (name.value.clone(), value)).collect::<Map<_, _>>())
}

fn list(values: impl Iterator<Item = Value>) -> Value {
    Value::Array(values.collect())
}

/// `None` for an empty list or map.
fn unless_empty(value: Value) -> Option<Value> {
    let empty = match &value {
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        _ => false,
    };
    (!empty).then_some(value)
}

fn text(text: &Spanned<String>) -> Value {
    Value::String(text.value.clone())
}

fn texts(texts: &[Spanned<String>]) -> Value {
    list(texts.iter().map(text))
}

fn expression(text: &ExprText) -> Value {
    Value::String(text.text.trim().to_owned())
}

/// A literal; an integer as a float where a number is declared.
fn literal(literal: &Literal, r#type: Option<ValueType>) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "the value that the property will hold")]
    match literal {
        Literal::Null => Value::Null,
        Literal::Bool(value) => json!(value),
        Literal::Int(value) if r#type == Some(ValueType::Number) => json!(*value as f64),
        Literal::Int(value) => json!(value),
        Literal::Float(value) => json!(value),
        Literal::String(value) => json!(value),
        Literal::List(items) => list(items.iter().map(|item| self::literal(item, None))),
        Literal::Object(entries) => {
            let entries =
                entries.iter().map(|(key, value)| (key.clone(), self::literal(value, None)));
            Value::Object(entries.collect())
        }
    }
}

fn optional(value: Option<&Spanned<Literal>>, r#type: Option<ValueType>) -> Option<Value> {
    value.map(|value| literal(&value.value, r#type))
}

fn literals(values: Option<&Vec<Spanned<Literal>>>, r#type: Option<ValueType>) -> Option<Value> {
    values.map(|values| list(values.iter().map(|value| literal(&value.value, r#type))))
}

fn type_name(r#type: ValueType) -> Value {
    json!(match r#type {
        ValueType::String => "string",
        ValueType::Number => "number",
        ValueType::Integer => "integer",
        ValueType::Boolean => "boolean",
        ValueType::Datetime => "datetime",
    })
}

fn entity(entity: &EntityDef) -> Value {
    object([
        ("starts", Some(text(&entity.starts))),
        ("identity", Some(map(entity.identity.iter().map(|it| (&it.name, identity(it)))))),
        ("properties", Some(properties(&entity.properties))),
        (
            "states",
            Some(map(entity.states.iter().map(|it| (&it.name, state(it, &entity.properties))))),
        ),
        ("always", Some(handlers(&entity.always, &entity.properties))),
        ("relationships", Some(list(entity.relationships.iter().map(relationship)))),
    ])
}

fn identity(field: &IdentityFieldDef) -> Value {
    let matching = if field.case_insensitive { "case_insensitive" } else { "exact" };
    object([
        ("match", Some(json!(matching))),
        ("normalize", field.normalize.as_ref().map(expression)),
        ("space", (field.space != field.name.value).then(|| json!(field.space))),
    ])
}

fn properties(properties: &[PropertyDef]) -> Value {
    map(properties.iter().map(|it| (&it.name, property(it))))
}

fn property(property: &PropertyDef) -> Value {
    let known = Some(property.r#type);
    let sensitive = property.sensitive.map(|it| match it {
        Sensitivity::Pii => json!("pii"),
        Sensitivity::Phi => json!("phi"),
        Sensitivity::Pci => json!("pci"),
    });
    let treatment = property.treatment.as_ref().map(|it| it.value);
    let treatment = treatment.or(sensitive.as_ref().map(|_| Treatment::Redact));
    object([
        ("type", Some(type_name(property.r#type))),
        ("default", optional(property.default.as_ref(), known)),
        ("allowed", literals(property.allowed.as_ref(), known)),
        ("min", optional(property.min.as_ref(), known)),
        ("max", optional(property.max.as_ref(), known)),
        ("compute", property.compute.as_ref().map(expression)),
        ("sensitive", sensitive),
        (
            "treatment",
            treatment.map(|it| match it {
                Treatment::Hash => json!("hash"),
                Treatment::Mask => json!("mask"),
                Treatment::Redact => json!("redact"),
            }),
        ),
    ])
}

fn state(state: &StateDef, properties: &[PropertyDef]) -> Value {
    object([
        ("when", unless_empty(handlers(&state.when, properties))),
        ("after", unless_empty(list(state.after.iter().map(|it| rule(it, properties))))),
        ("terminal", state.terminal.then_some(Value::Bool(true))),
    ])
}

fn handlers(handlers: &[HandlerDef], properties: &[PropertyDef]) -> Value {
    map(handlers.iter().map(|handler| {
        let effects = effects(&handler.effects, properties);
        let guard = handler.guard.as_ref().map(expression);
        (&handler.event, object([("guard", guard), ("effects", Some(effects))]))
    }))
}

fn rule(rule: &RuleDef, properties: &[PropertyDef]) -> Value {
    let kind = match rule.kind {
        RuleKind::Inactivity => "inactivity",
        RuleKind::Expiration => "expiration",
        RuleKind::StateDuration => "state_duration",
    };
    let threshold = match &rule.threshold.value {
        Literal::String(text) => json!(text.trim()),
        other => literal(other, None),
    };
    object([
        ("type", Some(json!(kind))),
        ("threshold", Some(threshold)),
        ("guard", rule.guard.as_ref().map(expression)),
        ("effects", Some(effects(&rule.effects, properties))),
    ])
}

fn effects(effects: &[Spanned<EffectDef>], properties: &[PropertyDef]) -> Value {
    list(effects.iter().map(|it| effect(&it.value, properties)))
}

fn effect(effect: &EffectDef, properties: &[PropertyDef]) -> Value {
    let type_of = |name: &Spanned<String>| {
        let declared = properties.iter().find(|it| it.name.value == name.value);
        declared.map(|it| it.r#type)
    };
    let condition = |it: &Option<ExprText>| it.as_ref().map(expression);
    match effect {
        EffectDef::Create => json!("create"),
        EffectDef::Transition { to, condition: only } => {
            let body = object([("to", Some(text(to))), ("condition", condition(only))]);
            object([("transition", Some(body))])
        }
        EffectDef::Set { property, values, condition: only } => {
            let [from, value, compute] = sources(values, type_of(property));
            let property = Some(text(property));
            let body = object([
                ("property", property),
                ("from", from),
                ("value", value),
                ("compute", compute),
                ("condition", condition(only)),
            ]);
            object([("set", Some(body))])
        }
        EffectDef::Increment { property, by, condition: only } => {
            let by = match by {
                AmountDef::Literal(value) => literal(&value.value, type_of(property)),
                AmountDef::Compute(text) => expression(text),
            };
            let body = object([
                ("property", Some(text(property))),
                ("by", Some(by)),
                ("condition", condition(only)),
            ]);
            object([("increment", Some(body))])
        }
        EffectDef::Relate { r#type, target, hints: by, properties, condition: only } => {
            let properties = map(properties.iter().map(|(name, values)| {
                let [from, value, compute] = sources(values, None);
                (name, object([("from", from), ("value", value), ("compute", compute)]))
            }));
            let body = object([
                ("type", Some(text(r#type))),
                ("target", Some(text(target))),
                ("hints", unless_empty(hints(by))),
                ("properties", unless_empty(properties)),
                ("condition", condition(only)),
            ]);
            object([("relate", Some(body))])
        }
    }
}

/// `from`, `value` and `compute`.
fn sources(values: &[ValueDef], r#type: Option<ValueType>) -> [Option<Value>; 3] {
    let mut found = [None, None, None];
    let [from, value, compute] = &mut found;
    for it in values {
        match it {
            ValueDef::From(path) => *from = Some(text(path)),
            ValueDef::Value(it) => *value = Some(literal(&it.value, r#type)),
            ValueDef::Compute(it) => *compute = Some(expression(it)),
            ValueDef::Refused => {}
        }
    }
    found
}

fn hints(hints: &[(Spanned<String>, Vec<Spanned<String>>)]) -> Value {
    map(hints.iter().map(|(entity, fields)| (entity, texts(fields))))
}

fn relationship(relationship: &RelationshipDef) -> Value {
    let cardinality = match relationship.cardinality {
        Cardinality::HasMany => "has_many",
        Cardinality::HasOne => "has_one",
        Cardinality::BelongsTo => "belongs_to",
        Cardinality::ManyToMany => "many_to_many",
    };
    object([
        ("type", Some(text(&relationship.r#type))),
        ("target", Some(text(&relationship.target))),
        ("cardinality", Some(json!(cardinality))),
        ("properties", unless_empty(properties(&relationship.properties))),
        ("inverse", relationship.inverse.as_ref().map(text)),
    ])
}

fn source(source: &SourceDef) -> Value {
    let events = source.events.iter().map(|it| match &source.normalizer {
        // What the module gives is not written here.
        Some(_) => (&it.name, source_event(&SourceEventDef { mappings: Vec::new(), ..it.clone() })),
        None => (&it.name, source_event(it)),
    });
    let events = Some(map(events));
    let event_id = source.event_id.as_ref().map(|fields| texts(fields));
    if let Some(module) = &source.normalizer {
        return object([
            ("normalizer", Some(text(&module.name))),
            ("module", module.digest.as_ref().map(|digest| json!(digest))),
            ("config", Some(literal(&module.config.value, None))),
            ("input", Some(json!(module.input.word()))),
            ("limits", limits(&module.limits)),
            ("event_id", event_id),
            ("events", events),
        ]);
    }
    let timestamp = match &source.timestamp {
        TimestampDef::Field(field) => text(field),
        TimestampDef::Format { from, format, zone } => object([
            ("from", Some(text(from))),
            ("format", format.as_ref().map(text)),
            ("zone", zone.as_ref().map(text)),
        ]),
        TimestampDef::Compute(compute) => object([("compute", Some(expression(compute)))]),
    };
    object([
        ("event_type", Some(text(&source.event_type))),
        ("timestamp", Some(timestamp)),
        ("event_id", event_id),
        ("events", events),
    ])
}

/// A module's configuration as JSON with sorted keys.
pub(crate) fn config_text(config: &Literal) -> String {
    json_text::sorted(&literal(config, None))
}

fn source_event(event: &SourceEventDef) -> Value {
    let raw_type = match event.raw_types.as_slice() {
        [] => None,
        [one] => Some(text(one)),
        more => Some(texts(more)),
    };
    let mappings = event.mappings.iter().map(|it| (&it.name, mapping(it)));
    object([
        ("raw_type", raw_type),
        ("mappings", unless_empty(map(mappings))),
        ("hints", Some(hints(&event.hints))),
    ])
}

fn mapping(mapping: &MappingDef) -> Value {
    object([
        ("from", mapping.from.as_ref().map(text)),
        ("compute", mapping.compute.as_ref().map(expression)),
        ("type", mapping.r#type.map(type_name)),
        ("default", optional(mapping.default.as_ref(), mapping.r#type)),
    ])
}

fn schema(schema: &SchemaDef) -> Value {
    let fields = schema.fields.iter().map(|it| (&it.name, schema_field(it)));
    object([("fields", Some(map(fields)))])
}

fn schema_field(field: &SchemaFieldDef) -> Value {
    let known = Some(field.r#type);
    object([
        ("type", Some(type_name(field.r#type))),
        ("required", Some(Value::Bool(field.required))),
        ("allowed", literals(field.allowed.as_ref(), known)),
        ("min", optional(field.min.as_ref(), known)),
        ("max", optional(field.max.as_ref(), known)),
        ("min_length", optional(field.min_length.as_ref(), None)),
        ("max_length", optional(field.max_length.as_ref(), None)),
        ("regex", field.regex.as_ref().map(text)),
    ])
}
