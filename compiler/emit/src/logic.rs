use defacto_check::Expr;
use wasm_encoder::ValType;

use crate::unit::Emitter;
use crate::value::{Kind, Null, Operand, Scalar, Source};

impl Emitter<'_, '_> {
    /// Pushes 1 where the expression is true; 0 where it is false or null. Another value is a fault.
    pub(crate) fn truth(&mut self, expr: &Expr) {
        let operand = self.expression(expr);
        let Some(value) = self.boolean(operand) else {
            self.body.ins().i32_const(0);
            return;
        };
        self.push(value.source);
        if let Null::Local(null) = value.null {
            self.body.ins().local_get(null).i32_eqz().i32_and();
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
                self.body.ins().local_get(answer).i32_const(3).i32_eq();
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
        let a_null = a.map_or(Null::Never, |a| a.null);
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
        let nulls = [
            a.map_or(Some(Source::I32(1)), |_| flag(a_null)),
            b.map_or(Some(Source::I32(1)), |b| flag(b.null)),
        ];
        let nullable = nulls.iter().any(Option::is_some);
        if nullable {
            for null in nulls {
                self.push(null.unwrap_or(Source::I32(0)));
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
        if let Null::Local(null) = value.null {
            self.body.ins().local_get(null).i32_or();
        }
    }
}

fn flag(null: Null) -> Option<Source> {
    match null {
        Null::Never => None,
        Null::Local(local) => Some(Source::Local(local)),
    }
}
