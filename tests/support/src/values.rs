//! Library functions, operators and conversions over owned values.

use defacto_check::{BinaryOp, Constraints};
use defacto_functions::{
    Arena, CompareOp, Constraints as Bounds, Cx, Fault, FaultKind, Function, HeapArena, Val, add,
    check_constraints, check_pattern, coerce, compare, convert, div, eq, index, member, mul, neg,
    pow, rem, schema_convert, sub,
};
use defacto_model::{Value, ValueType};
use regex::Regex;

use crate::trouble::Trouble;

fn with<'f>(
    values: &[Value],
    run: impl for<'a> FnOnce(&[Val<'a>], &'a dyn Arena<'a>) -> Result<Val<'a>, Fault<'a>> + 'f,
) -> Result<Value, Trouble> {
    let arena = HeapArena::default();
    let handle = &arena;
    let handle: &dyn Arena<'_> = &handle;
    let converted: Vec<Val<'_>> =
        values.iter().map(|value| Val::from_value(value, handle)).collect();
    Ok(run(&converted, handle)?.to_value())
}

/// `a op b`.
pub(crate) fn binary(op: BinaryOp, a: Value, b: Value) -> Result<Value, Trouble> {
    with(&[a, b], |values, arena| {
        let [a, b] = values else { return Ok(Val::Null) };
        match op {
            BinaryOp::Eq => Ok(Val::Bool(eq(a, b))),
            BinaryOp::Ne => Ok(Val::Bool(!eq(a, b))),
            BinaryOp::Lt => compare(CompareOp::Lt, a, b),
            BinaryOp::Le => compare(CompareOp::Le, a, b),
            BinaryOp::Gt => compare(CompareOp::Gt, a, b),
            BinaryOp::Ge => compare(CompareOp::Ge, a, b),
            BinaryOp::Add => add(a, b, arena),
            BinaryOp::Sub => sub(a, b),
            BinaryOp::Mul => mul(a, b),
            BinaryOp::Div => div(a, b),
            BinaryOp::Rem => rem(a, b),
            BinaryOp::Pow => pow(a, b),
        }
    })
}

/// `-a`.
pub(crate) fn negate(a: Value) -> Result<Value, Trouble> {
    with(&[a], |values, _| values.first().map_or(Ok(Val::Null), neg))
}

/// `a.name`.
pub(crate) fn field(a: Value, name: &str) -> Value {
    with(&[a], |values, _| Ok(values.first().map_or(Val::Null, |base| member(base, name))))
        .unwrap_or_default()
}

/// `a[i]`.
pub(crate) fn element(a: Value, i: Value) -> Result<Value, Trouble> {
    with(&[a, i], |values, _| match values {
        [base, at] => index(base, at),
        _ => Ok(Val::Null),
    })
}

/// A library function.
pub(crate) fn call(function: Function, args: &[Value], now: i64) -> Result<Value, Trouble> {
    with(args, |values, arena| function.call(values, &Cx { arena, now }))
}

/// Coercion of a mapping.
pub(crate) fn coerced(to: ValueType, value: &Value) -> Result<Value, Trouble> {
    with(std::slice::from_ref(value), |values, arena| {
        values.first().map_or(Ok(Val::Null), |v| coerce(to, v, arena))
    })
}

/// Conversion and constraints of a property.
pub(crate) fn stored(
    to: ValueType,
    constraints: &Constraints,
    value: &Value,
) -> Result<Value, Trouble> {
    let value = with(std::slice::from_ref(value), |values, arena| {
        values.first().map_or(Ok(Val::Null), |v| convert(to, v, arena))
    })?;
    check(constraints, &value)?;
    Ok(value)
}

/// Type and constraints of a schema field.
pub(crate) fn checked(
    to: ValueType,
    required: bool,
    constraints: &Constraints,
    value: &Value,
) -> Result<Value, Trouble> {
    if required && *value == Value::Null {
        return Err(Trouble::new(FaultKind::Required, Value::Null));
    }
    let value = with(std::slice::from_ref(value), |values, _| {
        values.first().map_or(Ok(Val::Null), |v| schema_convert(to, v))
    })?;
    check(constraints, &value)?;
    Ok(value)
}

fn check(constraints: &Constraints, value: &Value) -> Result<(), Trouble> {
    let arena = HeapArena::default();
    let handle = &arena;
    let of = |value: &Option<Value>| -> Value { value.clone().unwrap_or_default() };
    let (min, max) = (of(&constraints.min), of(&constraints.max));
    let allowed: Vec<Val<'_>> =
        constraints.allowed.iter().flatten().map(|value| Val::from_value(value, &handle)).collect();
    let bounds = Bounds {
        allowed: &allowed,
        min: Val::from_value(&min, &handle),
        max: Val::from_value(&max, &handle),
        min_length: constraints.min_length.unwrap_or_default(),
        max_length: constraints.max_length,
    };
    let value = Val::from_value(value, &handle);
    check_constraints(&value, &bounds)?;
    if let Some(pattern) = constraints.regex.as_ref().and_then(|pattern| Regex::new(pattern).ok()) {
        check_pattern(&value, &pattern)?;
    }
    Ok(())
}
