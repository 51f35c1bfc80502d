//! Events on an entity and time rules (language.md 6 and 7).

use defacto_check::{Effect, EffectKind, Entity, EntityEvent, Expr, Handler, Rule, RuleKind};
use defacto_functions::FaultKind;
use defacto_model::{FailureCode, Micros, Timestamp, Value};
use defacto_ports::{EntityInput, EntityOutput, EventInput, FaultReport, Item, ItemCause, Record};

use crate::evaluate::Names;
use crate::trouble::Trouble;
use crate::values;

/// Most rules at one instant.
const PER_INSTANT: u32 = 1_000;
/// Most rules in one call of `advance`.
const PER_CALL: u32 = 1_000_000;

/// What one call counts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) effects: u64,
    pub(crate) transitions: u64,
}

/// One entity at work.
pub(crate) struct Machine<'a> {
    entity: &'a Entity,
    id: defacto_model::EntityId,
    record: Option<Record>,
    items: Vec<Item>,
    counts: &'a mut Counts,
}

/// Applies the events of one entity, then rules due strictly before `advance_to`.
pub(crate) fn run(
    entity: &Entity,
    input: EntityInput,
    advance_to: Option<Timestamp>,
    counts: &mut Counts,
) -> EntityOutput {
    let record = input.record.filter(|record| record.exists);
    let mut machine = Machine { entity, id: input.id, record, items: Vec::new(), counts };
    for (ordinal, event) in input.events.iter().enumerate() {
        machine.event(ordinal, event);
    }
    if let Some(until) = advance_to {
        machine.advance(until);
    }
    let next_due = machine.earliest().map(|(due, _)| due);
    let record = machine.record.map(|record| Record { next_due, ..record });
    EntityOutput { record, items: machine.items }
}

impl Machine<'_> {
    fn event(&mut self, ordinal: usize, event: &EventInput) {
        self.advance(event.timestamp);
        let r#type = event.event.and_then(|at| self.entity.events.get(at as usize));
        let cause = ItemCause::Event(ordinal);
        let existed = self.record.is_some();
        let entity = self.entity;
        let state = self.record.as_ref().map_or(entity.start, |record| record.state);
        let own = entity.states.get(state as usize).and_then(|state| {
            state.when.iter().find(|(at, _)| Some(*at) == event.event).map(|(_, handler)| handler)
        });
        let own = own.filter(|handler| existed || handler.creates);
        let always = r#type.and_then(|r#type| r#type.always.as_ref());
        self.step(cause, event.timestamp, |machine, instant| {
            let mut related = false;
            if let (Some(handler), Some(r#type)) = (own, r#type) {
                related |= machine.handler(handler, r#type, instant, cause, &event.cells)?;
            }
            if let (Some(handler), Some(r#type)) = (always, r#type)
                && (handler.creates || machine.record.is_some())
            {
                related |= machine.handler(handler, r#type, instant, cause, &event.cells)?;
            }
            Ok(related)
        });
    }

    /// Runs one event or rule: all of it or nothing. `run` tells whether a `relate` was executed.
    fn step(
        &mut self,
        cause: ItemCause,
        instant: Timestamp,
        run: impl FnOnce(&mut Self, Timestamp) -> Result<bool, Trouble>,
    ) {
        let before = self.record.clone();
        let (items, counts) = (self.items.len(), *self.counts);
        let outcome = run(self, instant).and_then(|related| {
            self.store_computed(instant)?;
            Ok(related)
        });
        if let Err(trouble) = &outcome {
            self.record.clone_from(&before);
            self.items.truncate(items);
            *self.counts = counts;
            let code = match cause {
                ItemCause::Event(_) => trouble.code.unwrap_or(FailureCode::I01),
                ItemCause::Rule { .. } => FailureCode::T01,
            };
            let fault =
                FaultReport { code, field: trouble.field.clone(), message: trouble.message() };
            self.items.push(Item::Failure { cause, instant, fault });
        }
        if matches!(cause, ItemCause::Event(_)) {
            self.received(instant);
        }
        let Ok(related) = outcome else { return };
        let changed = match (&before, &self.record) {
            (None, None) => false,
            (Some(before), Some(after)) => {
                before.state != after.state
                    || before.entered != after.entered
                    || before.properties != after.properties
            }
            _ => true,
        };
        if (changed || related)
            && let Some(record) = self.record.clone()
        {
            self.items.push(Item::Snapshot { cause, instant, changed, record });
        }
    }

    /// Notes that an event came: `last_event_time`, and inactivity may fire again.
    fn received(&mut self, instant: Timestamp) {
        let entity = self.entity;
        let Some(record) = &mut self.record else { return };
        record.last_event = Some(instant);
        let rules = entity.states.get(record.state as usize).map_or(&[][..], |state| &state.after);
        for (bit, rule) in rules.iter().enumerate() {
            if rule.kind == RuleKind::Inactivity {
                record.latches &= !(1 << bit);
            }
        }
    }

    fn names<'n>(&'n self, instant: Timestamp, cells: &'n [Value]) -> Names<'n> {
        Names {
            now: instant.as_micros(),
            cells,
            entity: Some(self.entity),
            record: self.record.as_ref(),
            id: Some(self.id),
            ..Names::default()
        }
    }

    fn store_computed(&mut self, instant: Timestamp) -> Result<(), Trouble> {
        let entity = self.entity;
        for (at, property) in
            entity.properties.iter().enumerate().filter(|(_, p)| p.compute.is_some())
        {
            if self.record.is_none() {
                return Ok(());
            }
            let value = self.names(instant, &[]).computed(property)?;
            if let Some(slot) =
                self.record.as_mut().and_then(|record| record.properties.get_mut(at))
            {
                *slot = value;
            }
        }
        Ok(())
    }

    fn handler(
        &mut self,
        handler: &Handler,
        event: &EntityEvent,
        instant: Timestamp,
        cause: ItemCause,
        cells: &[Value],
    ) -> Result<bool, Trouble> {
        self.guarded(handler.guard.as_ref(), &handler.effects, Some(event), instant, cause, cells)
    }

    fn guarded(
        &mut self,
        guard: Option<&Expr>,
        effects: &[Effect],
        event: Option<&EntityEvent>,
        instant: Timestamp,
        cause: ItemCause,
        cells: &[Value],
    ) -> Result<bool, Trouble> {
        let mut related = false;
        let passes = self.names(instant, cells).holds(guard);
        if !passes.map_err(|trouble| trouble.blame(FailureCode::I01, None))? {
            return Ok(false);
        }
        for effect in effects {
            let passes = self.names(instant, cells).holds(effect.condition.as_ref());
            if !passes.map_err(|trouble| trouble.blame(FailureCode::I02, None))? {
                continue;
            }
            self.counts.effects += 1;
            related |= matches!(effect.kind, EffectKind::Relate { .. });
            self.effect(&effect.kind, event, instant, cause, cells)?;
        }
        Ok(related)
    }

    fn existing(&mut self) -> Result<&mut Record, Trouble> {
        self.record.as_mut().ok_or_else(|| {
            Trouble::new(FaultKind::NoEntity, Value::Null).blame(FailureCode::I06, None)
        })
    }

    fn effect(
        &mut self,
        effect: &EffectKind,
        event: Option<&EntityEvent>,
        instant: Timestamp,
        cause: ItemCause,
        cells: &[Value],
    ) -> Result<(), Trouble> {
        match effect {
            EffectKind::Create => self.create(instant),
            EffectKind::Transition { to } => {
                let record = self.existing()?;
                record.state = *to;
                record.entered = instant;
                record.latches = 0;
                self.counts.transitions += 1;
            }
            EffectKind::Set { property, value } => {
                let raises =
                    |trouble: Trouble| trouble.blame(FailureCode::I03, self.name_of(*property));
                let value = self.names(instant, cells).evaluate(value).map_err(raises)?;
                self.existing()?;
                self.assign(*property, &value)?;
            }
            EffectKind::Increment { property, by } => {
                let raises =
                    |trouble: Trouble| trouble.blame(FailureCode::I03, self.name_of(*property));
                let by = self.names(instant, cells).evaluate(by).map_err(raises)?;
                let current = self
                    .existing()?
                    .properties
                    .get(*property as usize)
                    .cloned()
                    .unwrap_or_default();
                if by == Value::Null {
                    return Ok(());
                }
                let raises =
                    |trouble: Trouble| trouble.blame(FailureCode::I03, self.name_of(*property));
                let number = |value: &Value| {
                    matches!(value, Value::Int(_) | Value::Float(_) | Value::BigInt(_))
                };
                if !number(&by) {
                    return Err(raises(Trouble::new(FaultKind::Increment, by)));
                }
                let current = if current == Value::Null { Value::Int(0) } else { current };
                let sum =
                    values::binary(defacto_check::BinaryOp::Add, current, by).map_err(raises)?;
                self.assign(*property, &sum)?;
            }
            EffectKind::Relate { relate, properties } => {
                let values = self.edge(*relate, properties, event, instant, cells)?;
                self.existing()?;
                self.items.push(Item::Relate { cause, relate: *relate, properties: values });
            }
        }
        Ok(())
    }

    fn name_of(&self, property: u32) -> Option<&str> {
        self.entity.properties.get(property as usize).map(|property| property.name.as_str())
    }

    fn create(&mut self, instant: Timestamp) {
        if self.record.is_some() {
            return;
        }
        self.record = Some(Record {
            exists: true,
            state: self.entity.start,
            created: instant,
            entered: instant,
            last_event: None,
            latches: 0,
            last_rule: None,
            next_due: None,
            properties: self
                .entity
                .properties
                .iter()
                .map(|property| property.default.clone())
                .collect(),
        });
    }

    fn assign(&mut self, at: u32, value: &Value) -> Result<(), Trouble> {
        let Some(property) = self.entity.properties.get(at as usize) else { return Ok(()) };
        let value = values::stored(property.r#type, &property.constraints, value)
            .map_err(|trouble| trouble.blame(FailureCode::I04, Some(&property.name)))?;
        if let Some(slot) =
            self.record.as_mut().and_then(|record| record.properties.get_mut(at as usize))
        {
            *slot = value;
        }
        Ok(())
    }

    fn edge(
        &self,
        relate: u32,
        properties: &[Option<Expr>],
        event: Option<&EntityEvent>,
        instant: Timestamp,
        cells: &[Value],
    ) -> Result<Vec<Value>, Trouble> {
        let relationship = event
            .and_then(|event| event.relates.get(relate as usize))
            .and_then(|relate| self.entity.relationships.get(relate.relationship as usize));
        let declared = relationship.map_or(&[][..], |relationship| &relationship.properties);
        let mut values = Vec::with_capacity(properties.len());
        for (expr, property) in properties.iter().zip(declared) {
            let name = Some(property.name.as_str());
            values.push(match expr {
                None => Value::Null,
                Some(expr) => {
                    let raises = |trouble: Trouble| trouble.blame(FailureCode::I03, name);
                    let value = self.names(instant, cells).evaluate(expr).map_err(raises)?;
                    values::stored(property.r#type, &property.constraints, &value)
                        .map_err(|trouble| trouble.blame(FailureCode::I04, name))?
                }
            });
        }
        Ok(values)
    }

    fn due(rule: &Rule, record: &Record) -> Option<Timestamp> {
        let threshold = Micros(rule.threshold_us);
        match rule.kind {
            RuleKind::StateDuration => record.entered.checked_add(threshold),
            RuleKind::Expiration => {
                record.created.checked_add(threshold).map(|due| due.max(record.entered))
            }
            RuleKind::Inactivity => {
                record.last_event?.checked_add(threshold).map(|due| due.max(record.entered))
            }
        }
    }

    /// The rule that is due first, ties by written order.
    fn earliest(&self) -> Option<(Timestamp, u32)> {
        let record = self.record.as_ref()?;
        let rules = &self.entity.states.get(record.state as usize)?.after;
        (0..)
            .zip(rules)
            .filter(|(bit, _)| record.latches & (1 << bit) == 0)
            .filter_map(|(bit, rule)| Some((Self::due(rule, record)?, bit)))
            .min()
    }

    fn advance(&mut self, until: Timestamp) {
        let (mut tried, mut at_instant, mut instant) = (0, 0, None);
        while let Some((due, index)) = self.earliest().filter(|(due, _)| *due < until) {
            let Some(record) = &mut self.record else { return };
            let state = record.state;
            record.latches |= 1 << index;
            record.last_rule = Some(due);
            let cause = ItemCause::Rule { state, rule: index };
            let entity = self.entity;
            let rule =
                entity.states.get(state as usize).and_then(|state| state.after.get(index as usize));
            if let Some(rule) = rule {
                self.step(cause, due, |machine, now| {
                    machine.guarded(rule.guard.as_ref(), &rule.effects, None, now, cause, &[])
                });
            }
            at_instant = if instant == Some(due) { at_instant + 1 } else { 1 };
            instant = Some(due);
            tried += 1;
            if at_instant == PER_INSTANT || tried == PER_CALL {
                self.give_up(cause, due);
                return;
            }
        }
    }

    /// Too many rules: says so and latches all rules of the state reached.
    fn give_up(&mut self, cause: ItemCause, instant: Timestamp) {
        let trouble = Trouble::new(FaultKind::RuleLimit, Value::DateTime(instant));
        let fault = FaultReport { code: FailureCode::T01, field: None, message: trouble.message() };
        self.items.push(Item::Failure { cause, instant, fault });
        let entity = self.entity;
        if let Some(record) = &mut self.record {
            let count =
                entity.states.get(record.state as usize).map_or(0, |state| state.after.len());
            record.latches = (0..count).fold(0, |latches, bit| latches | (1 << bit));
        }
    }
}
