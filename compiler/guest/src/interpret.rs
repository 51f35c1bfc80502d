//! Events on entities (language.md 6): advance, handlers, computed properties, snapshot; one failing event is
//! undone and the rest goes on.

use defacto_frames::abi::{
    NEVER, NONE,
    cell::SIZE as CELL,
    desc::{self, CREATES},
    entity_row, event_row, header, kind, record,
};

use crate::{
    arena, cell, computed, effects, fault::blame_rule, frame::Frame, item, memory, rules,
    state::state, table,
};

/// What stays the same for all entities of a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine {
    /// Descriptor of the entity type.
    pub(crate) entity: u32,
    /// Descriptors of its states.
    pub(crate) states: u32,
    properties: u32,
    /// Bytes of a record.
    size: u32,
    /// Room for a record: what it was before the step.
    before: u32,
    /// Room for a cell.
    scratch: u32,
    computes: bool,
    event_count: u32,
}

/// Whether a step is an event or a rule: they differ in how a failure is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// An event.
    Event,
    /// A time rule.
    Rule,
}

/// `rt_interpret`.
pub(crate) fn run(program: u32, ptr: u32, len: u32) {
    let frame = Frame::open(program, ptr, len, kind::INTERPRET, entity_row::SIZE);
    let s = state();
    let machine = Machine::open(program, &frame);
    s.tail.set(ptr + header::RESULTS);
    memory::put_u32(ptr + header::RESULTS, 0);
    s.effects.set(0);
    s.transitions.set(0);
    for row in 0..frame.row_count {
        s.row.set(row);
        machine.entity(&frame, frame.row(row, entity_row::SIZE));
    }
    memory::put_u64(ptr + header::EFFECTS, s.effects.get());
    memory::put_u64(ptr + header::TRANSITIONS, s.transitions.get());
}

impl Machine {
    fn open(program: u32, frame: &Frame) -> Self {
        use desc::{entity, property, root};
        let entity = frame.descriptor(program, root::ENTITIES, root::ENTITY_COUNT, entity::SIZE);
        let properties = memory::u32_at(entity + entity::PROPERTIES);
        let count = memory::u32_at(entity + entity::PROPERTY_COUNT);
        let cells = count + u32::from(memory::u32_at(entity + entity::READS_ID) != 0);
        let size = record::HEAD + cells * CELL;
        let s = state();
        s.entity.set(entity);
        s.properties.set(properties);
        Machine {
            entity,
            states: memory::u32_at(entity + entity::STATES),
            properties: count,
            size,
            before: arena::allocate(size, arena::ALIGN),
            scratch: arena::allocate(CELL, arena::ALIGN),
            computes: (0..count).any(|index| {
                memory::u32_at(properties + index * property::SIZE + property::COMPUTE) != 0
            }),
            event_count: memory::u32_at(entity + entity::EVENT_COUNT),
        }
    }

    /// All events of one entity, then its rules up to the frame's instant.
    fn entity(&self, frame: &Frame, row: u32) {
        let record = memory::u32_at(row + entity_row::RECORD);
        let mut event = memory::u32_at(row + entity_row::EVENTS);
        let count = memory::u32_at(row + entity_row::EVENT_COUNT);
        frame.range(record, 1, self.size);
        if count != 0 {
            frame.range(event, count, event_row::SIZE);
        }
        if memory::u32_at(record + record::STATE) >= self.state_count() {
            memory::trap();
        }
        for ordinal in 0..count {
            self.event(frame, record, ordinal, event);
            event += event_row::SIZE;
        }
        let exists = effects::exists(record);
        if exists && frame.instant != NEVER {
            rules::advance(self, record, frame.instant);
        }
        let due = if exists { rules::next_due(self, record) } else { NEVER };
        memory::put_i64(record + record::NEXT_DUE, due);
    }

    fn state_count(&self) -> u32 {
        memory::u32_at(self.entity + desc::entity::STATE_COUNT)
    }

    fn event(&self, frame: &Frame, record: u32, ordinal: u32, event: u32) {
        let s = state();
        let timestamp = memory::i64_at(event + event_row::TIMESTAMP);
        let existed = effects::exists(record);
        if existed {
            rules::advance(self, record, timestamp);
        }
        let cells = memory::u32_at(event + event_row::CELLS);
        if cells != 0 {
            frame.range(cells, 1, CELL);
        }
        s.event.set(ordinal);
        s.rule_state.set(NONE);
        s.rule.set(NONE);
        s.now.set(timestamp);
        let (first, always) =
            self.handlers(record, existed, memory::u32_at(event + event_row::EVENT));
        if first | always == 0 && !(existed && self.computes) {
            if existed {
                self.touch(record, timestamp);
            }
            return;
        }
        self.step(record, Cause::Event, timestamp, || {
            let mut status = 0;
            if first != 0 {
                status = table::rt_call2(first, cells, record);
            }
            // A handler that does not create is considered if the entity exists by its turn.
            if status == 0 && always != 0 && (always & CREATES != 0 || effects::exists(record)) {
                status = table::rt_call2(always & !CREATES, cells, record);
            }
            status
        });
    }

    /// Function of the state's handler, and the word of the `always` handler (language.md 6.3).
    fn handlers(&self, record: u32, existed: bool, event: u32) -> (u32, u32) {
        use desc::entity::{ALWAYS, HANDLERS, START};
        if event == NONE {
            return (0, 0);
        }
        if event >= self.event_count {
            memory::trap();
        }
        let from = if existed { record + record::STATE } else { self.entity + START };
        let row = memory::u32_at(from) * self.event_count;
        let handlers = memory::u32_at(self.entity + HANDLERS);
        let mut first = memory::u32_at(handlers + (row + event) * 4);
        if !existed && first & CREATES == 0 {
            first = 0;
        }
        let mut always = memory::u32_at(memory::u32_at(self.entity + ALWAYS) + event * 4);
        if !existed && first == 0 && always & CREATES == 0 {
            always = 0;
        }
        (first & !CREATES, always)
    }

    /// Runs a step at the logical instant: all of it or, on a fault, none. For an event, `timestamp` becomes
    /// the last event's even after a fault.
    pub(crate) fn step(
        &self,
        record: u32,
        cause: Cause,
        timestamp: i64,
        run: impl FnOnce() -> u32,
    ) {
        let s = state();
        let (tail, effects, transitions) = (s.tail.get(), s.effects.get(), s.transitions.get());
        s.related.set(false);
        memory::copy(self.before, record, self.size);
        let mut status = run();
        if status == 0 && self.computes && effects::exists(record) {
            status = computed::store(record, self.scratch);
        }
        let failed = status != 0;
        if failed {
            memory::copy(record, self.before, self.size);
            item::truncate(tail);
            s.effects.set(effects);
            s.transitions.set(transitions);
            if cause == Cause::Rule {
                blame_rule();
            }
            item::failure();
        }
        if cause == Cause::Event && effects::exists(record) {
            self.touch(record, timestamp);
        }
        if !failed {
            let changed = self.changed(record);
            if changed || s.related.get() {
                item::snapshot(record, self.size, changed);
            }
        }
    }

    /// Notes that an event has come: inactivity starts over.
    fn touch(&self, record: u32, timestamp: i64) {
        memory::put_i64(record + record::LAST_EVENT, timestamp);
        if memory::u64_at(record + record::LATCHES) != 0 {
            rules::unlatch_inactivity(self, record);
        }
    }

    /// Whether existence, state, time of entry or a stored property differ from before the step.
    fn changed(&self, record: u32) -> bool {
        let before = self.before;
        memory::u64_at(record) != memory::u64_at(before)
            || memory::u64_at(record + record::ENTERED) != memory::u64_at(before + record::ENTERED)
            || (0..self.properties).any(|index| {
                !cell::same(effects::slot(record, index), effects::slot(before, index))
            })
    }
}

const _: () = assert!(record::EXISTS == 0 && record::STATE == 4);
