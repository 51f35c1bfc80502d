//! Normalizers that misbehave in every way that the host must survive, as text. Each does it for records that begin
//! with `b`; the others must not suffer.

use defacto_componentize::{World, componentize};
use defacto_host::{
    HostOptions, Limits, MadeEvent, ModuleError, ModuleHost, Normalizer, RawInputRecord, Refused,
    Tables,
};
use defacto_model::{Timestamp, Value};

/// A description with one event type that has one field.
pub(crate) fn described(r#type: &str) -> String {
    format!(
        r#"{{"name":"n","version":"1","events":[{{"type":"seen","fields":[{{"name":"text","type":"{}"}}]}}]}}"#,
        r#type
    )
}

/// The parts in which hostile modules differ from a good one.
#[derive(Default, Clone)]
pub(crate) struct Parts<'a> {
    /// Imports.
    pub(crate) imports: &'a str,
    /// Declarations.
    pub(crate) more: &'a str,
    /// What `describe` does before it answers.
    pub(crate) describe: &'a str,
    /// What `normalize` does for a record that begins with `b`.
    pub(crate) bad: &'a str,
    /// What `cabi_realloc` does first.
    pub(crate) realloc: &'a str,
    /// What the clean-up after `normalize` does first.
    pub(crate) post: &'a str,
    /// The description.
    pub(crate) description: String,
    /// Pages of memory, 4 unless given.
    pub(crate) pages: u64,
}

const TEXT_AT: usize = 4_096;

/// The text of a core module. Locals of `normalize`: `$r` the record's result, `$e` its event, `$v` its value, `$p` and
/// `$l` its payload, `$m` the number of results.
pub(crate) fn core(parts: &Parts<'_>) -> String {
    let Parts { imports, more, describe, bad, realloc, post, description, pages } = parts;
    let length = description.len();
    let heap = (TEXT_AT + length).next_multiple_of(65_536);
    let pages = (*pages).max(4 + heap as u64 / 65_536);
    let description: String = description
        .bytes()
        .map(|b| match b {
            b'"' | b'\\' | 0..32 | 127.. => format!("\\{b:02x}"),
            _ => char::from(b).to_string(),
        })
        .collect();
    format!(
        r#"(module {imports}
  (memory (export "memory") {pages})
  (global $heap (mut i32) (i32.const {heap}))
  (global $flag (mut i32) (i32.const 0))
  (data (i32.const {TEXT_AT}) "{description}")
  {more}
  (func $alloc (param $n i32) (result i32) (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
    (global.set $heap (i32.add (local.get $at) (local.get $n)))
    (block $room (loop $more
      (br_if $room (i32.le_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
      (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
      (br $more)))
    (local.get $at))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    {realloc} (call $alloc (local.get 3)))
  (func (export "describe") (param i32 i32) (result i32)
    (i32.store (i32.const 32) (i32.const 0))
    (i32.store (i32.const 36) (i32.const {TEXT_AT}))
    (i32.store (i32.const 40) (i32.const {length}))
    {describe} (i32.const 32))
  (func (export "cabi_post_describe") (param i32) (global.set $heap (i32.const {heap})))
  (func (export "cabi_post_normalize") (param i32) {post} (global.set $heap (i32.const {heap})))
  (func (export "normalize") (param i32 i32) (param $b i32) (param $n i32) (result i32)
    (local $i i32) (local $out i32) (local $r i32) (local $p i32) (local $l i32) (local $e i32)
    (local $v i32) (local $m i32) (local $k i32)
    (local.set $m (local.get $n))
    (local.set $out (call $alloc (i32.mul (i32.add (local.get $n) (i32.const 2)) (i32.const 32))))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
      (local.set $r (i32.add (local.get $out) (i32.mul (local.get $i) (i32.const 32))))
      (local.set $k (i32.add (local.get $b) (i32.mul (local.get $i) (i32.const 12))))
      (local.set $p (i32.load offset=4 (local.get $k)))
      (local.set $l (i32.load offset=8 (local.get $k)))
      (local.set $e (call $alloc (i32.const 24)))
      (local.set $v (call $alloc (i32.const 16)))
      (i32.store (local.get $e) (i32.const 0))
      (i64.store offset=8 (local.get $e) (i64.const 1000000))
      (i32.store offset=16 (local.get $e) (local.get $v))
      (i32.store offset=20 (local.get $e) (i32.const 1))
      (i32.store (local.get $v) (i32.const 4))
      (i32.store offset=8 (local.get $v) (local.get $p))
      (i32.store offset=12 (local.get $v) (local.get $l))
      (i32.store (local.get $r) (i32.const 0))
      (i32.store offset=4 (local.get $r) (local.get $e))
      (i32.store offset=8 (local.get $r) (i32.const 1))
      (if (local.get $l) (then
        (if (i32.eq (i32.load8_u (local.get $p)) (i32.const 98)) (then {bad}))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (i32.store (i32.const 8) (local.get $out))
    (i32.store (i32.const 12) (local.get $m))
    (i32.const 8)))"#
    )
}

pub(crate) fn component(parts: &Parts<'_>) -> Vec<u8> {
    let core = wat::parse_str(core(parts)).unwrap_or_else(|e| panic!("{e}\n{}", parts.bad));
    componentize(&core, World::Normalizer).unwrap()
}

/// Small limits, so that hostile modules are quick.
pub(crate) fn limits() -> Limits {
    Limits {
        memory_bytes: 16 << 20,
        table_elements: 10_000,
        fuel_per_row: 5_000_000,
        output_bytes: 4 << 20,
        ..Limits::default()
    }
}

pub(crate) fn host() -> ModuleHost {
    ModuleHost::new(HostOptions { limits: limits(), cache: None }).unwrap()
}

pub(crate) fn tables() -> Tables {
    let entries = [("a".to_owned(), "1".to_owned())].into();
    [("codes".to_owned(), entries)].into()
}

fn load(host: &ModuleHost, component: &[u8]) -> Result<Normalizer, ModuleError> {
    host.load("hostile", component, tables(), limits())
}

fn run(module: &Normalizer, records: &[&str]) -> Vec<Result<Vec<MadeEvent>, Refused>> {
    let described = module.describe("{}").unwrap();
    let records: Vec<_> = records.iter().map(|text| RawInputRecord::Text(text)).collect();
    module.normalize("{}", &described.events, &records).unwrap()
}

fn good(text: &str) -> Result<Vec<MadeEvent>, Refused> {
    let timestamp = Timestamp::from_micros(1_000_000).unwrap();
    let values = vec![Value::String(text.to_owned())];
    Ok(vec![MadeEvent { event: 0, timestamp, values }])
}

const LOG: &str = r#"(import "defacto:engine/host@0.1.0" "log" (func $log (param i32 i32 i32)))"#;
const LOOKUP: &str =
    r#"(import "defacto:engine/host@0.1.0" "lookup" (func $lookup (param i32 i32 i32 i32 i32)))"#;
/// Turns the record's result into a failure whose code, field and message are all its payload, from `$p`, of length `$k`.
const FAIL: &str = "(i32.store (local.get $r) (i32.const 1))
  (i32.store offset=4 (local.get $r) (local.get $p)) (i32.store offset=8 (local.get $r) (local.get $k))
  (i32.store offset=12 (local.get $r) (i32.const 0))
  (i32.store offset=24 (local.get $r) (local.get $p)) (i32.store offset=28 (local.get $r) (local.get $l))";

/// What is done to a guilty record, declarations for it, imports, type of the field, and words of its failure.
type Crime<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str);

/// Crimes inside `normalize`.
const CRIMES: &[Crime<'_>] = &[
    // Running on.
    ("(loop $x (br $x))", "", "", "string", "more than 5000000 units of fuel"),
    ("(loop $x (memory.fill (i32.const 131072) (i32.const 0) (i32.const 65536)) (br $x))", "", "", "string", "units of fuel"),
    ("(loop $x (drop (memory.grow (i32.const 0))) (br $x))", "", "", "string", "units of fuel"),
    ("(loop $x (call $log (i32.const 1) (i32.const 262144) (i32.const 1024)) (br $x))", "", LOG, "string", "units of fuel"),
    ("(call $rec)", "(func $rec (call $rec))", "", "string", "bytes of stack"),
    ("(call $rec (i64.const 0))", "(func $rec (param i64) (call $rec (i64.add (local.get 0) (i64.const 1))) (call $rec (local.get 0)))", "", "string", "bytes of stack"),
    // Taking.
    ("(loop $x (br_if $x (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable", "", "", "string", "more than 16777216 bytes of memory"),
    ("(if (i32.eq (memory.grow (i32.const 60000)) (i32.const -1)) (then unreachable))", "", "", "string", "bytes of memory"),
    ("(loop $x (br_if $x (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)))) unreachable", "(table $t 1 funcref)", "", "string", "more than 10000 table elements"),
    // Traps.
    ("unreachable", "", "", "string", "the normalizer stopped"),
    ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", "", "", "string", "divide by zero"),
    ("(drop (i32.load (i32.const -8)))", "", "", "string", "out of bounds memory access"),
    ("(drop (i32.trunc_f64_s (f64.const 1e300)))", "", "", "string", "the normalizer stopped"),
    ("(call_indirect (i32.const 0))", "(table 1 funcref)", "", "string", "the normalizer stopped"),
    ("(call_indirect (i32.const 9))", "(table 1 funcref)", "", "string", "the normalizer stopped"),
    // Lying about lengths and places.
    ("(local.set $m (i32.add (local.get $n) (i32.const 1)))", "", "", "string", "gave 2 results for 1 records"),
    ("(local.set $m (i32.const 0))", "", "", "string", "gave 0 results for 1 records"),
    ("(local.set $m (i32.const 1000000))", "", "", "string", "the normalizer"),
    ("(local.set $m (i32.const -1))", "", "", "string", "out of bounds"),
    ("(i32.store offset=4 (local.get $r) (i32.const -65536))", "", "", "string", "out of bounds"),
    ("(i32.store offset=8 (local.get $r) (i32.const 100000000))", "", "", "string", "out of bounds"),
    ("(i32.store offset=4 (local.get $r) (i32.add (local.get $e) (i32.const 1)))", "", "", "string", "aligned"),
    ("(i32.store offset=16 (local.get $e) (i32.const -8))", "", "", "string", "out of bounds"),
    ("(i32.store offset=12 (local.get $v) (i32.const -1))", "", "", "string", "out of bounds"),
    ("(i32.store offset=20 (local.get $e) (i32.const 0))", "", "", "string", "0 values for 1 fields"),
    ("(local.set $v (call $alloc (i32.const 32))) (i64.store (local.get $v) (i64.const 0)) (i64.store offset=16 (local.get $v) (i64.const 0)) (i32.store offset=16 (local.get $e) (local.get $v)) (i32.store offset=20 (local.get $e) (i32.const 2))", "", "", "string", "2 values for 1 fields"),
    ("(i32.store (local.get $v) (i32.const 99))", "", "", "string", "the normalizer stopped"),
    ("(i32.store (local.get $r) (i32.const 2))", "", "", "string", "the normalizer stopped"),
    // One large text many times: 16 MiB from 1 MiB of memory.
    ("(local.set $k (i32.const 0)) (local.set $p (call $alloc (i32.const 2097152)))
      (local.set $v (call $alloc (i32.const 4096)))
      (loop $x
        (i32.store (i32.add (local.get $v) (i32.mul (local.get $k) (i32.const 16))) (i32.const 4))
        (i32.store offset=8 (i32.add (local.get $v) (i32.mul (local.get $k) (i32.const 16))) (local.get $p))
        (i32.store offset=12 (i32.add (local.get $v) (i32.mul (local.get $k) (i32.const 16))) (i32.const 2097152))
        (local.set $k (i32.add (local.get $k) (i32.const 1)))
        (br_if $x (i32.lt_u (local.get $k) (i32.const 256))))
      (i32.store offset=16 (local.get $e) (local.get $v)) (i32.store offset=20 (local.get $e) (i32.const 256))", "", "", "string", "more than 4194304 bytes of output"),
    // A million events that are one.
    ("(local.set $e (call $alloc (i32.const 12000000))) (i32.store offset=4 (local.get $r) (local.get $e)) (i32.store offset=8 (local.get $r) (i32.const 500000))", "", "", "string", "bytes of output"),
    // Wrong values.
    ("(i32.store8 (local.get $p) (i32.const 255))", "", "", "string", "utf-8"),
    ("(i32.store (local.get $e) (i32.const 1))", "", "", "string", "an event of type 1, and `describe` lists 1 types"),
    ("(i64.store offset=8 (local.get $e) (i64.const 0x7fffffffffffffff))", "", "", "string", "outside the years 0001 to 9999"),
    ("(i32.store (local.get $v) (i32.const 3)) (f64.store offset=8 (local.get $v) (f64.const nan))", "", "", "any", "NaN, which is not finite, in field `text`"),
    ("(i32.store (local.get $v) (i32.const 3)) (f64.store offset=8 (local.get $v) (f64.const -inf))", "", "", "number", "-inf, which is not finite"),
    ("(i32.store (local.get $v) (i32.const 5)) (i64.store offset=8 (local.get $v) (i64.const -0x8000000000000000))", "", "", "any", "a datetime of -9223372036854775808 microseconds"),
    ("(i32.store (local.get $v) (i32.const 2))", "", "", "string", "a value of type integer in field `text` of an event `seen`"),
    ("(i32.store (local.get $v) (i32.const 6))", "", "", "datetime", "a value of type duration"),
    ("(i32.store (local.get $v) (i32.const 4))", "", "", "boolean", "a value of type string"),
    ("(i32.store (local.get $v) (i32.const 7))", "", "", "any", "wrong JSON"),
    ("(i32.store (local.get $v) (i32.const 7)) (i32.store offset=8 (local.get $v) (i32.const 2048)) (i32.store offset=12 (local.get $v) (i32.const 13))", "(data (i32.const 2048) \"{\\22a\\22:1,\\22a\\22:2}\")", "", "any", "wrong JSON"),
    ("(memory.fill (i32.const 131072) (i32.const 91) (i32.const 60000)) (i32.store (local.get $v) (i32.const 7)) (i32.store offset=8 (local.get $v) (i32.const 131072)) (i32.store offset=12 (local.get $v) (i32.const 60000))", "", "", "any", "wrong JSON"),
    // Wrong failures.
    ("(local.set $k (i32.const 0))", "", "FAIL", "string", "a failure with the code ``"),
    ("(local.set $p (i32.const 2048)) (local.set $k (i32.const 33))", "(data (i32.const 2048) \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\")", "FAIL", "string", "a failure with the code `aaaa"),
    // The host's functions.
    ("(call $log (i32.const 1) (i32.const -1) (i32.const 10))", "", LOG, "string", "out of bounds"),
    ("(call $log (i32.const 9) (i32.const 0) (i32.const 0))", "", LOG, "string", "the normalizer stopped"),
    ("(i32.store8 (i32.const 2048) (i32.const 200)) (call $log (i32.const 1) (i32.const 2048) (i32.const 1))", "", LOG, "string", "utf-8"),
    ("(call $lookup (i32.const 2048) (i32.const 4) (local.get $p) (local.get $l) (i32.const 64))", "(data (i32.const 2048) \"else\")", LOOKUP, "string", "lookup in table `else`, which does not exist; known: codes"),
    ("(call $lookup (i32.const 2048) (i32.const 5) (i32.const 0) (i32.const -1) (i32.const 64))", "(data (i32.const 2048) \"codes\")", LOOKUP, "string", "out of bounds"),
    ("(call $lookup (i32.const 2048) (i32.const 5) (local.get $p) (local.get $l) (i32.const -4))", "(data (i32.const 2048) \"codes\")", LOOKUP, "string", "the normalizer stopped"),
];

#[test]
fn crimes_cost_the_guilty_records_and_no_others() {
    let host = host();
    for (bad, more, imports, r#type, words) in CRIMES {
        // The long failure needs the constant as well; a table of texts cannot join them.
        let (bad, imports) = match *imports {
            "FAIL" => (format!("{bad} {FAIL}"), ""),
            imports => ((*bad).to_owned(), imports),
        };
        let text = matches!(*r#type, "string" | "any");
        let parts =
            Parts { imports, more, bad: &bad, description: described(r#type), ..Parts::default() };
        let module = load(&host, &component(&parts)).unwrap_or_else(|e| panic!("{bad}: {e}"));
        let records: &[&str] = if text { &["a", "b", "c", "d", "bb", "e"] } else { &["b"] };
        let results = run(&module, records);
        assert_eq!(results.len(), records.len(), "{bad}");
        for (record, result) in records.iter().zip(results) {
            if record.starts_with('b') {
                let Err(Refused::Broken { message }) = result else { panic!("{bad}: {result:?}") };
                assert!(message.contains(words), "{bad}: {message}");
                assert!(message.len() < 2_000, "{bad}: {} bytes of words", message.len());
            } else {
                assert_eq!(result, good(record), "{bad}");
            }
        }
        if text {
            assert_eq!(run(&module, &["x", "y"]), [good("x"), good("y")], "{bad}: the next batch");
        }
        let metrics = module.metrics();
        assert!(metrics.peak_memory <= 16 << 20, "{bad}: {metrics:?}");
        assert!(metrics.failures > 0, "{bad}: {metrics:?}");
    }
    assert!(CRIMES.len() >= 48, "{}", CRIMES.len());
}

#[test]
fn a_failure_in_the_modules_own_words_is_no_crime() {
    let parts = Parts {
        bad: &format!("(local.set $k (local.get $l)) {FAIL}"),
        description: described("string"),
        ..Parts::default()
    };
    let module = load(&host(), &component(&parts)).unwrap();
    let own = |text: &str| {
        let (code, message) = (text.to_owned(), text.to_owned());
        Err(Refused::Module { code, field: None, message })
    };
    assert_eq!(run(&module, &["a", "bad-sum", "c"]), [good("a"), own("bad-sum"), good("c")]);
    let metrics = module.metrics();
    assert_eq!((metrics.calls, metrics.traps, metrics.failures, metrics.events), (1, 0, 1, 2));
    assert_eq!(metrics.instances, 2, "one more for `describe`");
}

#[test]
fn what_runs_around_a_call_is_bounded_too() {
    let host = host();
    let description = described("string");
    for (realloc, post, words) in [
        ("(loop $x (br $x))", "", "units of fuel"),
        ("unreachable", "", "the normalizer stopped"),
        ("(return (i32.const -8))", "", "beyond end of memory"),
        ("(return (i32.const 3))", "", "aligned"),
        ("", "(loop $x (br $x))", "units of fuel"),
        ("", "unreachable", "the normalizer stopped"),
    ] {
        let parts = Parts { realloc, post, description: description.clone(), ..Parts::default() };
        let module = load(&host, &component(&parts)).unwrap();
        // `describe` takes its configuration through the same allocation.
        let Err(error) = module.describe("{}") else {
            let Err(Refused::Broken { message }) = &run(&module, &["a"])[0] else {
                panic!("{post}")
            };
            assert!(message.contains(words), "{post}: {message}");
            continue;
        };
        assert!(error.to_string().contains(words), "{realloc}: {error}");
    }
}

/// The result of loading and describing.
fn refused(host: &ModuleHost, component: &[u8]) -> String {
    match load(host, component).and_then(|module| module.describe("{}").map(drop)) {
        Ok(()) => "accepted".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn descriptions_are_refused_by_name() {
    let host = host();
    let description = described("string");
    let hang = Parts {
        describe: "(loop $x (br $x))",
        description: description.clone(),
        ..Parts::default()
    };
    let trap = Parts { describe: "unreachable", ..hang.clone() };
    let wide = Parts { describe: "(i32.store (i32.const 40) (i32.const -1))", ..hang.clone() };
    let broken =
        Parts { describe: "(i32.store8 (i32.const 4100) (i32.const 255))", ..hang.clone() };
    let tag = Parts { describe: "(i32.store (i32.const 32) (i32.const 7))", ..hang.clone() };
    let no = Parts {
        describe: "(i32.store (i32.const 32) (i32.const 1))",
        description: "no such bank".to_owned(),
        ..Parts::default()
    };
    let flood = Parts {
        describe: "(loop $x (br_if $x (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable",
        ..hang.clone()
    };
    for (parts, words) in [
        (hang, "`describe` stopped: the normalizer takes more than 5000000 units of fuel"),
        (trap, "`describe` stopped: the normalizer stopped"),
        (wide, "out of bounds"),
        (broken, "utf-8"),
        (tag, "`describe` stopped"),
        (flood, "bytes of memory"),
        (no, "refuses its configuration: no such bank"),
    ] {
        let said = refused(&host, &component(&parts));
        assert!(said.contains(words), "{said}");
    }
    let event = |n: usize| format!(r#"{{"type":"e{n}","fields":[]}}"#);
    let many = |n: usize| {
        let events: Vec<String> = (0..n).map(event).collect();
        format!(r#"{{"name":"n","version":"1","events":[{}]}}"#, events.join(","))
    };
    for (text, words) in [
        (String::new(), "wrong description"),
        ("[]".to_owned(), "wrong description"),
        (r#"{"name":"n","version":"1"}"#.to_owned(), "missing field `events`"),
        (r#"{"name":1,"version":"1","events":[]}"#.to_owned(), "invalid type"),
        (r#"{"name":"n","version":"1","events":[],"os":"x"}"#.to_owned(), "unknown field `os`"),
        (described("text"), "unknown variant `text`"),
        (described("string").replace("seen", "_defacto_merge"), "is no name"),
        (described("string").replace(r#""text""#, r#""a b""#), "is no name"),
        (many(0), "must have 1 to 1000"),
        (many(1_001), "`events` has 1001 entries"),
        (described("string").replace(r#"]}]}"#, r#",{"name":"text"}]}]}"#), "stands twice"),
        // Deeper than any parser should follow.
        ("[".repeat(100_000), "wrong description"),
        (many(1_000_000), "bytes of memory"),
    ] {
        let parts = Parts { description: text, ..Parts::default() };
        let said = refused(&host, &component(&parts));
        assert!(said.contains(words), "{words}: {said}");
    }
    // With room for them, a million events are still too many, and the text larger than a call may give.
    let limits = Limits { memory_bytes: 64 << 20, output_bytes: 8 << 20, ..limits() };
    let parts = Parts { description: many(1_000_000), ..Parts::default() };
    let module = host.load("many", &component(&parts), tables(), limits).unwrap();
    let said = module.describe("{}").unwrap_err().to_string();
    assert!(said.contains("more than 8388608 bytes of output"), "{said}");
}

#[test]
fn what_is_no_normalizer_is_refused_at_load() {
    let host = host();
    let text = |text: &str| wat::parse_str(text).unwrap_or_else(|e| panic!("{e}"));
    let whole = component(&Parts { description: described("string"), ..Parts::default() });
    let start = |more: &str, pages: u64| {
        component(&Parts { more, pages, description: described("string"), ..Parts::default() })
    };
    let instances: String =
        (0..70).map(|_| "(core instance (instantiate $m))".to_owned()).collect();
    let cases = [
        // Imports.
        (
            text(
                r#"(component (import "wasi:cli/environment@0.2.0" (instance (export "get-environment" (func)))))"#,
            ),
            "imports `wasi:cli/environment@0.2.0#get-environment`",
        ),
        (
            text(
                r#"(component (import "wasi:clocks/wall-clock@0.2.6" (instance (export "now" (func (result u64))))))"#,
            ),
            "imports `wasi:clocks/wall-clock@0.2.6#now`",
        ),
        (text(r#"(component (import "evil" (func)))"#), "imports `evil`"),
        (
            text(
                r#"(component (import "defacto:engine/host@0.1.0" (instance (export "open" (func (param "path" string))))))"#,
            ),
            "imports `defacto:engine/host@0.1.0#open`",
        ),
        (
            text(
                r#"(component (import "defacto:engine/files@0.1.0" (instance (export "read" (func)))))"#,
            ),
            "imports `defacto:engine/files@0.1.0#read`",
        ),
        (
            text(
                r#"(component (import "defacto:engine/host@0.2.0" (instance (export "log" (func)))))"#,
            ),
            "imports `defacto:engine/host@0.2.0#log`",
        ),
        (
            text(r#"(component (import "unlocked-dep=<a:b>" (component)))"#),
            "no valid WebAssembly component",
        ),
        (text(r#"(component (import "m" (core module)))"#), "imports `m`"),
        (
            text(
                r#"(component (import "a:b/c" (instance (export "file" (type (sub resource))))))"#,
            ),
            "imports `a:b/c#file`",
        ),
        (text(r#"(component (import "a:b/c" (instance)))"#), "imports `a:b/c`"),
        (
            text(
                r#"(component (import "defacto:engine/host@0.1.0" (instance (export "log" (func (param "level" u32))))))"#,
            ),
            "cannot be started",
        ),
        // Exports.
        (text("(component)"), "does not export `describe`"),
        (
            text(
                r#"(component (core module $m (func (export "f") (result i32) (i32.const 1))) (core instance $i (instantiate $m)) (func $f (result u32) (canon lift (core func $i "f"))) (export "describe" (func $f)))"#,
            ),
            "does not export `describe`",
        ),
        (describe_only(), "does not export `normalize`"),
        // Not what it should be.
        (text("(module)"), "core WebAssembly module, not a component"),
        (Vec::new(), "no valid WebAssembly component"),
        (b"#!/bin/sh".to_vec(), "no valid WebAssembly component"),
        // Starting.
        (start("(start $s) (func $s unreachable)", 0), "cannot be started"),
        (
            start("(start $s) (func $s (loop $x (br $x)))", 0),
            "cannot be started: the normalizer takes more than 5000000 units of fuel",
        ),
        (start("(start $s) (func $s (call $s))", 0), "bytes of stack"),
        (start("", 60_000), "bytes of memory"),
        (start("(table 1000000 funcref)", 0), "table elements"),
        (start("(table 6000 funcref) (table 6000 funcref)", 0), "table elements"),
        (text(&format!("(component (core module $m) {instances})")), "cannot be started"),
        (
            text(&format!(r#"(component (core module $m (memory 100)) {})"#, &instances[..32 * 5])),
            "bytes of memory",
        ),
    ];
    for (bytes, words) in &cases {
        let said = refused(&host, bytes);
        assert!(said.contains(words), "{words}: {said}");
    }
    for cut in (8..whole.len()).step_by(whole.len() / 40) {
        let said = refused(&host, &whole[..cut]);
        assert!(
            said.contains("no valid WebAssembly") || said.contains("does not export"),
            "{said}"
        );
    }
    assert_eq!(refused(&host, &whole), "accepted");
}

fn describe_only() -> Vec<u8> {
    let text = r#"(component
      (core module $m (memory (export "memory") 1) (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
        (func (export "f") (param i32 i32) (result i32) (i32.const 8)))
      (core instance $i (instantiate $m))
      (func $f (param "config" string) (result (result string (error string)))
        (canon lift (core func $i "f") (memory $i "memory") (realloc (func $i "cabi_realloc"))))
      (export "describe" (func $f)))"#;
    wat::parse_str(text).unwrap()
}

#[test]
fn size_and_compilation_are_bounded() {
    let host = host();
    // A few megabytes of code.
    let body =
        "(local.set 0 (i32.mul (i32.add (local.get 0) (i32.const 3)) (local.get 0)))".repeat(400);
    let more: String = (0..300).map(|_| format!("(func (param i32) {body})")).collect();
    let parts = Parts { more: &more, description: described("string"), ..Parts::default() };
    let bytes = component(&parts);
    let small = Limits { module_bytes: bytes.len() - 1, ..limits() };
    let error = host.load("large", &bytes, Tables::new(), small).unwrap_err();
    assert!(matches!(error, ModuleError::TooLarge { limit, .. } if limit == bytes.len() - 1));
    let hasty = Limits { compile_ms: 0, ..limits() };
    let error = host.load("large", &bytes, Tables::new(), hasty).unwrap_err();
    assert!(matches!(error, ModuleError::TooSlow { limit_ms: 0 }), "{error}");
}

#[test]
fn state_and_leftovers_are_found_by_checking() {
    let host = host();
    let found = |bad: &str, more: &str| {
        let parts = Parts { bad, more, description: described("any"), ..Parts::default() };
        let module = load(&host, &component(&parts)).unwrap();
        let described = module.describe("{}").unwrap();
        let records = ["a", "b1", "c", "b2", "d"].map(RawInputRecord::Text);
        module.check("{}", &described.events, &records).unwrap()
    };
    assert_eq!(found("", ""), None);
    assert_eq!(found("unreachable", ""), None, "a trap is the same every time");
    let counter = "(i32.store (local.get $v) (i32.const 2)) (i64.store offset=8 (local.get $v) (i64.extend_i32_u (global.get $calls)))
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))";
    let difference = found(counter, "(global $calls (mut i32) (i32.const 0))").unwrap();
    assert_eq!(difference.record, 1);
    // Memory that nobody wrote in this call.
    let leftover = "(i32.store (local.get $v) (i32.const 2)) (i64.store offset=8 (local.get $v) (i64.load (i32.add (global.get $heap) (i32.const 64))))";
    assert!(found(leftover, "").is_some());
    // Its place in the batch.
    let place = "(i32.store (local.get $v) (i32.const 2)) (i64.store offset=8 (local.get $v) (i64.extend_i32_u (local.get $i)))";
    assert_eq!(found(place, "").unwrap().record, 1);
}
