//! The driver on small entities: language.md 7.6, the trace of Appendix A, and one test per rule.

use defacto_frames::abi::{NEVER, NONE, code, desc::value_type, header, record};
use defacto_functions::Val;

use super::builder::{DAY, Entity, Item, Program, Property, Rule, run, temporary};
use crate::{cell, effects, memory, state::state};

fn create(_event: u32, record: u32) -> u32 {
    effects::count();
    effects::create(record);
    0
}

fn set_0(event: u32, record: u32) -> u32 {
    effects::count();
    effects::set(record, 0, event)
}

fn to_0(_: u32, record: u32) -> u32 {
    effects::count();
    effects::transition(record, 0)
}

fn to_1(_: u32, record: u32) -> u32 {
    effects::count();
    effects::transition(record, 1)
}

fn to_2(_: u32, record: u32) -> u32 {
    effects::count();
    effects::transition(record, 2)
}

fn add_0(event: u32, record: u32) -> u32 {
    effects::count();
    effects::increment(record, 0, event)
}

fn quiet(_: u32, record: u32) -> u32 {
    effects::set(record, 0, temporary(Val::Str("quiet")))
}

fn relate(event: u32, record: u32) -> u32 {
    effects::relate(record, 3, event, 1)
}

/// Twice the first property.
fn double(record: u32, out: u32) -> u32 {
    let value = match cell::decode(effects::slot(record, 0)) {
        Val::Int(value) => Val::Int(value * 2),
        other => other,
    };
    cell::encode(value, out);
    0
}

const INACTIVITY: u32 = 0;
const EXPIRATION: u32 = 1;
const DURATION: u32 = 2;
const INT: Property =
    Property { r#type: value_type::INTEGER, default: Val::Null, max: Val::Null, compute: None };
const TEXT: Property = Property { r#type: value_type::STRING, ..INT };

fn row(day: i64, state: u32, values: &[Val<'static>], last: i64) -> Item {
    Item::Row(day, state, values.to_vec(), last, true)
}

#[test]
fn example_of_7_6() {
    let program = Program::new(&Entity {
        properties: &[TEXT],
        states: &[
            (&[(INACTIVITY, 5 * DAY, quiet), (DURATION, 7 * DAY, to_1)], &[Some((create, true))]),
            (&[(DURATION, DAY, to_2)], &[None]),
            (&[], &[None]),
        ],
        always: &[None],
    });
    let events = [(0, Val::Null, 0), (NONE, Val::Null, 1)];
    let (record, items) = run(&program, 1, &events, 20 * DAY);
    let quiet = [Val::Str("quiet")];
    assert_eq!(
        items,
        [
            row(0, 0, &[Val::Null], 0),
            row(6, 0, &quiet, 1),
            row(7, 1, &quiet, 1),
            row(8, 2, &quiet, 1)
        ]
    );
    assert_eq!(memory::i64_at(record + record::NEXT_DUE), NEVER);
    assert_eq!(memory::i64_at(record + record::LAST_RULE), 8 * DAY);
    assert_eq!(memory::i64_at(record + record::LAST_EVENT), DAY);
    assert_eq!(state().transitions.get(), 2);
}

#[test]
fn a_rule_due_at_the_very_instant_waits() {
    let program = Program::new(&Entity {
        properties: &[INT],
        states: &[(&[(DURATION, DAY, to_1)], &[Some((create, true))]), (&[], &[None])],
        always: &[None],
    });
    let (record, items) = run(&program, 1, &[(0, Val::Null, 1)], 2 * DAY);
    assert_eq!(items.len(), 1);
    assert_eq!(memory::i64_at(record + record::NEXT_DUE), 2 * DAY);
    assert_eq!(run(&program, 1, &[(0, Val::Null, 1)], 2 * DAY + 1).1.len(), 2);
    assert_eq!(run(&program, 1, &[(0, Val::Null, 1)], NEVER).1.len(), 1);
}

#[test]
fn a_failing_event_is_undone_and_still_counts_as_received() {
    let limited = Property { max: Val::Int(5), ..INT };
    fn relate_then_add(event: u32, record: u32) -> u32 {
        effects::count();
        match relate(event, record) {
            0 => add_0(event, record),
            status => status,
        }
    }
    let program = Program::new(&Entity {
        properties: &[limited],
        states: &[(&[], &[Some((create, true)), Some((relate_then_add, false))])],
        always: &[None, None],
    });
    let (record, items) =
        run(&program, 1, &[(0, Val::Null, 1), (1, Val::Int(3), 2), (1, Val::Int(3), 4)], NEVER);
    assert_eq!(
        items,
        [
            row(1, 0, &[Val::Null], 1),
            Item::Relate(2, 3),
            row(2, 0, &[Val::Int(3)], 2),
            Item::Failure(4, code::I04, 0)
        ]
    );
    assert_eq!(memory::i64_at(record + record::LAST_EVENT), 4 * DAY);
    assert_eq!(cell::decode(effects::slot(record, 0)), Val::Int(3));
    assert_eq!(state().effects.get(), 3);
}

#[test]
fn a_failing_create_leaves_no_entity() {
    fn create_badly(event: u32, record: u32) -> u32 {
        create(event, record);
        set_0(event, record)
    }
    let program = Program::new(&Entity {
        properties: &[INT],
        states: &[(&[], &[Some((create_badly, true))])],
        always: &[None],
    });
    let (record, items) = run(&program, 1, &[(0, Val::Str("x"), 1)], 9 * DAY);
    assert_eq!(items, [Item::Failure(1, code::I04, 0)]);
    assert!(!effects::exists(record));
    assert_eq!(memory::i64_at(record + record::LAST_EVENT), NEVER);
}

#[test]
fn effects_without_an_entity_fail() {
    for effect in [set_0, to_0, add_0, relate] as [fn(u32, u32) -> u32; 4] {
        let program = Program::new(&Entity {
            properties: &[INT],
            states: &[(&[], &[Some((effect, true))])],
            always: &[None],
        });
        let items = run(&program, 1, &[(0, Val::Int(1), 1)], NEVER).1;
        assert_eq!(items, [Item::Failure(1, code::I06, NONE)]);
    }
}

#[test]
fn handlers_of_a_missing_entity_must_create() {
    let program = Program::new(&Entity {
        properties: &[INT],
        states: &[(&[], &[Some((add_0, false)), Some((create, true))])],
        always: &[Some((add_0, false)), Some((add_0, false))],
    });
    // The first event finds no entity; the second one's `always` runs because its state handler creates.
    let items = run(&program, 1, &[(0, Val::Int(1), 1), (1, Val::Int(5), 2)], NEVER).1;
    assert_eq!(items, [row(2, 0, &[Val::Int(5)], 2)]);
    // Both handlers of an existing entity run.
    let events = [(1, Val::Int(5), 2), (0, Val::Int(1), 3)];
    assert_eq!(run(&program, 1, &events, NEVER).1[1], row(3, 0, &[Val::Int(7)], 3));
}

#[test]
fn equal_values_are_no_change_and_a_relate_alone_is_reported_unchanged() {
    let program = Program::new(&Entity {
        properties: &[TEXT],
        states: &[(&[], &[Some((create, true)), Some((set_0, false)), Some((relate, false))])],
        always: &[None, None, None],
    });
    let a = || Val::Str(String::from("a").leak());
    let events = [(0, Val::Null, 1), (1, a(), 2), (1, a(), 3), (2, a(), 4)];
    let unchanged = Item::Row(4, 0, vec![a()], 4, false);
    assert_eq!(
        run(&program, 1, &events, NEVER).1,
        [row(1, 0, &[Val::Null], 1), row(2, 0, &[a()], 2), Item::Relate(4, 3), unchanged]
    );
}

#[test]
fn re_entering_a_state_is_a_change() {
    let program = Program::new(&Entity {
        properties: &[INT],
        states: &[(&[], &[Some((create, true)), Some((to_0, false))])],
        always: &[None, None],
    });
    assert_eq!(run(&program, 1, &[(0, Val::Null, 1), (1, Val::Null, 2)], NEVER).1.len(), 2);
}

#[test]
fn computed_properties_follow_events_and_rules() {
    fn add_one(_: u32, record: u32) -> u32 {
        effects::increment(record, 0, temporary(Val::Int(1)))
    }
    let computed = Property { compute: Some(double), max: Val::Int(10), ..INT };
    let program = Program::new(&Entity {
        properties: &[INT, computed],
        states: &[(&[(DURATION, 2 * DAY, add_one)], &[Some((create, true)), Some((set_0, false))])],
        always: &[None, None],
    });
    let events = [(0, Val::Null, 0), (1, Val::Int(3), 1), (1, Val::Int(6), 3)];
    assert_eq!(
        run(&program, 2, &events, NEVER).1,
        [
            row(0, 0, &[Val::Null, Val::Null], 0),
            row(1, 0, &[Val::Int(3), Val::Int(6)], 1),
            row(2, 0, &[Val::Int(4), Val::Int(8)], 1),
            Item::Failure(3, code::I05, 1),
        ]
    );
}

#[test]
fn a_failing_rule_is_undone_reported_and_stays_latched() {
    fn bad(_: u32, record: u32) -> u32 {
        match to_1(0, record) {
            0 => effects::set(record, 0, temporary(Val::Str("x"))),
            status => status,
        }
    }
    let rules: [Rule; 2] = [(EXPIRATION, DAY, bad), (DURATION, 2 * DAY, to_1)];
    let program = Program::new(&Entity {
        properties: &[INT],
        states: &[(&rules, &[Some((create, true))]), (&[], &[None])],
        always: &[None],
    });
    let (record, items) = run(&program, 1, &[(0, Val::Null, 0)], 9 * DAY);
    assert_eq!(
        items,
        [row(0, 0, &[Val::Null], 0), Item::Failure(1, code::T01, 0), row(2, 1, &[Val::Null], 0)]
    );
    assert_eq!(memory::i64_at(record + record::LAST_RULE), 2 * DAY);
}

#[test]
fn inactivity_fires_again_after_a_further_event_and_others_do_not() {
    fn add_ten(_: u32, record: u32) -> u32 {
        effects::increment(record, 0, temporary(Val::Int(10)))
    }
    fn add_one(_: u32, record: u32) -> u32 {
        effects::increment(record, 0, temporary(Val::Int(1)))
    }
    let rules: [Rule; 2] = [(INACTIVITY, 2 * DAY, add_one), (EXPIRATION, DAY, add_ten)];
    let program = Program::new(&Entity {
        properties: &[INT],
        states: &[(&rules, &[Some((create, true))])],
        always: &[None],
    });
    let events = [(0, Val::Null, 0), (NONE, Val::Null, 5)];
    assert_eq!(
        run(&program, 1, &events, 30 * DAY).1,
        [
            row(0, 0, &[Val::Null], 0),
            row(1, 0, &[Val::Int(10)], 0),
            row(2, 0, &[Val::Int(11)], 0),
            row(7, 0, &[Val::Int(12)], 5),
        ]
    );
}

#[test]
fn an_overdue_rule_is_due_at_entry() {
    let program = Program::new(&Entity {
        properties: &[INT],
        states: &[
            (&[], &[Some((create, true)), Some((to_1, false))]),
            (&[(EXPIRATION, DAY, to_2)], &[None, None]),
            (&[], &[None, None]),
        ],
        always: &[None, None],
    });
    let items = run(&program, 1, &[(0, Val::Null, 0), (1, Val::Null, 5)], 6 * DAY).1;
    assert_eq!(items[2], row(5, 2, &[Val::Null], 5));
}

#[test]
fn a_loop_at_one_instant_ends_with_every_rule_latched() {
    let program = Program::new(&Entity {
        properties: &[INT],
        states: &[
            (&[(EXPIRATION, DAY, to_1)], &[Some((create, true))]),
            (&[(EXPIRATION, DAY, to_0)], &[None]),
        ],
        always: &[None],
    });
    let (record, items) = run(&program, 1, &[(0, Val::Null, 0)], 9 * DAY);
    assert_eq!(items.len(), 1 + 1000 + 1);
    assert_eq!(items.last(), Some(&Item::Failure(1, code::T01, NONE)));
    assert_eq!(memory::u64_at(record + record::LATCHES), 1);
    assert_eq!(memory::i64_at(record + record::NEXT_DUE), NEVER);
}

#[test]
fn trace_of_appendix_a() {
    const OPENED: u32 = 0;
    const ADDED: u32 = 1;
    const REOPENED: u32 = 2;
    fn opened(event: u32, record: u32) -> u32 {
        effects::create(record);
        match effects::set(record, 0, event) {
            0 => effects::transition(record, 1),
            status => status,
        }
    }
    // Guard: count > 0.
    fn added(event: u32, record: u32) -> u32 {
        match cell::decode(event) {
            Val::Int(count) if count > 0 => effects::increment(record, 1, temporary(Val::Int(1))),
            _ => 0,
        }
    }
    let seats = Property { default: Val::Int(0), ..INT };
    let idle: [Rule; 1] = [(INACTIVITY, 60 * DAY, to_2)];
    let program = Program::new(&Entity {
        properties: &[TEXT, seats],
        states: &[
            (&[], &[Some((opened, true)), None, None]),
            (&idle, &[None, Some((added, false)), Some((to_1, false))]),
            (&[], &[None, None, Some((to_1, false))]),
        ],
        always: &[None, None, None],
    });
    let plus = |seats| [Val::Str("plus"), Val::Int(seats)];
    let mut events = vec![
        (ADDED, Val::Int(1), 1),
        (OPENED, Val::Str("plus"), 2),
        (ADDED, Val::Int(0), 3),
        (ADDED, Val::Int(2), 4),
        (OPENED, Val::Str("gold"), 5),
        (REOPENED, Val::Null, 70),
        (ADDED, Val::Int(1), 70),
    ];
    let first = [row(2, 1, &plus(0), 2), row(4, 1, &plus(1), 4)];
    let rest = [row(65, 2, &plus(1), 5), row(70, 1, &plus(1), 70), row(70, 1, &plus(2), 70)];
    assert_eq!(run(&program, 2, &events, NEVER).1, [&first[..], &rest[..]].concat());
    // The late event at day 60: the entity is recomputed from all of its events.
    events.insert(5, (ADDED, Val::Int(1), 60));
    let rest = [row(60, 1, &plus(2), 60), row(70, 1, &plus(2), 70), row(70, 1, &plus(3), 70)];
    assert_eq!(run(&program, 2, &events, NEVER).1, [&first[..], &rest[..]].concat());
}

#[test]
fn frames_of_another_program_trap() {
    let program = Program::new(&Entity {
        properties: &[INT],
        states: &[(&[], &[Some((create, true))])],
        always: &[None],
    });
    for (field, value) in [
        (header::ABI, 2),
        (header::LAYOUT, 1),
        (header::KIND, 1),
        (header::INDEX, 1),
        (header::ROWS, u32::MAX),
    ] {
        let frame = super::builder::frame(defacto_frames::abi::kind::INTERPRET, 0, 16, NEVER);
        memory::put_u32(frame + field, value);
        let outcome = std::panic::catch_unwind(|| crate::interpret::run(program.root, frame, 48));
        assert!(outcome.is_err(), "field {field}");
    }
}
