//! Time rules (language.md 7): due times, latches, `advance`.

use defacto_frames::abi::{
    NEVER, NONE, cell,
    desc::{self, rule},
    record,
};
use defacto_functions::FaultKind;

use crate::{
    fault,
    interpret::{Cause, Machine},
    item, memory,
    state::state,
    table,
};

/// Rules that may be tried at one instant.
const PER_INSTANT: u32 = 1_000;
/// Rules that may be tried in one `advance`.
const PER_CALL: u32 = 1_000_000;
/// Last microsecond of the year 9999: a later due time is never reached.
const LAST_INSTANT: i64 = 253_402_300_799_999_999;

const INACTIVITY: u32 = 0;
const EXPIRATION: u32 = 1;

/// Rules of the record's state: address of the first descriptor, and how many.
fn of_state(machine: &Machine, record: u32) -> (u32, u32) {
    let state = machine.states + memory::u32_at(record + record::STATE) * desc::state::SIZE;
    (memory::u32_at(state + desc::state::RULES), memory::u32_at(state + desc::state::RULE_COUNT))
}

/// When a rule is due (language.md 7.1).
fn due(rule: u32, record: u32) -> i64 {
    let threshold = memory::i64_at(rule + rule::THRESHOLD);
    let entered = memory::i64_at(record + record::ENTERED);
    let base = match memory::u32_at(rule + rule::KIND) {
        INACTIVITY => record::LAST_EVENT,
        EXPIRATION => record::CREATED,
        _ => return entered.saturating_add(threshold),
    };
    memory::i64_at(record + base).saturating_add(threshold).max(entered)
}

/// The unlatched rule that is due first, ties by written order: (due time, index).
#[inline]
fn first(machine: &Machine, record: u32) -> Option<(i64, u32)> {
    let (mut rule, count) = of_state(machine, record);
    let mut latches = memory::u64_at(record + record::LATCHES);
    let mut best = None;
    for index in 0..count {
        if latches & 1 == 0 {
            let due = due(rule, record);
            if best.is_none_or(|(earliest, _)| due < earliest) {
                best = Some((due, index));
            }
        }
        latches >>= 1;
        rule += rule::SIZE;
    }
    best
}

/// When the next rule of an existing entity is due, [`NEVER`] when none is.
pub(crate) fn next_due(machine: &Machine, record: u32) -> i64 {
    first(machine, record).map(|(due, _)| due).filter(|due| *due <= LAST_INSTANT).unwrap_or(NEVER)
}

/// Runs what is due strictly before `until`.
#[inline]
pub(crate) fn advance(machine: &Machine, record: u32, until: i64) {
    if let Some((due, index)) = first(machine, record)
        && due < until
    {
        fire_all(machine, record, until, due, index);
    }
}

#[inline(never)]
fn fire_all(machine: &Machine, record: u32, until: i64, mut due: i64, mut index: u32) {
    let (mut tried, mut at_instant, mut instant) = (0, 0, NEVER);
    loop {
        if due != instant {
            (instant, at_instant) = (due, 0);
        }
        fire(machine, record, index, due);
        at_instant += 1;
        tried += 1;
        if at_instant == PER_INSTANT || tried == PER_CALL {
            return give_up(machine, record, due);
        }
        match first(machine, record) {
            Some((next, which)) if next < until => (due, index) = (next, which),
            _ => return,
        }
    }
}

fn fire(machine: &Machine, record: u32, index: u32, due: i64) {
    let s = state();
    s.event.set(NONE);
    s.rule_state.set(memory::u32_at(record + record::STATE));
    s.rule.set(index);
    s.now.set(due);
    // Before the step, so that a rule that fails stays latched.
    let latches = memory::u64_at(record + record::LATCHES);
    memory::put_u64(record + record::LATCHES, latches | 1 << index);
    memory::put_i64(record + record::LAST_RULE, due);
    let rule = of_state(machine, record).0 + index * rule::SIZE;
    let run = memory::u32_at(rule + rule::RUN);
    machine.step(record, Cause::Rule, due, || {
        if run == 0 { 0 } else { table::rt_call2(run, 0, record) }
    });
}

/// Too many rules: reports it and latches every rule of the state reached.
#[cold]
fn give_up(machine: &Machine, record: u32, due: i64) {
    let value = (u64::from(cell::DATETIME), due.cast_unsigned());
    fault::record(FaultKind::RuleLimit as u32, 0, value, crate::cell::NULL_WORDS);
    fault::blame_rule();
    item::failure();
    let count = of_state(machine, record).1;
    let all = if count >= 64 { u64::MAX } else { (1 << count) - 1 };
    memory::put_u64(record + record::LATCHES, all);
}

/// A further event has come: inactivity rules may fire again.
pub(crate) fn unlatch_inactivity(machine: &Machine, record: u32) {
    let (mut rule, count) = of_state(machine, record);
    let mut latches = memory::u64_at(record + record::LATCHES);
    for index in 0..count {
        if memory::u32_at(rule + rule::KIND) == INACTIVITY {
            latches &= !(1 << index);
        }
        rule += rule::SIZE;
    }
    memory::put_u64(record + record::LATCHES, latches);
}
