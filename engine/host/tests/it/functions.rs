//! Functions of modules in expressions: from the definitions to the module and back, against the oracle, and modules that
//! misbehave.

use std::sync::Arc;

use defacto_compiler::{
    DescribeError, Described, Input, NormalizerDef, UserModules, analyze_with, compile_with,
};
use defacto_componentize::{World, componentize};
use defacto_host::{Answer, CompiledDefinitions, Functions};
use defacto_model::{EntityId, FailureCode, FieldOrigin, FunctionsDescription, Value};
use defacto_ports::{
    EntityInput, EventInput, HintRequest, Interpreted, Machines, NormalizedEvent, RecordFailure,
};
use defacto_test_support::Oracle;

use crate::hostile::{host, limits, tables};
use crate::support::{instant, normalize};

const DESCRIPTION: &str = r#"{"name":"lib","version":"1","functions":[
  {"name":"echo","parameters":[{"name":"text","type":"string"}],"returns":"string"},
  {"name":"sum","parameters":[{"name":"a","type":"number"},{"name":"b","type":"number"}],"returns":"number"},
  {"name":"refuse","parameters":[{"name":"text","type":"string"}],"returns":"string"},
  {"name":"nothing","parameters":[],"returns":"integer"},
  {"name":"same","parameters":[{"name":"at","type":"datetime"}],"returns":"datetime"},
  {"name":"flip","parameters":[{"name":"flag","type":"boolean"}],"returns":"boolean"},
  {"name":"twice","parameters":[{"name":"n","type":"integer"}],"returns":"integer"}]}"#;

/// A module of these functions. `bad` runs for a text that begins with `b`: `$r` is the result, `$p` and `$l` the text.
fn module(description: &str, imports: &str, more: &str, bad: &str) -> Vec<u8> {
    let length = description.len();
    let bytes: String = description.bytes().map(|b| format!("\\{b:02x}")).collect();
    let text = format!(
        r#"(module {imports}
  (memory (export "memory") 4)
  (global $heap (mut i32) (i32.const 65536))
  (data (i32.const 4096) "{bytes}")
  {more}
  (func $alloc (param $n i32) (result i32) (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
    (global.set $heap (i32.add (local.get $at) (local.get $n)))
    (block $room (loop $more
      (br_if $room (i32.le_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
      (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
      (br $more)))
    (local.get $at))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (call $alloc (local.get 3)))
  (func (export "describe") (result i32)
    (i32.store (i32.const 32) (i32.const 4096)) (i32.store (i32.const 36) (i32.const {length}))
    (i32.const 32))
  (func (export "cabi_post_call") (param i32) (global.set $heap (i32.const 65536)))
  (func (export "call") (param $f i32) (param $b i32) (param $n i32) (result i32)
    (local $i i32) (local $out i32) (local $r i32) (local $a i32) (local $p i32) (local $l i32)
    (local $m i32)
    (local.set $m (local.get $n))
    (local.set $out (call $alloc (i32.mul (local.get $n) (i32.const 24))))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
      (local.set $r (i32.add (local.get $out) (i32.mul (local.get $i) (i32.const 24))))
      (local.set $a (i32.load (i32.add (local.get $b) (i32.mul (local.get $i) (i32.const 8)))))
      (i64.store (local.get $r) (i64.const 0))
      (i64.store offset=8 (local.get $r) (i64.const 0))
      (i64.store offset=16 (local.get $r) (i64.const 0))
      (if (i32.and (i32.ne (local.get $f) (i32.const 3)) (i32.ne (local.get $f) (i32.const 1))) (then
        (i64.store offset=8 (local.get $r) (i64.load (local.get $a)))
        (i64.store offset=16 (local.get $r) (i64.load offset=8 (local.get $a)))))
      (if (i32.eq (local.get $f) (i32.const 1)) (then
        (i32.store offset=8 (local.get $r) (i32.const 3))
        (f64.store offset=16 (local.get $r)
          (f64.add (f64.load offset=8 (local.get $a)) (f64.load offset=24 (local.get $a))))))
      (if (i32.eq (local.get $f) (i32.const 5)) (then
        (i32.store8 offset=16 (local.get $r)
          (i32.eqz (i32.load8_u offset=8 (local.get $a))))))
      (if (i32.eq (local.get $f) (i32.const 6)) (then
        (i64.store offset=16 (local.get $r) (i64.mul (i64.const 2) (i64.load offset=8 (local.get $a))))))
      (if (i32.or (i32.eqz (local.get $f)) (i32.eq (local.get $f) (i32.const 2))) (then
        (local.set $p (i32.load offset=8 (local.get $a)))
        (local.set $l (i32.load offset=12 (local.get $a)))
        (if (i32.eq (local.get $f) (i32.const 2)) (then
          (i32.store (local.get $r) (i32.const 1))
          (i32.store offset=8 (local.get $r) (local.get $p))
          (i32.store offset=12 (local.get $r) (local.get $l))))
        (if (local.get $l) (then
          (if (i32.eq (i32.load8_u (local.get $p)) (i32.const 98)) (then {bad}))))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (i32.store (i32.const 8) (local.get $out))
    (i32.store (i32.const 12) (local.get $m))
    (i32.const 8)))"#
    );
    let core = wat::parse_str(&text).unwrap_or_else(|e| panic!("{e}\n{bad}"));
    componentize(&core, World::Functions).unwrap()
}

fn loaded(imports: &str, more: &str, bad: &str) -> Arc<Functions> {
    let component = module(DESCRIPTION, imports, more, bad);
    Arc::new(host().load_functions("lib", &component, tables(), limits()).unwrap())
}

#[derive(Debug)]
struct Lib;

impl UserModules for Lib {
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn describe(&self, _: &NormalizerDef) -> Result<Described, DescribeError> {
        Err(DescribeError::Unknown)
    }

    fn functions(
        &self,
        name: &str,
        _: Option<&str>,
        _: &[(&'static str, u64)],
    ) -> Result<(String, FunctionsDescription), DescribeError> {
        if name != "lib" {
            return Err(DescribeError::Unknown);
        }
        Ok(("ab".repeat(32), serde_json::from_str(DESCRIPTION).unwrap()))
    }
}

/// The same functions for the oracle.
fn native(name: &str, arguments: &[Value]) -> Result<Value, String> {
    match (name, arguments) {
        ("lib::echo" | "lib::same", [value]) => Ok(value.clone()),
        ("lib::sum", [Value::Float(a), Value::Float(b)]) => Ok(Value::Float(a + b)),
        ("lib::refuse", [Value::String(text)]) => Err(text.clone()),
        ("lib::nothing", []) => Ok(Value::Null),
        ("lib::flip", [Value::Bool(flag)]) => Ok(Value::Bool(!flag)),
        ("lib::twice", [Value::Int(n)]) => Ok(Value::Int(n.wrapping_mul(2))),
        _ => panic!("{name} {arguments:?}"),
    }
}

const DEFINITIONS: &str = r#"
entities:
  part:
    starts: new
    identity: { code: { match: exact, normalize: "lib::echo(str::trim(value))" } }
    properties:
      label: { type: string }
      size: { type: number, default: 0 }
      next: { type: number, compute: "lib::sum(entity.size, 1)" }
      seen: { type: datetime }
    states:
      new:
        when:
          made:
            guard: "lib::flip(event.kind == 'skip')"
            effects:
              - create
              - { set: { property: label, compute: "lib::echo(event.kind)" } }
              - { increment: { property: size, by: "lib::sum(entity.size, event.n)" } }
              - { set: { property: seen, compute: "lib::same(event.timestamp)" } }
              - { set: { property: label, compute: "lib::refuse('no: ' + event.code)", condition: "event.kind == 'refuse'" } }
              - { transition: { to: big, condition: "lib::sum(entity.size, entity.size) > 20" } }
      big: {}
sources:
  plant:
    event_type: type
    timestamp: at
    events:
      made:
        mappings:
          code: { from: code }
          kind: { compute: "lib::echo(lib::echo(event.kind))" }
          n: { compute: "lib::sum(event.n, lib::twice(3))", type: number }
          none: { compute: "lib::nothing()" }
        hints: { part: [code] }
"#;

const RECORDS: [&str; 9] = [
    r#"{"type":"made","at":"2024-01-01T00:00:00Z","code":" a ","kind":"x","n":1}"#,
    r#"{"type":"made","at":"2024-01-01T00:00:01Z","code":"a","kind":"y","n":2.5}"#,
    r#"{"type":"made","at":"2024-01-01T00:00:02Z","code":"a","kind":null,"n":9}"#,
    r#"{"type":"made","at":"2024-01-01T00:00:03Z","code":"b","kind":7,"n":1}"#,
    r#"{"type":"made","at":"2024-01-01T00:00:04Z","code":"b","kind":"refuse","n":1}"#,
    r#"{"type":"made","at":"2024-01-01T00:00:05Z","code":"b","kind":"ok","n":"text"}"#,
    r#"{"type":"made","at":"2024-01-01T00:00:06Z","code":"b","kind":"skip","n":3}"#,
    r#"{"type":"made","at":"2024-01-01T00:00:07Z","code":"a","kind":"x","n":[1]}"#,
    r#"{"type":"made","at":"2024-01-01T00:00:08Z","code":"c","kind":"x","n":null}"#,
];

fn machine(functions: &Arc<Functions>) -> CompiledDefinitions {
    let input = Input::Document { name: "test.yaml", text: DEFINITIONS };
    let outcome = compile_with(&input, &Lib).unwrap();
    let compiled = outcome.compiled.unwrap_or_else(|| panic!("{:?}", outcome.diagnostics));
    let mut machine = crate::support::host().load(&compiled.component).unwrap();
    machine.attach_functions(functions);
    machine
}

fn oracle() -> Oracle {
    let input = Input::Document { name: "test.yaml", text: DEFINITIONS };
    Oracle::new(&analyze_with(&input, &Lib).definitions).unwrap().calling(native)
}

type Record = Result<NormalizedEvent, RecordFailure>;

fn records(machine: &dyn Machines) -> Vec<Record> {
    let records: Vec<_> = RECORDS.iter().map(|text| defacto_ports::RawRecord { text }).collect();
    let at = instant("2000-01-01T00:00:00Z");
    machine.normalize(0, &records, at).unwrap().into_iter().map(|one| one.result).collect()
}

/// What failures have in common: code and field.
fn told(results: &[Record]) -> Vec<Result<&NormalizedEvent, (FailureCode, Option<&str>)>> {
    results
        .iter()
        .map(|one| one.as_ref().map_err(|failure| (failure.code, failure.field.as_deref())))
        .collect()
}

/// Everything that the records do to one entity, and to one more each.
fn interpreted(machine: &dyn Machines, results: &[Record]) -> Interpreted {
    let manifest = &machine.manifest().entities[0];
    let known = &manifest.events[0];
    let inputs: Vec<EventInput> = results
        .iter()
        .flatten()
        .map(|event| {
            let cell = |origin: &FieldOrigin| match origin {
                FieldOrigin::Timestamp => Value::DateTime(event.timestamp),
                FieldOrigin::Data(name) => {
                    let (_, value) = event.data.iter().find(|(field, _)| field == name).unwrap();
                    value.clone()
                }
                other => panic!("{other:?}"),
            };
            EventInput {
                event: Some(0),
                timestamp: event.timestamp,
                cells: known.fields.iter().map(|field| cell(&field.origin)).collect(),
            }
        })
        .collect();
    let entity = |n: u8, events: &[EventInput]| EntityInput {
        id: EntityId([n; 16]),
        record: None,
        events: events.to_vec(),
    };
    let alone = (2..).zip(&inputs).map(|(n, event)| entity(n, std::slice::from_ref(event)));
    let all = std::iter::once(entity(1, &inputs)).chain(alone).collect();
    machine.interpret(0, all, None).unwrap()
}

#[test]
fn functions_give_what_the_oracle_says() {
    let functions = loaded("", "", "");
    let (machine, oracle) = (machine(&functions), oracle());
    let (compiled, expected) = (records(&machine), records(&oracle));
    assert_eq!(told(&compiled), told(&expected));
    let failures: Vec<&str> =
        compiled.iter().filter_map(|one| Some(one.as_ref().err()?.message.as_str())).collect();
    assert_eq!(failures.len(), 3, "{failures:?}");
    assert!(failures[0].contains("`lib::echo` does not take integer 7 as argument 1 (`text`)"));
    assert!(failures[1].contains("'text'"), "{failures:?}");
    assert!(failures[2].contains("a list"), "{failures:?}");

    let (got, want) = (interpreted(&machine, &compiled), interpreted(&oracle, &expected));
    assert_eq!((got.effects, got.transitions), (want.effects, want.transitions));
    assert!(got.transitions > 0 && got.entities.len() == 7, "{got:?}");
    for (got, want) in got.entities.iter().zip(&want.entities) {
        assert_eq!(got.record, want.record);
        assert_eq!(got.items.len(), want.items.len());
    }
    let text = format!("{:?}", got.entities);
    assert!(text.contains("`lib::refuse`: no: b"), "{text}");

    let request = |value: &str| HintRequest {
        entity: 0,
        identity_field: 0,
        value: Value::String(value.to_owned()),
    };
    let hints = machine.hints(&[request(" x "), request("y")]).unwrap();
    assert_eq!(hints, [Ok(Some("x".to_owned())), Ok(Some("y".to_owned()))]);
}

#[test]
fn functions_are_called_a_batch_at_a_time() {
    let functions = loaded("", "", "");
    let machine = machine(&functions);
    let texts: Vec<String> = (0..500)
        .map(|n| {
            format!(
                r#"{{"type":"made","at":"2024-01-01T00:00:00Z","code":"c{n}","kind":"k","n":{n}}}"#
            )
        })
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    assert!(normalize(&machine, &texts).iter().all(Result::is_ok));
    let metrics = functions.metrics();
    // One call of each function on each level of nesting; equal arguments are asked once.
    assert!(metrics.calls <= 8, "{metrics:?}");
    assert!(metrics.records < 2_100, "{metrics:?}");
    let all = machine.module_metrics();
    assert_eq!((all.len(), all[0].world, all[0].module.as_str()), (1, "functions", "lib"));
}

/// Imports, declarations, what is done, and words of the failure.
const CRIMES: &[(&str, &str, &str, &str)] = &[
    ("", "", "(loop $x (br $x))", "the function takes more than 5000000 units of fuel"),
    ("", "(func $rec (call $rec))", "(call $rec)", "bytes of stack"),
    (
        "",
        "",
        "(loop $x (br_if $x (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable",
        "bytes of memory",
    ),
    (
        "",
        "(table $t 1 funcref)",
        "(loop $x (br_if $x (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)))) unreachable",
        "table elements",
    ),
    ("", "", "unreachable", "the function stopped"),
    ("", "", "(drop (i32.div_u (i32.const 1) (i32.const 0)))", "divide by zero"),
    ("", "", "(drop (i32.load (i32.const -8)))", "out of bounds"),
    ("", "", "(local.set $m (i32.const 0))", "gave 0 results for 1"),
    ("", "", "(local.set $m (i32.const -1))", "out of bounds"),
    ("", "", "(i32.store offset=16 (local.get $r) (i32.const -8))", "out of bounds"),
    ("", "", "(i32.store offset=20 (local.get $r) (i32.const 100000000))", "out of bounds"),
    ("", "", "(i32.store8 (local.get $p) (i32.const 255))", "utf-8"),
    ("", "", "(i32.store (local.get $r) (i32.const 7))", "the function stopped"),
    ("", "", "(i32.store offset=8 (local.get $r) (i32.const 99))", "the function stopped"),
    (
        "",
        "",
        "(i32.store offset=8 (local.get $r) (i32.const 2))",
        "the function gave a value of type integer",
    ),
    (
        "",
        "",
        "(i32.store offset=8 (local.get $r) (i32.const 3)) (f64.store offset=16 (local.get $r) (f64.const nan))",
        "not finite",
    ),
    (
        "",
        "",
        "(i32.store offset=8 (local.get $r) (i32.const 5)) (i64.store offset=16 (local.get $r) (i64.const -0x8000000000000000))",
        "outside the years",
    ),
    ("", "", "(i32.store offset=8 (local.get $r) (i32.const 7))", "wrong JSON"),
    (
        "(import \"defacto:engine/host@0.1.0\" \"lookup\" (func $lookup (param i32 i32 i32 i32 i32)))",
        "(data (i32.const 2048) \"else\")",
        "(call $lookup (i32.const 2048) (i32.const 4) (local.get $p) (local.get $l) (i32.const 64))",
        "lookup in table `else`, which does not exist",
    ),
];

#[test]
fn crimes_cost_the_guilty_events_and_no_others() {
    for (imports, more, bad, words) in CRIMES {
        let functions = loaded(imports, more, bad);
        let machine = machine(&functions);
        let record = |kind: &str| {
            format!(
                r#"{{"type":"made","at":"2024-01-01T00:00:00Z","code":"c","kind":"{kind}","n":1}}"#
            )
        };
        let kinds = ["a", "bad", "c", "bb", "d"];
        let texts = kinds.map(record);
        let results = normalize(&machine, &texts.each_ref().map(String::as_str));
        for (kind, result) in kinds.iter().zip(&results) {
            if kind.starts_with('b') {
                let failure = result.as_ref().unwrap_err();
                assert_eq!(
                    (failure.code, failure.field.as_deref()),
                    (FailureCode::N05, Some("kind"))
                );
                let message = &failure.message;
                assert!(
                    message.contains(words) && message.contains("`lib::echo`"),
                    "{bad}: {message}"
                );
            } else {
                let event = result.as_ref().unwrap_or_else(|e| panic!("{bad}: {e:?}"));
                assert!(
                    event.data.contains(&("kind".to_owned(), Value::String((*kind).to_owned())))
                );
            }
        }
        assert!(normalize(&machine, &[&record("x")])[0].is_ok(), "{bad}: the next batch");
        assert!(functions.metrics().peak_memory <= 16 << 20, "{bad}");
        // In an effect, the failure is that of the effect.
        let good = normalize(&machine, &[&record("x")]);
        let mut guilty = good.clone();
        if let Ok(event) = &mut guilty[0] {
            event.data.iter_mut().filter(|(name, _)| name == "kind").for_each(|(_, value)| {
                *value = Value::String("bad".to_owned());
            });
        }
        let got = interpreted(&machine, &[good[0].clone(), guilty[0].clone()]);
        let text = format!("{:?}", got.entities);
        assert!(text.contains("I03") && text.contains(words), "{bad}: {text}");
        assert!(got.entities[1].record.is_some(), "{bad}: the good event alone");
    }
}

fn refused(component: &[u8]) -> String {
    match host().load_functions("lib", component, tables(), limits()) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn modules_that_cannot_be_used_are_refused_by_name() {
    assert_eq!(refused(&module(DESCRIPTION, "", "", "")), "accepted");
    for (description, words) in [
        ("{}", "missing field `name`"),
        (r#"{"name":"lib","version":"1","functions":[]}"#, "must have 1 to 1000"),
        (
            r#"{"name":"lib","version":"1","functions":[{"name":"a b","parameters":[],"returns":"string"}]}"#,
            "is no name",
        ),
        (
            r#"{"name":"lib","version":"1","functions":[{"name":"a","parameters":[],"returns":"any"}]}"#,
            "unknown variant `any`",
        ),
    ] {
        let said = refused(&module(description, "", "", ""));
        assert!(said.contains(words), "{said}");
    }
    // A normalizer is no module of functions.
    let text = crate::hostile::component(&crate::hostile::Parts {
        description: crate::hostile::described("string"),
        ..Default::default()
    });
    assert!(refused(&text).contains("`defacto:engine/functions@0.1.0`"), "{}", refused(&text));
    let foreign = wat::parse_str(
        r#"(component (import "wasi:clocks/wall-clock@0.2.0" (instance (export "now" (func)))))"#,
    );
    let said = refused(&foreign.unwrap());
    assert!(said.contains("wasi:clocks/wall-clock@0.2.0#now"), "{said}");
}

#[test]
fn a_module_that_is_stuck_is_nobodys_fault() {
    let component = module(DESCRIPTION, "", "", "(loop $x (br $x))");
    let slow = defacto_host::Limits { fuel_per_row: u64::MAX / 2, deadline_ms: 20, ..limits() };
    let functions = host().load_functions("lib", &component, tables(), slow).unwrap();
    let error = functions.call(0, &[vec![Value::String("bad".to_owned())]]).unwrap_err();
    assert!(error.to_string().contains("no answer within 20 ms, twice"), "{error}");
    let good = functions.call(0, &[vec![Value::String("x".to_owned())]]).unwrap();
    assert_eq!(good, [Answer::Value(Value::String("x".to_owned()))]);
}
