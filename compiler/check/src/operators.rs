//! Result kinds of operators (language.md 4.6, 4.7).

use crate::BinaryOp;
use crate::kinds::{Fit, Kinds};

/// Kinds of `a op b`, and whether any pair of kinds fits. Null operands give null.
pub(crate) fn binary(op: BinaryOp, a: Kinds, b: Kinds) -> (Fit, Kinds) {
    if matches!(op, BinaryOp::Eq | BinaryOp::Ne) {
        return (Fit::Fits, Kinds::BOOL);
    }
    let mut result = Kinds::NONE;
    for x in a.each() {
        for y in b.each() {
            if let Some(kind) = pair(op, x, y) {
                result = result.or(kind);
            }
        }
    }
    outcome(result, a, b)
}

/// What follows from the kinds that solid operands give, when null operands give null.
fn outcome(result: Kinds, a: Kinds, b: Kinds) -> (Fit, Kinds) {
    let null = a.has_null() || b.has_null();
    let fits = a.is_null() || b.is_null() || !result.is_null();
    match (fits, null) {
        (true, true) => (Fit::Fits, result.nullable()),
        (true, false) => (Fit::Fits, result),
        (false, true) => (Fit::OnlyNull, Kinds::NULL),
        (false, false) => (Fit::Never, Kinds::ANY),
    }
}

fn pair(op: BinaryOp, x: Kinds, y: Kinds) -> Option<Kinds> {
    let numbers = x.within(Kinds::NUMBER) && y.within(Kinds::NUMBER);
    let number = if x == Kinds::INT && y == Kinds::INT { Kinds::INT } else { Kinds::FLOAT };
    let both = |kind| x == kind && y == kind;
    match op {
        BinaryOp::Eq | BinaryOp::Ne => Some(Kinds::BOOL),
        BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => {
            (numbers || both(Kinds::STRING) || both(Kinds::DATETIME) || both(Kinds::DURATION))
                .then_some(Kinds::BOOL)
        }
        BinaryOp::Add if numbers => Some(number),
        BinaryOp::Add if both(Kinds::STRING) => Some(Kinds::STRING),
        BinaryOp::Add if x == Kinds::DATETIME && y == Kinds::DURATION => Some(Kinds::DATETIME),
        BinaryOp::Add if x == Kinds::DURATION && y == Kinds::DATETIME => Some(Kinds::DATETIME),
        BinaryOp::Add | BinaryOp::Sub if both(Kinds::DURATION) => Some(Kinds::DURATION),
        BinaryOp::Sub if numbers => Some(number),
        BinaryOp::Sub if x == Kinds::DATETIME && y == Kinds::DURATION => Some(Kinds::DATETIME),
        BinaryOp::Sub if both(Kinds::DATETIME) => Some(Kinds::DURATION),
        BinaryOp::Mul if numbers => Some(number),
        BinaryOp::Mul if x == Kinds::DURATION && y.within(Kinds::NUMBER) => Some(Kinds::DURATION),
        BinaryOp::Mul if y == Kinds::DURATION && x.within(Kinds::NUMBER) => Some(Kinds::DURATION),
        BinaryOp::Div if numbers => Some(number),
        BinaryOp::Div if x == Kinds::DURATION && y.within(Kinds::NUMBER) => Some(Kinds::DURATION),
        BinaryOp::Div if both(Kinds::DURATION) => Some(Kinds::FLOAT),
        BinaryOp::Rem | BinaryOp::Pow if numbers => Some(number),
        _ => None,
    }
}

/// Kinds of `x[i]`: an element that does not exist is null.
pub(crate) fn index(base: Kinds, index: Kinds) -> (Fit, Kinds) {
    let mut result = Kinds::NONE;
    if index.meets(Kinds::INT) && base.meets(Kinds::LIST) {
        result = result.or(Kinds::ANY);
    }
    if index.meets(Kinds::INT) && base.meets(Kinds::STRING) {
        result = result.or(Kinds::STRING);
    }
    if index.meets(Kinds::STRING) && base.meets(Kinds::OBJECT) {
        result = result.or(Kinds::ANY);
    }
    let (fit, kinds) = outcome(result, base, index);
    (fit, kinds.nullable())
}

/// Kinds of `x.name`; never fails.
pub(crate) fn member(base: Kinds, name: &str) -> Kinds {
    let decimal = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
    let found = base.meets(Kinds::OBJECT) || (decimal && base.meets(Kinds::LIST));
    if found { Kinds::ANY } else { Kinds::NULL }
}

/// The operator as written.
pub(crate) const fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Eq => "==",
        BinaryOp::Ne => "!=",
        BinaryOp::Lt => "<",
        BinaryOp::Le => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::Ge => ">=",
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Rem => "%",
        BinaryOp::Pow => "**",
    }
}
