use defacto_check::{Effect, EffectKind, EntityEvent, Expr};
use defacto_frames::abi::{NONE, cell, code, desc};

use crate::constants::count;
use crate::unit::Emitter;
use crate::value::Place;

/// Addresses of the descriptors of edge properties, one list per relationship.
pub(crate) type EdgeProperties = Vec<u32>;

impl Emitter<'_, '_> {
    /// Guard and effects of a handler or rule. The record is parameter 1.
    pub(crate) fn guarded_effects(
        &mut self,
        guard: Option<&Expr>,
        effects: &[Effect],
        event: Option<&EntityEvent>,
        edges: &EdgeProperties,
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
            self.call("rt_effect");
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
        let mark = self.body.mark();
        let fails = self.body.fails();
        self.truth(condition);
        if self.body.fails() == fails {
            self.body.ins().i32_eqz().br_if(0);
            return;
        }
        // It may fail, and then somebody is to blame.
        self.body.rewind(mark);
        self.body.block();
        self.body.open_target();
        self.truth(condition);
        // True: on behind the blame. Else: out of the block that was the innermost.
        self.body.ins().br_if(1).br(2);
        self.body.close_target();
        self.blame(code, field);
        self.body.end();
    }

    fn effect(&mut self, effect: &EffectKind, event: Option<&EntityEvent>, edges: &EdgeProperties) {
        match effect {
            EffectKind::Create => {
                self.push_record();
                self.call("rt_create");
            }
            EffectKind::Transition { to } => {
                self.push_record();
                self.body.ins().i32_const(to.cast_signed());
                self.call_checked("rt_transition");
            }
            EffectKind::Set { property, value } => {
                self.store_effect("rt_set", *property, value);
            }
            EffectKind::Increment { property, by } => {
                self.store_effect("rt_increment", *property, by);
            }
            EffectKind::Relate { relate, properties } => {
                let relationship = usize::try_from(*relate)
                    .ok()
                    .and_then(|r| event?.relates.get(r))
                    .map_or(0, |r| r.relationship);
                let descriptors = usize::try_from(relationship)
                    .ok()
                    .and_then(|r| edges.get(r))
                    .copied()
                    .unwrap_or_default();
                self.relate(*relate, properties, descriptors);
            }
        }
    }

    fn store_effect(&mut self, function: &str, property: u32, value: &Expr) {
        let place = self.blaming(code::I03, property, |e| e.cell_of(value));
        self.push_record();
        self.body.ins().i32_const(property.cast_signed());
        self.push_address(place);
        self.call_checked(function);
    }

    fn relate(&mut self, relate: u32, properties: &[Option<Expr>], descriptors: u32) {
        let cells = self.room(count(properties.len()));
        for (number, value) in (0..).zip(properties) {
            let out = Place::Fixed(cells + number * cell::SIZE);
            let Some(value) = value else {
                self.store(crate::value::Operand::Null, out);
                continue;
            };
            let place = self.blaming(code::I03, number, |e| e.cell_of(value));
            self.blaming(code::I04, number, |e| {
                e.body.ins().i32_const((descriptors + number * desc::property::SIZE).cast_signed());
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
