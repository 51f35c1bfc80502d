use defacto_check::{BinaryOp, Expr, ExprKind, Type};
use defacto_frames::abi::cell;
use wasm_encoder::ValType;

use crate::arithmetic::number;
use crate::shared::{SWAPPED, Shared};
use crate::unit::Emitter;
use crate::value::{Kind, Null, Operand, Place, Scalar, Source, home};

/// Sums, differences, products and quotients of doubles, evaluated in one go: what is not finite stays so up to
/// the root, where one test finds it. Then everything is done again with cells, by the library, which says what
/// went wrong first, or that an operand was null.
#[derive(Debug)]
pub(crate) enum Chain {
    Leaf(Scalar),
    Operation(BinaryOp, Box<(Chain, Chain)>),
}

impl Emitter<'_, '_> {
    /// The chain that an expression is, with its leaves emitted; `None` where it is none.
    pub(crate) fn chain(&mut self, expr: &Expr) -> Option<Chain> {
        if !self.is_chain(expr) {
            return None;
        }
        let mark = self.body.mark();
        let chain = self.chain_part(expr);
        if chain.is_none() {
            self.body.rewind(mark);
        }
        chain
    }

    /// Whether an expression is a chain and nothing in it fails but its operations.
    fn is_chain(&self, expr: &Expr) -> bool {
        let Some((op, a, b)) = operation(expr) else { return false };
        let part = |x: &Expr| self.is_chain(x) || (operation(x).is_none() && self.infallible(x));
        // A divisor that is not finite would hide in a quotient that is.
        part(a) && if op == BinaryOp::Div { self.infallible(b) } else { part(b) }
    }

    fn chain_part(&mut self, expr: &Expr) -> Option<Chain> {
        if let Some((op, a, b)) = operation(expr) {
            let a = self.chain_part(a)?;
            let b = self.chain_part(b)?;
            return Some(Chain::Operation(op, Box::new((a, b))));
        }
        match self.expression(expr) {
            Operand::Scalar(scalar @ Scalar { kind: Kind::Int | Kind::Float, .. }) => {
                Some(Chain::Leaf(scalar))
            }
            _ => None,
        }
    }

    /// A chain as an operand.
    pub(crate) fn chain_value(&mut self, chain: &Chain) -> Operand {
        self.push_chain(chain);
        let result = self.save(ValType::F64);
        // x - x is 0, all bits, only where x is finite.
        self.body.get(result);
        self.body.ins().local_get(result).f64_sub().i64_reinterpret_f64().i64_eqz().i32_eqz();
        self.body.if_();
        self.chain_again(chain, None);
        self.body.end();
        let null =
            nulls(chain).into_iter().fold(Null::Never, |all, one| self.either_null(all, one));
        Operand::Scalar(Scalar { kind: Kind::Float, source: Source::Local(result), null })
    }

    /// Pushes the value, finite or not.
    pub(crate) fn push_chain(&mut self, chain: &Chain) {
        match chain {
            Chain::Leaf(scalar) => {
                let source = match scalar.kind {
                    Kind::Int => self.float_of(scalar.source),
                    _ => scalar.source,
                };
                self.push(source);
            }
            Chain::Operation(op, parts) => {
                self.push_chain(&parts.0);
                self.push_chain(&parts.1);
                match op {
                    BinaryOp::Add => self.body.ins().f64_add(),
                    BinaryOp::Sub => self.body.ins().f64_sub(),
                    BinaryOp::Mul => self.body.ins().f64_mul(),
                    _ => self.body.ins().f64_div(),
                };
            }
        }
    }

    /// Pushes something other than 0 where no leaf is null, else 0.
    pub(crate) fn push_present(&mut self, chain: &Chain) {
        let nulls = nulls(chain);
        // Tags of cells with an Int or a Float have a bit in common.
        let tags = nulls.iter().all(|null| matches!(null, Null::Tag(_))) && in_cells(chain);
        if nulls.is_empty() {
            self.body.ins().i32_const(1);
        }
        for (number, null) in nulls.into_iter().enumerate() {
            match null {
                Null::Tag(place) if tags => self.push_tag(place),
                Null::Tag(place) => {
                    self.push_tag(place);
                    self.body.ins().i32_const(i32::from(cell::NULL)).i32_gt_u();
                }
                other => {
                    self.push_null(other);
                    self.body.ins().i32_eqz();
                }
            }
            if number > 0 {
                self.body.ins().i32_and();
            }
        }
    }

    /// Sets a property to the value of the chain, evaluated with cells.
    pub(crate) fn set_chain_again(&mut self, chain: &Chain, record: u32, property: u32) {
        let result = self.general_result();
        let Chain::Operation(op, parts) = chain else { return };
        let (a, b) = self.operands_again(parts);
        let (side, other) = if b == result { (SWAPPED, a) } else { (0, b) };
        if a != result && b != result {
            self.copy(a, result);
        }
        self.body.get(record);
        self.body.ins().i32_const(property.cast_signed()).i32_const(number(*op) + side);
        self.push_address(other);
        self.call_shared_checked(Shared::SetResult);
    }

    /// The same for [`two_operations`], with the blame for a failure.
    pub(crate) fn set_two_again(
        &mut self,
        operations: i32,
        leaves: [Scalar; 3],
        record: u32,
        property: u32,
    ) {
        let places = leaves.map(|leaf| self.cell(Operand::Scalar(leaf)));
        self.body.get(record);
        self.body.ins().i32_const(property.cast_signed() << 8 | operations);
        for place in places {
            self.push_address(place);
        }
        self.call_shared_checked(Shared::SetAgain);
    }

    fn general_result(&self) -> Place {
        Place::Fixed(self.unit.general + 2 * cell::SIZE)
    }

    fn operands_again(&mut self, parts: &(Chain, Chain)) -> (Place, Place) {
        // The general cell keeps the last result only.
        let both = matches!(parts, (Chain::Operation(..), Chain::Operation(..)));
        let aside = both.then(|| self.room(1));
        (self.chain_again(&parts.0, aside), self.chain_again(&parts.1, None))
    }

    /// Evaluates the chain with cells, which fails where an operation does. The result is in `out`, or in the
    /// unit's general cell.
    fn chain_again(&mut self, chain: &Chain, out: Option<u32>) -> Place {
        let (op, parts) = match chain {
            Chain::Leaf(scalar) => return self.cell(Operand::Scalar(*scalar)),
            Chain::Operation(op, parts) => (op, parts),
        };
        let (a, b) = self.operands_again(parts);
        let number = number(*op);
        let result = self.general_result();
        if out.is_none() && (a == result || b == result) {
            let (side, other) = if a == result { (0, b) } else { (SWAPPED, a) };
            self.body.ins().i32_const(number + side);
            self.push_address(other);
            self.call_shared_checked(Shared::ArithmeticOn);
            return result;
        }
        self.body.ins().i32_const(number);
        self.push_address(a);
        self.push_address(b);
        if let Some(out) = out {
            self.body.ins().i32_const(out.cast_signed());
            self.call_checked("rt_float");
            return Place::Fixed(out);
        }
        self.call_shared_checked(Shared::Arithmetic);
        result
    }
}

/// An operation on doubles whose result tells whether an operand was finite.
fn operation(expr: &Expr) -> Option<(BinaryOp, &Expr, &Expr)> {
    let ExprKind::Binary(op, a, b) = &expr.kind else { return None };
    let kinds = (a.r#type, b.r#type);
    let fits = matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div)
        && matches!(kinds, (Type::Float, Type::Float | Type::Int) | (Type::Int, Type::Float));
    fits.then_some((*op, a, b))
}

/// The operations and leaves of a chain `a op (b op c)` or `(b op c) op a`, as [`Shared::SetAgain`] takes them.
pub(crate) fn two_operations(chain: &Chain) -> Option<(i32, [Scalar; 3])> {
    let Chain::Operation(outer, parts) = chain else { return None };
    let (side, a, inner, operands) = match &**parts {
        (Chain::Leaf(a), Chain::Operation(inner, operands)) => (SWAPPED, a, inner, operands),
        (Chain::Operation(inner, operands), Chain::Leaf(a)) => (0, a, inner, operands),
        _ => return None,
    };
    let (Chain::Leaf(b), Chain::Leaf(c)) = &**operands else { return None };
    Some((number(*outer) + side | number(*inner) << 4, [*a, *b, *c]))
}

/// Whether every leaf that may be null is a cell of its own kind.
fn in_cells(chain: &Chain) -> bool {
    match chain {
        Chain::Leaf(scalar) => {
            scalar.null == Null::Never || home(Operand::Scalar(*scalar)).is_some()
        }
        Chain::Operation(_, parts) => in_cells(&parts.0) && in_cells(&parts.1),
    }
}

const _: () = assert!(cell::INT & cell::FLOAT != 0, "tags of numbers have a bit in common");

/// The null flags of the leaves, each once.
fn nulls(chain: &Chain) -> Vec<Null> {
    fn collect(chain: &Chain, into: &mut Vec<Null>) {
        match chain {
            Chain::Leaf(scalar) if scalar.null == Null::Never => {}
            Chain::Leaf(scalar) if into.contains(&scalar.null) => {}
            Chain::Leaf(scalar) => into.push(scalar.null),
            Chain::Operation(_, parts) => {
                collect(&parts.0, into);
                collect(&parts.1, into);
            }
        }
    }
    let mut all = Vec::new();
    collect(chain, &mut all);
    all
}
