use core::cmp::Ordering;

use crate::arithmetic::to_float;
use crate::{Fault, FaultKind, Operator, Val};

/// An ordering operator, numbered as in `rt_compare`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "`<`, `<=`, `>`, `>=`")]
#[repr(u32)]
pub enum CompareOp {
    Lt = 0,
    Le = 1,
    Gt = 2,
    Ge = 3,
}

impl CompareOp {
    /// The operator with that number.
    pub const fn from_number(number: u32) -> Option<CompareOp> {
        Some(match number {
            0 => CompareOp::Lt,
            1 => CompareOp::Le,
            2 => CompareOp::Gt,
            3 => CompareOp::Ge,
            _ => return None,
        })
    }

    /// Whether the operator holds for operands in that order.
    pub const fn holds(self, ordering: Ordering) -> bool {
        match self {
            CompareOp::Lt => ordering.is_lt(),
            CompareOp::Le => ordering.is_le(),
            CompareOp::Gt => ordering.is_gt(),
            CompareOp::Ge => ordering.is_ge(),
        }
    }
}

/// `a < b` and its relatives (language.md 4.6): Bool, or Null with a Null operand.
///
/// # Errors
/// [`FaultKind::Operands`].
pub fn compare<'a>(op: CompareOp, a: &Val<'a>, b: &Val<'a>) -> Result<Val<'a>, Fault<'a>> {
    if let Some(ordering) = order(a, b) {
        return Ok(Val::Bool(op.holds(ordering)));
    }
    if matches!(a, Val::Null) || matches!(b, Val::Null) {
        return Ok(Val::Null);
    }
    Err(Fault::of_two(FaultKind::Operands, op as u32 + Operator::Lt as u32, *a, *b))
}

/// Order of two numbers, strings, instants or durations; `None` for what has no order.
pub fn order(a: &Val<'_>, b: &Val<'_>) -> Option<Ordering> {
    Some(match (a.settled(), b.settled()) {
        (Val::Int(a), Val::Int(b))
        | (Val::DateTime(a), Val::DateTime(b))
        | (Val::Duration(a), Val::Duration(b)) => a.cmp(&b),
        (Val::Float(a), Val::Float(b)) => a.partial_cmp(&b)?,
        (Val::Int(int), Val::Float(float)) => int_float(int, float),
        (Val::Float(float), Val::Int(int)) => int_float(int, float).reverse(),
        (Val::Str(a), Val::Str(b)) => a.cmp(b),
        _ => return None,
    })
}

/// The value that stands in `wanted` order to all others; Float when numbers of both types are
/// mixed. `None` when the values have no common order, are Null or fewer than two.
pub(crate) fn extreme<'a>(values: &[Val<'a>], wanted: Ordering) -> Option<Val<'a>> {
    let (first, rest) = values.split_first()?;
    if rest.is_empty() {
        return None;
    }
    let mut found = first.settled();
    let mut float = matches!(found, Val::Float(_));
    for value in rest {
        let value = value.settled();
        float |= matches!(value, Val::Float(_));
        if order(&value, &found)? == wanted {
            found = value;
        }
    }
    match found {
        Val::Int(int) if float => Some(Val::Float(to_float(int))),
        _ => Some(found),
    }
}

/// Exact order of an integer and a finite float.
#[expect(clippy::cast_possible_truncation, reason = "the float's whole part lies within i64")]
pub(crate) fn int_float(int: i64, float: f64) -> Ordering {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if float >= LIMIT {
        return Ordering::Less;
    }
    if float < -LIMIT {
        return Ordering::Greater;
    }
    let whole = float.trunc();
    let by_fraction = if float > whole {
        Ordering::Less
    } else if float < whole {
        Ordering::Greater
    } else {
        Ordering::Equal
    };
    int.cmp(&(whole as i64)).then(by_fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_floats_compare_exactly() {
        for (int, float, expected) in [
            (1, 1.0, Ordering::Equal),
            (1, 1.5, Ordering::Less),
            (-1, -1.5, Ordering::Greater),
            (i64::MAX, 9_223_372_036_854_775_808.0, Ordering::Less),
            (i64::MIN, -9_223_372_036_854_775_808.0, Ordering::Equal),
            (i64::MIN, -1e30, Ordering::Greater),
            (9_007_199_254_740_993, 9_007_199_254_740_992.0, Ordering::Greater),
        ] {
            assert_eq!(int_float(int, float), expected, "{int} {float}");
        }
    }

    #[test]
    fn null_gives_null_and_other_types_have_no_order() {
        let lt = |a, b| compare(CompareOp::Lt, &a, &b);
        assert_eq!(lt(Val::Str("a"), Val::Str("b")), Ok(Val::Bool(true)));
        assert_eq!(lt(Val::Null, Val::Bool(true)), Ok(Val::Null));
        for (a, b) in [
            (Val::Bool(true), Val::Bool(false)),
            (Val::DateTime(0), Val::Str("2024-01-01")),
            (Val::List(&[]), Val::List(&[])),
        ] {
            let fault = lt(a, b).unwrap_err();
            assert_eq!((fault.kind, fault.detail), (FaultKind::Operands, Operator::Lt as u32));
        }
    }
}
