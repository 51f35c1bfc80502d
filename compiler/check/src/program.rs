//! The typed program: what definitions mean once every name and type is decided.
//!
//! A wrong program cannot be written in these types as far as Rust allows; lowering it is total.
//! Positions in the lists are the indices of manifest and frames (`defacto_model::Manifest`).

use defacto_functions::Function;
use defacto_model::{
    Cardinality, FieldOrigin, FunctionManifest, NormalizerManifest, RawPath, Sensitivity,
    Treatment, Value, ValueType,
};

/// Checked definitions.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Program {
    /// Entity types, sorted by name.
    pub entities: Vec<Entity>,
    /// Sources, sorted by name.
    pub sources: Vec<Source>,
    /// Free-standing expressions (`defacto eval`); empty for definitions.
    pub expressions: Vec<Expr>,
    /// Functions of modules: [`ExprKind::Foreign`] indexes this list.
    pub functions: Vec<FunctionManifest>,
}

/// One entity type.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// Name.
    pub name: String,
    /// Index of the start state.
    pub start: u32,
    /// States in written order.
    pub states: Vec<State>,
    /// Properties in written order, computed ones included.
    pub properties: Vec<Property>,
    /// Identity fields in written order.
    pub identity: Vec<IdentityField>,
    /// Relationships in written order.
    pub relationships: Vec<Relationship>,
    /// Event types that some handler takes, sorted by name.
    pub events: Vec<EntityEvent>,
    /// Whether an expression reads `entity.id`.
    pub reads_id: bool,
}

/// One event type as this entity type sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityEvent {
    /// Name of the event type.
    pub name: String,
    /// Cells of an event row: what expressions of the type read for this event.
    pub fields: Vec<EventCell>,
    /// `relate` effects that may run for this event, state handlers first.
    pub relates: Vec<RelateTarget>,
    /// Handler of `always`.
    pub always: Option<Handler>,
}

/// One cell of an event row.
#[derive(Debug, Clone, PartialEq)]
pub struct EventCell {
    /// Where the value comes from.
    pub origin: FieldOrigin,
    /// Type of every non-null value, or `Any`.
    pub r#type: Type,
}

/// What a `relate` effect points at.
#[derive(Debug, Clone, PartialEq)]
pub struct RelateTarget {
    /// Index into the entity's relationships.
    pub relationship: u32,
    /// Event fields tried in turn; empty means the event's own hints for the target.
    pub hint_fields: Vec<String>,
}

/// One state.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Name.
    pub name: String,
    /// Handlers: index into [`Entity::events`], handler. Sorted by index.
    pub when: Vec<(u32, Handler)>,
    /// Time rules in written order.
    pub after: Vec<Rule>,
}

/// One property.
#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    /// Name.
    pub name: String,
    /// Declared type.
    pub r#type: ValueType,
    /// Value at `create`; of the declared type, or null.
    pub default: Value,
    /// Constraints on every stored value.
    pub constraints: Constraints,
    /// Expression of a computed property.
    pub compute: Option<Expr>,
    /// Label.
    pub sensitive: Option<Sensitivity>,
    /// Effective treatment.
    pub treatment: Option<Treatment>,
}

/// What a stored value must satisfy; values of the declared type.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Constraints {
    /// One of these.
    pub allowed: Option<Vec<Value>>,
    /// Not below.
    pub min: Option<Value>,
    /// Not above.
    pub max: Option<Value>,
    /// At least this many characters (schemas only).
    pub min_length: Option<u32>,
    /// At most this many characters (schemas only).
    pub max_length: Option<u32>,
    /// Matches this pattern somewhere (schemas only).
    pub regex: Option<String>,
}

/// One identity field.
#[derive(Debug, Clone, PartialEq)]
pub struct IdentityField {
    /// Name.
    pub name: String,
    /// Value space.
    pub space: String,
    /// Lower-case after `normalize`.
    pub case_insensitive: bool,
    /// Expression over `value`, which is a [`Type::String`].
    pub normalize: Option<Expr>,
}

/// One relationship.
#[derive(Debug, Clone, PartialEq)]
pub struct Relationship {
    /// Name.
    pub name: String,
    /// Name of the target entity type.
    pub target: String,
    /// As declared here.
    pub cardinality: Cardinality,
    /// Paired relationship of the target.
    pub inverse: String,
    /// As declared there.
    pub inverse_cardinality: Cardinality,
    /// Edge properties (no `compute`); conversion and constraints as for entity properties.
    pub properties: Vec<Property>,
}

/// One handler.
#[derive(Debug, Clone, PartialEq)]
pub struct Handler {
    /// Guard.
    pub guard: Option<Expr>,
    /// Effects in written order.
    pub effects: Vec<Effect>,
    /// Whether `create` is among them.
    pub creates: bool,
    /// Path in the definitions, for names in the module and for messages.
    pub path: String,
}

/// One time rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Kind.
    pub kind: RuleKind,
    /// Threshold in microseconds, above 0.
    pub threshold_us: i64,
    /// Guard over `entity`.
    pub guard: Option<Expr>,
    /// Effects: no `create`, no `relate`.
    pub effects: Vec<Effect>,
    /// Path in the definitions.
    pub path: String,
}

pub use defacto_definitions::RuleKind;

/// One effect and its condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// Runs only where this is true.
    pub condition: Option<Expr>,
    /// What it does.
    pub kind: EffectKind,
}

/// The effects.
#[derive(Debug, Clone, PartialEq)]
pub enum EffectKind {
    /// Brings the entity into being.
    Create,
    /// Enters a state.
    Transition {
        /// Index of the state.
        to: u32,
    },
    /// Stores a value.
    Set {
        /// Index of the property.
        property: u32,
        /// The value before conversion.
        value: Expr,
    },
    /// Adds an amount.
    Increment {
        /// Index of the property.
        property: u32,
        /// The amount.
        by: Expr,
    },
    /// Asks for an edge.
    Relate {
        /// Index into [`EntityEvent::relates`].
        relate: u32,
        /// One expression per property of the relationship: that of the effect, else the property's
        /// default, else `None`.
        properties: Vec<Option<Expr>>,
    },
}

/// One source.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Name.
    pub name: String,
    /// Raw field of the event type.
    pub event_type: RawPath,
    /// How the event time is read.
    pub timestamp: Timestamp,
    /// Explicit dedup key.
    pub event_id: Option<Vec<String>>,
    /// Events, sorted by name.
    pub events: Vec<SourceEvent>,
    /// The module that makes the events: what it gives arrives as raw values.
    pub normalizer: Option<NormalizerManifest>,
}

/// How a source reads the event time.
#[derive(Debug, Clone, PartialEq)]
pub enum Timestamp {
    /// The raw value by language.md 5.3.
    Field(RawPath),
    /// The raw value in a format, with a fixed offset for texts that carry none.
    Format {
        /// Raw field.
        from: RawPath,
        /// strftime codes; `None` reads by language.md 5.3.
        format: Option<String>,
        /// Zone of texts without offset, as seconds east of UTC (fixed-offset zones only; the
        /// checker refuses others).
        offset_s: i32,
    },
    /// An expression over the raw record. One form per event, because raw cells differ:
    /// [`SourceEvent::timestamp`].
    Compute,
}

/// One event of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceEvent {
    /// Name of the event type.
    pub name: String,
    /// Raw types that select it.
    pub raw_types: Vec<String>,
    /// Raw values read by mappings: [`ExprKind::Raw`] indexes this list.
    pub paths: Vec<RawPath>,
    /// Expression of a computed timestamp.
    pub timestamp: Option<Expr>,
    /// Mappings, sorted by field name.
    pub mappings: Vec<Mapping>,
    /// Schema checks, in field-name order; present when the event type has a schema.
    pub schema: Option<Vec<SchemaCheck>>,
    /// Hints in written order: index of entity type, index of identity field, index of mapping.
    pub hints: Vec<(u32, u32, u32)>,
}

/// One mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// Field.
    pub name: String,
    /// Its value before coercion: [`ExprKind::Raw`] for `from`, a null literal for neither.
    pub value: Expr,
    /// Whether `value` came from `compute` (N05 instead of nothing on error).
    pub computed: bool,
    /// Coercion.
    pub coerce: Option<ValueType>,
    /// Default, already coerced; null when there is none.
    pub default: Value,
    /// Raw paths that the value derives from.
    pub lineage: Vec<String>,
}

/// Check of one field of a schema (language.md 3.4).
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaCheck {
    /// Name of the field.
    pub name: String,
    /// Index of the mapping; `None` when the field is not mapped (then it is null).
    pub mapping: Option<u32>,
    /// Declared type.
    pub r#type: ValueType,
    /// Must not be null.
    pub required: bool,
    /// Further constraints, skipped for null.
    pub constraints: Constraints,
}

/// What is known of a value before events arrive. Every type admits null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// Nothing but null.
    Null,
    /// Bool.
    Bool,
    /// Int.
    Int,
    /// Float.
    Float,
    /// String.
    String,
    /// DateTime.
    DateTime,
    /// Duration.
    Duration,
    /// List of anything.
    List,
    /// Object of anything.
    Object,
    /// Unknown: the tagged value decides at run time.
    Any,
}

/// A typed expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Type of its value.
    pub r#type: Type,
}

/// The forms of a typed expression.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// A constant.
    Literal(Value),
    /// Cell of the event row: index into [`EntityEvent::fields`].
    Event(u32),
    /// Cell of the raw row: index into [`SourceEvent::paths`].
    Raw(u32),
    /// A property: stored, or computed on demand (converted and checked as when stored).
    Property(u32),
    /// A built-in field of the entity.
    Builtin(EntityBuiltin),
    /// The hint text in `normalize`, or `--value` of `eval`.
    Value,
    /// The whole context object; only in [`Program::expressions`].
    Context(Context),
    /// `x.name`: a key of an object, a decimal segment of a list, else null.
    Member(Box<Expr>, String),
    /// `x[i]`.
    Index(Box<Expr>, Box<Expr>),
    /// `not`, Kleene.
    Not(Box<Expr>),
    /// Unary minus.
    Neg(Box<Expr>),
    /// Arithmetic, comparison, equality.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// Short-circuit Kleene `and`.
    And(Box<Expr>, Box<Expr>),
    /// Short-circuit Kleene `or`.
    Or(Box<Expr>, Box<Expr>),
    /// `if`; null takes the else-branch.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// A library function, arguments left to right.
    Call(Function, Vec<Expr>),
    /// A function of a module: index into [`Program::functions`]. Null for an argument gives null.
    Foreign(u32, Vec<Expr>),
    /// First non-null argument; later ones are not evaluated.
    Coalesce(Vec<Expr>),
    /// The logical instant.
    Now,
}

/// Operators that always evaluate both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the operators of language.md 4.7")]
pub enum BinaryOp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Pow,
}

/// Built-in fields of an entity (language.md 4.4); null while the entity does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names of language.md 4.4")]
pub enum EntityBuiltin {
    State,
    Id,
    CreatedTime,
    StateEnteredTime,
    LastEventTime,
}

/// Contexts of free-standing expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the roots of language.md 4.4")]
pub enum Context {
    Event,
    Entity,
}
