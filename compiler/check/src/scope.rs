//! What names mean in one place of the definitions (language.md 4.4).

use std::collections::{BTreeMap, BTreeSet};

use defacto_diagnostics::nearest;
use defacto_model::{FieldOrigin, RawPath, ValueType};

use crate::foreign::Foreign;
use crate::kinds::Kinds;
use crate::{Context, EntityBuiltin, EventCell, Expr, ExprKind};

/// Names of an entity type.
#[derive(Debug)]
pub(crate) struct EntityNames {
    /// Properties in written order; a type that could not be read is unknown.
    pub(crate) properties: Vec<(String, Option<ValueType>)>,
}

impl EntityNames {
    pub(crate) fn property(&self, name: &str) -> Option<(u32, Option<ValueType>)> {
        (0..)
            .zip(&self.properties)
            .find(|(_, (known, _))| known == name)
            .map(|(i, (_, r#type))| (i, *r#type))
    }
}

/// Fields of an event type, as all sources together produce it.
#[derive(Debug, Default)]
pub(crate) struct EventFields {
    /// Kinds by mapped field.
    pub(crate) mapped: BTreeMap<String, Kinds>,
    /// Fields of the schema, if there is one.
    pub(crate) schema: Option<BTreeMap<String, ValueType>>,
    /// Whether any source produces the event type.
    pub(crate) produced: bool,
}

/// What an expression reads, beyond its value.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    /// Properties.
    pub(crate) properties: BTreeSet<u32>,
    /// `entity.id`.
    pub(crate) id: bool,
    /// `now()` or a function that uses it.
    pub(crate) now: bool,
    /// The functions of modules, which it may call.
    pub(crate) foreign: Foreign,
}

impl Reads {
    pub(crate) fn new(foreign: &Foreign) -> Self {
        Self { foreign: foreign.clone(), ..Self::default() }
    }
}

/// Where an expression stands.
#[derive(Debug)]
pub(crate) enum Scope<'a> {
    /// Mapping or timestamp `compute`: `event` is the raw record.
    Raw {
        /// Cells of the raw row.
        paths: &'a mut Vec<RawPath>,
        /// Raw paths that this expression reads.
        lineage: &'a mut BTreeSet<String>,
    },
    /// Identity `normalize`.
    Normalize,
    /// Handler of an event type.
    Handler {
        entity: &'a EntityNames,
        fields: &'a EventFields,
        /// Cells of the event row.
        cells: &'a mut Vec<EventCell>,
    },
    /// Property `compute` or time rule; the words say which, for messages.
    Entity { entity: &'a EntityNames, place: &'static str },
    /// Free-standing: any names; whether there is a `value`.
    Free { value: bool },
}

/// A resolved first step of a path.
pub(crate) struct Resolved {
    pub(crate) kind: ExprKind,
    pub(crate) kinds: Kinds,
    /// How many segments it covers.
    pub(crate) used: usize,
    /// Why it is always null, if it is: true for a root that has no meaning here (W-8), false for an
    /// unknown field (W-7).
    pub(crate) null: Option<(bool, String)>,
}

impl Resolved {
    pub(crate) fn new(kind: ExprKind, kinds: Kinds, used: usize) -> Self {
        Self { kind, kinds, used, null: None }
    }

    fn null(used: usize, foreign: bool, why: String) -> Self {
        Self {
            kind: ExprKind::Literal(defacto_model::Value::Null),
            kinds: Kinds::NULL,
            used,
            null: Some((foreign, why)),
        }
    }
}

/// Why a name means nothing, and what may help.
pub(crate) struct Unresolved {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Scope<'_> {
    /// Resolves `event.<names>`; `names` is not empty.
    pub(crate) fn event(&mut self, names: &[&str]) -> Result<Resolved, Unresolved> {
        let first = names.first().copied().unwrap_or_default();
        match self {
            Self::Raw { paths, lineage } => {
                let path = RawPath { path: names.join("."), literal_first: false };
                lineage.insert(path.path.clone());
                Ok(Resolved::new(ExprKind::Raw(raw_cell(paths, path)), Kinds::ANY, names.len()))
            }
            Self::Handler { fields, cells, .. } => Ok(event_field(fields, cells, first)),
            Self::Normalize => Ok(Resolved::null(
                names.len(),
                true,
                "`event` is not known in `normalize`, so this is always null; use `value`".into(),
            )),
            Self::Entity { place, .. } => Ok(Resolved::null(
                names.len(),
                true,
                format!("`event` is not known in {place}, so this is always null"),
            )),
            Self::Free { .. } => Ok(free(Context::Event)),
        }
    }

    /// Resolves `entity.<names>`; `names` is not empty.
    pub(crate) fn entity(
        &mut self,
        names: &[&str],
        reads: &mut Reads,
    ) -> Result<Resolved, Unresolved> {
        let first = names.first().copied().unwrap_or_default();
        match self {
            Self::Raw { .. } => Ok(Resolved::null(
                names.len(),
                true,
                "`entity` is not known while events are normalized, so this is always null".into(),
            )),
            Self::Normalize => Ok(Resolved::null(
                names.len(),
                true,
                "`entity` is not known in `normalize`, so this is always null".into(),
            )),
            Self::Handler { entity, .. } | Self::Entity { entity, .. } => {
                entity_field(entity, first, reads)
            }
            Self::Free { .. } => Ok(free(Context::Entity)),
        }
    }

    /// Resolves `value`.
    pub(crate) fn value(&self) -> Result<Resolved, Unresolved> {
        match self {
            Self::Normalize => Ok(Resolved::new(ExprKind::Value, Kinds::STRING, 0)),
            Self::Free { value: true } => Ok(Resolved::new(ExprKind::Value, Kinds::ANY, 0)),
            _ => Err(Unresolved {
                message: "`value` is known only in the `normalize` of an identity field".into(),
                help: None,
            }),
        }
    }
}

/// Index of a raw path among the cells, which it joins when it is new.
pub(crate) fn raw_cell(paths: &mut Vec<RawPath>, path: RawPath) -> u32 {
    if let Some(known) = position(paths, |p| *p == path) {
        return known;
    }
    paths.push(path);
    index(paths.len().saturating_sub(1))
}

fn free(context: Context) -> Resolved {
    Resolved::new(ExprKind::Context(context), Kinds::ANY, 0)
}

fn event_field(fields: &EventFields, cells: &mut Vec<EventCell>, name: &str) -> Resolved {
    let builtin = match name {
        "timestamp" => Some((FieldOrigin::Timestamp, Kinds::DATETIME)),
        "type" => Some((FieldOrigin::Type, Kinds::STRING)),
        "source" => Some((FieldOrigin::Source, Kinds::STRING)),
        "id" => Some((FieldOrigin::Id, Kinds::STRING)),
        _ => None,
    };
    let (origin, kinds, why) = match (fields.mapped.get(name), builtin) {
        (Some(kinds), _) => {
            let lacking = fields.schema.as_ref().is_some_and(|schema| !schema.contains_key(name));
            let why = lacking.then(|| format!("the schema of this event has no field `{name}`"));
            (FieldOrigin::Data(name.into()), *kinds, why)
        }
        (None, Some((origin, kinds))) => (origin, kinds, None),
        (None, None) => {
            let why = fields
                .produced
                .then(|| format!("no source of this event maps `{name}`, so this is always null"));
            (FieldOrigin::Data(name.into()), Kinds::ANY, why)
        }
    };
    let r#type = kinds.to_type();
    let at = position(cells, |cell| cell.origin == origin).unwrap_or_else(|| {
        cells.push(EventCell { origin, r#type });
        index(cells.len().saturating_sub(1))
    });
    Resolved { null: why.map(|why| (false, why)), ..Resolved::new(ExprKind::Event(at), kinds, 1) }
}

fn entity_field(
    entity: &EntityNames,
    name: &str,
    reads: &mut Reads,
) -> Result<Resolved, Unresolved> {
    if let Some((property, r#type)) = entity.property(name) {
        reads.properties.insert(property);
        return Ok(Resolved::new(
            ExprKind::Property(property),
            r#type.map_or(Kinds::ANY, Kinds::of_declared),
            1,
        ));
    }
    let (builtin, kinds) = match name {
        "state" => (EntityBuiltin::State, Kinds::STRING.nullable()),
        "id" => (EntityBuiltin::Id, Kinds::STRING.nullable()),
        "created_time" => (EntityBuiltin::CreatedTime, Kinds::DATETIME.nullable()),
        "state_entered_time" => (EntityBuiltin::StateEnteredTime, Kinds::DATETIME.nullable()),
        "last_event_time" => (EntityBuiltin::LastEventTime, Kinds::DATETIME.nullable()),
        _ => {
            let builtins = ["state", "id", "created_time", "state_entered_time", "last_event_time"];
            let known = entity.properties.iter().map(|(known, _)| known.as_str()).chain(builtins);
            return Err(Unresolved {
                message: format!("`{name}` is no property of this entity"),
                help: nearest(name, known).map(|known| format!("did you mean `entity.{known}`?")),
            });
        }
    };
    reads.id |= builtin == EntityBuiltin::Id;
    Ok(Resolved::new(ExprKind::Builtin(builtin), kinds, 1))
}

/// A typed expression and what its value can be.
#[derive(Debug, Clone)]
pub(crate) struct Typed {
    pub(crate) expr: Expr,
    pub(crate) kinds: Kinds,
}

impl Typed {
    pub(crate) fn new(kind: ExprKind, kinds: Kinds) -> Self {
        Self { expr: Expr { kind, r#type: kinds.to_type() }, kinds }
    }
}

/// First position that satisfies a test.
pub(crate) fn position<T>(items: &[T], test: impl FnMut(&T) -> bool) -> Option<u32> {
    items.iter().position(test).map(index)
}

/// A length or position as the index type of the program. Definitions are far smaller than `u32`.
pub(crate) fn index(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
