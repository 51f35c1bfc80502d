//! Values and the functions of the language: one file per function, with signature, documentation, examples
//! and behaviour. Compiled natively for tools and tests, and to Wasm inside the runtime library.
//!
//! Invariant: reads no clock, keeps no state, and never differs from its own examples.

mod arena;
mod arithmetic;
mod coerce;
mod constraint;
mod equality;
mod example;
mod fault;
mod function;
mod hint;
mod instant;
mod lookup;
mod message;
mod operator;
mod order;
mod regex_constraint;
mod text;
mod val;
mod value;

pub mod ceil;
pub mod contains;
pub mod date_trunc;
pub mod day_of;
pub mod day_of_week;
pub mod days_between;
pub mod days_since;
pub mod ends_with;
pub mod floor;
pub mod hour_of;
pub mod hours_between;
pub mod join;
pub mod len;
pub mod math_abs;
pub mod max;
pub mod min;
pub mod minute_of;
pub mod minutes_between;
pub mod month_of;
pub mod parse_datetime;
pub mod regex_extract;
pub mod regex_match;
pub mod replace;
pub mod round;
pub mod second_of;
pub mod split;
pub mod starts_with;
pub mod str_substring;
pub mod str_to_lowercase;
pub mod str_to_uppercase;
pub mod str_trim;
pub mod to_datetime;
pub mod to_float;
pub mod to_int;
pub mod to_string;
pub mod week_of;
pub mod year_of;

pub use arena::HeapArena;
pub use arithmetic::{
    add, add_numbers, arith, div, floats, mul, neg, pow, pow_float, pow_int, rem, rem_float, sub,
    whole,
};
pub use coerce::{coerce, coerce_with, convert, convert_with, schema_convert};
pub use constraint::{Constraints, check_constraints};
pub use equality::eq;
pub use example::{EXAMPLE_NOW, Example};
pub use fault::{Fault, FaultKind};
pub use function::{Cx, Function, Parameter, Returns, Signature};
pub use hint::{fold_hint, hint_result, hint_text};
pub use instant::{timestamp, timestamp_at, timestamp_by_format};
pub use lookup::{index, member};
pub use message::{fault_message, value_text};
pub use operator::{Operator, truth};
pub use order::{CompareOp, compare, order};
pub use regex::Regex;
pub use regex_constraint::check_pattern;
pub use text::text_of;
pub use val::{Arena, Val};
