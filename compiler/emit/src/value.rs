use defacto_check::Type;
use defacto_frames::abi::cell;
use defacto_model::{Micros, Timestamp, Value};
use wasm_encoder::{Ieee64, ValType};

use crate::body::{at, at4, at8};
use crate::unit::{Emitter, Store};

/// A cell in memory: an address and an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// At a fixed address.
    Fixed(u32),
    /// Behind the address in a local.
    Behind(u32, u32),
}

/// Where a number or address is. What is in memory does not change before the statement ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Source {
    Local(u32),
    I32(i32),
    I64(i64),
    F64(f64),
    /// A number of this type in memory.
    Memory(Place, ValType),
}

/// Whether a value is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Null {
    Never,
    /// Where the local is 1; it is 0 otherwise.
    Local(u32),
    /// Where the tag of the cell says so.
    Tag(Place),
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

/// A text and its null flag. A null has the length 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Text {
    pub(crate) address: Source,
    pub(crate) length: Source,
    pub(crate) null: Null,
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
    pub(crate) fn plus(self, more: u32) -> Self {
        match self {
            Self::Fixed(address) => Self::Fixed(address + more),
            Self::Behind(local, offset) => Self::Behind(local, offset + more),
        }
    }
}

/// The number in a cell.
fn scalar_at(place: Place, kind: Kind, null: Null) -> Scalar {
    let source = Source::Memory(place.plus(cell::PAYLOAD), kind.local_type());
    Scalar { kind, source, null }
}

/// The text in a cell.
fn text_at(place: Place, null: Null) -> Text {
    let address = Source::Memory(place.plus(cell::PAYLOAD), ValType::I32);
    Text { address, length: Source::Memory(place.plus(cell::AUX), ValType::I32), null }
}

/// The cell from which a value is read, if that is all it is.
pub(crate) fn home(operand: Operand) -> Option<Place> {
    match operand {
        Operand::Cell(place) => Some(place),
        Operand::Scalar(scalar @ Scalar { null: Null::Tag(place), .. }) => {
            (scalar == scalar_at(place, scalar.kind, scalar.null)).then_some(place)
        }
        Operand::Text(text @ Text { null: Null::Tag(place), .. }) => {
            (text == text_at(place, text.null)).then_some(place)
        }
        Operand::Null | Operand::Scalar(_) | Operand::Text(_) => None,
    }
}

impl Emitter<'_, '_> {
    /// Pushes the base of a memory access; returns the rest as offset.
    fn push_base(&mut self, place: Place) -> u32 {
        match place {
            Place::Fixed(address) => {
                self.body.ins().i32_const(0);
                address
            }
            Place::Behind(local, offset) => {
                self.body.get(local);
                offset
            }
        }
    }

    pub(crate) fn push(&mut self, source: Source) {
        match source {
            Source::Local(local) => self.body.get(local),
            Source::I32(x) => {
                self.body.ins().i32_const(x);
            }
            Source::I64(x) => {
                self.body.ins().i64_const(x);
            }
            Source::F64(x) => {
                self.body.ins().f64_const(Ieee64::from(x));
            }
            Source::Memory(place, r#type) => {
                let offset = self.push_base(place);
                match r#type {
                    ValType::F64 => self.body.ins().f64_load(at8(offset)),
                    ValType::I64 => self.body.ins().i64_load(at8(offset)),
                    _ => self.body.ins().i32_load(at4(offset)),
                };
            }
        }
    }

    /// The same number, where reading it several times costs little.
    pub(crate) fn pin(&mut self, source: Source) -> Source {
        let Source::Memory(_, r#type) = source else { return source };
        self.push(source);
        Source::Local(self.save(r#type))
    }

    /// Pushes the address of a cell.
    pub(crate) fn push_address(&mut self, place: Place) {
        match place {
            Place::Fixed(address) => {
                self.body.ins().i32_const(address.cast_signed());
            }
            Place::Behind(local, 0) => self.body.get(local),
            Place::Behind(local, offset) => {
                self.body.get(local);
                self.body.ins().i32_const(offset.cast_signed()).i32_add();
            }
        }
    }

    /// Pushes the tag of a cell.
    pub(crate) fn push_tag(&mut self, place: Place) {
        let offset = self.push_base(place);
        self.body.ins().i32_load8_u(at(offset + cell::TAG));
    }

    /// Pushes 1 where null, else 0.
    pub(crate) fn push_null(&mut self, null: Null) {
        match null {
            Null::Never => {
                self.body.ins().i32_const(0);
            }
            Null::Local(local) => self.body.get(local),
            Null::Tag(place) => {
                self.push_tag(place);
                self.body.ins().i32_eqz();
            }
        }
    }

    /// With a Bool on the stack: 1 where it is true and the flag says that it is not null.
    pub(crate) fn and_not_null(&mut self, null: Null) {
        if null != Null::Never {
            self.push_null(null);
            self.body.ins().i32_eqz().i32_and();
        }
    }

    /// Opens an `if` that runs where the flag says not null, unless that is always so.
    pub(crate) fn if_not_null(&mut self, null: Null) -> bool {
        match null {
            Null::Never => return false,
            Null::Local(local) => {
                self.body.get(local);
                self.body.ins().i32_eqz();
            }
            Null::Tag(place) => self.push_tag(place),
        }
        self.body.if_();
        true
    }

    /// Pops the stack into a new local.
    pub(crate) fn save(&mut self, r#type: ValType) -> u32 {
        let local = self.body.local(r#type);
        self.body.set(local);
        local
    }

    /// Null where either is.
    pub(crate) fn either_null(&mut self, a: Null, b: Null) -> Null {
        match (a, b) {
            (Null::Never, other) | (other, Null::Never) => other,
            (a, b) if a == b => a,
            (a, b) => {
                self.push_null(a);
                self.push_null(b);
                self.body.ins().i32_or();
                Null::Local(self.save(ValType::I32))
            }
        }
    }

    /// A cell whose value, unless null, is known to be of this type.
    pub(crate) fn load(&mut self, place: Place, r#type: Type) -> Operand {
        match (Kind::of(r#type), r#type) {
            (Some(kind), _) => Operand::Scalar(scalar_at(place, kind, Null::Tag(place))),
            (None, Type::String) => Operand::Text(text_at(place, Null::Tag(place))),
            (None, Type::Null) => Operand::Null,
            (None, _) => Operand::Cell(place),
        }
    }

    /// Reads a cell as this type; a value of another type counts as null.
    fn load_checked(&mut self, place: Place, r#type: Type) -> Operand {
        let kind = Kind::of(r#type);
        let tag = match kind {
            Some(kind) => kind.tag(),
            None if r#type == Type::String => cell::STRING,
            None => return self.load(place, r#type),
        };
        self.push_tag(place);
        self.body.ins().i32_const(i32::from(tag)).i32_ne();
        let null = self.save(ValType::I32);
        if let Some(kind) = kind {
            return Operand::Scalar(scalar_at(place, kind, Null::Local(null)));
        }
        let text = text_at(place, Null::Local(null));
        self.body.ins().i32_const(0);
        self.push(text.length);
        self.body.get(null);
        self.body.ins().select();
        let length = Source::Local(self.save(ValType::I32));
        Operand::Text(Text { length, ..text })
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
                Operand::Cell(Place::Fixed(self.unit.constants.cell(value)))
            }
        }
    }

    /// The value as a cell: where it is, in a constant, or in a cell of its own.
    pub(crate) fn cell(&mut self, operand: Operand) -> Place {
        if let Some(place) = home(operand) {
            return place;
        }
        if let Some(value) = constant(operand) {
            return Place::Fixed(self.unit.constants.cell(&value));
        }
        let place = Place::Fixed(self.room(1));
        self.store(operand, place);
        place
    }

    /// Writes a value into a cell.
    pub(crate) fn store(&mut self, operand: Operand, to: Place) {
        match (operand, home(operand)) {
            (_, Some(from)) => self.copy(from, to),
            (Operand::Null, _) => {
                for half in [0, 8] {
                    let offset = self.push_base(to.plus(half));
                    self.body.ins().i64_const(0).i64_store(at8(offset));
                }
            }
            (Operand::Scalar(scalar), _) => self.store_scalar(scalar, to),
            (Operand::Text(text), _) => {
                self.push_address(to);
                self.push(text.address);
                self.push(text.length);
                self.push_null(text.null);
                self.call_store(Store::Text);
            }
            (Operand::Cell(from), None) => self.copy(from, to),
        }
    }

    pub(crate) fn copy(&mut self, from: Place, to: Place) {
        if from == to {
            return;
        }
        for half in [0, 8] {
            let offset = self.push_base(to.plus(half));
            self.push(Source::Memory(from.plus(half), ValType::I64));
            self.body.ins().i64_store(at8(offset));
        }
    }

    fn store_scalar(&mut self, scalar: Scalar, to: Place) {
        self.push_address(to);
        if scalar.kind == Kind::Float {
            self.push(scalar.source);
            self.push_null(scalar.null);
            return self.call_store(Store::Float);
        }
        self.body.ins().i32_const(i32::from(scalar.kind.tag()));
        self.push_bits(scalar);
        self.push_null(scalar.null);
        self.call_store(Store::Number);
    }

    /// Pushes a payload as i64.
    pub(crate) fn push_bits(&mut self, scalar: Scalar) {
        self.push(scalar.source);
        match scalar.kind {
            Kind::Bool => {
                self.body.ins().i64_extend_i32_u();
            }
            Kind::Float => {
                self.body.ins().i64_reinterpret_f64();
            }
            Kind::Int | Kind::DateTime | Kind::Duration => {}
        }
    }

    fn call_store(&mut self, store: Store) {
        let function = self.unit.store_function(store);
        self.body.ins().call(function);
    }

    /// The value as one of this static type; one that cannot be of it is null.
    pub(crate) fn convert(&mut self, operand: Operand, to: Type) -> Operand {
        match (operand, to) {
            (_, Type::Any | Type::List | Type::Object) => Operand::Cell(self.cell(operand)),
            (Operand::Cell(place), to) => self.load_checked(place, to),
            (Operand::Scalar(Scalar { kind: Kind::Int, source, null }), Type::Float) => {
                let source = self.float_of(source);
                Operand::Scalar(Scalar { kind: Kind::Float, source, null })
            }
            (Operand::Scalar(scalar), to) if Kind::of(to) == Some(scalar.kind) => operand,
            (Operand::Text(_), Type::String) => operand,
            _ => Operand::Null,
        }
    }

    /// An Int as the nearest Float.
    pub(crate) fn float_of(&mut self, source: Source) -> Source {
        if let Source::I64(x) = source {
            #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is meant")]
            return Source::F64(x as f64);
        }
        self.push(source);
        self.body.ins().f64_convert_i64_s();
        Source::Local(self.save(ValType::F64))
    }
}

/// The value of an operand that is known now, unless it is text.
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
