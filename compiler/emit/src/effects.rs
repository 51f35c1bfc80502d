use defacto_check::{BinaryOp, Effect, EffectKind, EntityEvent, Expr, ExprKind};
use defacto_frames::abi::{NONE, cell, code, desc};

use defacto_model::Value;

use crate::chain::{Chain, two_operations};
use crate::constants::count;
use crate::shared::Shared;
use crate::unit::Emitter;
use crate::value::Place;

/// Properties of the edges of one relationship.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct EdgeProperties {
    /// Address of their descriptors.
    pub(crate) descriptors: u32,
    /// Number of the first one, as failures count (`defacto_frames::abi::fault::FIELD`).
    pub(crate) first: u32,
}

impl Emitter<'_, '_> {
    /// Guard and effects of a handler or rule. The record is parameter 1.
    pub(crate) fn guarded_effects(
        &mut self,
        guard: Option<&Expr>,
        effects: &[Effect],
        event: Option<&EntityEvent>,
        edges: &[EdgeProperties],
    ) {
        if let Some(guard) = guard {
            self.body.block();
            self.skip_unless(guard, code::I01, NONE);
        }
        for (number, effect) in (0..).zip(effects) {
            self.statement();
            if let Some(condition) = &effect.condition {
                self.body.block();
                self.skip_unless(condition, code::I02, number);
            }
            self.effect(&effect.kind, event, edges);
            if effect.condition.is_some() {
                self.body.end();
            }
        }
        if guard.is_some() {
            self.body.end();
        }
    }

    /// Leaves the innermost block unless the condition holds.
    fn skip_unless(&mut self, condition: &Expr, code: u32, field: u32) {
        self.blaming(code, field, |e| e.leave_unless(condition));
    }

    fn leave_unless(&mut self, condition: &Expr) {
        match &condition.kind {
            // Where the right side cannot fail, it does not matter whether a null on the left reaches it.
            ExprKind::And(a, b) if self.certain(b) => {
                self.leave_unless(a);
                self.leave_unless(b);
            }
            ExprKind::Binary(
                op @ (BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge),
                a,
                b,
            ) => self.leave_unless_ordered(*op, a, b),
            _ => {
                self.truth(condition);
                self.body.ins().i32_eqz().br_if(0);
            }
        }
    }

    fn effect(
        &mut self,
        effect: &EffectKind,
        event: Option<&EntityEvent>,
        edges: &[EdgeProperties],
    ) {
        match effect {
            EffectKind::Create => {
                self.push_record();
                self.call_shared(Shared::Create);
            }
            EffectKind::Transition { to } => {
                self.push_record();
                self.body.ins().i32_const(to.cast_signed());
                self.call_shared_checked(Shared::Transition);
            }
            EffectKind::Set { property, value } => match self.chain(value) {
                Some(chain) => self.set_chain(*property, &chain),
                None => self.store_effect(Shared::Set, "rt_set", *property, value),
            },
            EffectKind::Increment { property, by }
                if by.kind == ExprKind::Literal(Value::Int(1)) =>
            {
                self.push_record();
                self.body.ins().i32_const(property.cast_signed());
                self.call_shared_checked(Shared::IncrementByOne);
            }
            EffectKind::Increment { property, by } => {
                self.store_effect(Shared::Increment, "rt_increment", *property, by);
            }
            EffectKind::Relate { relate, properties } => {
                let relationship = usize::try_from(*relate)
                    .ok()
                    .and_then(|r| event?.relates.get(r))
                    .map_or(0, |r| r.relationship);
                let edge = usize::try_from(relationship)
                    .ok()
                    .and_then(|r| edges.get(r))
                    .copied()
                    .unwrap_or_default();
                self.relate(*relate, properties, edge);
            }
        }
    }

    /// An effect that stores a value: with `shared`, or with `function` where the value may fail, which is then
    /// counted all the same.
    fn store_effect(&mut self, shared: Shared, function: &str, property: u32, value: &Expr) {
        let infallible = self.infallible(value);
        if !infallible {
            self.call("rt_effect");
        }
        let place = self.blaming(code::I03, property, |e| e.cell_of(value));
        self.push_record();
        self.body.ins().i32_const(property.cast_signed());
        self.push_address(place);
        if infallible {
            self.call_shared_checked(shared);
        } else {
            self.call_checked(function);
        }
    }

    /// `set` of an arithmetic value.
    fn set_chain(&mut self, property: u32, chain: &Chain) {
        self.push_record();
        self.body.ins().i32_const(property.cast_signed());
        self.push_chain(chain);
        self.push_present(chain);
        self.call_shared(Shared::SetFloat);
        self.body.if_();
        let record = self.scope.record.unwrap_or(1);
        match two_operations(chain) {
            Some((operations, leaves)) => self.set_two_again(operations, leaves, record, property),
            None => {
                self.set_blame(code::I03, property);
                self.set_chain_again(chain, record, property);
            }
        }
        self.body.end();
    }

    fn relate(&mut self, relate: u32, properties: &[Option<Expr>], edge: EdgeProperties) {
        self.call("rt_effect");
        let cells = self.room(count(properties.len()));
        for (number, value) in (0..).zip(properties) {
            let out = Place::Fixed(cells + number * cell::SIZE);
            let Some(value) = value else {
                self.store(crate::value::Operand::Null, out);
                continue;
            };
            let (field, descriptor) =
                (edge.first + number, edge.descriptors + number * desc::property::SIZE);
            let place = self.blaming(code::I03, field, |e| e.cell_of(value));
            self.blaming(code::I04, field, |e| {
                e.body.ins().i32_const(descriptor.cast_signed());
                e.push_address(place);
                e.push_address(out);
                e.call_checked("rt_convert");
            });
        }
        self.push_record();
        self.body.ins().i32_const(relate.cast_signed()).i32_const(cells.cast_signed());
        self.body.ins().i32_const(count(properties.len()).cast_signed());
        self.call_checked("rt_relate");
    }

    fn push_record(&mut self) {
        let record = self.scope.record.unwrap_or(1);
        self.body.ins().local_get(record);
    }
}
