//! Computed properties (language.md 6.7): always evaluated when read, stored after each step.

use defacto_frames::abi::{code, desc};

use crate::{cell, convert, effects, fault, memory, state::state, table};

/// Evaluates a computed property of an existing entity, converted and checked.
pub(crate) fn read(record: u32, index: u32, property: u32, out: u32) -> u32 {
    let s = state();
    let slot = effects::slot(record, index);
    let bit = 1_u64.checked_shl(index).unwrap_or(0);
    // While storing, nothing changes between two reads: what is stored already needs no second evaluation.
    let storing = s.storing.get();
    if storing && s.stored.get() & bit != 0 {
        cell::copy(out, slot);
        return 0;
    }
    let function = memory::u32_at(property + desc::property::COMPUTE);
    let mut status = table::rt_call2(function, record, out);
    if status == 0 {
        status = convert::property(property, out, out);
    }
    if status != 0 {
        fault::blame(code::I05, index);
        return status;
    }
    if storing {
        cell::copy(slot, out);
        s.stored.set(s.stored.get() | bit);
    }
    0
}

/// Evaluates and stores every computed property of an existing entity. `scratch` is room for a cell.
pub(crate) fn store(record: u32, scratch: u32) -> u32 {
    let s = state();
    s.storing.set(true);
    s.stored.set(0);
    let mut status = 0;
    let count = memory::u32_at(s.entity.get() + desc::entity::PROPERTY_COUNT);
    let mut property = s.properties.get();
    for index in 0..count {
        if memory::u32_at(property + desc::property::COMPUTE) != 0 {
            status = read(record, index, property, scratch);
            if status != 0 {
                break;
            }
        }
        property += desc::property::SIZE;
    }
    s.storing.set(false);
    status
}
