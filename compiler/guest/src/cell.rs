//! Cells in memory and values of `defacto_functions`.

use core::cmp::Ordering;

use defacto_frames::abi::cell::{
    AUX, BIG_INT, BOOL, DATETIME, DURATION, FLOAT, INT, NULL, PAYLOAD, SIZE, STRING, TAG,
};
pub(crate) use defacto_frames::abi::cell::{LIST, OBJECT};
use defacto_functions::{Arena, Val};

use crate::{arena, memory, state::state};

/// A value whose texts and elements live until the call is over.
pub(crate) type Value = Val<'static>;

/// The two words of a cell: tag and length, payload.
pub(crate) type Words = (u64, u64);

/// Null.
pub(crate) const NULL_WORDS: Words = (NULL as u64, 0);

/// The arena as functions see it: results stay where the allocator put them.
#[derive(Debug)]
pub(crate) struct Frame;

/// The one arena.
pub(crate) const FRAME: &dyn Arena<'static> = &Frame;

impl Arena<'static> for Frame {
    fn text(&self, text: String) -> &'static str {
        text.leak()
    }

    fn list(&self, elements: Vec<Value>) -> &'static [Value] {
        elements.leak()
    }

    fn object(&self, entries: Vec<(&'static str, Value)>) -> &'static [(&'static str, Value)] {
        entries.leak()
    }
}

/// Tag of a cell.
#[inline(always)]
pub(crate) fn tag(addr: u32) -> u8 {
    memory::u8_at(addr + TAG)
}

/// Number in a cell: elements, bytes.
#[inline(always)]
pub(crate) fn aux(addr: u32) -> u32 {
    memory::u32_at(addr + AUX)
}

/// Address in a cell.
#[inline(always)]
pub(crate) fn pointer(addr: u32) -> u32 {
    memory::u32_at(addr + PAYLOAD)
}

/// Payload of a cell.
#[inline(always)]
pub(crate) fn payload(addr: u32) -> u64 {
    memory::u64_at(addr + PAYLOAD)
}

/// Copies a cell.
#[inline(always)]
pub(crate) fn copy(to: u32, from: u32) {
    put(to, words(from));
}

/// Both words of a cell.
#[inline(always)]
pub(crate) fn words(addr: u32) -> Words {
    (memory::u64_at(addr), memory::u64_at(addr + PAYLOAD))
}

/// Writes both words of a cell.
#[inline(always)]
pub(crate) fn put(out: u32, (head, payload): Words) {
    memory::put_u64(out, head);
    memory::put_u64(out + PAYLOAD, payload);
}

/// Writes Null.
#[inline(always)]
pub(crate) fn put_null(out: u32) {
    put(out, NULL_WORDS);
}

/// Writes DateTime.
#[inline(always)]
pub(crate) fn put_datetime(out: u32, micros: i64) {
    put(out, (u64::from(DATETIME), micros.cast_unsigned()));
}

/// Writes String.
#[inline(always)]
pub(crate) fn put_text(out: u32, addr: u32, len: u32) {
    put(out, (head(STRING, len as usize), u64::from(addr)));
}

/// Copies a cell that was found, or writes Null.
#[inline]
pub(crate) fn copy_or_null(out: u32, found: Option<u32>) {
    match found {
        Some(from) => copy(out, from),
        None => put_null(out),
    }
}

/// Address of an element of a list.
#[inline(always)]
pub(crate) fn element(addr: u32, index: u32) -> u32 {
    addr + index * SIZE
}

/// Value of a key in the entries of an object.
pub(crate) fn entry(addr: u32, count: u32, name: &str) -> Option<u32> {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        let key = addr + middle * 2 * SIZE;
        match memory::bytes(pointer(key), aux(key)).cmp(name.as_bytes()) {
            Ordering::Less => low = middle + 1,
            Ordering::Equal => return Some(key + SIZE),
            Ordering::Greater => high = middle,
        }
    }
    None
}

/// Reads a cell; traps on an unknown tag.
#[inline]
pub(crate) fn decode(addr: u32) -> Value {
    let payload = payload(addr);
    match tag(addr) {
        NULL => Val::Null,
        BOOL => Val::Bool(payload != 0),
        INT => Val::Int(payload.cast_signed()),
        FLOAT => Val::Float(f64::from_bits(payload)),
        STRING => Val::Str(memory::text(payload as u32, aux(addr))),
        DATETIME => Val::DateTime(payload.cast_signed()),
        DURATION => Val::Duration(payload.cast_signed()),
        BIG_INT => Val::BigInt(memory::text(payload as u32, aux(addr))),
        LIST => decode_list(payload as u32, aux(addr)),
        OBJECT => decode_object(payload as u32, aux(addr)),
        _ => memory::trap(),
    }
}

/// Reads the elements of a list.
#[inline(never)]
pub(crate) fn decode_list(addr: u32, count: u32) -> Value {
    let mut elements = Vec::with_capacity(count as usize);
    elements.extend((0..count).map(|i| decode(addr + i * SIZE)));
    Val::List(elements.leak())
}

#[inline(never)]
fn decode_object(addr: u32, count: u32) -> Value {
    let mut entries = Vec::with_capacity(count as usize);
    entries.extend((0..count).map(|i| {
        let entry = addr + i * 2 * SIZE;
        (memory::text(pointer(entry), aux(entry)), decode(entry + SIZE))
    }));
    Val::Object(entries.leak())
}

/// Writes a value.
#[inline]
pub(crate) fn encode(value: Value, out: u32) {
    put(out, value_words(value));
}

/// The words of a value; elements of lists and objects are written to the arena.
#[inline]
pub(crate) fn value_words(value: Value) -> Words {
    match value {
        Val::Null => NULL_WORDS,
        Val::Bool(value) => (u64::from(BOOL), u64::from(value)),
        Val::Int(value) => (u64::from(INT), value.cast_unsigned()),
        Val::Float(value) => (u64::from(FLOAT), value.to_bits()),
        Val::Str(text) => text_words(STRING, text),
        Val::DateTime(value) => (u64::from(DATETIME), value.cast_unsigned()),
        Val::Duration(value) => (u64::from(DURATION), value.cast_unsigned()),
        Val::BigInt(text) => text_words(BIG_INT, text),
        Val::List(elements) => list_words(elements),
        Val::Object(entries) => object_words(entries),
    }
}

/// Copies a scalar cell to where the host will read it: text outside the arena, a constant, comes along.
#[inline]
pub(crate) fn store(out: u32, from: u32) {
    copy(out, from);
    if tag(out) == STRING && pointer(out) < state().origin.get() {
        settle(out);
    }
}

/// Brings what a cell refers to into the arena, which is all that the host gets: constants are outside, and
/// so may be the elements of a list that was made in this call.
#[inline]
pub(crate) fn settle(addr: u32) {
    if matches!(tag(addr), STRING | BIG_INT | LIST | OBJECT) {
        bring(addr);
    }
}

#[inline(never)]
fn bring(addr: u32) {
    let s = state();
    let (at, count) = (pointer(addr), aux(addr));
    let cells = match tag(addr) {
        LIST => count,
        OBJECT => 2 * count,
        _ if at >= s.origin.get() || count == 0 => return,
        _ => {
            let text = arena::allocate(count, 1);
            memory::copy(text, at, count);
            return memory::put_u32(addr + PAYLOAD, text);
        }
    };
    // What came with the frame refers to nothing outside it.
    if count == 0 || (at >= s.origin.get() && at < s.frame_end.get()) {
        return;
    }
    let mut first = at;
    if at < s.origin.get() {
        first = arena::allocate(cells * SIZE, arena::ALIGN);
        memory::copy(first, at, cells * SIZE);
        memory::put_u32(addr + PAYLOAD, first);
    }
    for index in 0..cells {
        settle(element(first, index));
    }
}

fn head(tag: u8, aux: usize) -> u64 {
    u64::from(tag) | (aux as u64) << 32
}

#[inline]
fn text_words(tag: u8, text: &str) -> Words {
    let addr = memory::address(text.as_bytes()).unwrap_or_else(|| {
        let addr = arena::allocate(text.len() as u32, 1);
        memory::put_bytes(addr, text.as_bytes());
        addr
    });
    (head(tag, text.len()), u64::from(addr))
}

#[inline(never)]
fn list_words(elements: &'static [Value]) -> Words {
    let addr = arena::allocate(elements.len() as u32 * SIZE, arena::ALIGN);
    for (element, at) in elements.iter().zip((addr..).step_by(SIZE as usize)) {
        encode(*element, at);
    }
    (head(LIST, elements.len()), u64::from(addr))
}

#[inline(never)]
fn object_words(entries: &'static [(&'static str, Value)]) -> Words {
    let addr = arena::allocate(entries.len() as u32 * 2 * SIZE, arena::ALIGN);
    for ((key, value), at) in entries.iter().zip((addr..).step_by(2 * SIZE as usize)) {
        put(at, text_words(STRING, key));
        encode(*value, at + SIZE);
    }
    (head(OBJECT, entries.len()), u64::from(addr))
}

/// Whether two stored property cells hold the same value. Stored values are scalars of the property's type.
#[inline]
pub(crate) fn same(a: u32, b: u32) -> bool {
    let (left, right) = (words(a), words(b));
    left == right || (left.0 == right.0 && same_payload(left, right))
}

fn same_payload(left: Words, right: Words) -> bool {
    match left.0 as u8 {
        STRING => {
            let len = (left.0 >> 32) as u32;
            memory::bytes(left.1 as u32, len) == memory::bytes(right.1 as u32, len)
        }
        FLOAT => f64::from_bits(left.1) == f64::from_bits(right.1),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_a_round_trip() {
        arena::start(4096, 1024, 1024);
        let cell = arena::allocate(SIZE, arena::ALIGN);
        let list: &'static [Value] =
            Box::leak(Box::new([Val::Str("é"), Val::Null, Val::List(&[])]));
        let object: &'static [(&str, Value)] =
            Box::leak(Box::new([("a", Val::List(list)), ("b", Val::Duration(-1))]));
        for value in [
            Val::Null,
            Val::Bool(true),
            Val::Int(-3),
            Val::Float(-0.5),
            Val::BigInt("9223372036854775808"),
            Val::Str(""),
            Val::DateTime(5),
            Val::Object(object),
        ] {
            encode(value, cell);
            assert_eq!(decode(cell), value);
        }
    }

    #[test]
    fn constants_come_into_the_arena() {
        arena::start(8192, 4096, 1024);
        let constant = 1024;
        memory::put_bytes(512, "constant".as_bytes());
        put_text(constant, 512, 8);
        put(constant + SIZE, (head(LIST, 1), u64::from(constant)));
        put(constant + 2 * SIZE, (head(OBJECT, 1), u64::from(constant)));
        let expected = [
            Val::Str("constant"),
            Val::List(&[Val::Str("constant")]),
            Val::Object(&[("constant", Val::List(&[Val::Str("constant")]))]),
        ];
        for (from, expected) in
            [constant, constant + SIZE, constant + 2 * SIZE].into_iter().zip(expected)
        {
            let cell = arena::allocate(SIZE, arena::ALIGN);
            copy(cell, from);
            settle(cell);
            assert!(pointer(cell) >= 8192);
            assert_eq!(decode(cell), expected);
        }
        assert_eq!(decode(constant), Val::Str("constant"));
        assert_eq!(pointer(constant), 512, "a constant is never changed");
        let stored = arena::allocate(SIZE, arena::ALIGN);
        store(stored, constant);
        assert!(pointer(stored) >= 8192);
        assert_eq!(decode(stored), Val::Str("constant"));
    }

    #[test]
    fn sameness_is_equality_of_scalars() {
        arena::start(4096, 1024, 1024);
        let a = arena::allocate(2 * SIZE, arena::ALIGN);
        let b = a + SIZE;
        let same_values = |left, right| {
            encode(left, a);
            encode(right, b);
            same(a, b)
        };
        assert!(same_values(Val::Str("x"), Val::Str(String::from("x").leak())));
        assert!(!same_values(Val::Str("x"), Val::Str("y")));
        assert!(same_values(Val::Float(0.0), Val::Float(-0.0)));
        assert!(!same_values(Val::Int(1), Val::DateTime(1)));
        assert!(!same_values(Val::Null, Val::Int(0)));
    }
}
