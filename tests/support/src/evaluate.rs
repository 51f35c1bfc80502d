//! Expressions, evaluated on the tree (language.md 4).

use defacto_check::{Context, Entity, EntityBuiltin, Expr, ExprKind, Property};
use defacto_functions::FaultKind;
use defacto_model::{EntityId, FailureCode, Timestamp, Value};
use defacto_ports::Record;

use crate::trouble::Trouble;
use crate::values;

/// What names mean.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Names<'a> {
    /// Logical instant, in microseconds.
    pub(crate) now: i64,
    /// Cells of the event row, or of the raw row.
    pub(crate) cells: &'a [Value],
    /// The entity's type.
    pub(crate) entity: Option<&'a Entity>,
    /// The entity; `None` while it does not exist.
    pub(crate) record: Option<&'a Record>,
    /// Its id.
    pub(crate) id: Option<EntityId>,
    /// `value`.
    pub(crate) value: Option<&'a Value>,
    /// `event` of a free-standing expression.
    pub(crate) event_context: Option<&'a Value>,
    /// `entity` of a free-standing expression.
    pub(crate) entity_context: Option<&'a Value>,
}

impl Names<'_> {
    /// Value of an expression. Chains that lean to the left are walked in a loop.
    pub(crate) fn evaluate(&self, expr: &Expr) -> Result<Value, Trouble> {
        let mut spine = Vec::new();
        let mut node = expr;
        while let ExprKind::Binary(_, left, _)
        | ExprKind::And(left, _)
        | ExprKind::Or(left, _)
        | ExprKind::Index(left, _)
        | ExprKind::Member(left, _) = &node.kind
        {
            spine.push(node);
            node = left;
        }
        let mut value = self.leaf(node)?;
        for node in spine.into_iter().rev() {
            value = match &node.kind {
                ExprKind::Binary(op, _, right) => {
                    let right = self.evaluate(right)?;
                    values::binary(*op, value, right)?
                }
                ExprKind::And(_, right) => self.logic(value, right, false)?,
                ExprKind::Or(_, right) => self.logic(value, right, true)?,
                ExprKind::Index(_, index) => {
                    let index = self.evaluate(index)?;
                    values::element(value, index)?
                }
                ExprKind::Member(_, name) => values::field(value, name),
                _ => value,
            };
        }
        Ok(value)
    }

    fn leaf(&self, expr: &Expr) -> Result<Value, Trouble> {
        let cell = |at: u32| self.cells.get(at as usize).cloned().unwrap_or_default();
        Ok(match &expr.kind {
            ExprKind::Literal(value) => value.clone(),
            ExprKind::Event(at) | ExprKind::Raw(at) => cell(*at),
            ExprKind::Property(at) => return self.property(*at),
            ExprKind::Builtin(field) => self.builtin(*field),
            ExprKind::Value => self.value.cloned().unwrap_or_default(),
            ExprKind::Context(Context::Event) => self.event_context.cloned().unwrap_or_default(),
            ExprKind::Context(Context::Entity) => self.entity_context.cloned().unwrap_or_default(),
            ExprKind::Not(inner) => match truth(&self.evaluate(inner)?)? {
                Some(b) => Value::Bool(!b),
                None => Value::Null,
            },
            ExprKind::Neg(inner) => return values::negate(self.evaluate(inner)?),
            ExprKind::If(condition, then, otherwise) => {
                let chosen =
                    if truth(&self.evaluate(condition)?)? == Some(true) { then } else { otherwise };
                return self.evaluate(chosen);
            }
            ExprKind::Call(function, args) => {
                let args =
                    args.iter().map(|arg| self.evaluate(arg)).collect::<Result<Vec<_>, _>>()?;
                return values::call(*function, &args, self.now);
            }
            ExprKind::Foreign(number, args) => {
                let args =
                    args.iter().map(|arg| self.evaluate(arg)).collect::<Result<Vec<_>, _>>()?;
                return crate::foreign::call(*number, args);
            }
            ExprKind::Coalesce(args) => {
                for arg in args {
                    let value = self.evaluate(arg)?;
                    if value != Value::Null {
                        return Ok(value);
                    }
                }
                Value::Null
            }
            ExprKind::Now => Value::DateTime(Timestamp::saturating_from_micros(self.now)),
            // `evaluate` takes these apart.
            ExprKind::Binary(..)
            | ExprKind::And(..)
            | ExprKind::Or(..)
            | ExprKind::Index(..)
            | ExprKind::Member(..) => Value::Null,
        })
    }

    /// `and` (decided by false) and `or` (decided by true).
    fn logic(&self, left: Value, right: &Expr, decisive: bool) -> Result<Value, Trouble> {
        let left = truth(&left)?;
        if left == Some(decisive) {
            return Ok(Value::Bool(decisive));
        }
        let right = truth(&self.evaluate(right)?)?;
        Ok(match (left, right) {
            (_, Some(b)) if b == decisive => Value::Bool(decisive),
            (Some(_), Some(_)) => Value::Bool(!decisive),
            _ => Value::Null,
        })
    }

    fn property(&self, at: u32) -> Result<Value, Trouble> {
        let (Some(record), Some(entity)) = (self.record, self.entity) else {
            return Ok(Value::Null);
        };
        match entity.properties.get(at as usize) {
            Some(property) if property.compute.is_some() => self.computed(property),
            _ => Ok(record.properties.get(at as usize).cloned().unwrap_or_default()),
        }
    }

    /// A computed property now, converted and checked (language.md 6.7).
    pub(crate) fn computed(&self, property: &Property) -> Result<Value, Trouble> {
        let Some(compute) = &property.compute else { return Ok(Value::Null) };
        let blame = |trouble: Trouble| trouble.blame(FailureCode::I05, Some(&property.name));
        let value = self.evaluate(compute).map_err(blame)?;
        values::stored(property.r#type, &property.constraints, &value).map_err(blame)
    }

    fn builtin(&self, field: EntityBuiltin) -> Value {
        let (Some(record), Some(entity)) = (self.record, self.entity) else { return Value::Null };
        match field {
            EntityBuiltin::State => entity
                .states
                .get(record.state as usize)
                .map_or(Value::Null, |s| Value::String(s.name.clone())),
            EntityBuiltin::Id => self.id.map_or(Value::Null, |id| Value::String(id.to_string())),
            EntityBuiltin::CreatedTime => Value::DateTime(record.created),
            EntityBuiltin::StateEnteredTime => Value::DateTime(record.entered),
            EntityBuiltin::LastEventTime => record.last_event.map_or(Value::Null, Value::DateTime),
        }
    }

    /// Whether a guard or condition lets through.
    pub(crate) fn holds(&self, condition: Option<&Expr>) -> Result<bool, Trouble> {
        match condition {
            None => Ok(true),
            Some(condition) => Ok(truth(&self.evaluate(condition)?)? == Some(true)),
        }
    }
}

fn truth(value: &Value) -> Result<Option<bool>, Trouble> {
    match value {
        Value::Bool(b) => Ok(Some(*b)),
        Value::Null => Ok(None),
        other => Err(Trouble::new(FaultKind::NotBoolean, other.clone())),
    }
}
