use defacto_check::{BinaryOp, Expr, ExprKind, Type};
use defacto_frames::abi::cell;
use defacto_model::Value;
use wasm_encoder::ValType;

use crate::body::at;
use crate::unit::Emitter;
use crate::value::{Kind, Null, Operand, Place, Scalar, Source, Text};

/// Texts up to this length are compared word by word in place.
const INLINE_TEXT: usize = 32;

/// Integers up to this magnitude are doubles exactly.
const EXACT: u64 = 1 << 53;

impl Emitter<'_, '_> {
    /// `a == b`, `a != b`: never null, never a fault of its own.
    pub(crate) fn equality(&mut self, a: &Expr, b: &Expr, negated: bool) -> Operand {
        let source = match (text_literal(a), text_literal(b)) {
            (None, Some(literal)) => {
                let a = self.expression(a);
                self.equals_text(a, literal)
            }
            (Some(literal), None) => {
                let b = self.expression(b);
                self.equals_text(b, literal)
            }
            _ => {
                let a = self.expression(a);
                let b = self.expression(b);
                self.equals(a, b)
            }
        };
        let source = if negated {
            self.push(source);
            self.body.ins().i32_eqz();
            Source::Local(self.save(ValType::I32))
        } else {
            source
        };
        Operand::Scalar(Scalar { kind: Kind::Bool, source, null: Null::Never })
    }

    fn equals(&mut self, a: Operand, b: Operand) -> Source {
        match (a, b) {
            (Operand::Null, other) | (other, Operand::Null) => self.is_null(other),
            (Operand::Scalar(a), Operand::Scalar(b)) => match self.same_kind(a, b) {
                Some((a, b)) => {
                    self.push(a.source);
                    self.push(b.source);
                    match a.kind {
                        Kind::Bool => self.body.ins().i32_eq(),
                        Kind::Float => self.body.ins().f64_eq(),
                        Kind::Int | Kind::DateTime | Kind::Duration => self.body.ins().i64_eq(),
                    };
                    self.unless_null(a.null, b.null);
                    Source::Local(self.save(ValType::I32))
                }
                None if numbers(a, b) => {
                    self.equals_generally(Operand::Scalar(a), Operand::Scalar(b))
                }
                None => self.both_null(a.null, b.null),
            },
            (Operand::Text(a), Operand::Text(b)) => self.equals_texts(a, b),
            (Operand::Scalar(Scalar { null: a, .. }), Operand::Text(Text { null: b, .. }))
            | (Operand::Text(Text { null: a, .. }), Operand::Scalar(Scalar { null: b, .. })) => {
                self.both_null(a, b)
            }
            (Operand::Cell(_), _) | (_, Operand::Cell(_)) => self.equals_generally(a, b),
        }
    }

    fn equals_generally(&mut self, a: Operand, b: Operand) -> Source {
        let a = self.cell(a);
        let b = self.cell(b);
        self.push_address(a);
        self.push_address(b);
        self.call("rt_eq");
        Source::Local(self.save(ValType::I32))
    }

    fn is_null(&mut self, operand: Operand) -> Source {
        match operand {
            Operand::Null => Source::I32(1),
            Operand::Scalar(Scalar { null, .. }) | Operand::Text(Text { null, .. }) => match null {
                Null::Never => Source::I32(0),
                Null::Local(local) => Source::Local(local),
                Null::Tag(_) => {
                    self.push_null(null);
                    Source::Local(self.save(ValType::I32))
                }
            },
            Operand::Cell(place) => {
                self.push_tag(place);
                self.body.ins().i32_eqz();
                Source::Local(self.save(ValType::I32))
            }
        }
    }

    fn both_null(&mut self, a: Null, b: Null) -> Source {
        if a == Null::Never || b == Null::Never {
            return Source::I32(0);
        }
        self.push_null(a);
        self.push_null(b);
        self.body.ins().i32_and();
        Source::Local(self.save(ValType::I32))
    }

    /// With the equality of the payloads on the stack: both null, or neither null and equal.
    fn unless_null(&mut self, a: Null, b: Null) {
        match (a, b) {
            (Null::Never, Null::Never) => {}
            (Null::Never, null) | (null, Null::Never) => self.and_not_null(null),
            (a, b) => {
                self.push_null(a);
                self.body.ins().i32_or();
                self.push_null(a);
                self.push_null(b);
                self.body.ins().i32_eq().i32_and();
            }
        }
    }

    fn equals_texts(&mut self, a: Text, b: Text) -> Source {
        let result = self.body.local(ValType::I32);
        let null = self.either_null(a.null, b.null);
        if null != Null::Never {
            let both = self.both_null(a.null, b.null);
            self.push(both);
            self.body.set(result);
        }
        let open = self.if_not_null(null);
        self.push_texts(a, b);
        self.call("rt_str_eq");
        self.body.set(result);
        if open {
            self.body.end();
        }
        Source::Local(result)
    }

    fn push_texts(&mut self, a: Text, b: Text) {
        for source in [a.address, a.length, b.address, b.length] {
            self.push(source);
        }
    }

    /// Equality with a text that is known now.
    fn equals_text(&mut self, operand: Operand, literal: &str) -> Source {
        let text = match operand {
            Operand::Null | Operand::Scalar(_) => return Source::I32(0),
            Operand::Text(text) => text,
            Operand::Cell(place) => {
                let Operand::Text(text) = self.load(place, Type::String) else {
                    return Source::I32(0);
                };
                text
            }
        };
        self.push(text.length);
        self.body.ins().i32_const(crate::constants::count(literal.len()).cast_signed()).i32_eq();
        if let Operand::Cell(place) = operand {
            self.push_tag(place);
            self.body.ins().i32_const(i32::from(cell::STRING)).i32_eq().i32_and();
        } else if literal.is_empty() {
            self.and_not_null(text.null);
        }
        if !literal.is_empty() {
            let address = if literal.len() > 8 { self.pin(text.address) } else { text.address };
            self.body.if_i32();
            if literal.len() > INLINE_TEXT {
                self.push(address);
                self.push(text.length);
                let (constant, length) = self.unit.constants.text(literal);
                self.body.ins().i32_const(constant.cast_signed()).i32_const(length.cast_signed());
                self.call("rt_str_eq");
            } else {
                self.push_words_equal(address, literal.as_bytes());
            }
            self.body.else_();
            self.body.ins().i32_const(0);
            self.body.end();
        }
        Source::Local(self.save(ValType::I32))
    }

    /// Pushes whether the bytes at an address are these.
    fn push_words_equal(&mut self, address: Source, mut rest: &[u8]) {
        let mut offset = 0;
        while !rest.is_empty() {
            self.push(address);
            if let Some((word, behind)) = rest.split_first_chunk::<8>() {
                self.body.ins().i64_load(at(offset)).i64_const(i64::from_le_bytes(*word)).i64_eq();
                (offset, rest) = (offset + 8, finish_word(&mut self.body, offset, behind));
            } else if let Some((word, behind)) = rest.split_first_chunk::<4>() {
                self.body.ins().i32_load(at(offset)).i32_const(i32::from_le_bytes(*word)).i32_eq();
                (offset, rest) = (offset + 4, finish_word(&mut self.body, offset, behind));
            } else if let Some((byte, behind)) = rest.split_first() {
                self.body.ins().i32_load8_u(at(offset)).i32_const(i32::from(*byte)).i32_eq();
                (offset, rest) = (offset + 1, finish_word(&mut self.body, offset, behind));
            }
        }
    }

    /// `a < b` and so on: Bool, or null where an operand is null.
    pub(crate) fn order(&mut self, op: BinaryOp, a: &Expr, b: &Expr) -> Operand {
        let a = self.expression(a);
        let b = self.expression(b);
        self.order_operands(op, a, b)
    }

    fn order_operands(&mut self, op: BinaryOp, a: Operand, b: Operand) -> Operand {
        match (a, b) {
            (Operand::Null, _) | (_, Operand::Null) => Operand::Null,
            (Operand::Scalar(x), Operand::Scalar(y)) => match self.same_kind(x, y) {
                Some((x, y)) if x.kind != Kind::Bool => {
                    self.push(x.source);
                    self.push(y.source);
                    push_order(&mut self.body, op, x.kind == Kind::Float);
                    let source = Source::Local(self.save(ValType::I32));
                    let null = self.either_null(x.null, y.null);
                    Operand::Scalar(Scalar { kind: Kind::Bool, source, null })
                }
                _ => self.order_generally(op, a, b),
            },
            (Operand::Text(x), Operand::Text(y)) => {
                let null = self.either_null(x.null, y.null);
                let result = self.body.local(ValType::I32);
                let open = self.if_not_null(null);
                self.push_texts(x, y);
                self.call("rt_str_cmp");
                self.body.ins().i32_const(0);
                match op {
                    BinaryOp::Lt => self.body.ins().i32_lt_s(),
                    BinaryOp::Le => self.body.ins().i32_le_s(),
                    BinaryOp::Gt => self.body.ins().i32_gt_s(),
                    _ => self.body.ins().i32_ge_s(),
                };
                self.body.ins().local_set(result);
                if open {
                    self.body.end();
                }
                Operand::Scalar(Scalar { kind: Kind::Bool, source: Source::Local(result), null })
            }
            _ => self.order_generally(op, a, b),
        }
    }

    /// Leaves the innermost block unless `a < b` and so on.
    pub(crate) fn leave_unless_ordered(&mut self, op: BinaryOp, a: &Expr, b: &Expr) {
        let a = self.expression(a);
        let b = self.expression(b);
        let pair = match (a, b) {
            (Operand::Scalar(a), Operand::Scalar(b)) => {
                self.same_kind(a, b).filter(|(a, _)| a.kind != Kind::Bool)
            }
            _ => None,
        };
        let Some((a, b)) = pair else {
            let operand = self.order_operands(op, a, b);
            self.push_truth(operand);
            self.body.ins().i32_eqz().br_if(0);
            return;
        };
        for null in [a.null, b.null] {
            if null != Null::Never {
                self.push_null(null);
                self.body.ins().br_if(0);
            }
        }
        // Neither is null, and then neither is NaN: the opposite is the negation.
        self.push(a.source);
        self.push(b.source);
        let opposite = match op {
            BinaryOp::Lt => BinaryOp::Ge,
            BinaryOp::Le => BinaryOp::Gt,
            BinaryOp::Gt => BinaryOp::Le,
            _ => BinaryOp::Lt,
        };
        push_order(&mut self.body, opposite, a.kind == Kind::Float);
        self.body.ins().br_if(0);
    }

    fn order_generally(&mut self, op: BinaryOp, a: Operand, b: Operand) -> Operand {
        let a = self.cell(a);
        let b = self.cell(b);
        let out = self.room(1);
        self.body.ins().i32_const(match op {
            BinaryOp::Lt => 0,
            BinaryOp::Le => 1,
            BinaryOp::Gt => 2,
            _ => 3,
        });
        self.push_address(a);
        self.push_address(b);
        self.body.ins().i32_const(out.cast_signed());
        self.call_checked("rt_compare");
        self.load(Place::Fixed(out), Type::Bool)
    }

    /// Both as payloads of one kind, where that loses nothing.
    fn same_kind(&mut self, a: Scalar, b: Scalar) -> Option<(Scalar, Scalar)> {
        match (a.kind, b.kind) {
            (x, y) if x == y => Some((a, b)),
            (Kind::Int, Kind::Float) if exact(a.source) => Some((self.as_float(a), b)),
            (Kind::Float, Kind::Int) if exact(b.source) => Some((a, self.as_float(b))),
            _ => None,
        }
    }

    fn as_float(&mut self, scalar: Scalar) -> Scalar {
        let source = self.float_of(scalar.source);
        Scalar { kind: Kind::Float, source, ..scalar }
    }
}

fn finish_word<'b>(body: &mut crate::body::Body, offset: u32, rest: &'b [u8]) -> &'b [u8] {
    if offset > 0 {
        body.ins().i32_and();
    }
    rest
}

fn push_order(body: &mut crate::body::Body, op: BinaryOp, float: bool) {
    match (op, float) {
        (BinaryOp::Lt, true) => body.ins().f64_lt(),
        (BinaryOp::Le, true) => body.ins().f64_le(),
        (BinaryOp::Gt, true) => body.ins().f64_gt(),
        (_, true) => body.ins().f64_ge(),
        (BinaryOp::Lt, false) => body.ins().i64_lt_s(),
        (BinaryOp::Le, false) => body.ins().i64_le_s(),
        (BinaryOp::Gt, false) => body.ins().i64_gt_s(),
        (_, false) => body.ins().i64_ge_s(),
    };
}

fn text_literal(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Literal(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// An integer constant that is a double exactly.
fn exact(source: Source) -> bool {
    matches!(source, Source::I64(x) if x.unsigned_abs() <= EXACT)
}

fn numbers(a: Scalar, b: Scalar) -> bool {
    [a, b].iter().all(|s| matches!(s.kind, Kind::Int | Kind::Float))
}
