use defacto_check::{BinaryOp, Expr, ExprKind, Type};
use wasm_encoder::ValType;

use crate::unit::Emitter;
use crate::value::{Kind, Null, Operand, Scalar, Source};

impl Emitter<'_, '_> {
    /// Pushes 1 where the expression is true; 0 where it is false or null. Another value is a fault.
    pub(crate) fn truth(&mut self, expr: &Expr) {
        match &expr.kind {
            // Where the right side cannot fail, it does not matter whether a null on the left reaches it.
            ExprKind::And(a, b) if self.certain(b) => {
                self.truth(a);
                self.body.if_i32();
                self.truth(b);
                self.body.else_();
                self.body.ins().i32_const(0);
                self.body.end();
            }
            ExprKind::Or(a, b) if self.certain(b) => {
                self.truth(a);
                self.body.if_i32();
                self.body.ins().i32_const(1);
                self.body.else_();
                self.truth(b);
                self.body.end();
            }
            _ => {
                let operand = self.expression(expr);
                self.push_truth(operand);
            }
        }
    }

    /// Pushes 1 where the operand is true; 0 where it is false or null.
    pub(crate) fn push_truth(&mut self, operand: Operand) {
        match self.boolean(operand) {
            None => {
                self.body.ins().i32_const(0);
            }
            Some(value) => {
                self.push(value.source);
                self.and_not_null(value.null);
            }
        }
    }

    /// The operand as Bool, `None` where it is always null. A value of another type is a fault when it
    /// turns up.
    fn boolean(&mut self, operand: Operand) -> Option<Scalar> {
        match operand {
            Operand::Null => None,
            Operand::Scalar(scalar) if scalar.kind == Kind::Bool => Some(scalar),
            other => {
                let place = self.cell(other);
                self.push_address(place);
                self.call("rt_bool");
                let answer = self.save(ValType::I32);
                self.body.get(answer);
                self.body.ins().i32_const(3).i32_eq();
                self.body.fail_if();
                self.body.ins().local_get(answer).i32_const(1).i32_eq();
                let source = Source::Local(self.save(ValType::I32));
                self.body.ins().local_get(answer).i32_const(2).i32_eq();
                let null = Null::Local(self.save(ValType::I32));
                Some(Scalar { kind: Kind::Bool, source, null })
            }
        }
    }

    /// `not x`.
    pub(crate) fn not(&mut self, inner: &Expr) -> Operand {
        let operand = self.expression(inner);
        let Some(value) = self.boolean(operand) else { return Operand::Null };
        self.push(value.source);
        self.body.ins().i32_eqz();
        let source = Source::Local(self.save(ValType::I32));
        Operand::Scalar(Scalar { source, ..value })
    }

    /// `a and b`, `a or b`: the right side is evaluated unless the left side decides alone.
    pub(crate) fn kleene(&mut self, a: &Expr, b: &Expr, and: bool) -> Operand {
        let operand = self.expression(a);
        let a = self.boolean(operand);
        let result = self.body.local(ValType::I32);
        let null = self.body.local(ValType::I32);
        // Unless the right side says otherwise, the result is what the left side decides.
        self.body.ins().i32_const(i32::from(!and)).local_set(result);
        self.body.ins().i32_const(0).local_set(null);
        match a {
            None => {
                self.body.ins().i32_const(1);
            }
            Some(a) => self.push_undecided(a, and),
        }
        self.body.if_();
        let operand = self.expression(b);
        let b = self.boolean(operand);
        match b {
            None => {
                self.body.ins().i32_const(1);
            }
            Some(b) => self.push_undecided(b, and),
        }
        self.body.if_();
        // Neither side decides: the neutral value, or null where one of them is.
        self.body.ins().i32_const(i32::from(and)).local_set(result);
        let nulls = [a, b].map(|side| side.map(|s| s.null));
        let nullable = nulls.iter().any(|null| *null != Some(Null::Never));
        if nullable {
            for null in nulls {
                match null {
                    None => {
                        self.body.ins().i32_const(1);
                    }
                    Some(null) => self.push_null(null),
                }
            }
            self.body.ins().i32_or().local_set(null);
        }
        self.body.end();
        self.body.end();
        let null = if nullable { Null::Local(null) } else { Null::Never };
        Operand::Scalar(Scalar { kind: Kind::Bool, source: Source::Local(result), null })
    }

    /// Pushes 0 where the value decides an `and` (it is false) or an `or` (it is true), else something
    /// else.
    fn push_undecided(&mut self, value: Scalar, and: bool) {
        self.push(value.source);
        if !and {
            self.body.ins().i32_eqz();
        }
        if value.null != Null::Never {
            self.push_null(value.null);
            self.body.ins().i32_or();
        }
    }

    /// Whether an expression certainly gives a boolean or null, whatever it reads.
    pub(crate) fn certain(&self, expr: &Expr) -> bool {
        expr.r#type == Type::Bool && self.infallible(expr)
    }

    /// Whether an expression certainly gives a value, whatever it reads.
    pub(crate) fn infallible(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Literal(_)
            | ExprKind::Event(_)
            | ExprKind::Raw(_)
            | ExprKind::Builtin(_)
            | ExprKind::Value
            | ExprKind::Context(_)
            | ExprKind::Now => true,
            ExprKind::Member(a, _) => self.infallible(a),
            ExprKind::Not(a) => self.certain(a),
            ExprKind::And(a, b) | ExprKind::Or(a, b) => self.certain(a) && self.certain(b),
            ExprKind::Binary(op, a, b) => {
                let fits = match op {
                    BinaryOp::Eq | BinaryOp::Ne => true,
                    BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => {
                        a.r#type == b.r#type
                            && matches!(
                                a.r#type,
                                Type::Int
                                    | Type::Float
                                    | Type::String
                                    | Type::DateTime
                                    | Type::Duration
                            )
                    }
                    BinaryOp::Add
                    | BinaryOp::Sub
                    | BinaryOp::Mul
                    | BinaryOp::Div
                    | BinaryOp::Rem
                    | BinaryOp::Pow => false,
                };
                fits && self.infallible(a) && self.infallible(b)
            }
            ExprKind::If(c, a, b) => self.certain(c) && self.infallible(a) && self.infallible(b),
            ExprKind::Coalesce(parts) => parts.iter().all(|part| self.infallible(part)),
            // A computed property may fail.
            ExprKind::Property(index) => {
                let properties = self.scope.entity.map_or(&[][..], |entity| &entity.properties);
                let property = usize::try_from(*index).ok().and_then(|i| properties.get(i));
                property.is_none_or(|property| property.compute.is_none())
            }
            ExprKind::Index(..) | ExprKind::Neg(_) | ExprKind::Call(..) | ExprKind::Foreign(..) => {
                false
            }
        }
    }
}
