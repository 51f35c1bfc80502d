//! What expressions of an entity type read and effects write.

use std::collections::BTreeSet;

use crate::foreign::Foreign;
use crate::scope::Reads;
use crate::{BinaryOp, Expr, ExprKind, Type};

/// Reads and writes of one entity type.
#[derive(Debug)]
pub(crate) struct Usage {
    /// What expressions read.
    pub(crate) reads: Reads,
    /// Properties that effects write.
    pub(crate) written: BTreeSet<u32>,
}

impl Usage {
    pub(crate) fn new(foreign: &Foreign) -> Self {
        Self { reads: Reads::new(foreign), written: BTreeSet::new() }
    }
}

/// Whether the value of the expression derives from a quotient of two integers that nothing converts.
pub(crate) fn has_integer_quotient(expr: &Expr) -> bool {
    let mut expr = expr;
    // Chains of operators lean to the left and can be long, so the left side is walked in a loop.
    loop {
        match &expr.kind {
            ExprKind::Binary(BinaryOp::Div, ..) if expr.r#type == Type::Int => return true,
            ExprKind::Binary(op, left, right) => {
                let arithmetic = matches!(
                    op,
                    BinaryOp::Add
                        | BinaryOp::Sub
                        | BinaryOp::Mul
                        | BinaryOp::Div
                        | BinaryOp::Rem
                        | BinaryOp::Pow
                );
                if !arithmetic {
                    return false;
                }
                if has_integer_quotient(right) {
                    return true;
                }
                expr = left;
            }
            ExprKind::Neg(inner) => expr = inner,
            ExprKind::If(_, then, otherwise) => {
                return has_integer_quotient(then) || has_integer_quotient(otherwise);
            }
            ExprKind::Coalesce(args) => return args.iter().any(has_integer_quotient),
            _ => return false,
        }
    }
}
