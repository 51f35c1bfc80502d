//! Builds descriptor tables and frames in native memory.

use defacto_frames::abi::{
    self, NEVER, NONE, cell as tags,
    desc::{entity, property, root, rule, state as state_desc, value_type},
    entity_row, event_row, header, item, record,
};
use defacto_functions::Val;

use crate::{
    arena, cell,
    cell::Value,
    memory,
    table::native::{Entry, add},
};

pub(super) const DAY: i64 = 86_400_000_000;
const LAYOUT: u32 = 77;
/// Where descriptors go: below the frame arena.
const CONSTANTS: u32 = 1 << 16;
const ORIGIN: u32 = 1 << 20;

/// Bump allocator of constants, and the program that they make up.
#[derive(Debug)]
pub(super) struct Program {
    next: u32,
    pub(super) root: u32,
}

/// A property of the test entity.
#[derive(Debug, Clone, Copy)]
pub(super) struct Property {
    pub(super) r#type: u32,
    pub(super) default: Value,
    pub(super) max: Value,
    pub(super) compute: Option<fn(u32, u32) -> u32>,
}

impl Default for Property {
    fn default() -> Self {
        Property { r#type: value_type::INTEGER, default: Val::Null, max: Val::Null, compute: None }
    }
}

/// A rule: kind, threshold, function.
pub(super) type Rule = (u32, i64, fn(u32, u32) -> u32);

/// A handler, and whether it creates.
pub(super) type Handler = Option<(fn(u32, u32) -> u32, bool)>;

/// An entity type: properties, per state its rules and handlers by event, and `always` by event.
#[derive(Debug)]
pub(super) struct Entity<'a> {
    pub(super) properties: &'a [Property],
    pub(super) states: &'a [(&'a [Rule], &'a [Handler])],
    pub(super) always: &'a [Handler],
}

impl Program {
    /// A program of one entity type.
    pub(super) fn new(model: &Entity<'_>) -> Self {
        arena::start(ORIGIN, CONSTANTS / 2, 4096);
        let mut program = Program { next: CONSTANTS, root: 0 };
        let properties = program.take(model.properties.len() as u32 * property::SIZE);
        for (p, at) in model.properties.iter().zip((properties..).step_by(property::SIZE as usize))
        {
            memory::put_u32(at + property::TYPE, p.r#type);
            memory::put_u32(at + property::COMPUTE, p.compute.map_or(0, |f| add(Entry::Two(f))));
            memory::put_u32(at + property::MAX_LENGTH, NONE);
            cell::encode(p.default, at + property::DEFAULT);
            if p.max != Val::Null {
                let bound = program.take(tags::SIZE);
                cell::encode(p.max, bound);
                memory::put_u32(at + property::MAX, bound);
            }
        }
        let states = program.take(model.states.len() as u32 * state_desc::SIZE);
        let events = model.always.len() as u32;
        let handlers = program.take(model.states.len() as u32 * events * 4);
        let always = program.take(events * 4);
        for ((i, (rules, when)), at) in
            (0..).zip(model.states).zip((states..).step_by(state_desc::SIZE as usize))
        {
            let table = program.take(rules.len() as u32 * rule::SIZE);
            memory::put_u32(at + state_desc::RULES, table);
            memory::put_u32(at + state_desc::RULE_COUNT, rules.len() as u32);
            for ((kind, threshold, run), at) in
                rules.iter().zip((table..).step_by(rule::SIZE as usize))
            {
                memory::put_u32(at + rule::KIND, *kind);
                memory::put_u32(at + rule::RUN, add(Entry::Two(*run)));
                memory::put_i64(at + rule::THRESHOLD, *threshold);
            }
            write_handlers(when, handlers + i * events * 4);
        }
        write_handlers(model.always, always);
        let desc = program.take(entity::SIZE);
        for (field, value) in [
            (entity::PROPERTIES, properties),
            (entity::PROPERTY_COUNT, model.properties.len() as u32),
            (entity::START, 0),
            (entity::STATES, states),
            (entity::STATE_COUNT, model.states.len() as u32),
            (entity::EVENT_COUNT, events),
            (entity::HANDLERS, handlers),
            (entity::ALWAYS, always),
        ] {
            memory::put_u32(desc + field, value);
        }
        program.root = program.take(root::SIZE);
        memory::put_u32(program.root + root::LAYOUT, LAYOUT);
        memory::put_u32(program.root + root::ENTITIES, desc);
        memory::put_u32(program.root + root::ENTITY_COUNT, 1);
        program
    }

    /// A program without entity types.
    pub(super) fn empty() -> Self {
        arena::start(ORIGIN, CONSTANTS / 2, 4096);
        let mut program = Program { next: CONSTANTS, root: 0 };
        program.root = program.words(&[LAYOUT, 0, 0, 0, 0, 0, 0]);
        program
    }

    /// Constant words.
    pub(super) fn words(&mut self, words: &[u32]) -> u32 {
        let at = self.take(words.len() as u32 * 4);
        for (word, at) in words.iter().zip((at..).step_by(4)) {
            memory::put_u32(at, *word);
        }
        at
    }

    /// A constant text.
    pub(super) fn text(&mut self, text: &str) -> u32 {
        let at = self.take(text.len() as u32);
        memory::put_bytes(at, text.as_bytes());
        at
    }

    /// Zeroed room for constants.
    pub(super) fn take(&mut self, len: u32) -> u32 {
        let at = self.next.next_multiple_of(8);
        self.next = at + len;
        assert!(self.next < ORIGIN, "too many constants");
        memory::put_bytes(at, &vec![0; len as usize]);
        at
    }
}

fn write_handlers(handlers: &[Handler], at: u32) {
    for (handler, at) in handlers.iter().zip((at..).step_by(4)) {
        let word = handler.map_or(0, |(f, creates)| {
            add(Entry::Two(f)) | if creates { abi::desc::CREATES } else { 0 }
        });
        memory::put_u32(at, word);
    }
}

/// Writes the head of a frame at the start of the arena and gives room for its rows.
pub(super) fn frame(kind: u32, rows: u32, row_size: u32, instant: i64) -> u32 {
    arena::finish();
    let at = arena::canonical(0, 0, 1, header::SIZE + rows * row_size);
    memory::put_bytes(at, &vec![0; (header::SIZE + rows * row_size) as usize]);
    memory::put_u32(at + header::ABI, abi::ABI);
    memory::put_u32(at + header::LAYOUT, LAYOUT);
    memory::put_u32(at + header::KIND, kind);
    memory::put_u32(at + header::ROWS, rows);
    memory::put_i64(at + header::INSTANT, instant);
    at
}

/// Length of the frame, everything allocated so far.
pub(super) fn length(frame: u32) -> u32 {
    arena::allocate(0, 8) - frame
}

/// An event: type, cell, day.
pub(super) type Event = (u32, Value, i64);

/// What happened to an entity.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    /// Day, state, properties, last event's day, changed.
    Row(i64, u32, Vec<Value>, i64, bool),
    /// Day, code, field.
    Failure(i64, u32, u32),
    /// Day, relate.
    Relate(i64, u32),
}

/// Runs events (times in days) and rules on an entity that does not exist yet.
pub(super) fn run(
    program: &Program,
    properties: u32,
    events: &[Event],
    until: i64,
) -> (u32, Vec<Item>) {
    let frame = frame(abi::kind::INTERPRET, 1, entity_row::SIZE, until);
    let size = record::HEAD + properties * tags::SIZE;
    let record = arena::allocate(size, 8);
    memory::put_bytes(record, &vec![0; size as usize]);
    memory::put_i64(record + record::LAST_EVENT, NEVER);
    memory::put_i64(record + record::LAST_RULE, NEVER);
    let rows = arena::allocate(events.len() as u32 * event_row::SIZE, 8);
    for ((event, value, day), at) in events.iter().zip((rows..).step_by(event_row::SIZE as usize)) {
        let cell = arena::allocate(tags::SIZE, 8);
        cell::encode(*value, cell);
        memory::put_u32(at + event_row::EVENT, *event);
        memory::put_u32(at + event_row::CELLS, cell);
        memory::put_i64(at + event_row::TIMESTAMP, day * DAY);
    }
    let row = frame + header::SIZE;
    memory::put_u32(row + entity_row::RECORD, record);
    memory::put_u32(row + entity_row::EVENTS, rows);
    memory::put_u32(row + entity_row::EVENT_COUNT, events.len() as u32);
    crate::interpret::run(program.root, frame, length(frame));
    (record, items(frame, properties))
}

fn items(frame: u32, properties: u32) -> Vec<Item> {
    let mut items = Vec::new();
    let mut at = memory::u32_at(frame + header::RESULTS);
    while at != 0 {
        let body = at + item::HEAD;
        let day = memory::i64_at(at + item::INSTANT) / DAY;
        items.push(match memory::u32_at(at + item::KIND) {
            item::SNAPSHOT => {
                let record = body + 8;
                Item::Row(
                    day,
                    memory::u32_at(record + record::STATE),
                    (0..properties)
                        .map(|i| cell::decode(crate::effects::slot(record, i)))
                        .collect(),
                    memory::i64_at(record + record::LAST_EVENT) / DAY,
                    memory::u32_at(body) == 1,
                )
            }
            item::RELATE => Item::Relate(day, memory::u32_at(body)),
            _ => Item::Failure(day, memory::u32_at(body), memory::u32_at(body + abi::fault::FIELD)),
        });
        at = memory::u32_at(at + item::NEXT);
    }
    items
}

/// A cell of the arena with this value.
pub(super) fn temporary(value: Value) -> u32 {
    let at = arena::allocate(tags::SIZE, 8);
    cell::encode(value, at);
    at
}
