//! The definition set as written, every part with its place. Reading has already refused unknown
//! keys, wrong kinds, missing required keys, illegal names and unknown words of closed sets
//! (E-01 to E-04, E-06, E-24, E-25 first half, E-28); everything that needs two parts at once, or a
//! type, is left to `defacto-check`.
//!
//! What could not be read is reported and left out, or empty: an empty `starts`, `states`, `identity`, `event_type`
//! or list of effects is never what was written, so nothing more should be said about it.

use defacto_diagnostics::Span;
use defacto_model::{
    Cardinality, DescribedEvent, DescribedField, FunctionsDescription, NormalizerDescription,
    RawInput, Sensitivity, Treatment, ValueType,
};

/// A value with its place. `path` is the place in the definitions
/// (`entities.order.states.open.when.paid.effects[1].set`).
#[derive(Debug, Clone, PartialEq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Bytes in the file, when definitions came as text.
    pub span: Option<Span>,
    /// Path in the definitions.
    pub path: String,
}

/// A literal of YAML or JSON; floats are finite.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the kinds of the core schema of YAML 1.2")]
pub enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(String),
    List(Vec<Literal>),
    /// In written order; keys are unique.
    Object(Vec<(String, Literal)>),
}

/// Text of an expression, and how a byte of it maps back to the file.
#[derive(Debug, Clone, PartialEq)]
pub struct ExprText {
    /// The text.
    pub text: String,
    /// The scalar's place (quotes included).
    pub span: Option<Span>,
    /// Bytes from `span.start` to the first byte of the text, when text and file agree byte for byte
    /// (plain scalars, quoted ones without escapes); otherwise only `span` as a whole is known.
    pub offset: Option<u32>,
    /// Path in the definitions.
    pub path: String,
}

/// All definitions, each list sorted by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Definitions {
    /// Entity types.
    pub entities: Vec<EntityDef>,
    /// Sources.
    pub sources: Vec<SourceDef>,
    /// Event schemas.
    pub schemas: Vec<SchemaDef>,
    /// Modules of functions that expressions call.
    pub functions: Vec<FunctionsDef>,
}

/// A module whose functions expressions may call as `name::function`.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionsDef {
    /// Name in the project.
    pub name: Spanned<String>,
    /// SHA-256 of the module's bytes and tables, hexadecimal: given where definitions were stored, else set with the
    /// description.
    pub digest: Option<String>,
    /// Limits that differ from the defaults, by name, in the order of [`LIMITS`].
    pub limits: Vec<(&'static str, u64)>,
    /// What the module says about itself.
    pub description: Option<FunctionsDescription>,
}

/// One entity type (language.md 2.1).
#[derive(Debug, Clone, PartialEq)]
pub struct EntityDef {
    /// Name.
    pub name: Spanned<String>,
    /// Start state.
    pub starts: Spanned<String>,
    /// Identity fields in written order.
    pub identity: Vec<IdentityFieldDef>,
    /// Properties in written order.
    pub properties: Vec<PropertyDef>,
    /// States in written order.
    pub states: Vec<StateDef>,
    /// Handlers of any state, in written order.
    pub always: Vec<HandlerDef>,
    /// Relationships in written order.
    pub relationships: Vec<RelationshipDef>,
}

/// One identity field (2.2).
#[derive(Debug, Clone, PartialEq)]
pub struct IdentityFieldDef {
    /// Name.
    pub name: Spanned<String>,
    /// `match: case_insensitive`.
    pub case_insensitive: bool,
    /// Expression over `value`.
    pub normalize: Option<ExprText>,
    /// `space:`, or the name.
    pub space: String,
}

/// One property (2.3), of an entity or of a relationship.
#[derive(Debug, Clone, PartialEq)]
pub struct PropertyDef {
    /// Name.
    pub name: Spanned<String>,
    /// Declared type.
    pub r#type: ValueType,
    /// Whether `type` was readable. If not, that is reported, and `type` only stands in: nothing should be checked
    /// against it.
    pub type_known: bool,
    /// `default` other than null.
    pub default: Option<Spanned<Literal>>,
    /// `allowed`; an empty list is kept for the checker (E-08).
    pub allowed: Option<Vec<Spanned<Literal>>>,
    /// `min`.
    pub min: Option<Spanned<Literal>>,
    /// `max`.
    pub max: Option<Spanned<Literal>>,
    /// `compute`.
    pub compute: Option<ExprText>,
    /// `sensitive`.
    pub sensitive: Option<Sensitivity>,
    /// `treatment` as written.
    pub treatment: Option<Spanned<Treatment>>,
}

/// One state (2.4).
#[derive(Debug, Clone, PartialEq)]
pub struct StateDef {
    /// Name.
    pub name: Spanned<String>,
    /// Handlers by event type, in written order.
    pub when: Vec<HandlerDef>,
    /// Time rules in written order.
    pub after: Vec<RuleDef>,
    /// `terminal: true`.
    pub terminal: bool,
}

/// One handler (2.5).
#[derive(Debug, Clone, PartialEq)]
pub struct HandlerDef {
    /// Event type.
    pub event: Spanned<String>,
    /// Guard; YAML booleans arrive as the text `true` or `false`.
    pub guard: Option<ExprText>,
    /// Effects in written order.
    pub effects: Vec<Spanned<EffectDef>>,
}

/// One effect (2.6).
#[derive(Debug, Clone, PartialEq)]
pub enum EffectDef {
    /// `create`
    Create,
    /// `transition`
    Transition {
        /// Target state.
        to: Spanned<String>,
        /// Condition.
        condition: Option<ExprText>,
    },
    /// `set`
    Set {
        /// Property.
        property: Spanned<String>,
        /// Every source given (exactly one is right; E-11 otherwise).
        values: Vec<ValueDef>,
        /// Condition.
        condition: Option<ExprText>,
    },
    /// `increment`
    Increment {
        /// Property.
        property: Spanned<String>,
        /// Amount; 1 when absent.
        by: AmountDef,
        /// Condition.
        condition: Option<ExprText>,
    },
    /// `relate`
    Relate {
        /// Relationship.
        r#type: Spanned<String>,
        /// Target entity type.
        target: Spanned<String>,
        /// `hints`: target name to event fields.
        hints: Vec<(Spanned<String>, Vec<Spanned<String>>)>,
        /// Edge properties.
        properties: Vec<(Spanned<String>, Vec<ValueDef>)>,
        /// Condition.
        condition: Option<ExprText>,
    },
}

/// Where the value of a `set` or an edge property comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueDef {
    /// `from`: dotted path.
    From(Spanned<String>),
    /// `value`: literal.
    Value(Spanned<Literal>),
    /// `compute`: expression.
    Compute(ExprText),
    /// Given in a form that has been refused already.
    Refused,
}

/// Amount of an `increment`.
#[derive(Debug, Clone, PartialEq)]
pub enum AmountDef {
    /// A number (or something else: E-12).
    Literal(Spanned<Literal>),
    /// An expression.
    Compute(ExprText),
}

/// Kind of a time rule (2.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "language.md 7.1")]
pub enum RuleKind {
    Inactivity,
    Expiration,
    StateDuration,
}

/// One time rule (2.8).
#[derive(Debug, Clone, PartialEq)]
pub struct RuleDef {
    /// Kind.
    pub kind: RuleKind,
    /// Threshold as written (E-16 is the checker's).
    pub threshold: Spanned<Literal>,
    /// Guard over `entity`.
    pub guard: Option<ExprText>,
    /// Effects.
    pub effects: Vec<Spanned<EffectDef>>,
    /// The rule's own place.
    pub span: Option<Span>,
    /// The rule's own path.
    pub path: String,
}

/// One relationship (2.7).
#[derive(Debug, Clone, PartialEq)]
pub struct RelationshipDef {
    /// Name.
    pub r#type: Spanned<String>,
    /// Target entity type.
    pub target: Spanned<String>,
    /// Cardinality.
    pub cardinality: Cardinality,
    /// Edge properties.
    pub properties: Vec<PropertyDef>,
    /// Named inverse.
    pub inverse: Option<Spanned<String>>,
}

/// One source (3.1).
#[derive(Debug, Clone, PartialEq)]
pub struct SourceDef {
    /// Name.
    pub name: Spanned<String>,
    /// Raw field of the event type.
    pub event_type: Spanned<String>,
    /// Timestamp.
    pub timestamp: TimestampDef,
    /// Explicit dedup key.
    pub event_id: Option<Vec<Spanned<String>>>,
    /// Events in written order.
    pub events: Vec<SourceEventDef>,
    /// A module in place of mappings; then `event_type` and `timestamp` mean nothing.
    pub normalizer: Option<NormalizerDef>,
}

impl SourceDef {
    /// Notes which module was found, and what it makes: its fields become the mappings of the events that the source
    /// lists.
    pub fn describe(&mut self, digest: String, description: NormalizerDescription) {
        let Some(module) = &mut self.normalizer else { return };
        for event in &mut self.events {
            let made = description.events.iter().find(|made| made.r#type == event.name.value);
            event.mappings = made.map_or_else(Vec::new, |made| made_fields(event, made));
        }
        module.digest = Some(digest);
        module.description = Some(description);
    }
}

fn made_fields(event: &SourceEventDef, made: &DescribedEvent) -> Vec<MappingDef> {
    let mapping = |field: &DescribedField| {
        let name = Spanned { value: field.name.clone(), ..event.name.clone() };
        MappingDef {
            from: Some(name.clone()),
            name,
            compute: None,
            r#type: field.r#type.declared(),
            default: None,
        }
    };
    made.fields.iter().map(mapping).collect()
}

/// The module that normalizes a source's records (decisions.md 39).
#[derive(Debug, Clone, PartialEq)]
pub struct NormalizerDef {
    /// Name in the project.
    pub name: Spanned<String>,
    /// SHA-256 of the module's bytes and tables, hexadecimal: given where definitions were stored, set by
    /// [`SourceDef::describe`] otherwise.
    pub digest: Option<String>,
    /// `config`: an object, empty unless given.
    pub config: Spanned<Literal>,
    /// Form of the records.
    pub input: RawInput,
    /// Limits that differ from the defaults, by name, in the order of [`LIMITS`].
    pub limits: Vec<(&'static str, u64)>,
    /// What the module says about itself under this configuration.
    pub description: Option<NormalizerDescription>,
}

/// Names of a module's limits with their smallest and largest values.
pub const LIMITS: [(&str, u64, u64); 4] = [
    ("fuel", 10_000, 100_000_000_000),
    ("memory_mb", 1, 4_096),
    ("output_mb", 1, 1_024),
    ("timeout_ms", 10, 3_600_000),
];

impl NormalizerDef {
    /// The configuration as the module gets it: JSON with sorted keys.
    pub fn config_text(&self) -> String {
        crate::canonical::config_text(&self.config.value)
    }
}

/// Where the event time comes from (3.1).
#[derive(Debug, Clone, PartialEq)]
pub enum TimestampDef {
    /// A raw field, read by language.md 5.3.
    Field(Spanned<String>),
    /// A raw field in a format of its own.
    Format {
        /// Raw field.
        from: Spanned<String>,
        /// strftime codes.
        format: Option<Spanned<String>>,
        /// IANA zone of texts without offset.
        zone: Option<Spanned<String>>,
    },
    /// An expression over the raw record.
    Compute(ExprText),
}

/// One event of a source (3.2).
#[derive(Debug, Clone, PartialEq)]
pub struct SourceEventDef {
    /// Name of the event type.
    pub name: Spanned<String>,
    /// External names; empty means the event's own name.
    pub raw_types: Vec<Spanned<String>>,
    /// Mappings in written order.
    pub mappings: Vec<MappingDef>,
    /// Hints: entity type to fields, in written order.
    pub hints: Vec<(Spanned<String>, Vec<Spanned<String>>)>,
}

/// One mapping (3.3).
#[derive(Debug, Clone, PartialEq)]
pub struct MappingDef {
    /// Name of the field.
    pub name: Spanned<String>,
    /// Raw dot-path.
    pub from: Option<Spanned<String>>,
    /// Expression over the raw record.
    pub compute: Option<ExprText>,
    /// Type.
    pub r#type: Option<ValueType>,
    /// Default other than null.
    pub default: Option<Spanned<Literal>>,
}

/// Schema of one event type (3.4).
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaDef {
    /// Event type.
    pub name: Spanned<String>,
    /// Fields in written order.
    pub fields: Vec<SchemaFieldDef>,
}

/// One field of a schema.
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaFieldDef {
    /// Name.
    pub name: Spanned<String>,
    /// Type.
    pub r#type: ValueType,
    /// Present and not null.
    pub required: bool,
    /// Allowed values.
    pub allowed: Option<Vec<Spanned<Literal>>>,
    /// Smallest number.
    pub min: Option<Spanned<Literal>>,
    /// Largest number.
    pub max: Option<Spanned<Literal>>,
    /// Shortest text, in characters.
    pub min_length: Option<Spanned<Literal>>,
    /// Longest text, in characters.
    pub max_length: Option<Spanned<Literal>>,
    /// Pattern searched in the text.
    pub regex: Option<Spanned<String>>,
}
