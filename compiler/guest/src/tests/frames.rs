//! The drivers of `normalize`, `hints` and `evaluate`, and conversion.

use defacto_frames::abi::{
    NONE, cell as tags, code,
    desc::{property, root, value_type},
    evaluate_row, fault, header, hint_row, kind, normalized_row, raw_row, value_row,
};
use defacto_functions::{FaultKind, Val};

use super::builder::{Program, frame, length, temporary};
use crate::{
    arena, cell,
    cell::Value,
    convert, evaluate, memory, normalize,
    state::state,
    table::native::{Entry, add},
};

const ORIGIN: u32 = 1 << 20;

/// Two fields: the raw value as it is, and a constant text; refuses `bad`.
fn two_fields(raw: u32, out: u32) -> u32 {
    if cell::decode(raw) == Val::Str("bad") {
        let status = crate::fault::plain(FaultKind::Coercion);
        crate::fault::blame(code::N06, 0);
        return status;
    }
    cell::copy(out, raw);
    cell::put_text(out + tags::SIZE, CONSTANT.get(), 8);
    0
}

/// `value` less its first character; a number for `n`, an error for `e`.
fn shorten(value: u32, out: u32) -> u32 {
    let result = match cell::decode(value) {
        Val::Str("n") => Val::Float(5.0),
        Val::Str("l") => Val::List(&[]),
        Val::Str("e") => return crate::fault::plain(FaultKind::Overflow),
        Val::Str(text) => Val::Str(text.get(1..).unwrap_or_default()),
        _ => Val::Null,
    };
    cell::encode(result, out);
    0
}

thread_local! {
    static CONSTANT: core::cell::Cell<u32> = const { core::cell::Cell::new(0) };
}

/// A program with one entity type that has two identity fields, and one source with one event.
fn program(timestamp_kind: u32, format: &str) -> Program {
    let mut program = Program::empty();
    CONSTANT.set(program.text("constant"));
    let identity = program.words(&[add(Entry::Two(shorten)), 0, 0, 1]);
    let entity = program.words(&[0, 0, 0, 0, 0, 0, 0, 0, identity, 2, 0]);
    let hints = program.words(&[0, 0, 0, 0, 1, 0]);
    let event = program.words(&[2, add(Entry::Two(two_fields)), add(Entry::Two(now)), hints, 2]);
    let text = program.text(format);
    let hour = 3600;
    let source = program.words(&[event, 1, timestamp_kind, text, format.len() as u32, hour]);
    let expressions = program.words(&[add(Entry::Four(first_or_fault))]);
    for (field, value) in [
        (root::SOURCES, source),
        (root::SOURCE_COUNT, 1),
        (root::ENTITIES, entity),
        (root::ENTITY_COUNT, 1),
        (root::EXPRESSIONS, expressions),
        (root::EXPRESSION_COUNT, 1),
    ] {
        memory::put_u32(program.root + field, value);
    }
    program
}

/// A computed timestamp: the raw value if it is a number, else Null.
fn now(raw: u32, out: u32) -> u32 {
    match cell::decode(raw) {
        Val::Int(micros) => cell::put_datetime(out, micros),
        _ => cell::put_null(out),
    }
    0
}

fn first_or_fault(event: u32, entity: u32, value: u32, out: u32) -> u32 {
    match (cell::tag(event), cell::tag(entity)) {
        (tags::NULL, tags::NULL) => crate::fault::from_cells(2, 1, value, 0),
        (tags::NULL, _) => {
            cell::put_datetime(out, state().now.get());
            0
        }
        _ => {
            let list = Val::List(vec![Val::Str("x"), cell::decode(event)].leak());
            cell::encode(list, out);
            0
        }
    }
}

/// Normalizes one raw row: code of the failure, or time, fields and hints.
#[expect(clippy::type_complexity, reason = "a tuple of what is asserted")]
fn normalized(
    program: &Program,
    timestamp: Option<Value>,
    value: Value,
) -> Result<(i64, [Value; 2], [Value; 2]), (u32, u32)> {
    let frame = frame(kind::NORMALIZE, 1, raw_row::SIZE, 0);
    let cells = arena::allocate(2 * tags::SIZE, 8);
    match timestamp {
        Some(timestamp) => cell::encode(timestamp, cells),
        None => cell::put(cells, (tags::ABSENT.into(), 0)),
    }
    cell::encode(value, cells + tags::SIZE);
    memory::put_u32(frame + header::SIZE + raw_row::CELLS, cells);
    normalize::run(program.root, frame, length(frame));
    let row = memory::u32_at(frame + header::RESULTS);
    let failure = memory::u32_at(row + normalized_row::FAULT);
    if failure != 0 {
        return Err((
            memory::u32_at(failure + fault::CODE),
            memory::u32_at(failure + fault::FIELD),
        ));
    }
    let pair = |at: u32| {
        [at, at + tags::SIZE].map(|at| {
            assert!(cell::tag(at) != tags::STRING || cell::pointer(at) >= ORIGIN, "outside");
            cell::decode(at)
        })
    };
    Ok((
        memory::i64_at(row + normalized_row::TIMESTAMP),
        pair(memory::u32_at(row + normalized_row::CELLS)),
        pair(memory::u32_at(row + normalized_row::HINTS)),
    ))
}

#[test]
fn rows_are_normalized_with_time_fields_and_hints() {
    let program = program(0, "");
    let text = Some(Val::Str("1970-01-01T00:00:01Z"));
    assert_eq!(
        normalized(&program, text, Val::Str("ABC")),
        Ok((1_000_000, [Val::Str("ABC"), Val::Str("constant")], [Val::Str("BC"), Val::Str("abc")]))
    );
    assert_eq!(
        normalized(&program, Some(Val::Int(2)), Val::Float(5.0)),
        Ok((2_000_000, [Val::Float(5.0), Val::Str("constant")], [Val::Null, Val::Str("5")]))
    );
    let hints = normalized(&program, text, Val::Str("n")).map(|row| row.2);
    assert_eq!(hints, Ok([Val::Str("5"), Val::Str("n")]));
    let hints = normalized(&program, text, Val::Bool(true)).map(|row| row.2);
    assert_eq!(hints, Ok([Val::Null, Val::Null]));
}

#[test]
fn failures_of_a_row_name_code_and_field() {
    let program = program(0, "");
    let text = Some(Val::Str("1970-01-01T00:00:01Z"));
    assert_eq!(normalized(&program, None, Val::Null), Err((code::N03, NONE)));
    assert_eq!(normalized(&program, Some(Val::Null), Val::Null), Err((code::N04, NONE)));
    assert_eq!(normalized(&program, Some(Val::Str("x")), Val::Null), Err((code::N04, NONE)));
    assert_eq!(normalized(&program, text, Val::Str("bad")), Err((code::N06, 0)));
    assert_eq!(normalized(&program, text, Val::Str("e")), Err((code::N09, 0)));
    assert_eq!(normalized(&program, text, Val::Str("l")), Err((code::N09, 0)));
}

#[test]
fn timestamps_come_by_format_zone_and_expression() {
    let time = |program: &Program, timestamp, value| {
        normalized(program, timestamp, value).map(|row| row.0)
    };
    let zoned = program(1, "");
    let text = |text| Some(Val::Str(text));
    assert_eq!(time(&zoned, text("1970-01-01T01:00:00"), Val::Null), Ok(0));
    assert_eq!(time(&zoned, text("1970-01-01T01:00:00Z"), Val::Null), Ok(3_600_000_000));
    let by_format = program(1, "%d.%m.%Y");
    assert_eq!(time(&by_format, text("02.01.1970"), Val::Null), Ok(23 * 3_600_000_000));
    assert_eq!(time(&by_format, text("1970"), Val::Null), Err((code::N04, NONE)));
    let computed = program(2, "");
    assert_eq!(time(&computed, None, Val::Int(7)), Ok(7));
    assert_eq!(time(&computed, None, Val::Null), Err((code::N03, NONE)));
}

#[test]
fn hint_frames_give_texts_or_faults() {
    let program = program(0, "");
    let frame = frame(kind::HINTS, 3, hint_row::SIZE, 0);
    for (row, (field, value)) in
        (0..).zip([(0, Val::Str("ABC")), (1, Val::Str("ABC")), (0, Val::Str("e"))])
    {
        let row = frame + header::SIZE + row * hint_row::SIZE;
        memory::put_u32(row + hint_row::IDENTITY_FIELD, field);
        cell::encode(value, row + hint_row::VALUE);
    }
    evaluate::hints(program.root, frame, length(frame));
    let out = memory::u32_at(frame + header::RESULTS);
    assert_eq!(cell::decode(out + value_row::VALUE), Val::Str("BC"));
    assert_eq!(cell::decode(out + value_row::SIZE + value_row::VALUE), Val::Str("abc"));
    let failure = memory::u32_at(out + 2 * value_row::SIZE + value_row::FAULT);
    assert_eq!(memory::u32_at(failure + fault::CODE), code::N09);
}

#[test]
fn expressions_see_their_contexts_and_instant() {
    let program = program(0, "");
    let frame = frame(kind::EVALUATE, 3, evaluate_row::SIZE, 0);
    let row = |i: u32| frame + header::SIZE + i * evaluate_row::SIZE;
    cell::encode(Val::Int(1), row(0) + evaluate_row::EVENT);
    cell::encode(Val::Int(1), row(1) + evaluate_row::ENTITY);
    memory::put_i64(row(1) + evaluate_row::NOW, 42);
    cell::encode(Val::Int(9), row(2) + evaluate_row::VALUE);
    evaluate::expressions(program.root, frame, length(frame));
    let out = |i: u32| memory::u32_at(frame + header::RESULTS) + i * value_row::SIZE;
    assert_eq!(cell::decode(out(0) + value_row::VALUE), Val::List(&[Val::Str("x"), Val::Int(1)]));
    assert_eq!(cell::decode(out(1) + value_row::VALUE), Val::DateTime(42));
    let failure = memory::u32_at(out(2) + value_row::FAULT);
    assert_eq!(cell::decode(failure + fault::VALUE), Val::Int(9));
    assert_eq!(memory::u32_at(failure + fault::CODE), 0);
}

#[test]
fn conversion_checks_type_and_constraints() {
    let mut program = Program::empty();
    let bound = program.take(tags::SIZE);
    cell::encode(Val::Float(10.0), bound);
    let desc = program.take(property::SIZE);
    memory::put_u32(desc + property::MAX_LENGTH, NONE);
    let run = |declared: u32, max: u32, function: fn(u32, u32, u32) -> u32, value: Value| {
        memory::put_u32(desc + property::TYPE, declared);
        memory::put_u32(desc + property::MAX, max);
        let (from, out) = (temporary(value), temporary(Val::Null));
        match function(desc, from, out) {
            0 => Some(cell::decode(out)),
            _ => None,
        }
    };
    let store = convert::property;
    assert_eq!(run(value_type::INTEGER, 0, store, Val::Float(3.0)), Some(Val::Int(3)));
    assert_eq!(run(value_type::INTEGER, 0, store, Val::Float(3.5)), None);
    assert_eq!(run(value_type::NUMBER, bound, store, Val::Int(10)), Some(Val::Float(10.0)));
    assert_eq!(run(value_type::NUMBER, bound, store, Val::Int(11)), None);
    assert_eq!(run(value_type::NUMBER, bound, store, Val::Null), Some(Val::Null));
    assert_eq!(run(value_type::STRING, 0, store, Val::Bool(true)), Some(Val::Str("true")));
    let schema = convert::schema;
    assert_eq!(run(value_type::STRING, 0, schema, Val::Bool(true)), None);
    assert_eq!(
        run(value_type::DATETIME, 0, schema, Val::Str("1970-01-01")),
        Some(Val::DateTime(0))
    );
    memory::put_u32(desc + property::MIN_LENGTH, 3);
    assert_eq!(run(value_type::STRING, 0, schema, Val::Str("éé")), None);
    assert_eq!(run(value_type::STRING, 0, schema, Val::Str("ééé")), Some(Val::Str("ééé")));
    memory::put_u32(desc + property::REQUIRED, 1);
    assert_eq!(run(value_type::STRING, 0, schema, Val::Null), None);
    let pattern = program.text("^a+$");
    memory::put_u32(desc + property::REGEX, pattern);
    memory::put_u32(desc + property::REGEX_LEN, 4);
    assert_eq!(run(value_type::STRING, 0, schema, Val::Str("aaa")), Some(Val::Str("aaa")));
    assert_eq!(run(value_type::STRING, 0, schema, Val::Str("aab")), None);
}
