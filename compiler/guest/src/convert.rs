//! Conversion and constraints of stored values: properties and edges (language.md 6.6), schema fields (3.4).

use core::cmp::Ordering;

use defacto_frames::abi::{
    NONE, cell as tags,
    desc::{property, value_type as types},
};
use defacto_functions::{Fault, FaultKind, Val, eq, order, schema_convert};
use defacto_model::ValueType;

use crate::{
    cell::{self, FRAME, Value},
    fault, memory, parts,
};

type Outcome<T> = Result<T, Fault<'static>>;

/// Tag of the values of a declared type.
#[inline(always)]
fn own_tag(declared: u32) -> u8 {
    const TAGS: u64 = (tags::STRING as u64) << (8 * types::STRING)
        | (tags::FLOAT as u64) << (8 * types::NUMBER)
        | (tags::INT as u64) << (8 * types::INTEGER)
        | (tags::BOOL as u64) << (8 * types::BOOLEAN)
        | (tags::DATETIME as u64) << (8 * types::DATETIME);
    (TAGS >> (8 * declared)) as u8
}

/// `rt_convert`: assignment conversion, then `allowed`, `min`, `max`. `out` is written only on success.
#[inline]
pub(crate) fn property(desc: u32, from: u32, out: u32) -> u32 {
    let tag = cell::tag(from);
    let unconstrained = memory::u32_at(desc + property::ALLOWED_COUNT)
        | memory::u32_at(desc + property::MIN)
        | memory::u32_at(desc + property::MAX)
        == 0;
    if tag == tags::NULL || (unconstrained && tag == own_tag(memory::u32_at(desc + property::TYPE)))
    {
        cell::store(out, from);
        return 0;
    }
    value(desc, cell::decode(from), out)
}

/// The same for a value that has no cell yet.
#[inline(never)]
pub(crate) fn value(desc: u32, value: Value, out: u32) -> u32 {
    let status = finish(assign(desc, value), out);
    if status == 0 {
        cell::settle(out);
    }
    status
}

/// `rt_coerce`: conversion of language.md 5.4.
#[inline]
pub(crate) fn coerce(declared: u32, from: u32, out: u32) -> u32 {
    let tag = cell::tag(from);
    if tag == tags::NULL || tag == own_tag(declared) {
        cell::copy(out, from);
        return 0;
    }
    let value = cell::decode(from);
    let to = value_type(declared);
    finish(defacto_functions::coerce_with(parts::part_number, to, &value, FRAME), out)
}

/// `rt_check`: a field of a schema.
pub(crate) fn schema(desc: u32, from: u32, out: u32) -> u32 {
    finish(check(desc, cell::decode(from)), out)
}

#[inline]
fn finish(outcome: Outcome<Value>, out: u32) -> u32 {
    match outcome {
        Ok(value) => {
            cell::encode(value, out);
            0
        }
        Err(fault) => fault::fail(fault),
    }
}

fn assign(desc: u32, value: Value) -> Outcome<Value> {
    let value = defacto_functions::convert_with(parts::part_number, declared(desc), &value, FRAME)?;
    bounds(desc, value)?;
    Ok(value)
}

fn declared(desc: u32) -> ValueType {
    value_type(memory::u32_at(desc + property::TYPE))
}

/// The declared type with that number.
fn value_type(number: u32) -> ValueType {
    match number {
        types::STRING => ValueType::String,
        types::NUMBER => ValueType::Number,
        types::INTEGER => ValueType::Integer,
        types::BOOLEAN => ValueType::Boolean,
        types::DATETIME => ValueType::Datetime,
        _ => memory::trap(),
    }
}

/// `allowed`, `min`, `max`; Null passes.
fn bounds(desc: u32, value: Value) -> Outcome<()> {
    if value == Val::Null {
        return Ok(());
    }
    let count = memory::u32_at(desc + property::ALLOWED_COUNT);
    if count != 0 {
        let first = memory::u32_at(desc + property::ALLOWED);
        let allowed = |i| eq(&cell::decode(first + i * tags::SIZE), &value);
        if !(0..count).any(allowed) {
            let members = cell::decode_list(first, count);
            return Err(Fault::of_two(FaultKind::Allowed, 0, value, members));
        }
    }
    let min = memory::u32_at(desc + property::MIN);
    if min != 0 {
        let bound = cell::decode(min);
        if order(&value, &bound) == Some(Ordering::Less) {
            return Err(Fault::of_two(FaultKind::Minimum, 0, value, bound));
        }
    }
    let max = memory::u32_at(desc + property::MAX);
    if max != 0 {
        let bound = cell::decode(max);
        if order(&value, &bound) == Some(Ordering::Greater) {
            return Err(Fault::of_two(FaultKind::Maximum, 0, value, bound));
        }
    }
    Ok(())
}

fn check(desc: u32, value: Value) -> Outcome<Value> {
    if value == Val::Null {
        return match memory::u32_at(desc + property::REQUIRED) {
            0 => Ok(value),
            _ => Err(Fault::new(FaultKind::Required, 0, value)),
        };
    }
    let value = schema_convert(declared(desc), &value)?;
    bounds(desc, value)?;
    if let Val::Str(text) = value {
        check_text(desc, value, text)?;
    }
    Ok(value)
}

fn check_text(desc: u32, value: Value, text: &'static str) -> Outcome<()> {
    let min = memory::u32_at(desc + property::MIN_LENGTH);
    let max = memory::u32_at(desc + property::MAX_LENGTH);
    if min != 0 || max != NONE {
        let length = text.chars().count();
        if length < min as usize {
            return Err(Fault::of_two(FaultKind::MinLength, 0, value, Val::Int(min.into())));
        }
        if max != NONE && length > max as usize {
            return Err(Fault::of_two(FaultKind::MaxLength, 0, value, Val::Int(max.into())));
        }
    }
    if memory::u32_at(desc + property::REGEX) != 0 {
        check_pattern(desc, value, text)?;
    }
    Ok(())
}

#[cfg(any(test, feature = "regex"))]
fn check_pattern(desc: u32, value: Value, text: &'static str) -> Outcome<()> {
    let pattern = memory::u32_at(desc + property::REGEX);
    let source = memory::text(pattern, memory::u32_at(desc + property::REGEX_LEN));
    let id = memory::u32_at(desc + property::REGEX_ID);
    if crate::pattern::is_match_literal(id, source, text)? {
        return Ok(());
    }
    Err(Fault::of_two(FaultKind::Regex, 0, value, Val::Str(source)))
}

/// The variant without patterns was linked to a program that has them.
#[cfg(not(any(test, feature = "regex")))]
fn check_pattern(_: u32, _: Value, _: &'static str) -> Outcome<()> {
    memory::trap()
}
