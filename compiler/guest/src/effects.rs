//! Effects: what generated handlers and rules do to the record of their entity (language.md 6.5).

use defacto_frames::abi::{NEVER, cell::SIZE, code, desc, item, record};
use defacto_functions::{Fault, FaultKind, Val};

use crate::{
    cell::{self, Value},
    computed, convert, fault, item as items, memory,
    state::state,
};

/// Effects by number, in the detail of [`FaultKind::NoEntity`].
const TRANSITION: u32 = 1;
const SET: u32 = 2;
const INCREMENT: u32 = 3;
const RELATE: u32 = 4;

/// Whether the entity exists.
#[inline(always)]
pub(crate) fn exists(record: u32) -> bool {
    memory::u32_at(record + record::EXISTS) != 0
}

/// Address of a stored property.
#[inline(always)]
pub(crate) fn slot(record: u32, property: u32) -> u32 {
    record + record::HEAD + property * SIZE
}

#[inline(always)]
fn property(index: u32) -> u32 {
    state().properties.get() + index * desc::property::SIZE
}

/// An effect other than `create` found no entity.
#[cold]
fn no_entity(effect: u32) -> u32 {
    let status = fault::fail(Fault::new(FaultKind::NoEntity, effect, Val::Null));
    fault::blame(code::I06, defacto_frames::abi::NONE);
    status
}

/// `rt_create`.
pub(crate) fn create(record: u32) {
    if exists(record) {
        return;
    }
    let s = state();
    let entity = s.entity.get();
    memory::put_u32(record + record::EXISTS, 1);
    memory::put_u32(record + record::STATE, memory::u32_at(entity + desc::entity::START));
    memory::put_i64(record + record::CREATED, s.now.get());
    memory::put_i64(record + record::ENTERED, s.now.get());
    memory::put_i64(record + record::LAST_EVENT, NEVER);
    memory::put_u64(record + record::LATCHES, 0);
    memory::put_i64(record + record::LAST_RULE, NEVER);
    for index in 0..memory::u32_at(entity + desc::entity::PROPERTY_COUNT) {
        cell::store(slot(record, index), property(index) + desc::property::DEFAULT);
    }
}

/// `rt_transition`.
pub(crate) fn transition(record: u32, to: u32) -> u32 {
    if !exists(record) {
        return no_entity(TRANSITION);
    }
    let s = state();
    memory::put_u32(record + record::STATE, to);
    memory::put_i64(record + record::ENTERED, s.now.get());
    memory::put_u64(record + record::LATCHES, 0);
    s.transitions.set(s.transitions.get() + 1);
    0
}

/// `rt_set`.
pub(crate) fn set(record: u32, index: u32, value: u32) -> u32 {
    if !exists(record) {
        return no_entity(SET);
    }
    let status = convert::property(property(index), value, slot(record, index));
    if status != 0 {
        fault::blame(code::I04, index);
    }
    status
}

/// `rt_increment`.
pub(crate) fn increment(record: u32, index: u32, by: u32) -> u32 {
    if !exists(record) {
        return no_entity(INCREMENT);
    }
    let amount = cell::decode(by);
    if amount == Val::Null {
        return 0;
    }
    let slot = slot(record, index);
    let sum = match add(cell::decode(slot), amount) {
        Ok(sum) => sum,
        Err(fault) => {
            let status = fault::fail(fault);
            fault::blame(code::I03, index);
            return status;
        }
    };
    let status = convert::value(property(index), sum, slot);
    if status != 0 {
        fault::blame(code::I04, index);
    }
    status
}

fn add(current: Value, by: Value) -> Result<Value, Fault<'static>> {
    let number = |value| matches!(value, Val::Int(_) | Val::Float(_) | Val::BigInt(_));
    if !number(by) {
        return Err(Fault::new(FaultKind::Increment, 0, by));
    }
    let current = if current == Val::Null { Val::Int(0) } else { current };
    if !number(current) {
        return Err(Fault::new(FaultKind::Increment, 0, current));
    }
    defacto_functions::add_numbers(&current, &by)
}

/// `rt_relate`.
pub(crate) fn relate(record: u32, relate: u32, cells: u32, count: u32) -> u32 {
    if !exists(record) {
        return no_entity(RELATE);
    }
    let body = items::append(item::RELATE, 8 + count * SIZE);
    memory::put_u32(body, relate);
    memory::put_u32(body + 4, count);
    for index in 0..count {
        cell::store(cell::element(body + 8, index), cell::element(cells, index));
    }
    state().related.set(true);
    0
}

/// `rt_effect`.
#[inline]
pub(crate) fn count() {
    let s = state();
    s.effects.set(s.effects.get() + 1);
}

/// `rt_computed`.
pub(crate) fn computed(record: u32, index: u32, out: u32) -> u32 {
    if !exists(record) {
        cell::put_null(out);
        return 0;
    }
    computed::read(record, index, property(index), out)
}

/// `rt_builtin`.
pub(crate) fn builtin(record: u32, which: u32, out: u32) {
    let field = match which {
        _ if !exists(record) => return cell::put_null(out),
        1 => {
            let count = memory::u32_at(state().entity.get() + desc::entity::PROPERTY_COUNT);
            return cell::copy(out, slot(record, count));
        }
        2 => record::CREATED,
        3 => record::ENTERED,
        4 => record::LAST_EVENT,
        _ => memory::trap(),
    };
    match memory::i64_at(record + field) {
        NEVER => cell::put_null(out),
        micros => cell::put_datetime(out, micros),
    }
}
