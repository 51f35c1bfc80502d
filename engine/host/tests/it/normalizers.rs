//! Good normalizers: tables, logs, raw forms, reuse.

use std::sync::atomic::{AtomicUsize, Ordering};

use defacto_host::{HostOptions, Limits, MadeEvent, ModuleHost, RawInputRecord, Refused, Tables};
use defacto_model::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::hostile::{Parts, component, described, host, limits, tables};

/// Counts the bytes of messages that normalizers log, and warnings of the host about them.
#[derive(Default)]
struct Counted {
    bytes: AtomicUsize,
    warnings: AtomicUsize,
}

impl Subscriber for Counted {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("defacto")
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        if event.metadata().target() == "defacto::module" {
            event.record(&mut Bytes(&self.bytes));
        } else {
            self.warnings.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct Bytes<'a>(&'a AtomicUsize);

impl Visit for Bytes<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0.fetch_add(format!("{value:?}").len(), Ordering::Relaxed);
        }
    }
}

/// Normalizes once, in one call.
fn run(parts: &Parts<'_>, records: &[RawInputRecord<'_>]) -> Vec<Result<Vec<MadeEvent>, Refused>> {
    let module = host().load("good", &component(parts), tables(), limits()).unwrap();
    let described = module.describe("{}").unwrap();
    module.normalize("{}", &described.events, records).unwrap()
}

fn value(result: &Result<Vec<MadeEvent>, Refused>) -> &Value {
    &result.as_ref().unwrap()[0].values[0]
}

#[test]
fn a_flood_of_log_is_cut_and_changes_no_result() {
    let parts = Parts {
        imports: r#"(import "defacto:engine/host@0.1.0" "log" (func $log (param i32 i32 i32)))"#,
        bad: "(loop $x (call $log (i32.const 1) (i32.const 262144) (i32.const 1000))
            (local.set $k (i32.add (local.get $k) (i32.const 1)))
            (br_if $x (i32.lt_u (local.get $k) (i32.const 200000))))",
        description: described("string"),
        ..Parts::default()
    };
    let counted = std::sync::Arc::new(Counted::default());
    let results = tracing::subscriber::with_default(std::sync::Arc::clone(&counted), || {
        run(&parts, &[RawInputRecord::Text("b")])
    });
    assert_eq!(value(&results[0]), &Value::String("b".to_owned()));
    let bytes = counted.bytes.load(Ordering::Relaxed);
    // A byte of zero is shown as four.
    assert!((64_000..=4 * 65_536).contains(&bytes), "{bytes}");
    assert_eq!(counted.warnings.load(Ordering::Relaxed), 1);
}

#[test]
fn tables_answer_and_unknown_keys_do_not() {
    let parts = Parts {
        imports: r#"(import "defacto:engine/host@0.1.0" "lookup" (func $lookup (param i32 i32 i32 i32 i32)))"#,
        more: r#"(data (i32.const 2048) "codes")"#,
        // The key is the payload without its `b`; the answer becomes the value.
        bad: "(call $lookup (i32.const 2048) (i32.const 5) (i32.add (local.get $p) (i32.const 1))
                (i32.sub (local.get $l) (i32.const 1)) (i32.const 64))
            (i32.store (local.get $v) (i32.const 0))
            (if (i32.load8_u (i32.const 64)) (then
                (i32.store (local.get $v) (i32.const 4))
                (i64.store offset=8 (local.get $v) (i64.load offset=4 (i32.const 64)))))",
        description: described("string"),
        ..Parts::default()
    };
    let results = run(&parts, &["ba", "bz", "b"].map(RawInputRecord::Text));
    let values: Vec<_> = results.iter().map(value).collect();
    assert_eq!(values, [&Value::String("1".to_owned()), &Value::Null, &Value::Null]);
}

#[test]
fn every_raw_form_arrives() {
    // The case of the payload becomes the value.
    let case = Parts { more: "", bad: "", description: described("string"), ..Parts::default() };
    let row = [("id".to_owned(), "7".to_owned())];
    let records = [
        RawInputRecord::Json("{\"a\":1}"),
        RawInputRecord::Text("line"),
        RawInputRecord::Bytes(b"bytes".strip_prefix(b"b").unwrap()),
    ];
    let results = run(&case, &records);
    let values: Vec<_> = results.iter().map(|r| value(r).as_str().unwrap()).collect();
    assert_eq!(values, ["{\"a\":1}", "line", "ytes"]);
    let module = host().load("rows", &component(&case), Tables::new(), limits()).unwrap();
    let described = module.describe("{}").unwrap();
    // A row's payload is a list of one entry, which is no text of its length: just not a crime to send.
    let sent = module.normalize("{}", &described.events, &[RawInputRecord::Row(&row)]);
    assert_eq!(sent.unwrap().len(), 1);
}

/// Bytes of this process that are in memory.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}

/// Loads one module many times, uses each once, and prints what one costs and how large its own memory is.
#[test]
#[ignore = "runs alone, in a process of its own: see the next test"]
fn idle_modules() {
    const MODULES: usize = 16;
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../sdk/templates/rust/module.wasm");
    let bytes = std::fs::read(path).unwrap();
    let folder = std::env::temp_dir().join(format!("defacto-idle-{}", std::process::id()));
    let options = || HostOptions { cache: Some(folder.clone()), ..HostOptions::default() };
    let used = |host: &ModuleHost| {
        let module = host.load("gateway", &bytes, Tables::new(), Limits::default()).unwrap();
        let described = module.describe("{}").unwrap();
        let records = [RawInputRecord::Text("1772352900 M-7731 kWh=12.5")];
        assert!(module.normalize("{}", &described.events, &records).unwrap()[0].is_ok());
        module
    };
    // Once to have the machine code in the folder, and once from there.
    drop(used(&ModuleHost::new(options()).unwrap()));
    let host = ModuleHost::new(options()).unwrap();
    let first = used(&host);
    let before = resident();
    let modules: Vec<_> = (0..MODULES).map(|_| used(&host)).collect();
    let each = (resident() - before) / modules.len();
    println!("idle: {each} {}", first.metrics().peak_memory);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn an_idle_module_costs_less_than_a_mebibyte_beyond_its_own_memory() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["normalizers::idle_modules", "--exact", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let figures = text.split("idle: ").nth(1).unwrap_or_else(|| panic!("{text}"));
    let mut figures = figures.split_whitespace().map(|figure| figure.parse::<usize>().unwrap_or(0));
    let (each, own) = (figures.next().unwrap(), figures.next().unwrap());
    println!("{each} bytes a module, with {own} bytes of its own");
    assert!(each > 0 && own > 0 && each < own + (1 << 20), "{each} bytes, {own} of its own");
}
