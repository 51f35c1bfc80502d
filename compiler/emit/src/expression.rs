use defacto_check::{BinaryOp, Context, EntityBuiltin, Expr, ExprKind, Type};
use defacto_frames::abi::{NEVER, cell, record};
use defacto_model::ValueType;
use wasm_encoder::ValType;

use crate::body::at4;
use crate::unit::Emitter;
use crate::value::{Kind, Null, Operand, Place, Scalar, Source, Text};

/// What is known of a stored value of a declared type.
pub(crate) fn static_type(declared: ValueType) -> Type {
    match declared {
        ValueType::String => Type::String,
        ValueType::Number => Type::Float,
        ValueType::Integer => Type::Int,
        ValueType::Boolean => Type::Bool,
        ValueType::Datetime => Type::DateTime,
    }
}

impl Emitter<'_, '_> {
    /// Emits an expression.
    pub(crate) fn expression(&mut self, expr: &Expr) -> Operand {
        match &expr.kind {
            ExprKind::Literal(value) => self.literal(value),
            ExprKind::Event(index) => self.event_cell(*index),
            ExprKind::Raw(index) => match self.scope.raw {
                Some(raw) => self.load(Place::Behind(raw, index * cell::SIZE), expr.r#type),
                None => Operand::Null,
            },
            ExprKind::Property(index) => self.property(*index),
            ExprKind::Builtin(which) => self.builtin(*which),
            ExprKind::Value => match self.scope.value {
                Some((local, true)) => self.load(Place::Behind(local, 0), Type::String),
                Some((local, false)) => Operand::Cell(Place::Behind(local, 0)),
                None => Operand::Null,
            },
            ExprKind::Context(which) => match (self.scope.contexts, which) {
                (Some((event, _)), Context::Event) => Operand::Cell(Place::Behind(event, 0)),
                (Some((_, entity)), Context::Entity) => Operand::Cell(Place::Behind(entity, 0)),
                (None, _) => Operand::Null,
            },
            ExprKind::Member(base, name) => self.member(base, name),
            ExprKind::Index(base, index) => {
                let base = self.cell_of(base);
                let index = self.cell_of(index);
                let out = self.room(1);
                self.push_address(base);
                self.push_address(index);
                self.body.ins().i32_const(out.cast_signed());
                self.call_checked("rt_index");
                self.load(Place::Fixed(out), expr.r#type)
            }
            ExprKind::Not(inner) => self.not(inner),
            ExprKind::Neg(inner) => self.negation(inner, expr.r#type),
            ExprKind::Binary(op, a, b) => match op {
                BinaryOp::Eq => self.equality(a, b, false),
                BinaryOp::Ne => self.equality(a, b, true),
                BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => self.order(*op, a, b),
                BinaryOp::Add
                | BinaryOp::Sub
                | BinaryOp::Mul
                | BinaryOp::Div
                | BinaryOp::Rem
                | BinaryOp::Pow => match self.chain(expr) {
                    Some(chain) => self.chain_value(&chain),
                    None => self.arithmetic(*op, a, b, expr.r#type),
                },
            },
            ExprKind::And(a, b) => self.kleene(a, b, true),
            ExprKind::Or(a, b) => self.kleene(a, b, false),
            ExprKind::If(condition, a, b) => self.conditional(condition, a, b, expr.r#type),
            ExprKind::Call(function, arguments) => {
                self.function_call(*function, arguments, expr.r#type)
            }
            ExprKind::Foreign(number, arguments) => self.foreign(*number, arguments, expr.r#type),
            ExprKind::Coalesce(arguments) => self.coalesce(arguments, expr.r#type),
            ExprKind::Now => {
                self.call("rt_now");
                let source = Source::Local(self.save(ValType::I64));
                Operand::Scalar(Scalar { kind: Kind::DateTime, source, null: Null::Never })
            }
        }
    }

    /// The value of an expression in memory.
    pub(crate) fn cell_of(&mut self, expr: &Expr) -> Place {
        if let ExprKind::Literal(value) = &expr.kind {
            return Place::Fixed(self.unit.constants.cell(value));
        }
        let operand = self.expression(expr);
        self.cell(operand)
    }

    /// Writes the value of an expression into a cell.
    pub(crate) fn store_expression(&mut self, expr: &Expr, to: Place) {
        let operand = match &expr.kind {
            ExprKind::Literal(value) => {
                Operand::Cell(Place::Fixed(self.unit.constants.cell(value)))
            }
            _ => self.expression(expr),
        };
        self.store(operand, to);
    }

    fn event_cell(&mut self, index: u32) -> Operand {
        let known = usize::try_from(index).ok().and_then(|i| self.scope.event_cells.get(i));
        match (self.scope.event, known) {
            (Some(event), Some(known)) => {
                self.load(Place::Behind(event, index * cell::SIZE), known.r#type)
            }
            _ => Operand::Null,
        }
    }

    fn property(&mut self, index: u32) -> Operand {
        let entity = self.scope.entity;
        let known = usize::try_from(index).ok().and_then(|i| entity?.properties.get(i));
        let (Some(record), Some(property)) = (self.scope.record, known) else {
            return Operand::Null;
        };
        let r#type = static_type(property.r#type);
        if property.compute.is_none() {
            return self.load(Place::Behind(record, record::HEAD + index * cell::SIZE), r#type);
        }
        let out = self.room(1);
        self.body
            .ins()
            .local_get(record)
            .i32_const(index.cast_signed())
            .i32_const(out.cast_signed());
        self.call_checked("rt_computed");
        self.load(Place::Fixed(out), r#type)
    }

    fn builtin(&mut self, which: EntityBuiltin) -> Operand {
        let Some(record) = self.scope.record else { return Operand::Null };
        self.body.ins().local_get(record).i32_load(at4(record::EXISTS)).i32_eqz();
        let missing = self.save(ValType::I32);
        let null = Null::Local(missing);
        match which {
            EntityBuiltin::State => {
                let names = self.scope.state_names;
                self.body.ins().local_get(record).i32_load(at4(record::STATE));
                self.body.ins().i32_const(3).i32_shl();
                let place = self.save(ValType::I32);
                let address = Source::Memory(Place::Behind(place, names), ValType::I32);
                // A null has the length 0.
                self.body.ins().i32_const(0);
                self.push(Source::Memory(Place::Behind(place, names + 4), ValType::I32));
                self.body.ins().local_get(missing).select();
                let length = Source::Local(self.save(ValType::I32));
                Operand::Text(Text { address, length, null })
            }
            EntityBuiltin::Id => {
                let entity = self.scope.entity;
                if !entity.is_some_and(|e| e.reads_id) {
                    return Operand::Null;
                }
                let count = entity.map_or(0, |e| crate::constants::count(e.properties.len()));
                let place = Place::Behind(record, record::HEAD + count * cell::SIZE);
                match self.load(place, Type::String) {
                    Operand::Text(text) => {
                        let null = self.either_null(null, text.null);
                        self.body.ins().i32_const(0);
                        self.push(text.length);
                        self.body.ins().local_get(missing).select();
                        let length = Source::Local(self.save(ValType::I32));
                        Operand::Text(Text { length, null, ..text })
                    }
                    other => other,
                }
            }
            EntityBuiltin::CreatedTime => Operand::Scalar(instant(record, record::CREATED, null)),
            EntityBuiltin::StateEnteredTime => {
                Operand::Scalar(instant(record, record::ENTERED, null))
            }
            EntityBuiltin::LastEventTime => {
                let time = instant(record, record::LAST_EVENT, null);
                self.push(time.source);
                self.body.ins().i64_const(NEVER).i64_eq().local_get(missing).i32_or();
                let null = Null::Local(self.save(ValType::I32));
                Operand::Scalar(Scalar { null, ..time })
            }
        }
    }

    fn member(&mut self, base: &Expr, name: &str) -> Operand {
        let base = self.cell_of(base);
        let (address, length) = self.unit.constants.text(name);
        let out = self.room(1);
        self.push_address(base);
        self.body.ins().i32_const(address.cast_signed()).i32_const(length.cast_signed());
        self.body.ins().i32_const(out.cast_signed());
        self.call("rt_member");
        Operand::Cell(Place::Fixed(out))
    }
}

/// A time in the head of a record.
fn instant(record: u32, offset: u32, null: Null) -> Scalar {
    let source = Source::Memory(Place::Behind(record, offset), ValType::I64);
    Scalar { kind: Kind::DateTime, source, null }
}
