//! The exports of the world `normalizer`, in the layout of the component model's canonical ABI.
//!
//! What `wit-bindgen` generates makes lists of lists of what a module returns, copies them into others of the ABI's layout, and
//! frees both, list by list. Here the events and the values of a batch stand in one list each, which the next call uses again.
//! The layouts are those of `repr(C)` on wasm32; their sizes are checked below.

#![allow(
    unsafe_code,
    reason = "what crosses the boundary is addresses; see the comment at each block"
)]
#![allow(dead_code, reason = "the engine makes some of the types below, and reads the others")]

use crate::bindings::defacto::engine::types::RawRecord;
use crate::module::{Module, Results, Runner};
use crate::{Failure, Record, Value};

/// `list<T>`; of bytes also `string`.
#[derive(Debug)]
#[repr(C)]
struct List<T> {
    first: *const T,
    count: usize,
}

/// `raw-record`
#[derive(Debug)]
#[repr(C, u8)]
enum Raw {
    Json(List<u8>),
    Row(List<Column>),
    Text(List<u8>),
    Bytes(List<u8>),
}

/// `tuple<string, string>`
#[derive(Debug)]
#[repr(C)]
struct Column {
    name: List<u8>,
    text: List<u8>,
}

/// `value`
#[derive(Debug)]
#[repr(C, u8)]
enum Slot {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(List<u8>),
    Datetime(i64),
    Duration(i64),
    Json(List<u8>),
}

/// `event`
#[derive(Debug)]
#[repr(C)]
struct Event {
    event_type: u32,
    timestamp: i64,
    values: List<Slot>,
}

/// `result<list<event>, failure>`
#[derive(Debug)]
#[repr(C, u8)]
enum Outcome {
    Made(List<Event>),
    Failed { code: List<u8>, field: Field, message: List<u8> },
}

/// `option<string>`
#[derive(Debug)]
#[repr(C, u8)]
enum Field {
    None,
    Some(List<u8>),
}

/// `result<string, string>`
#[derive(Debug)]
#[repr(C, u8)]
enum Described {
    Said(List<u8>),
    Refused(List<u8>),
}

const _: () = {
    assert!(size_of::<Raw>() == 12 && align_of::<Raw>() == 4);
    assert!(size_of::<Column>() == 16 && size_of::<Described>() == 12);
    assert!(size_of::<Slot>() == 16 && align_of::<Slot>() == 8);
    assert!(size_of::<Event>() == 24 && align_of::<Event>() == 8);
    assert!(size_of::<Outcome>() == 32 && align_of::<Outcome>() == 4);
};

/// What [`normalizer!`](crate::normalizer) keeps for the exports of a module. An answer lives here until the engine has read it.
#[derive(Debug)]
pub struct Exports<M> {
    runner: Runner<M>,
    said: Result<String, String>,
    described: Described,
    results: Results,
    values: Vec<Slot>,
    events: Vec<Event>,
    outcomes: Vec<Outcome>,
    normalized: List<Outcome>,
}

impl<M: Module> Exports<M> {
    /// Those of a module that has met no configuration.
    #[expect(clippy::new_without_default, reason = "a static is made by a constant function")]
    pub const fn new() -> Self {
        let none = List { first: std::ptr::null(), count: 0 };
        Self {
            runner: Runner::new(),
            said: Ok(String::new()),
            described: Described::Said(List { first: std::ptr::null(), count: 0 }),
            results: Results::new(),
            values: Vec::new(),
            events: Vec::new(),
            outcomes: Vec::new(),
            normalized: none,
        }
    }

    /// `describe`: gives the address of its result.
    ///
    /// # Safety
    ///
    /// The engine must be the caller: the text is one that it has put into memory from `cabi_realloc`, and given up.
    pub unsafe fn describe(&mut self, config: *mut u8, bytes: usize) -> *const u8 {
        // So that the linker keeps `cabi_realloc`.
        wit_bindgen::rt::maybe_link_cabi_realloc();
        // SAFETY: as the caller promises.
        let config = unsafe { text(&List { first: config, count: bytes }) };
        self.said = self.runner.describe(&config);
        self.described = match &self.said {
            Ok(said) => Described::Said(lend(said.as_bytes())),
            Err(refused) => Described::Refused(lend(refused.as_bytes())),
        };
        (&raw const self.described).cast()
    }

    /// `normalize`: gives the address of its result.
    ///
    /// # Safety
    ///
    /// As for [`Self::describe`], of the batch too.
    pub unsafe fn normalize(
        &mut self,
        (config, bytes): (*mut u8, usize),
        (batch, count): (*mut u8, usize),
    ) -> *const u8 {
        // SAFETY: as the caller promises.
        let (config, batch) = unsafe {
            (
                text(&List { first: config, count: bytes }),
                list(&List { first: batch.cast::<Raw>(), count }),
            )
        };
        self.results.clear();
        let module = self.runner.configured(&config);
        for raw in batch {
            // SAFETY: each record of the batch is taken once.
            let record = unsafe { own(&raw) };
            self.results.add(module, Record::borrow(&record));
        }
        self.lend();
        self.normalized = lend(&self.outcomes);
        (&raw const self.normalized).cast()
    }

    /// After the engine has read an answer.
    pub fn read(&mut self) {
        self.said = Ok(String::new());
        self.results.clear();
    }

    /// Lays the results out. What the lists refer to is not touched before [`Self::read`].
    fn lend(&mut self) {
        self.values.clear();
        self.values.extend(self.results.values().iter().map(slot));
        let mut values = self.values.as_slice();
        self.events.clear();
        self.events.extend(self.results.events().iter().map(|event| {
            let (own, others) = values.split_at(event.values);
            values = others;
            Event { event_type: event.event_type, timestamp: event.timestamp, values: lend(own) }
        }));
        let mut events = self.events.as_slice();
        self.outcomes.clear();
        self.outcomes.extend(self.results.outcomes().iter().map(|outcome| match outcome {
            Ok(count) => {
                let (own, others) = events.split_at(*count);
                events = others;
                Outcome::Made(lend(own))
            }
            Err(Failure { code, field, message }) => Outcome::Failed {
                code: lend(code.as_bytes()),
                field: field.as_ref().map_or(Field::None, |it| Field::Some(lend(it.as_bytes()))),
                message: lend(message.as_bytes()),
            },
        }));
    }
}

fn lend<T>(items: &[T]) -> List<T> {
    List { first: items.as_ptr(), count: items.len() }
}

#[inline]
fn slot(value: &Value) -> Slot {
    match value {
        Value::Null => Slot::Null,
        Value::Boolean(flag) => Slot::Boolean(*flag),
        Value::Integer(number) => Slot::Integer(*number),
        Value::Float(number) => Slot::Float(*number),
        Value::Text(text) => Slot::Text(lend(text.as_bytes())),
        Value::Datetime(at) => Slot::Datetime(*at),
        Value::Duration(span) => Slot::Duration(*span),
        Value::Json(text) => Slot::Json(lend(text.as_bytes())),
    }
}

/// Takes what the engine has put into memory from `cabi_realloc`.
///
/// # Safety
///
/// The list must be one of the engine's, and nobody may use it after this.
unsafe fn list<T>(list: &List<T>) -> Vec<T> {
    // SAFETY: `cabi_realloc` allocates with the global allocator, as much as the list needs and aligned for its items; an empty
    // list has an address that is aligned and not null.
    unsafe { Vec::from_raw_parts(list.first.cast_mut(), list.count, list.count) }
}

/// The same of a text.
///
/// # Safety
///
/// As for [`list`].
unsafe fn text(text: &List<u8>) -> String {
    // SAFETY: as the caller promises; the engine gives UTF-8.
    unsafe { String::from_utf8_unchecked(list(text)) }
}

/// The same of a record.
///
/// # Safety
///
/// As for [`list`].
#[inline]
unsafe fn own(raw: &Raw) -> RawRecord {
    // SAFETY: as the caller promises.
    unsafe {
        match raw {
            Raw::Json(object) => RawRecord::Json(text(object)),
            Raw::Row(columns) => {
                let columns = list(columns).into_iter();
                RawRecord::Row(columns.map(|it| (text(&it.name), text(&it.text))).collect())
            }
            Raw::Text(line) => RawRecord::Text(text(line)),
            Raw::Bytes(bytes) => RawRecord::Bytes(list(bytes)),
        }
    }
}
