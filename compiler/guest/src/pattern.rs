//! Compiled patterns, which outlive a call: literal ones by their number, the others in a small cache.
//!
//! Compiling and matching allocate from the persistent heap; what a match finds lies in the text that was searched.

use core::mem;
use std::cell::{Cell, RefCell};

use defacto_functions::{Cx, Fault, FaultKind, Regex, Val, regex_extract, regex_match};
use regex::RegexBuilder;

use crate::{cell::Value, heap, state::state};

type Outcome<T> = Result<T, Fault<'static>>;

/// Patterns that are no literals and are kept.
const DYNAMIC: usize = 8;
/// Bytes that the lazy automata of one pattern may take: bounds the heap, never changes a result.
const AUTOMATON: usize = 1 << 19;

thread_local! {
    static LITERALS: RefCell<Vec<Option<Regex>>> = const { RefCell::new(Vec::new()) };
    static OTHERS: RefCell<Vec<(String, Regex)>> = const { RefCell::new(Vec::new()) };
    static OLDEST: Cell<usize> = const { Cell::new(0) };
}

/// Runs with the persistent heap as allocator. Where that was too small, nothing compiled outlives this: the
/// next use compiles again, slower and with the same result. `T` owns no memory.
fn persistently<T: Copy>(run: impl FnOnce() -> T) -> T {
    let s = state();
    let next = s.next.get();
    s.persistent.set(true);
    let result = run();
    s.persistent.set(false);
    if s.overflowed.replace(false) {
        mem::forget(LITERALS.take());
        mem::forget(OTHERS.take());
        OLDEST.set(0);
        heap::clear();
        s.next.set(next);
    }
    result
}

/// As `regex_match::compile`, with less room for the automata.
fn compile(source: &'static str) -> Outcome<Regex> {
    RegexBuilder::new(source)
        .dfa_size_limit(AUTOMATON)
        .build()
        .map_err(|_| Fault::new(FaultKind::Pattern, 0, Val::Str(source)))
}

fn with_literal<T: Copy>(
    id: u32,
    source: &'static str,
    run: impl FnOnce(&Regex) -> T,
) -> Outcome<T> {
    persistently(|| {
        LITERALS.with_borrow_mut(|patterns| {
            let id = id as usize;
            if patterns.len() <= id {
                patterns.resize_with(id + 1, || None);
            }
            match patterns.get_mut(id) {
                Some(Some(pattern)) => Ok(run(pattern)),
                Some(slot) => Ok(run(slot.insert(compile(source)?))),
                None => crate::memory::trap(),
            }
        })
    })
}

fn with_any<T: Copy>(source: &'static str, run: impl FnOnce(&Regex) -> T) -> Outcome<T> {
    persistently(|| {
        OTHERS.with_borrow_mut(|patterns| {
            if let Some((_, pattern)) = patterns.iter().find(|(known, _)| known == source) {
                return Ok(run(pattern));
            }
            if patterns.len() == DYNAMIC {
                let oldest = OLDEST.replace((OLDEST.get() + 1) % DYNAMIC);
                // Its room first, then the new pattern in its place.
                let last = patterns.len() - 1;
                patterns.swap(oldest, last);
                drop(patterns.pop());
            }
            let pattern = compile(source)?;
            let result = run(&pattern);
            patterns.push((String::from(source), pattern));
            Ok(result)
        })
    })
}

/// `fn_regex_match`.
pub(crate) fn matches(args: &[Value], cx: &Cx<'static>) -> Outcome<Value> {
    match args {
        [Val::Str(_), Val::Str(source)] => {
            with_any(source, |pattern| regex_match::call_compiled(args, pattern))?
        }
        _ => regex_match::call(args, cx),
    }
}

/// `fn_regex_extract`.
pub(crate) fn extract(args: &[Value], cx: &Cx<'static>) -> Outcome<Value> {
    match args {
        [Val::Str(_), Val::Str(source)] => {
            with_any(source, |pattern| regex_extract::call_compiled(args, pattern))?
        }
        _ => regex_extract::call(args, cx),
    }
}

/// `fn_regex_match_literal`.
pub(crate) fn matches_literal(args: &[Value], cx: &Cx<'static>, id: u32) -> Outcome<Value> {
    match args {
        [Val::Str(_), Val::Str(source)] => {
            with_literal(id, source, |pattern| regex_match::call_compiled(args, pattern))?
        }
        _ => regex_match::call(args, cx),
    }
}

/// `fn_regex_extract_literal`.
pub(crate) fn extract_literal(args: &[Value], cx: &Cx<'static>, id: u32) -> Outcome<Value> {
    match args {
        [Val::Str(_), Val::Str(source)] => {
            with_literal(id, source, |pattern| regex_extract::call_compiled(args, pattern))?
        }
        _ => regex_extract::call(args, cx),
    }
}

/// Whether a schema's pattern is found in a text.
pub(crate) fn is_match_literal(id: u32, source: &'static str, text: &str) -> Outcome<bool> {
    with_literal(id, source, |pattern| pattern.is_match(text))
}

#[cfg(test)]
mod tests {
    use defacto_functions::Cx;

    use super::*;
    use crate::cell::FRAME;

    #[test]
    fn literals_are_kept_by_number_and_others_by_text() {
        let cx = Cx { arena: FRAME, now: 0 };
        let args = [Val::Str("ORD-12"), Val::Str("ORD-([0-9]+)")];
        for _ in 0..2 {
            assert_eq!(extract_literal(&args, &cx, 3), Ok(Val::Str("12")));
            assert_eq!(extract(&args, &cx), Ok(Val::Str("12")));
            assert_eq!(matches(&args, &cx), Ok(Val::Bool(true)));
        }
        assert_eq!(is_match_literal(3, "ORD-([0-9]+)", "x"), Ok(false));
        assert_eq!(matches(&[Val::Null, args[1]], &cx), Ok(Val::Null));
        assert_eq!(
            matches(&[args[0], Val::Str("(")], &cx).map_err(|fault| fault.kind),
            Err(FaultKind::Pattern)
        );
        assert!(!state().persistent.get());
    }

    #[test]
    fn the_cache_of_others_is_bounded() {
        let cx = Cx { arena: FRAME, now: 0 };
        for round in 0..3 {
            for n in 0..20 {
                let source: &'static str = format!("^{n}$").leak();
                let text: &'static str = n.to_string().leak();
                let args = [Val::Str(text), Val::Str(source)];
                assert_eq!(matches(&args, &cx), Ok(Val::Bool(true)), "{round} {n}");
            }
        }
        assert_eq!(OTHERS.with_borrow(Vec::len), DYNAMIC);
    }
}
