use defacto_check::Type;
use defacto_frames::abi::cell;
use defacto_model::{Micros, Timestamp, Value};
use wasm_encoder::{Ieee64, ValType};

use crate::body::{at, at4, at8};
use crate::unit::Emitter;

/// Where a number or address is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Source {
    Local(u32),
    I32(i32),
    I64(i64),
    F64(f64),
}

/// Whether a value is null.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Null {
    Never,
    /// Where the local is 1; it is 0 otherwise.
    Local(u32),
}

/// Types with one number as payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Int,
    Float,
    DateTime,
    Duration,
}

/// A number and its null flag. The payload of a null is arbitrary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scalar {
    pub(crate) kind: Kind,
    pub(crate) source: Source,
    pub(crate) null: Null,
}

/// A text and its null flag. Address and length of a null are arbitrary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Text {
    pub(crate) address: Source,
    pub(crate) length: Source,
    pub(crate) null: Null,
}

/// A cell in memory: base and offset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    pub(crate) base: Source,
    pub(crate) offset: u32,
}

/// A lowered value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Operand {
    Null,
    Scalar(Scalar),
    Text(Text),
    Cell(Place),
}

impl Kind {
    pub(crate) fn of(r#type: Type) -> Option<Self> {
        match r#type {
            Type::Bool => Some(Self::Bool),
            Type::Int => Some(Self::Int),
            Type::Float => Some(Self::Float),
            Type::DateTime => Some(Self::DateTime),
            Type::Duration => Some(Self::Duration),
            Type::Null | Type::String | Type::List | Type::Object | Type::Any => None,
        }
    }

    pub(crate) fn tag(self) -> u8 {
        match self {
            Self::Bool => cell::BOOL,
            Self::Int => cell::INT,
            Self::Float => cell::FLOAT,
            Self::DateTime => cell::DATETIME,
            Self::Duration => cell::DURATION,
        }
    }

    pub(crate) fn local_type(self) -> ValType {
        match self {
            Self::Bool => ValType::I32,
            Self::Float => ValType::F64,
            Self::Int | Self::DateTime | Self::Duration => ValType::I64,
        }
    }
}

impl Place {
    /// A cell at a fixed address.
    pub(crate) fn fixed(address: u32) -> Self {
        Self { base: Source::I32(address.cast_signed()), offset: 0 }
    }

    /// A cell behind the address in a local.
    pub(crate) fn behind(local: u32, offset: u32) -> Self {
        Self { base: Source::Local(local), offset }
    }
}

impl Emitter<'_, '_> {
    pub(crate) fn push(&mut self, source: Source) {
        match source {
            Source::Local(local) => self.body.ins().local_get(local),
            Source::I32(x) => self.body.ins().i32_const(x),
            Source::I64(x) => self.body.ins().i64_const(x),
            Source::F64(x) => self.body.ins().f64_const(Ieee64::from(x)),
        };
    }

    /// Pushes the address of a cell.
    pub(crate) fn push_address(&mut self, place: Place) {
        if let Source::I32(base) = place.base {
            self.body.ins().i32_const(base.wrapping_add_unsigned(place.offset));
            return;
        }
        self.push(place.base);
        if place.offset != 0 {
            self.body.ins().i32_const(place.offset.cast_signed()).i32_add();
        }
    }

    /// Pushes 1 where null, else 0.
    pub(crate) fn push_null(&mut self, null: Null) {
        match null {
            Null::Never => self.body.ins().i32_const(0),
            Null::Local(local) => self.body.ins().local_get(local),
        };
    }

    /// Pops the stack into a new local.
    pub(crate) fn save(&mut self, r#type: ValType) -> u32 {
        let local = self.body.local(r#type);
        self.body.ins().local_set(local);
        local
    }

    /// Null where either is.
    pub(crate) fn either_null(&mut self, a: Null, b: Null) -> Null {
        match (a, b) {
            (Null::Never, other) | (other, Null::Never) => other,
            (Null::Local(a), Null::Local(b)) if a == b => Null::Local(a),
            (Null::Local(a), Null::Local(b)) => {
                self.body.ins().local_get(a).local_get(b).i32_or();
                Null::Local(self.save(ValType::I32))
            }
        }
    }

    /// Pushes the tag of a cell.
    pub(crate) fn push_tag(&mut self, place: Place) {
        self.push(place.base);
        self.body.ins().i32_load8_u(at(place.offset + cell::TAG));
    }

    /// Reads a cell whose value, unless null, is known to be of this type.
    pub(crate) fn load(&mut self, place: Place, r#type: Type) -> Operand {
        match r#type {
            Type::Null => Operand::Null,
            Type::List | Type::Object | Type::Any => Operand::Cell(place),
            Type::String => {
                self.push_tag(place);
                self.body.ins().i32_eqz();
                let null = Null::Local(self.save(ValType::I32));
                self.load_text(place, null)
            }
            Type::Bool | Type::Int | Type::Float | Type::DateTime | Type::Duration => {
                self.push_tag(place);
                self.body.ins().i32_eqz();
                let null = Null::Local(self.save(ValType::I32));
                match Kind::of(r#type) {
                    Some(kind) => self.load_scalar(place, kind, null),
                    None => Operand::Null,
                }
            }
        }
    }

    /// Reads a cell as this type; a value of another type counts as null.
    fn load_checked(&mut self, place: Place, r#type: Type) -> Operand {
        let tag = match Kind::of(r#type) {
            Some(kind) => kind.tag(),
            None if r#type == Type::String => cell::STRING,
            None => return self.load(place, r#type),
        };
        self.push_tag(place);
        self.body.ins().i32_const(i32::from(tag)).i32_ne();
        let null = Null::Local(self.save(ValType::I32));
        match Kind::of(r#type) {
            Some(kind) => self.load_scalar(place, kind, null),
            None => self.load_text(place, null),
        }
    }

    fn load_text(&mut self, place: Place, null: Null) -> Operand {
        self.push(place.base);
        self.body.ins().i32_load(at4(place.offset + cell::PAYLOAD));
        let address = Source::Local(self.save(ValType::I32));
        self.push(place.base);
        self.body.ins().i32_load(at4(place.offset + cell::AUX));
        let length = Source::Local(self.save(ValType::I32));
        Operand::Text(Text { address, length, null })
    }

    pub(crate) fn load_scalar(&mut self, place: Place, kind: Kind, null: Null) -> Operand {
        self.push(place.base);
        let offset = place.offset + cell::PAYLOAD;
        match kind {
            Kind::Bool => self.body.ins().i32_load(at4(offset)),
            Kind::Float => self.body.ins().f64_load(at8(offset)),
            Kind::Int | Kind::DateTime | Kind::Duration => self.body.ins().i64_load(at8(offset)),
        };
        let source = Source::Local(self.save(kind.local_type()));
        Operand::Scalar(Scalar { kind, source, null })
    }

    /// A constant.
    pub(crate) fn literal(&mut self, value: &Value) -> Operand {
        let scalar = |kind, source| Operand::Scalar(Scalar { kind, source, null: Null::Never });
        match value {
            Value::Null => Operand::Null,
            Value::Bool(b) => scalar(Kind::Bool, Source::I32(i32::from(*b))),
            Value::Int(i) => scalar(Kind::Int, Source::I64(*i)),
            Value::Float(f) => scalar(Kind::Float, Source::F64(*f)),
            Value::DateTime(t) => scalar(Kind::DateTime, Source::I64(t.as_micros())),
            Value::Duration(d) => scalar(Kind::Duration, Source::I64(d.0)),
            Value::String(text) => {
                let (address, length) = self.unit.constants.text(text);
                Operand::Text(Text {
                    address: Source::I32(address.cast_signed()),
                    length: Source::I32(length.cast_signed()),
                    null: Null::Never,
                })
            }
            Value::BigInt(_) | Value::List(_) | Value::Object(_) => {
                Operand::Cell(Place::fixed(self.unit.constants.cell(value)))
            }
        }
    }

    /// The value as a cell: where it is, in a constant, or in a cell of its own.
    pub(crate) fn cell(&mut self, operand: Operand) -> Place {
        if let Operand::Cell(place) = operand {
            return place;
        }
        if let Some(value) = constant(operand) {
            return Place::fixed(self.unit.constants.cell(&value));
        }
        let place = Place::fixed(self.room(1));
        self.store(operand, place);
        place
    }

    /// Writes a value into a cell.
    pub(crate) fn store(&mut self, operand: Operand, to: Place) {
        match operand {
            Operand::Null => self.store_null(to),
            Operand::Cell(from) if from == to => {}
            Operand::Cell(from) => {
                for half in [0, 8] {
                    self.push(to.base);
                    self.push(from.base);
                    self.body.ins().i64_load(at8(from.offset + half)).i64_store(at8(to.offset + half));
                }
            }
            Operand::Scalar(scalar) => self.store_unless_null(scalar.null, to, |e| {
                e.push(to.base);
                e.body.ins().i64_const(i64::from(scalar.kind.tag())).i64_store(at8(to.offset));
                e.push(to.base);
                e.push(scalar.source);
                let payload = at8(to.offset + cell::PAYLOAD);
                match scalar.kind {
                    Kind::Bool => e.body.ins().i64_extend_i32_u().i64_store(payload),
                    Kind::Float => e.body.ins().f64_store(payload),
                    Kind::Int | Kind::DateTime | Kind::Duration => e.body.ins().i64_store(payload),
                };
            }),
            Operand::Text(text) => self.store_unless_null(text.null, to, |e| {
                e.push(to.base);
                e.body.ins().i32_const(i32::from(cell::STRING)).i32_store(at4(to.offset));
                e.push(to.base);
                e.push(text.length);
                e.body.ins().i32_store(at4(to.offset + cell::AUX));
                e.push(to.base);
                e.push(text.address);
                e.body.ins().i64_extend_i32_u().i64_store(at8(to.offset + cell::PAYLOAD));
            }),
        }
    }

    fn store_unless_null(&mut self, null: Null, to: Place, store: impl FnOnce(&mut Self)) {
        let Null::Local(flag) = null else { return store(self) };
        self.body.ins().local_get(flag);
        self.body.if_();
        self.store_null(to);
        self.body.else_();
        store(self);
        self.body.end();
    }

    fn store_null(&mut self, to: Place) {
        for half in [0, 8] {
            self.push(to.base);
            self.body.ins().i64_const(0).i64_store(at8(to.offset + half));
        }
    }

    /// The value as one of this static type; one that cannot be of it is null.
    pub(crate) fn convert(&mut self, operand: Operand, to: Type) -> Operand {
        match (operand, to) {
            (_, Type::Any | Type::List | Type::Object) => Operand::Cell(self.cell(operand)),
            (Operand::Cell(place), to) => self.load_checked(place, to),
            (Operand::Scalar(Scalar { kind: Kind::Int, source, null }), Type::Float) => {
                let source = self.to_float(source);
                Operand::Scalar(Scalar { kind: Kind::Float, source, null })
            }
            (Operand::Scalar(scalar), to) if Kind::of(to) == Some(scalar.kind) => operand,
            (Operand::Text(_), Type::String) => operand,
            _ => Operand::Null,
        }
    }

    /// An Int as the nearest Float.
    pub(crate) fn to_float(&mut self, source: Source) -> Source {
        if let Source::I64(x) = source {
            #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is meant")]
            return Source::F64(x as f64);
        }
        self.push(source);
        self.body.ins().f64_convert_i64_s();
        Source::Local(self.save(ValType::F64))
    }
}

/// The value of an operand that is known now.
fn constant(operand: Operand) -> Option<Value> {
    match operand {
        Operand::Null => Some(Value::Null),
        Operand::Scalar(Scalar { kind, source, null: Null::Never }) => match (kind, source) {
            (Kind::Bool, Source::I32(b)) => Some(Value::Bool(b != 0)),
            (Kind::Int, Source::I64(i)) => Some(Value::Int(i)),
            (Kind::Float, Source::F64(f)) => Some(Value::Float(f)),
            (Kind::DateTime, Source::I64(t)) => Timestamp::from_micros(t).map(Value::DateTime),
            (Kind::Duration, Source::I64(d)) => Some(Value::Duration(Micros(d))),
            _ => None,
        },
        Operand::Scalar(_) | Operand::Text(_) | Operand::Cell(_) => None,
    }
}
