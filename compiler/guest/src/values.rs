//! Operators and library functions on cells (`wit/RUNTIME.md`, "Values").

use defacto_frames::abi::cell::{FLOAT, INT};
use defacto_functions::{CompareOp, Cx, Fault, FaultKind, Operator, Val};

use crate::{
    arena,
    cell::{self, FRAME, Value},
    fault, memory,
    state::state,
};

type Outcome = Result<Value, Fault<'static>>;

/// Writes a result or records a fault.
#[inline]
pub(crate) fn finish(outcome: Outcome, out: u32) -> u32 {
    match outcome {
        Ok(value) => {
            cell::encode(value, out);
            0
        }
        Err(fault) => fault::fail(fault),
    }
}

/// `rt_eq`.
pub(crate) fn equal(a: u32, b: u32) -> u32 {
    u32::from(defacto_functions::eq(&cell::decode(a), &cell::decode(b)))
}

/// `rt_compare`.
pub(crate) fn compare(op: u32, a: u32, b: u32, out: u32) -> u32 {
    let Some(op) = CompareOp::from_number(op) else { memory::trap() };
    finish(defacto_functions::compare(op, &cell::decode(a), &cell::decode(b)), out)
}

/// `rt_arith`.
pub(crate) fn arith(op: u32, a: u32, b: u32, out: u32) -> u32 {
    const OPERATORS: [Operator; 6] =
        [Operator::Add, Operator::Sub, Operator::Mul, Operator::Div, Operator::Rem, Operator::Pow];
    let Some(op) = OPERATORS.get(op as usize) else { memory::trap() };
    finish(defacto_functions::arith(*op, &cell::decode(a), &cell::decode(b), FRAME), out)
}

/// `rt_neg`.
pub(crate) fn neg(a: u32, out: u32) -> u32 {
    finish(defacto_functions::neg(&cell::decode(a)), out)
}

/// `rt_bool`.
pub(crate) fn truth(a: u32) -> u32 {
    match cell::decode(a) {
        Val::Bool(value) => u32::from(value),
        Val::Null => 2,
        value => {
            let _ = fault::fail(Fault::new(FaultKind::NotBoolean, 0, value));
            3
        }
    }
}

/// `rt_member`.
pub(crate) fn member(a: u32, name: u32, len: u32, out: u32) {
    let name = memory::text(name, len);
    cell::copy_or_null(out, find(a, name));
}

/// Cell of a member, without decoding the whole of what it is a member of.
fn find(a: u32, name: &str) -> Option<u32> {
    let (addr, count) = (cell::pointer(a), cell::aux(a));
    match cell::tag(a) {
        cell::OBJECT => cell::entry(addr, count, name),
        cell::LIST if !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit()) => {
            name.parse::<u32>().ok().filter(|i| *i < count).map(|i| cell::element(addr, i))
        }
        _ => None,
    }
}

/// `rt_index`.
pub(crate) fn index(a: u32, i: u32, out: u32) -> u32 {
    let (addr, count) = (cell::pointer(a), cell::aux(a));
    let found = match (cell::tag(a), cell::decode(i)) {
        (cell::LIST, Val::Int(i)) => {
            let i = if i < 0 { i + i64::from(count) } else { i };
            u32::try_from(i).ok().filter(|i| *i < count).map(|i| cell::element(addr, i))
        }
        (cell::OBJECT, Val::Str(name)) => cell::entry(addr, count, name),
        (_, i) => return finish(defacto_functions::index(&cell::decode(a), &i), out),
    };
    cell::copy_or_null(out, found);
    0
}

/// `rt_str_eq`.
#[inline]
pub(crate) fn text_equal(p: u32, n: u32, q: u32, m: u32) -> u32 {
    u32::from(n == m && memory::bytes(p, n) == memory::bytes(q, m))
}

/// `rt_str_cmp`.
pub(crate) fn text_compare(p: u32, n: u32, q: u32, m: u32) -> i32 {
    memory::bytes(p, n).cmp(memory::bytes(q, m)) as i32
}

/// `rt_concat`.
pub(crate) fn concat(p: u32, n: u32, q: u32, m: u32, out: u32) {
    let (at, len) = match (n, m) {
        (_, 0) => (p, n),
        (0, _) => (q, m),
        _ => {
            let Some(len) = n.checked_add(m) else { memory::trap() };
            let at = arena::allocate(len, 1);
            memory::copy(at, p, n);
            memory::copy(at + n, q, m);
            (at, len)
        }
    };
    cell::put_text(out, at, len);
}

/// `rt_whole`: the kind of the fault, or 0.
pub(crate) fn whole(op: u32, a: i64, b: i64, out: u32) -> u32 {
    let Some(op) = Operator::from_number(op) else { memory::trap() };
    match defacto_functions::whole(op, a, b) {
        Ok(result) => {
            memory::put_i64(out, result);
            0
        }
        Err(kind) => kind as u32,
    }
}

/// `rt_float`.
pub(crate) fn float(op: u32, a: u32, b: u32, out: u32) -> u32 {
    let (Some(x), Some(y)) = (float_at(a), float_at(b)) else {
        cell::put_null(out);
        return 0;
    };
    let Some(operator) = Operator::from_number(op) else { memory::trap() };
    match defacto_functions::floats(operator, x, y) {
        Ok(result) => {
            cell::encode(Val::Float(result), out);
            0
        }
        Err(kind) => fault::record(kind as u32, op, cell::words(a), cell::words(b)),
    }
}

/// The Int or Float in a cell as a double; `None` for Null.
fn float_at(addr: u32) -> Option<f64> {
    let payload = cell::payload(addr);
    match cell::tag(addr) {
        INT => Some(payload.cast_signed() as f64),
        FLOAT => Some(f64::from_bits(payload)),
        _ => None,
    }
}

/// `rt_pow_int`.
pub(crate) fn pow_int(a: i64, b: i64, out: u32) -> u32 {
    finish(defacto_functions::pow_int(a, b), out)
}

/// Calls a library function with consecutive cells.
#[inline]
pub(crate) fn call(
    args: u32,
    argc: u32,
    out: u32,
    function: impl FnOnce(&[Value], &Cx<'static>) -> Outcome,
) -> u32 {
    let cx = Cx { arena: FRAME, now: state().now.get() };
    let mut few = [Val::Null; 3];
    let outcome = match few.get_mut(..argc as usize) {
        Some(few) => {
            for (value, i) in few.iter_mut().zip(0..) {
                *value = cell::decode(cell::element(args, i));
            }
            function(few, &cx)
        }
        None => {
            let many: Vec<Value> =
                (0..argc).map(|i| cell::decode(cell::element(args, i))).collect();
            function(&many, &cx)
        }
    };
    finish(outcome, out)
}
