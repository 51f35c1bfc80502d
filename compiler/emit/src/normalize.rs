use defacto_check::{Mapping, SchemaCheck, SourceEvent};
use defacto_frames::abi::{NONE, cell, code};
use defacto_model::{Value, ValueType};

use crate::body::Body;
use crate::constants::count;
use crate::descriptors::value_type_number;
use crate::expression::static_type;
use crate::unit::Emitter;
use crate::value::{Kind, Null, Operand, Place, Scalar, Text};

/// Parameter with the address of the out cells.
const OUT: u32 = 1;

impl Emitter<'_, '_> {
    /// Every field of an event in name order, then the schema's checks. `checks` are the addresses of the
    /// descriptors of the schema's fields.
    pub(crate) fn normalize_event(&mut self, event: &SourceEvent, checks: &[u32]) {
        for (number, mapping) in (0..).zip(&event.mappings) {
            self.statement();
            self.mapping(number, mapping);
        }
        let schema = event.schema.as_deref().unwrap_or_default();
        for (check, descriptor) in schema.iter().zip(checks) {
            self.statement();
            let coerced = check
                .mapping
                .and_then(|m| event.mappings.get(usize::try_from(m).ok()?))
                .and_then(|m| m.coerce);
            self.check(check, *descriptor, coerced);
        }
    }

    fn mapping(&mut self, number: u32, mapping: &Mapping) {
        let out = Place::Behind(OUT, number * cell::SIZE);
        let value = if mapping.computed {
            self.blaming(code::N05, number, |e| e.expression(&mapping.value))
        } else {
            self.expression(&mapping.value)
        };
        match mapping.coerce {
            Some(to) if !already(value, to) => self.coerce(number, value, to, out),
            _ => self.store(value, out),
        }
        if mapping.default == Value::Null || never_null(value) {
            return;
        }
        self.push_tag(out);
        self.body.ins().i32_eqz();
        self.body.if_();
        let default = Place::Fixed(self.unit.constants.cell(&mapping.default));
        self.store(Operand::Cell(default), out);
        self.body.end();
    }

    /// The value as the declared type; one of that type already, or null, is copied.
    fn coerce(&mut self, number: u32, value: Operand, to: ValueType, out: Place) {
        let from = self.cell(value);
        self.push_tag(from);
        self.body.ins().i32_const(i32::from(declared_tag(to))).i32_eq();
        self.body.if_();
        self.store(Operand::Cell(from), out);
        self.body.else_();
        self.blaming(code::N06, number, |e| {
            e.body.ins().i32_const(value_type_number(to).cast_signed());
            e.push_address(from);
            e.push_address(out);
            e.call_checked("rt_coerce");
        });
        self.body.end();
    }

    /// One field of the schema. `coerced` is the type that its mapping guarantees.
    fn check(&mut self, check: &SchemaCheck, descriptor: u32, coerced: Option<ValueType>) {
        let Some(mapping) = check.mapping else {
            if check.required {
                let null = Place::Fixed(self.unit.constants.cell(&Value::Null));
                let out = Place::Fixed(self.room(1));
                self.call_check(NONE, descriptor, null, out);
            }
            return;
        };
        let place = Place::Behind(OUT, mapping * cell::SIZE);
        if check.constraints != defacto_check::Constraints::default() {
            self.call_check(mapping, descriptor, place, place);
            return;
        }
        if coerced == Some(check.r#type) && !check.required {
            return;
        }
        // Without further constraints a value of the declared type passes, and so does a null that may be.
        self.push_tag(place);
        let tag = i32::from(declared_tag(check.r#type));
        self.body.ins().i32_const(tag).i32_ne();
        if !check.required {
            self.push_tag(place);
            self.body.ins().i32_const(0).i32_ne().i32_and();
        }
        self.body.if_();
        self.call_check(mapping, descriptor, place, place);
        self.body.end();
    }

    fn call_check(&mut self, field: u32, descriptor: u32, place: Place, out: Place) {
        self.blaming(code::N07, field, |e| {
            e.body.ins().i32_const(descriptor.cast_signed());
            e.push_address(place);
            e.push_address(out);
            e.call_checked("rt_check");
        });
    }
}

/// The function of an expression that writes its value into the cell behind parameter `out`.
pub(crate) fn finish_into(
    mut emitter: Emitter<'_, '_>,
    value: &defacto_check::Expr,
    out: u32,
) -> Body {
    emitter.store_expression(value, Place::Behind(out, 0));
    emitter.body
}

/// Tag of a value of a declared type.
pub(crate) fn declared_tag(declared: ValueType) -> u8 {
    match declared {
        ValueType::String => cell::STRING,
        ValueType::Number => cell::FLOAT,
        ValueType::Integer => cell::INT,
        ValueType::Boolean => cell::BOOL,
        ValueType::Datetime => cell::DATETIME,
    }
}

/// Whether coercion would change nothing.
fn already(value: Operand, to: ValueType) -> bool {
    match value {
        Operand::Null => true,
        Operand::Scalar(scalar) => Kind::of(static_type(to)) == Some(scalar.kind),
        Operand::Text(_) => to == ValueType::String,
        Operand::Cell(_) => false,
    }
}

fn never_null(value: Operand) -> bool {
    matches!(
        value,
        Operand::Scalar(Scalar { null: Null::Never, .. })
            | Operand::Text(Text { null: Null::Never, .. })
    )
}

/// Number of out cells.
pub(crate) fn fields(event: &SourceEvent) -> u32 {
    count(event.mappings.len())
}
