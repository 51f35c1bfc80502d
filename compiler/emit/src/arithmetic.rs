use defacto_check::{BinaryOp, Expr, Type};
use defacto_frames::abi::cell;
use defacto_functions::FaultKind;
use defacto_model::Timestamp;
use wasm_encoder::ValType;

use crate::unit::{Emitter, arithmetic_code, fault_code};
use crate::value::{Kind, Operand, Place, Scalar, Source};

/// How two operands are combined in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// Checked 64-bit integers; the result is of this kind.
    Integer(Kind),
    /// Doubles whose result must be finite.
    Float,
    /// An instant moved by a span: the result must stay within the years 0001 to 9999.
    Instant,
    /// The span between two instants, which always fits.
    Span,
}

impl Plan {
    fn of(op: BinaryOp, a: Kind, b: Kind) -> Option<Self> {
        use BinaryOp::{Add, Div, Mul, Pow, Rem, Sub};
        match (op, a, b) {
            (Add | Sub | Mul | Div | Rem | Pow, Kind::Int, Kind::Int) => {
                Some(Self::Integer(Kind::Int))
            }
            (
                Add | Sub | Mul | Div | Rem | Pow,
                Kind::Int | Kind::Float,
                Kind::Int | Kind::Float,
            ) => Some(Self::Float),
            (Add | Sub, Kind::Duration, Kind::Duration)
            | (Mul, Kind::Duration, Kind::Int)
            | (Mul, Kind::Int, Kind::Duration)
            | (Div, Kind::Duration, Kind::Int) => Some(Self::Integer(Kind::Duration)),
            (Add | Sub, Kind::DateTime, Kind::Duration) | (Add, Kind::Duration, Kind::DateTime) => {
                Some(Self::Instant)
            }
            (Sub, Kind::DateTime, Kind::DateTime) => Some(Self::Span),
            _ => None,
        }
    }

    fn result(self) -> Kind {
        match self {
            Self::Integer(kind) => kind,
            Self::Float => Kind::Float,
            Self::Instant => Kind::DateTime,
            Self::Span => Kind::Duration,
        }
    }
}

impl Emitter<'_, '_> {
    /// `a + b` and so on.
    pub(crate) fn arithmetic(&mut self, op: BinaryOp, a: &Expr, b: &Expr, r#type: Type) -> Operand {
        let x = self.expression(a);
        let y = self.expression(b);
        match (x, y) {
            (Operand::Null, _) | (_, Operand::Null) => Operand::Null,
            (Operand::Scalar(a), Operand::Scalar(b)) => match Plan::of(op, a.kind, b.kind) {
                Some(plan) => self.planned(op, plan, a, b),
                None => self.arithmetic_generally(op, x, y, r#type),
            },
            _ => self.arithmetic_generally(op, x, y, r#type),
        }
    }

    fn arithmetic_generally(
        &mut self,
        op: BinaryOp,
        a: Operand,
        b: Operand,
        r#type: Type,
    ) -> Operand {
        let a = self.cell(a);
        let b = self.cell(b);
        let out = self.room(1);
        self.body.ins().i32_const(number(op));
        self.push_address(a);
        self.push_address(b);
        self.body.ins().i32_const(out.cast_signed());
        self.call_checked("rt_arith");
        self.load(Place::Fixed(out), r#type)
    }

    fn planned(&mut self, op: BinaryOp, plan: Plan, a: Scalar, b: Scalar) -> Operand {
        let kind = plan.result();
        let result = self.body.local(kind.local_type());
        let null = self.either_null(a.null, b.null);
        let open = self.if_not_null(null);
        let a = Scalar { source: self.pin(a.source), ..a };
        let b = Scalar { source: self.pin(b.source), ..b };
        match plan {
            Plan::Integer(_) => self.integers(op, a, b, result),
            Plan::Float => self.floats(op, a, b, result),
            Plan::Instant => self.instant_and_span(op, a, b, result),
            Plan::Span => {
                self.push(a.source);
                self.push(b.source);
                self.body.ins().i64_sub().local_set(result);
            }
        }
        if open {
            self.body.end();
        }
        Operand::Scalar(Scalar { kind, source: Source::Local(result), null })
    }

    fn integers(&mut self, op: BinaryOp, a: Scalar, b: Scalar, result: u32) {
        match op {
            BinaryOp::Add | BinaryOp::Sub => {
                self.push(a.source);
                self.push(b.source);
                if op == BinaryOp::Add {
                    self.body.ins().i64_add().local_set(result);
                } else {
                    self.body.ins().i64_sub().local_set(result);
                }
                // Overflow shows in the sign: of the result against both operands (sum), of the first
                // operand against the second and the result (difference).
                self.push(a.source);
                if op == BinaryOp::Add {
                    self.body.ins().local_get(result).i64_xor();
                    self.push(b.source);
                    self.body.ins().local_get(result).i64_xor();
                } else {
                    self.push(b.source);
                    self.body.ins().i64_xor();
                    self.push(a.source);
                    self.body.ins().local_get(result).i64_xor();
                }
                self.body.ins().i64_and().i64_const(0).i64_lt_s();
                self.fault_if(FaultKind::Overflow, op, a, b);
            }
            BinaryOp::Mul => {
                // Operands of 32 bits cannot overflow.
                for operand in [a, b] {
                    self.push(operand.source);
                    self.body.ins().i64_const(1 << 31).i64_add();
                }
                self.body.ins().i64_or().i64_const(32).i64_shr_u().i64_eqz();
                self.body.if_();
                self.push(a.source);
                self.push(b.source);
                self.body.ins().i64_mul().local_set(result);
                self.body.else_();
                self.fall_back(op, a, b, result, Kind::Int);
                self.body.end();
            }
            BinaryOp::Div | BinaryOp::Rem => {
                let safe = matches!(b.source, Source::I64(x) if x != 0 && x != -1);
                if !safe {
                    self.push(b.source);
                    self.body.ins().i64_const(1).i64_add().i64_const(1).i64_le_u();
                    self.body.if_();
                    self.fall_back(op, a, b, result, Kind::Int);
                    self.body.else_();
                }
                self.push(a.source);
                self.push(b.source);
                if op == BinaryOp::Div {
                    self.body.ins().i64_div_s().local_set(result);
                } else {
                    self.body.ins().i64_rem_s().local_set(result);
                }
                if !safe {
                    self.body.end();
                }
            }
            _ => {
                let out = self.room(1);
                self.push(a.source);
                self.push(b.source);
                self.body.ins().i32_const(out.cast_signed());
                self.call_checked("rt_pow_int");
                self.load_payload(out, Kind::Int, result);
            }
        }
    }

    fn floats(&mut self, op: BinaryOp, a: Scalar, b: Scalar, result: u32) {
        for operand in [a, b] {
            let source = match operand.kind {
                Kind::Int => self.float_of(operand.source),
                Kind::Bool | Kind::Float | Kind::DateTime | Kind::Duration => operand.source,
            };
            self.push(source);
        }
        match op {
            BinaryOp::Add => {
                self.body.ins().f64_add();
            }
            BinaryOp::Sub => {
                self.body.ins().f64_sub();
            }
            BinaryOp::Mul => {
                self.body.ins().f64_mul();
            }
            BinaryOp::Div => {
                self.body.ins().f64_div();
            }
            BinaryOp::Rem => self.call("rt_rem"),
            _ => self.call("rt_pow"),
        }
        // Unless x is finite, x - x is NaN; a zero divisor never gives a finite result.
        let difference = self.body.local(ValType::F64);
        self.body.ins().local_tee(result).local_get(result).f64_sub();
        self.body.ins().local_tee(difference).local_get(difference).f64_ne();
        self.fault_if(FaultKind::NotFinite, op, a, b);
    }

    fn instant_and_span(&mut self, op: BinaryOp, a: Scalar, b: Scalar, result: u32) {
        self.push(a.source);
        self.push(b.source);
        if op == BinaryOp::Add {
            self.body.ins().i64_add();
        } else {
            self.body.ins().i64_sub();
        }
        // An instant has 59 bits: a sum that wraps around cannot come out within the range.
        let (min, max) = (Timestamp::MIN.as_micros(), Timestamp::MAX.as_micros());
        self.body.ins().local_tee(result).i64_const(min).i64_sub().i64_const(max - min).i64_gt_u();
        self.fault_if(FaultKind::TimeRange, op, a, b);
    }

    /// The library decides: it fails, or gives the result.
    fn fall_back(&mut self, op: BinaryOp, a: Scalar, b: Scalar, result: u32, kind: Kind) {
        self.push_operation(arithmetic_code(number(op), a.kind.tag(), b.kind.tag()), a, b);
        self.call_general();
        self.load_payload(self.unit.general + 32, kind, result);
    }

    /// Fails, where the i32 on the stack is not 0.
    fn fault_if(&mut self, kind: FaultKind, op: BinaryOp, a: Scalar, b: Scalar) {
        self.body.if_();
        self.push_operation(fault_code(kind, number(op), a.kind.tag(), b.kind.tag()), a, b);
        self.call_fault();
        self.body.end();
    }

    fn push_operation(&mut self, code: i32, a: Scalar, b: Scalar) {
        self.body.ins().i32_const(code);
        self.push_bits(a);
        self.push_bits(b);
    }

    fn load_payload(&mut self, address: u32, kind: Kind, into: u32) {
        self.push(Source::Memory(Place::Fixed(address + cell::PAYLOAD), kind.local_type()));
        self.body.set(into);
    }

    /// Unary minus.
    pub(crate) fn negation(&mut self, inner: &Expr, r#type: Type) -> Operand {
        match self.expression(inner) {
            Operand::Null => Operand::Null,
            Operand::Scalar(scalar @ Scalar { kind: Kind::Float, .. }) => {
                if let Source::F64(x) = scalar.source {
                    return Operand::Scalar(Scalar { source: Source::F64(-x), ..scalar });
                }
                self.push(scalar.source);
                self.body.ins().f64_neg();
                let source = Source::Local(self.save(ValType::F64));
                Operand::Scalar(Scalar { source, ..scalar })
            }
            Operand::Scalar(scalar @ Scalar { kind: Kind::Int | Kind::Duration, .. }) => {
                if let Source::I64(x) = scalar.source
                    && let Some(x) = x.checked_neg()
                {
                    return Operand::Scalar(Scalar { source: Source::I64(x), ..scalar });
                }
                let result = self.body.local(ValType::I64);
                self.body.ins().i64_const(0);
                self.push(scalar.source);
                self.body.ins().i64_sub().local_tee(result).i64_const(i64::MIN).i64_eq();
                self.and_not_null(scalar.null);
                self.body.if_();
                let place = self.cell(Operand::Scalar(scalar));
                let out = self.negate_generally(place);
                self.load_payload(out, scalar.kind, result);
                self.body.end();
                Operand::Scalar(Scalar { source: Source::Local(result), ..scalar })
            }
            other => {
                let place = self.cell(other);
                let out = self.negate_generally(place);
                self.load(Place::Fixed(out), r#type)
            }
        }
    }

    fn negate_generally(&mut self, place: Place) -> u32 {
        let out = self.room(1);
        self.push_address(place);
        self.body.ins().i32_const(out.cast_signed());
        self.call_checked("rt_neg");
        out
    }
}

/// Number of an operator for `rt_arith`.
pub(crate) fn number(op: BinaryOp) -> i32 {
    match op {
        BinaryOp::Add => 0,
        BinaryOp::Sub => 1,
        BinaryOp::Mul => 2,
        BinaryOp::Div => 3,
        BinaryOp::Rem => 4,
        _ => 5,
    }
}
