//! What the module exports: `wit/RUNTIME.md` as code. Each export forwards to the function that does it.
//!
//! | exports | module |
//! |---|---|
//! | `rt_start`, `cabi_realloc` | `arena` |
//! | `rt_normalize` | `normalize` |
//! | `rt_interpret` | `interpret`, `rules` |
//! | `rt_hints`, `rt_evaluate` | `evaluate`, `hint` |
//! | `rt_eq`, `rt_compare`, `rt_arith`, `rt_whole`, `rt_float`, `rt_neg`, `rt_bool`, `rt_member`, `rt_index`, `rt_str_eq`, `rt_str_cmp`, `rt_concat`, `rt_pow`, `rt_rem`, `rt_pow_int`, `rt_now` | `values` |
//! | `rt_coerce`, `rt_check`, `rt_convert` | `convert` |
//! | `rt_fail`, `rt_blame` | `fault` |
//! | `rt_create`, `rt_transition`, `rt_set`, `rt_increment`, `rt_relate`, `rt_effect`, `rt_computed`, `rt_builtin` | `effects`, `computed` |
//! | `fn_<name>` for every `defacto_functions::Function` | `defacto_functions` |
//! | `fn_regex_match`, `fn_regex_extract`, `fn_regex_match_literal`, `fn_regex_extract_literal` (only FULL) | `pattern` |
//! | `rt_call2`, `rt_call4` | `table` |
//! | `part_<name>` | `parts` |
//! | `memory`, `__indirect_function_table`, `__heap_base` | linker |

#![expect(unsafe_code, reason = "an export is an unmangled symbol")]

use crate::{
    arena, convert, effects, evaluate, fault, interpret, memory, normalize, state::state, values,
};

/// Hands the arena over as the result of a call.
fn finish() -> u32 {
    let result = arena::allocate(8, 4);
    let (addr, len) = arena::finish();
    memory::put_u32(result, addr);
    memory::put_u32(result + 4, len);
    result
}

/// Functions by one pattern: `name(arguments) -> result = what it does`.
macro_rules! exports {
    ($($name:ident($($arg:ident: $type:ty),*) $(-> $result:ty)? = $run:expr;)*) => {
        $(
            #[unsafe(no_mangle)]
            extern "C" fn $name($($arg: $type),*) $(-> $result)? {
                $run
            }
        )*
    };
}

/// Library functions: each an export of its own, so that unused ones can be dropped.
macro_rules! functions {
    ($($name:ident = $module:ident;)*) => {
        exports! {
            $($name(args: u32, argc: u32, out: u32) -> u32 =
                values::call(args, argc, out, defacto_functions::$module::call);)*
        }
    };
}

exports! {
    rt_start(origin: u32, heap: u32, heap_bytes: u32) = arena::start(origin, heap, heap_bytes);
    cabi_realloc(old: u32, old_len: u32, align: u32, len: u32) -> u32 =
        arena::canonical(old, old_len, align, len);
    rt_normalize(root: u32, ptr: u32, len: u32) -> u32 = {
        normalize::run(root, ptr, len);
        finish()
    };
    rt_interpret(root: u32, ptr: u32, len: u32) -> u32 = {
        interpret::run(root, ptr, len);
        finish()
    };
    rt_hints(root: u32, ptr: u32, len: u32) -> u32 = {
        evaluate::hints(root, ptr, len);
        finish()
    };
    rt_evaluate(root: u32, ptr: u32, len: u32) -> u32 = {
        evaluate::expressions(root, ptr, len);
        finish()
    };

    rt_eq(a: u32, b: u32) -> u32 = values::equal(a, b);
    rt_compare(op: u32, a: u32, b: u32, out: u32) -> u32 = values::compare(op, a, b, out);
    rt_arith(op: u32, a: u32, b: u32, out: u32) -> u32 = values::arith(op, a, b, out);
    rt_whole(op: u32, a: i64, b: i64, out: u32) -> u32 = values::whole(op, a, b, out);
    rt_float(op: u32, a: u32, b: u32, out: u32) -> u32 = values::float(op, a, b, out);
    rt_neg(a: u32, out: u32) -> u32 = values::neg(a, out);
    rt_bool(a: u32) -> u32 = values::truth(a);
    rt_member(a: u32, name: u32, len: u32, out: u32) = values::member(a, name, len, out);
    rt_index(a: u32, i: u32, out: u32) -> u32 = values::index(a, i, out);
    rt_str_eq(p: u32, n: u32, q: u32, m: u32) -> u32 = values::text_equal(p, n, q, m);
    rt_str_cmp(p: u32, n: u32, q: u32, m: u32) -> i32 = values::text_compare(p, n, q, m);
    rt_concat(p: u32, n: u32, q: u32, m: u32, out: u32) = values::concat(p, n, q, m, out);
    rt_pow(a: f64, b: f64) -> f64 = defacto_functions::pow_float(a, b);
    rt_rem(a: f64, b: f64) -> f64 = defacto_functions::rem_float(a, b);
    rt_pow_int(a: i64, b: i64, out: u32) -> u32 = values::pow_int(a, b, out);
    rt_now() -> i64 = state().now.get();

    rt_coerce(declared: u32, a: u32, out: u32) -> u32 = convert::coerce(declared, a, out);
    rt_check(desc: u32, a: u32, out: u32) -> u32 = convert::schema(desc, a, out);
    rt_convert(desc: u32, a: u32, out: u32) -> u32 = convert::property(desc, a, out);
    rt_fail(kind: u32, detail: u32, a: u32, b: u32) -> u32 =
        fault::from_cells(kind, detail, a, b);
    rt_blame(code: u32, field: u32) = fault::blame(code, field);

    rt_create(record: u32) = effects::create(record);
    rt_transition(record: u32, to: u32) -> u32 = effects::transition(record, to);
    rt_set(record: u32, property: u32, value: u32) -> u32 = effects::set(record, property, value);
    rt_increment(record: u32, property: u32, by: u32) -> u32 =
        effects::increment(record, property, by);
    rt_relate(record: u32, relate: u32, cells: u32, count: u32) -> u32 =
        effects::relate(record, relate, cells, count);
    rt_effect() = effects::count();
    rt_computed(record: u32, property: u32, out: u32) -> u32 =
        effects::computed(record, property, out);
    rt_builtin(record: u32, which: u32, out: u32) = effects::builtin(record, which, out);
}

functions! {
    fn_str_to_lowercase = str_to_lowercase;
    fn_str_to_uppercase = str_to_uppercase;
    fn_str_trim = str_trim;
    fn_str_substring = str_substring;
    fn_starts_with = starts_with;
    fn_ends_with = ends_with;
    fn_contains = contains;
    fn_replace = replace;
    fn_to_string = to_string;
    fn_len = len;
    fn_split = split;
    fn_join = join;
    fn_math_abs = math_abs;
    fn_floor = floor;
    fn_ceil = ceil;
    fn_round = round;
    fn_min = min;
    fn_max = max;
    fn_days_between = days_between;
    fn_hours_between = hours_between;
    fn_minutes_between = minutes_between;
    fn_days_since = days_since;
    fn_year_of = year_of;
    fn_month_of = month_of;
    fn_day_of = day_of;
    fn_hour_of = hour_of;
    fn_minute_of = minute_of;
    fn_second_of = second_of;
    fn_week_of = week_of;
    fn_day_of_week = day_of_week;
    fn_date_trunc = date_trunc;
    fn_parse_datetime = parse_datetime;
    fn_to_datetime = to_datetime;
    fn_to_int = to_int;
    fn_to_float = to_float;
}

#[cfg(feature = "regex")]
exports! {
    fn_regex_match(args: u32, argc: u32, out: u32) -> u32 =
        values::call(args, argc, out, crate::pattern::matches);
    fn_regex_extract(args: u32, argc: u32, out: u32) -> u32 =
        values::call(args, argc, out, crate::pattern::extract);
    fn_regex_match_literal(args: u32, argc: u32, out: u32, id: u32) -> u32 =
        values::call(args, argc, out, |args, cx| crate::pattern::matches_literal(args, cx, id));
    fn_regex_extract_literal(args: u32, argc: u32, out: u32, id: u32) -> u32 =
        values::call(args, argc, out, |args, cx| crate::pattern::extract_literal(args, cx, id));
}
