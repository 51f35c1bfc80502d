use defacto_check::{Expr, Type};
use defacto_frames::abi::cell;
use wasm_encoder::ValType;

use crate::unit::Emitter;
use crate::value::{Kind, Null, Operand, Place, Scalar, Source, Text};

/// Locals that take the value of whichever branch runs.
#[derive(Debug, Clone, Copy)]
enum Slot {
    Null,
    Scalar { kind: Kind, value: u32, null: u32 },
    Text { address: u32, length: u32, null: u32 },
    Cell { address: u32 },
}

impl Emitter<'_, '_> {
    /// `if c then a else b`.
    pub(crate) fn conditional(
        &mut self,
        condition: &Expr,
        a: &Expr,
        b: &Expr,
        r#type: Type,
    ) -> Operand {
        self.truth(condition);
        let slot = self.slot(r#type);
        self.body.if_();
        let never_a = self.branch(a, r#type, slot);
        self.body.else_();
        let never_b = self.branch(b, r#type, slot);
        self.body.end();
        slot.operand(never_a && never_b)
    }

    /// `coalesce(a, …)`: the first value that is not null; nothing behind it is evaluated.
    pub(crate) fn coalesce(&mut self, arguments: &[Expr], r#type: Type) -> Operand {
        let slot = self.slot(r#type);
        let mut open = 0;
        let mut never = false;
        for (place, argument) in (1..).zip(arguments) {
            never = self.branch(argument, r#type, slot);
            if never || place == arguments.len() {
                break;
            }
            self.push_slot_null(slot);
            self.body.if_();
            open += 1;
        }
        for _ in 0..open {
            self.body.end();
        }
        if arguments.is_empty() { Operand::Null } else { slot.operand(never) }
    }

    fn branch(&mut self, expr: &Expr, r#type: Type, slot: Slot) -> bool {
        let operand = if matches!(slot, Slot::Cell { .. }) {
            Operand::Cell(self.cell_of(expr))
        } else {
            let operand = self.expression(expr);
            self.convert(operand, r#type)
        };
        self.assign(operand, slot)
    }

    fn slot(&mut self, r#type: Type) -> Slot {
        match r#type {
            Type::Null => Slot::Null,
            Type::String => Slot::Text {
                address: self.body.local(ValType::I32),
                length: self.body.local(ValType::I32),
                null: self.body.local(ValType::I32),
            },
            Type::Bool
            | Type::Int
            | Type::Float
            | Type::DateTime
            | Type::Duration
            | Type::List
            | Type::Object
            | Type::Any => match Kind::of(r#type) {
                Some(kind) => Slot::Scalar {
                    kind,
                    value: self.body.local(kind.local_type()),
                    null: self.body.local(ValType::I32),
                },
                None => Slot::Cell { address: self.body.local(ValType::I32) },
            },
        }
    }

    /// Sets the locals; tells whether the value is never null.
    fn assign(&mut self, operand: Operand, slot: Slot) -> bool {
        match (operand, slot) {
            (Operand::Scalar(scalar), Slot::Scalar { value, null, .. }) => {
                self.push(scalar.source);
                self.body.ins().local_set(value);
                self.push_null(scalar.null);
                self.body.ins().local_set(null);
                scalar.null == Null::Never
            }
            (Operand::Text(text), Slot::Text { address, length, null }) => {
                self.push(text.address);
                self.body.ins().local_set(address);
                self.push(text.length);
                self.body.ins().local_set(length);
                self.push_null(text.null);
                self.body.ins().local_set(null);
                text.null == Null::Never
            }
            (operand, Slot::Cell { address }) => {
                let place = self.cell(operand);
                self.push_address(place);
                self.body.ins().local_set(address);
                false
            }
            (_, Slot::Scalar { null, .. }) => {
                self.body.ins().i32_const(1).local_set(null);
                false
            }
            (_, Slot::Text { length, null, .. }) => {
                self.body.ins().i32_const(0).local_set(length).i32_const(1).local_set(null);
                false
            }
            (_, Slot::Null) => false,
        }
    }

    /// Pushes 1 where the slot holds null.
    fn push_slot_null(&mut self, slot: Slot) {
        match slot {
            Slot::Null => {
                self.body.ins().i32_const(1);
            }
            Slot::Scalar { null, .. } | Slot::Text { null, .. } => {
                self.body.ins().local_get(null);
            }
            Slot::Cell { address } => {
                self.push_tag(Place::Behind(address, 0));
                self.body.ins().i32_const(i32::from(cell::NULL)).i32_eq();
            }
        }
    }
}

impl Slot {
    fn operand(self, never_null: bool) -> Operand {
        let null = |local| if never_null { Null::Never } else { Null::Local(local) };
        match self {
            Self::Null => Operand::Null,
            Self::Scalar { kind, value, null: flag } => {
                Operand::Scalar(Scalar { kind, source: Source::Local(value), null: null(flag) })
            }
            Self::Text { address, length, null: flag } => Operand::Text(Text {
                address: Source::Local(address),
                length: Source::Local(length),
                null: null(flag),
            }),
            Self::Cell { address } => Operand::Cell(Place::Behind(address, 0)),
        }
    }
}
