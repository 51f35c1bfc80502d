//! The smallest evaluator: language.md 4.4 to 4.8 over a syntax tree.

use defacto_functions::{
    CompareOp, Cx, Fault, Function, Operator, Val, arith, compare, eq, index, member, neg, truth,
};
use defacto_syntax::{BinaryOp, Expr, ExprKind, Literal, Root, UnaryOp};

/// What the roots of paths stand for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Roots<'a> {
    pub(crate) event: Val<'a>,
    pub(crate) entity: Val<'a>,
    pub(crate) value: Val<'a>,
}

type Outcome<'a> = Result<Val<'a>, Fault<'a>>;

pub(crate) fn evaluate<'a>(expr: &'a Expr, roots: &Roots<'a>, cx: &Cx<'a>) -> Outcome<'a> {
    let eval = |expr| evaluate(expr, roots, cx);
    match &expr.kind {
        ExprKind::Literal(literal) => Ok(match literal {
            Literal::Null => Val::Null,
            Literal::Bool(value) => Val::Bool(*value),
            Literal::Int(value) => Val::Int(*value),
            Literal::Float(value) => Val::Float(*value),
            Literal::String(text) => Val::Str(text),
            Literal::Duration(micros) => Val::Duration(*micros),
        }),
        ExprKind::Path { root, segments } => {
            let start = match root {
                Root::Event => roots.event,
                Root::Entity => roots.entity,
                Root::Value => roots.value,
                Root::Unknown(_) => Val::Null,
            };
            Ok(segments.iter().fold(start, |value, segment| member(&value, &segment.text)))
        }
        ExprKind::Member(base, segment) => Ok(member(&eval(base)?, &segment.text)),
        ExprKind::Index(base, place) => index(&eval(base)?, &eval(place)?),
        ExprKind::Unary(UnaryOp::Neg, operand) => neg(&eval(operand)?),
        ExprKind::Unary(UnaryOp::Not, operand) => {
            Ok(truth(&eval(operand)?)?.map(|value| Val::Bool(!value)).unwrap_or_default())
        }
        ExprKind::Binary(BinaryOp::And, a, b) => logic(false, a, b, roots, cx),
        ExprKind::Binary(BinaryOp::Or, a, b) => logic(true, a, b, roots, cx),
        ExprKind::Binary(op, a, b) => binary(*op, &eval(a)?, &eval(b)?, cx),
        ExprKind::If(condition, yes, no) => {
            let chosen = if truth(&eval(condition)?)? == Some(true) { yes } else { no };
            eval(chosen)
        }
        ExprKind::Call { name, args, .. } if name == "now" => {
            assert!(args.is_empty(), "`now` takes nothing");
            Ok(Val::DateTime(cx.now))
        }
        ExprKind::Call { name, args, .. } if name == "coalesce" => {
            for arg in args {
                let value = eval(arg)?;
                if value != Val::Null {
                    return Ok(value);
                }
            }
            Ok(Val::Null)
        }
        ExprKind::Call { name, args, .. } => {
            let args: Vec<Val<'a>> = args.iter().map(eval).collect::<Result<_, _>>()?;
            Function::from_name(name).unwrap().call(&args, cx)
        }
        ExprKind::Paren(inner) => eval(inner),
    }
}

/// Kleene `and` (decided by false) and `or` (decided by true), left to right.
fn logic<'a>(
    deciding: bool,
    a: &'a Expr,
    b: &'a Expr,
    roots: &Roots<'a>,
    cx: &Cx<'a>,
) -> Outcome<'a> {
    let left = truth(&evaluate(a, roots, cx)?)?;
    if left == Some(deciding) {
        return Ok(Val::Bool(deciding));
    }
    let right = truth(&evaluate(b, roots, cx)?)?;
    Ok(match (left, right) {
        (_, Some(value)) if value == deciding => Val::Bool(deciding),
        (Some(_), Some(value)) => Val::Bool(value),
        _ => Val::Null,
    })
}

fn binary<'a>(op: BinaryOp, a: &Val<'a>, b: &Val<'a>, cx: &Cx<'a>) -> Outcome<'a> {
    let of = |op| arith(op, a, b, cx.arena);
    match op {
        BinaryOp::Eq => Ok(Val::Bool(eq(a, b))),
        BinaryOp::Ne => Ok(Val::Bool(!eq(a, b))),
        BinaryOp::Lt => compare(CompareOp::Lt, a, b),
        BinaryOp::Le => compare(CompareOp::Le, a, b),
        BinaryOp::Gt => compare(CompareOp::Gt, a, b),
        BinaryOp::Ge => compare(CompareOp::Ge, a, b),
        BinaryOp::Add => of(Operator::Add),
        BinaryOp::Sub => of(Operator::Sub),
        BinaryOp::Mul => of(Operator::Mul),
        BinaryOp::Div => of(Operator::Div),
        BinaryOp::Rem => of(Operator::Rem),
        BinaryOp::Pow => of(Operator::Pow),
        BinaryOp::And | BinaryOp::Or => unreachable!("short-circuit operators are handled apart"),
    }
}
