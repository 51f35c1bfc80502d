//! Frames are built, answered as a module would, and read back; then damaged in every place.

use std::collections::BTreeMap;

use defacto_model::{
    Cardinality, EntityEventManifest, EntityManifest, FailureCode, FieldManifest, FieldOrigin,
    Micros, PropertyManifest, RelateManifest, RelationshipManifest, StateManifest, Timestamp,
    Value, ValueType,
};

use crate::abi::{NEVER, NONE, cell, code, entity_row, fault, header, item, normalized_row};
use crate::builder::{Builder, nth};
use crate::*;

const HEAD: Head = Head { origin: 65_536, layout: 7, index: 2, instant: NEVER };

/// A module's memory after a call: the frame that was sent, with more behind it.
struct Answer(Builder);

impl Answer {
    fn new(sent: &[u8]) -> Self {
        let mut builder = Builder::new(HEAD, 0, 0);
        builder.restore(sent);
        Self(builder)
    }

    fn cells(&mut self, values: &[Value]) -> u32 {
        let start = self.0.allocate(nth(0, values.len()));
        for (value, index) in values.iter().zip(0..) {
            self.0.cell(nth(start, index), Cell::from(value));
        }
        self.0.address(start)
    }

    fn fault(&mut self, code: u32, value: &Value) -> usize {
        let start = self.0.allocate(fault::SIZE as usize);
        self.0.u32(start, fault::CODE, code);
        self.0.u32(start, fault::KIND, 11);
        self.0.u32(start, fault::FIELD, 3);
        self.0.u32(start, fault::DETAIL, 2);
        self.0.cell(start + fault::VALUE as usize, Cell::from(value));
        start
    }

    fn item(&mut self, kind: u32, event: u32, body: usize) -> usize {
        let start = self.0.allocate(item::HEAD as usize + body);
        self.0.u32(start, item::KIND, kind);
        self.0.u32(start, item::EVENT, event);
        self.0.i64(start, item::INSTANT, 1_000);
        start
    }
}

/// Repeatable pseudo-random numbers.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }

    fn text(&mut self) -> String {
        let characters = ['a', 'é', '\u{0}', '"', '漢', '🙂', ' '];
        (0..self.next(12)).map(|_| characters[self.next(7) as usize]).collect()
    }

    fn value(&mut self, depth: u64) -> Value {
        match self.next(if depth > 3 { 8 } else { 10 }) {
            0 => Value::Null,
            1 => Value::Bool(self.next(2) == 1),
            2 => Value::Int(self.0.cast_signed()),
            3 => Value::Float(self.next(1 << 40) as f64 / 1024.0 - 1e8),
            4 => Value::String(self.text()),
            5 => Value::DateTime(Timestamp::saturating_from_micros(self.0.cast_signed())),
            6 => Value::Duration(Micros(self.0.cast_signed())),
            7 => Value::BigInt(format!("-{}0000000000", u64::MAX - self.next(1000))),
            8 => Value::List((0..self.next(5)).map(|_| self.value(depth + 1)).collect()),
            _ => Value::Object(
                (0..self.next(5)).map(|_| (self.text(), self.value(depth + 1))).collect(),
            ),
        }
    }
}

fn instant(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).unwrap()
}

fn normalized(values: &[Value], hints: &[Option<&str>]) -> Vec<u8> {
    let mut input = NormalizeBuilder::new(HEAD, 2);
    input.row(1, Cell::Absent, values.iter().map(Cell::from));
    input.row(0, Cell::Int(5), [].into_iter());
    let mut answer = Answer::new(&input.finish().unwrap());
    let table = answer.0.allocate(2 * normalized_row::SIZE as usize);
    let cells = answer.cells(values);
    let hints: Vec<_> = hints
        .iter()
        .map(|hint| hint.map_or(Value::Null, |t| Value::String(t.to_owned())))
        .collect();
    let hints = answer.cells(&hints);
    answer.0.u32(table, normalized_row::CELLS, cells);
    answer.0.u32(table, normalized_row::HINTS, hints);
    answer.0.i64(table, normalized_row::TIMESTAMP, 77);
    let fault = answer.fault(code::N06, &Value::String("x".to_owned()));
    let address = answer.0.address(fault);
    answer.0.u32(table + normalized_row::SIZE as usize, normalized_row::FAULT, address);
    let address = answer.0.address(table);
    answer.0.u32(0, header::RESULTS, address);
    answer.0.finish(2).unwrap()
}

#[test]
fn normalized_rows_come_back_whatever_they_hold() {
    let mut numbers = Numbers(88_172_645_463_325_252);
    for _ in 0..300 {
        let values: Vec<_> = (0..numbers.next(8)).map(|_| numbers.value(0)).collect();
        let hints = [Some("a@x"), None, Some("")];
        let bytes = normalized(&values, &hints);
        let frame = NormalizedFrame::new(&bytes, HEAD, 2).unwrap();
        let row = frame.row(0, values.len() as u32, 3).unwrap().unwrap();
        assert_eq!((row.fields, row.timestamp), (values, instant(77)));
        assert_eq!(row.hints, hints);
        let failed = frame.row(1, 0, 0).unwrap().unwrap_err();
        assert_eq!((failed.code, failed.field), (Some(FailureCode::N06), Some(3)));
        assert_eq!(failed.value, Value::String("x".to_owned()));
        assert!(frame.row(2, 0, 0).is_err());
    }
}

#[test]
fn damage_is_an_error_or_another_value_but_never_a_panic() {
    let mut numbers = Numbers(4711);
    let values: Vec<_> = (0..6).map(|_| numbers.value(0)).collect();
    let sound = normalized(&values, &[Some("a@x"), None]);
    for place in 0..sound.len() {
        for flip in [1, 0x80, 0xff] {
            let mut bytes = sound.clone();
            bytes[place] ^= flip;
            if let Ok(frame) = NormalizedFrame::new(&bytes, HEAD, 2) {
                drop(frame.row(0, 6, 2));
                drop(frame.row(1, 0, 0));
            }
        }
    }
    for length in 0..header::SIZE as usize {
        assert!(NormalizedFrame::new(&sound[..length], HEAD, 2).is_err());
    }
    for head in [Head { layout: 8, ..HEAD }, Head { index: 3, ..HEAD }, Head { origin: 0, ..HEAD }]
    {
        assert!(NormalizedFrame::new(&sound, head, 2).is_err());
    }
    assert!(NormalizedFrame::new(&sound, HEAD, 3).is_err());
}

/// A frame of one `evaluate` row whose result cell is given by tag, length and payload.
fn evaluated(tag: u8, length: u32, payload: impl Fn(u32) -> u64) -> Result<Value, FrameErrorKind> {
    let mut input = EvaluateBuilder::new(HEAD, 1);
    let null = Value::Null;
    let row = EvaluateRow { expression: 0, now: 0, event: &null, entity: &null, value: &null };
    input.row(row);
    let mut answer = Answer::new(&input.finish().unwrap());
    let table = answer.0.allocate(24);
    let own = answer.0.address(table) + 8;
    let text = answer.cells(&[Value::String("\u{e9}".to_owned())]) + cell::SIZE;
    let tail = answer.cells(&[Value::Int(1), Value::Null]);
    assert_eq!(text + 8, tail, "text is padded to the next cell");
    answer.0.u32(table, 8, u32::from(tag));
    answer.0.u32(table, 12, length);
    answer.0.u64(table, 16, payload(own));
    let address = answer.0.address(table);
    answer.0.u32(0, header::RESULTS, address);
    let bytes = answer.0.finish(1).unwrap();
    let frame = ValuesFrame::evaluate(&bytes, HEAD, 1).unwrap();
    frame.row(0).map(Result::unwrap).map_err(|error| error.kind)
}

#[test]
fn every_way_to_lie_in_a_cell_is_named() {
    let beyond = |_| 1 << 30;
    let lists = evaluated(cell::LIST, 1, u64::from);
    assert_eq!(lists, Err(FrameErrorKind::Depth), "a list that holds itself");
    assert_eq!(evaluated(cell::LIST, 2, |own| u64::from(own) - 16), Err(FrameErrorKind::Depth));
    for (tag, length, error) in [
        (cell::STRING, 4, FrameErrorKind::Outside(1 << 30, 4)),
        (cell::LIST, 4, FrameErrorKind::Outside(1 << 30, 64)),
        (cell::OBJECT, 1, FrameErrorKind::Outside(1 << 30, 32)),
        (cell::LIST, u32::MAX, FrameErrorKind::Outside(1 << 30, u64::from(u32::MAX))),
        (cell::BOOL, 0, FrameErrorKind::Unknown(1 << 30)),
        (cell::ABSENT, 0, FrameErrorKind::Unknown(255)),
        (10, 0, FrameErrorKind::Unknown(10)),
    ] {
        assert_eq!(evaluated(tag, length, beyond), Err(error));
    }
    assert_eq!(evaluated(cell::FLOAT, 0, |_| f64::NAN.to_bits()), Err(FrameErrorKind::NotFinite));
    assert_eq!(
        evaluated(cell::DATETIME, 0, |_| i64::MAX.cast_unsigned()),
        Err(FrameErrorKind::Instant(i64::MAX))
    );
    // The text "é" starts 32 bytes behind the cell; its second byte alone is no UTF-8.
    assert_eq!(
        evaluated(cell::STRING, 2, |own| u64::from(own) + 32),
        Ok(Value::String("\u{e9}".to_owned()))
    );
    assert_eq!(evaluated(cell::STRING, 1, |own| u64::from(own) + 33), Err(FrameErrorKind::Text));
    assert_eq!(evaluated(cell::BIG_INT, 2, |own| u64::from(own) + 32), Err(FrameErrorKind::Text));
    assert_eq!(
        evaluated(cell::LIST, 1, |own| u64::from(own) + 4),
        Err(FrameErrorKind::Alignment(HEAD.origin + 48 + 64 + 8 + 4))
    );
    assert_eq!(
        evaluated(cell::OBJECT, 1, |own| u64::from(own) + 40),
        Err(FrameErrorKind::Unknown(2))
    );
}

#[test]
fn values_shared_without_end_run_out_of_budget() {
    let mut input = HintsBuilder::new(HEAD, 1);
    input.row(0, 0, &Value::Int(1));
    let mut answer = Answer::new(&input.finish().unwrap());
    let table = answer.0.allocate(24);
    let mut below = answer.cells(&[Value::Null, Value::Null, Value::Null, Value::Null]);
    // Each level holds the one below four times: 4^100 values in a few kilobytes.
    for _ in 0..100 {
        let start = answer.0.allocate(4 * 16);
        for index in 0..4 {
            answer.0.u32(nth(start, index), cell::TAG, u32::from(cell::LIST));
            answer.0.u32(nth(start, index), cell::AUX, 4);
            answer.0.u64(nth(start, index), cell::PAYLOAD, u64::from(below));
        }
        below = answer.0.address(start);
    }
    answer.0.u32(table, 8, u32::from(cell::LIST));
    answer.0.u32(table, 12, 4);
    answer.0.u64(table, 16, u64::from(below));
    let address = answer.0.address(table);
    answer.0.u32(0, header::RESULTS, address);
    let bytes = answer.0.finish(1).unwrap();
    let error = ValuesFrame::hints(&bytes, HEAD, 1).unwrap().row(0).unwrap_err();
    assert_eq!(error.kind, FrameErrorKind::Endless);
}

fn manifest() -> EntityManifest {
    let property = |name: &str, r#type| PropertyManifest {
        name: name.to_owned(),
        r#type,
        computed: false,
        sensitive: None,
        treatment: None,
        fed_by: Vec::new(),
    };
    let field =
        |name: &str, r#type| FieldManifest { origin: FieldOrigin::Data(name.to_owned()), r#type };
    EntityManifest {
        name: "thing".to_owned(),
        start: 1,
        states: vec![
            StateManifest { name: "a".to_owned(), rules: 0 },
            StateManifest { name: "b".to_owned(), rules: 2 },
        ],
        properties: vec![property("s", ValueType::String), property("n", ValueType::Number)],
        identity: Vec::new(),
        relationships: vec![RelationshipManifest {
            name: "r".to_owned(),
            target: "thing".to_owned(),
            cardinality: Cardinality::ManyToMany,
            inverse: "r".to_owned(),
            inverse_cardinality: Cardinality::ManyToMany,
            properties: vec![("weight".to_owned(), ValueType::Integer)],
        }],
        events: vec![EntityEventManifest {
            event_type: "e".to_owned(),
            fields: vec![field("x", None), field("y", Some(ValueType::Number))],
            relates: vec![RelateManifest { relationship: 0, hint_fields: Vec::new() }],
        }],
        reads_id: true,
    }
}

fn state() -> RecordState {
    RecordState {
        state: 1,
        created: instant(1),
        entered: instant(2),
        last_event: None,
        latches: 1 << 63,
        last_rule: Some(instant(-3)),
        next_due: None,
        properties: vec![Value::String("text".to_owned()), Value::Float(2.5)],
    }
}

fn sent(manifest: &EntityManifest) -> InterpretFrame<'_> {
    let mut builder = InterpretBuilder::new(HEAD, manifest, 2, 2);
    let cells = [Value::List(vec![Value::Int(1)]), Value::Int(3)];
    let events = [
        EventRow { event: Some(0), timestamp: instant(10), cells: &cells },
        EventRow { event: None, timestamp: instant(11), cells: &[] },
    ];
    builder.entity(Some(&state()), "some-id", events.into_iter());
    builder.entity(None, "other-id", [].into_iter());
    builder.finish(HEAD).unwrap()
}

/// An answer with a relate, a snapshot, and a failed rule.
fn interpreted(frame: &InterpretFrame<'_>, manifest: &EntityManifest) -> Vec<u8> {
    let mut answer = Answer::new(frame.bytes());
    let relate = answer.item(item::RELATE, 0, 8 + 16);
    answer.0.u32(relate, item::HEAD + 4, 1);
    answer.0.cell(relate + 40, Cell::Int(9));
    let snapshot = answer.item(item::SNAPSHOT, 0, 8);
    answer.0.u32(snapshot, item::HEAD, 1);
    answer.0.record(manifest, Some(&state()), "some-id");
    let failure = answer.item(item::FAILURE, NONE, 0);
    answer.0.u32(failure, item::RULE_STATE, 1);
    answer.0.u32(failure, item::RULE, 1);
    answer.fault(code::T01, &Value::Null);
    for (from, to) in [(relate, snapshot), (snapshot, failure)] {
        let address = answer.0.address(to);
        answer.0.u32(from, item::NEXT, address);
    }
    let address = answer.0.address(relate);
    answer.0.u32(0, header::RESULTS, address);
    answer.0.u64(0, header::EFFECTS, 5);
    answer.0.u64(0, header::TRANSITIONS, 1);
    answer.0.finish(2).unwrap()
}

#[test]
fn states_and_items_come_back() {
    let manifest = manifest();
    let frame = sent(&manifest);
    let bytes = interpreted(&frame, &manifest);
    let returned = frame.returned(&bytes).unwrap();
    assert_eq!(returned.counts(), (5, 1));
    assert_eq!(returned.records().unwrap(), [Some(state()), None]);
    let items = returned.items().unwrap();
    assert_eq!(
        items[0].kind,
        ReturnedItemKind::Relate { relate: 0, properties: vec![Value::Int(9)] }
    );
    assert_eq!(items[1].kind, ReturnedItemKind::Snapshot { changed: true, record: state() });
    assert_eq!((items[2].event, items[2].rule), (None, (1, 1)));
    assert!(matches!(&items[2].kind, ReturnedItemKind::Failure(fault)
        if fault.code == Some(FailureCode::T01)));
}

#[test]
fn what_the_module_relies_on_is_made_true_on_the_way_in() {
    let manifest = manifest();
    let mut other = state();
    other.properties = vec![Value::Int(1), Value::Int(2)];
    let mut builder = InterpretBuilder::new(HEAD, &manifest, 1, 0);
    builder.entity(Some(&other), "id", [].into_iter());
    let frame = builder.finish(HEAD).unwrap();
    let answer = Answer::new(frame.bytes()).0.finish(1).unwrap();
    let records = frame.returned(&answer).unwrap().records().unwrap();
    assert_eq!(records[0].as_ref().unwrap().properties, [Value::Null, Value::Float(2.0)]);
}

#[test]
fn damaged_items_are_refused() {
    let manifest = manifest();
    let frame = sent(&manifest);
    let sound = interpreted(&frame, &manifest);
    for place in frame.bytes().len()..sound.len() {
        for flip in [1, 0x80, 0xff] {
            let mut bytes = sound.clone();
            bytes[place] ^= flip;
            let returned = frame.returned(&bytes).unwrap();
            drop((returned.items(), returned.records()));
        }
    }
    let first = frame.bytes().len().next_multiple_of(8);
    let circle = HEAD.origin + u32::try_from(first).unwrap();
    for (offset, value, kind) in [
        (item::NEXT, circle, FrameErrorKind::Endless),
        (item::KIND, 4, FrameErrorKind::Unknown(4)),
        (item::ENTITY, 2, FrameErrorKind::Bound(2, 2)),
        (item::EVENT, 2, FrameErrorKind::Bound(2, 2)),
        (item::EVENT, 1, FrameErrorKind::Bound(0, 0)),
        (item::HEAD, 1, FrameErrorKind::Bound(1, 1)),
        (item::HEAD + 4, 2, FrameErrorKind::Mismatch { found: 2, expected: 1 }),
    ] {
        let mut bytes = sound.clone();
        let at = first + offset as usize;
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        let error = frame.returned(&bytes).unwrap().items().unwrap_err();
        assert_eq!(error.kind, kind, "{offset}");
    }
    let mut bytes = sound;
    let record = u32::from_le_bytes(
        bytes[header::SIZE as usize + entity_row::RECORD as usize..][..4].try_into().unwrap(),
    );
    let at = (record - HEAD.origin) as usize + 64;
    bytes[at] = cell::INT;
    let error = frame.returned(&bytes).unwrap().records().unwrap_err();
    assert_eq!(error.kind, FrameErrorKind::Type);
}

#[test]
fn objects_with_unsorted_keys_are_refused() {
    let object = Value::Object(BTreeMap::from([
        ("a".to_owned(), Value::Null),
        ("b".to_owned(), Value::Null),
    ]));
    let mut bytes = normalized(&[object], &[]);
    let keys: Vec<_> =
        bytes.windows(1).enumerate().filter(|(_, w)| *w == b"b").map(|(at, _)| at).collect();
    for at in keys {
        bytes[at] = b'A';
    }
    let frame = NormalizedFrame::new(&bytes, HEAD, 2).unwrap();
    assert_eq!(frame.row(0, 1, 0).unwrap_err().kind, FrameErrorKind::Keys);
}
