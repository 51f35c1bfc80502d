//! Properties of entities and edges: types, defaults, constraints (language.md 2.3).

use std::cmp::Ordering;

use defacto_definitions::{Literal, PropertyDef, Spanned};
use defacto_diagnostics::{Code, Diagnostic};
use defacto_model::{Treatment, Value, ValueType};

use crate::literal::{self, type_name};
use crate::{Constraints, Property};

/// Checks everything of a property but its expression.
pub(crate) fn property(def: &PropertyDef, found: &mut Vec<Diagnostic>) -> Property {
    let path = &def.name.path;
    if let (Some(given), Some(_)) = (&def.default, &def.compute) {
        found.push(
            Diagnostic::new(
                Code::E10,
                path,
                given.span.or(def.name.span),
                format!("the computed property `{}` cannot have a default", def.name.value),
            )
            .with_help(
                "remove `default`, or give it inside the expression with `coalesce(…, default)`",
            ),
        );
    }
    if let (Some(treatment), None) = (&def.treatment, def.sensitive) {
        found.push(
            Diagnostic::new(
                Code::W04,
                path,
                treatment.span.or(def.name.span),
                "`treatment` has no effect without `sensitive`",
            )
            .with_help("add `sensitive: pii`, `phi` or `pci`"),
        );
    }
    let treatment = def
        .sensitive
        .map(|_| def.treatment.as_ref().map_or(Treatment::Redact, |treatment| treatment.value));
    // Literals cannot be judged where the type could not be read.
    let (constraints, default) =
        if def.type_known { literals(def, found) } else { Default::default() };
    Property {
        name: def.name.value.clone(),
        r#type: def.r#type,
        default,
        constraints,
        compute: None,
        sensitive: def.sensitive,
        treatment,
    }
}

fn literals(def: &PropertyDef, found: &mut Vec<Diagnostic>) -> (Constraints, Value) {
    let path = &def.name.path;
    let constraints = Constraints {
        allowed: allowed(def.allowed.as_deref(), def.r#type, path, def.name.span, found),
        min: bound(def.min.as_ref(), true, def.r#type, found),
        max: bound(def.max.as_ref(), false, def.r#type, found),
        ..Constraints::default()
    };
    order_of_bounds(&constraints, path, def.name.span, found);
    let Some(given) = &def.default else { return (constraints, Value::Null) };
    match literal::of_type(given, def.r#type) {
        Ok(value) => {
            if let Some(why) = violation(&constraints, &value) {
                found.push(Diagnostic::new(
                    Code::E08,
                    &given.path,
                    given.span,
                    format!("the default {why}"),
                ));
            }
            (constraints, value)
        }
        Err(message) => {
            found.push(Diagnostic::new(Code::E08, &given.path, given.span, message));
            (constraints, Value::Null)
        }
    }
}

/// Checks a list of allowed values; `path` is that of the owner.
pub(crate) fn allowed(
    list: Option<&[Spanned<Literal>]>,
    r#type: ValueType,
    path: &str,
    span: Option<defacto_diagnostics::Span>,
    found: &mut Vec<Diagnostic>,
) -> Option<Vec<Value>> {
    let list = list?;
    let path = format!("{path}.allowed");
    if list.is_empty() {
        found.push(Diagnostic::new(
            Code::E08,
            path,
            span,
            "`allowed` is empty, so no value would be allowed",
        ));
        return None;
    }
    let mut values = Vec::with_capacity(list.len());
    for item in list {
        match literal::of_type(item, r#type) {
            Ok(value) => values.push(value),
            Err(message) => {
                found.push(Diagnostic::new(Code::E08, &path, item.span.or(span), message))
            }
        }
    }
    Some(values)
}

/// Checks a bound of a property; `lower` for `min`.
pub(crate) fn bound(
    given: Option<&Spanned<Literal>>,
    lower: bool,
    r#type: ValueType,
    found: &mut Vec<Diagnostic>,
) -> Option<Value> {
    let given = given?;
    if matches!(r#type, ValueType::String | ValueType::Boolean) {
        let message = format!("values of type `{}` have no order", type_name(r#type));
        found.push(Diagnostic::new(Code::E08, &given.path, given.span, message));
        return None;
    }
    // A fractional bound of an integer property means the next integer inside it.
    if let (ValueType::Integer, Literal::Float(x)) = (r#type, &given.value)
        && let Some(whole) = whole(if lower { x.ceil() } else { x.floor() })
    {
        return Some(Value::Int(whole));
    }
    match literal::of_type(given, r#type) {
        Ok(value) => Some(value),
        Err(message) => {
            found.push(Diagnostic::new(Code::E08, &given.path, given.span, message));
            None
        }
    }
}

/// Reports `min` above `max`.
pub(crate) fn order_of_bounds(
    constraints: &Constraints,
    path: &str,
    span: Option<defacto_diagnostics::Span>,
    found: &mut Vec<Diagnostic>,
) {
    if let (Some(min), Some(max)) = (&constraints.min, &constraints.max)
        && compare(min, max) == Some(Ordering::Greater)
    {
        found.push(Diagnostic::new(Code::E08, path, span, "`min` is above `max`"));
    }
}

fn violation(constraints: &Constraints, value: &Value) -> Option<&'static str> {
    if let Some(allowed) = &constraints.allowed
        && !allowed.contains(value)
    {
        return Some("is not among `allowed`");
    }
    if let Some(min) = &constraints.min
        && compare(value, min) == Some(Ordering::Less)
    {
        return Some("is below `min`");
    }
    if let Some(max) = &constraints.max
        && compare(value, max) == Some(Ordering::Greater)
    {
        return Some("is above `max`");
    }
    None
}

/// Order of two literals of one declared type.
fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::DateTime(a), Value::DateTime(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// A double without fraction as an integer, where it fits.
pub(crate) fn whole(x: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    #[expect(clippy::cast_possible_truncation, reason = "the value lies within i64")]
    ((-LIMIT..LIMIT).contains(&x) && x.fract() == 0.0).then_some(x as i64)
}
