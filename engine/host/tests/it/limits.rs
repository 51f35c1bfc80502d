//! Hand-made components that misbehave in every way that the host must survive.

use std::borrow::Cow;

use defacto_host::{CompiledDefinitions, Host, HostOptions, Limits, LoadError};
use defacto_model::{FailureCode, Manifest, RawPath, SourceEventManifest, SourceManifest, Value};
use defacto_ports::{Error, HintRequest, Machines};
use wasm_encoder::{
    BlockType, CanonicalOption, CodeSection, ComponentBuilder, ComponentExportKind,
    ComponentSection, ComponentTypeRef, ComponentValType, ConstExpr, CustomSection, DataSection,
    Encode, ExportKind, ExportSection, Function, FunctionSection, InstructionSink, MemorySection,
    MemoryType, Module, ModuleArg, PrimitiveValType, TypeSection, ValType,
};

use crate::support::normalize;

const ORIGIN: u32 = 65_536;
const MANIFEST_AT: i32 = 4_096;
const PAGE_BYTES: usize = 65_536;

fn manifest() -> Manifest {
    let path = |path: &str| RawPath { path: path.to_owned(), literal_first: true };
    Manifest {
        abi: 1,
        layout: 5,
        origin: ORIGIN,
        content_hash: String::new(),
        source_hash: String::new(),
        identity_hash: String::new(),
        definition_hash: String::new(),
        label_hash: String::new(),
        entity_hashes: Vec::new(),
        entities: Vec::new(),
        sources: vec![SourceManifest {
            name: "feed".to_owned(),
            event_type: path("kind"),
            timestamp_field: "at".to_owned(),
            timestamp: Some(path("at")),
            events: vec![SourceEventManifest {
                name: "seen".to_owned(),
                raw_types: vec!["seen".to_owned()],
                paths: Vec::new(),
                fields: Vec::new(),
                hints: Vec::new(),
            }],
            event_id: None,
            normalizer: None,
        }],
        functions: Vec::new(),
    }
}

/// A core module whose frame functions all have one body; their parameters are address and length.
fn module(text: &str, body: impl Fn(&mut InstructionSink<'_>)) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32; 4], [ValType::I32]);
    types.ty().function([ValType::I32; 2], [ValType::I32]);
    types.ty().function([], [ValType::I32]);
    let mut functions = FunctionSection::new();
    functions.function(0).function(1).function(2);
    let mut memories = MemorySection::new();
    let memory = MemoryType {
        minimum: 16,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    };
    memories.memory(memory);
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0).export("cabi_realloc", ExportKind::Func, 0);
    for name in ["normalize", "interpret", "hints", "evaluate"] {
        exports.export(name, ExportKind::Func, 1);
    }
    exports.export("describe", ExportKind::Func, 2);
    let mut code = CodeSection::new();
    let mut realloc = Function::new([]);
    realloc.instructions().i32_const(ORIGIN.cast_signed()).end();
    let mut frame = Function::new([]);
    body(&mut frame.instructions());
    frame.instructions().end();
    let mut describe = Function::new([]);
    describe.instructions().i32_const(16).end();
    code.function(&realloc).function(&frame).function(&describe);
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(MANIFEST_AT), text.bytes());
    let area = [MANIFEST_AT.cast_unsigned(), u32::try_from(text.len()).unwrap()];
    data.active(0, &ConstExpr::i32_const(16), area.map(u32::to_le_bytes).concat());
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&memories).section(&exports);
    module.section(&code).section(&data);
    module.finish()
}

fn component(section: Option<&str>, import: Option<&str>, core: &[u8]) -> Vec<u8> {
    let mut component = ComponentBuilder::default();
    if let Some(name) = import {
        let (r#type, mut function) = component.type_function(None);
        let nothing: [(&str, ComponentValType); 0] = [];
        function.params(nothing).result(None);
        component.import(name, ComponentTypeRef::Func(r#type));
    }
    let module = component.core_module_raw(None, core);
    let instance = component.core_instantiate(None, module, Vec::<(&str, ModuleArg)>::new());
    let memory = component.core_alias_export(None, instance, "memory", ExportKind::Memory);
    let realloc = component.core_alias_export(None, instance, "cabi_realloc", ExportKind::Func);
    let (bytes, list) = component.type_defined(None);
    list.list(PrimitiveValType::U8);
    let bytes = ComponentValType::Type(bytes);
    let (frames, mut function) = component.type_function(None);
    function.params([("frame", bytes)]).result(Some(bytes));
    let (text, mut function) = component.type_function(None);
    let nothing: [(&str, ComponentValType); 0] = [];
    let string = ComponentValType::Primitive(PrimitiveValType::String);
    function.params(nothing).result(Some(string));
    let options =
        [CanonicalOption::UTF8, CanonicalOption::Memory(memory), CanonicalOption::Realloc(realloc)];
    let names = ["normalize", "interpret", "hints", "evaluate"].map(|name| (name, frames));
    for (name, r#type) in names.into_iter().chain([("describe", text)]) {
        let core = component.core_alias_export(None, instance, name, ExportKind::Func);
        let lifted = component.lift_func(None, core, r#type, options);
        component.export(name, ComponentExportKind::Func, lifted, None);
    }
    let mut bytes = component.finish();
    if let Some(section) = section {
        let data = Cow::Borrowed(section.as_bytes());
        let section = CustomSection { name: Cow::Borrowed("defacto-manifest"), data };
        bytes.push(ComponentSection::id(&section));
        section.encode(&mut bytes);
    }
    bytes
}

fn load(limits: Limits, body: impl Fn(&mut InstructionSink<'_>)) -> CompiledDefinitions {
    let text = serde_json::to_string(&manifest()).unwrap();
    let host = Host::new(HostOptions { limits, cache: None }).unwrap();
    host.load(&component(Some(&text), None, &module(&text, body))).unwrap()
}

const RECORD: &str = r#"{"kind":"seen","at":0}"#;

/// Failures of three records that reach the module and one that does not.
fn failures(limits: Limits, body: impl Fn(&mut InstructionSink<'_>)) -> Vec<String> {
    let machine = load(limits, body);
    let results = normalize(&machine, &[RECORD, "[]", RECORD, RECORD]);
    let failures: Vec<_> = results.into_iter().map(Result::unwrap_err).collect();
    let codes: Vec<_> = failures.iter().map(|failure| failure.code).collect();
    let (n01, n05) = (FailureCode::N01, FailureCode::N05);
    assert_eq!(codes, [n05, n01, n05, n05]);
    assert_eq!(failures[0].handler.as_deref(), Some("seen"));
    failures.into_iter().map(|failure| failure.message).collect()
}

#[test]
fn an_endless_loop_ends_with_its_fuel() {
    let messages = failures(Limits::default(), |code| {
        code.loop_(BlockType::Empty).br(0).end().unreachable();
    });
    assert_eq!(messages[0], "evaluation takes more than 50000000 units of fuel");
}

#[test]
fn a_trap_is_the_failure_of_its_rows_and_names_itself() {
    let messages = failures(Limits::default(), |code| {
        code.unreachable();
    });
    assert!(messages[0].contains("unreachable"), "{}", messages[0]);
}

#[test]
fn recursion_ends_with_the_stack() {
    let messages = failures(Limits::default(), |code| {
        code.local_get(0).local_get(1).call(1);
    });
    assert!(messages[0].contains("bytes of stack"), "{}", messages[0]);
}

#[test]
fn memory_beyond_the_limit_is_named() {
    let pages = i32::try_from((64 << 20) / PAGE_BYTES).unwrap();
    let messages = failures(Limits::default(), |code| {
        code.i32_const(pages).memory_grow(0).i32_const(0).i32_lt_s();
        code.if_(BlockType::Empty).unreachable().end().i32_const(0);
    });
    assert_eq!(messages[0], "evaluation takes more than 67108864 bytes of memory");
}

#[test]
fn an_answer_beyond_the_limit_is_not_read() {
    let limits = Limits { output_bytes: 1_000, ..Limits::default() };
    let messages = failures(limits, |code| {
        let at = wasm_encoder::MemArg { offset: 0, align: 2, memory_index: 0 };
        code.i32_const(32).i32_const(ORIGIN.cast_signed()).i32_store(at);
        code.i32_const(36).i32_const(1_001).i32_store(at).i32_const(32);
    });
    assert_eq!(messages[0], "evaluation gives more than 1000 bytes of output");
}

#[test]
fn an_invalid_frame_is_a_failure_that_says_what_is_wrong() {
    let messages = failures(Limits::default(), |code| {
        let at = wasm_encoder::MemArg { offset: 0, align: 2, memory_index: 0 };
        code.i32_const(32).local_get(0).i32_store(at);
        code.i32_const(36).local_get(1).i32_store(at).i32_const(32);
    });
    assert!(messages[0].contains("row table: address 0"), "{}", messages[0]);
}

#[test]
fn a_machine_that_is_stuck_twice_stops_the_batch() {
    let limits = Limits { fuel_per_row: u64::MAX / 2, deadline_ms: 1, ..Limits::default() };
    let machine = load(limits, |code| {
        code.loop_(BlockType::Empty).br(0).end().unreachable();
    });
    let request = HintRequest { entity: 0, identity_field: 0, value: Value::Null };
    match machine.hints(&[request]) {
        Err(Error::Module { message }) => assert_eq!(message, "no answer within 1 ms, twice"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn components_that_break_the_contract_are_refused() {
    let host = Host::new(HostOptions::default()).unwrap();
    let text = serde_json::to_string(&manifest()).unwrap();
    let idle = |code: &mut InstructionSink<'_>| {
        code.unreachable();
    };
    let core = module(&text, idle);
    let refused = |bytes: &[u8]| host.load(bytes).unwrap_err();

    let error = refused(&component(Some(&text), Some("clock"), &core));
    assert!(matches!(&error, LoadError::Import { name } if name == "clock"), "{error}");
    assert!(error.to_string().contains("`clock`"));

    assert!(matches!(refused(&component(None, None, &core)), LoadError::NoManifest));
    assert!(matches!(refused(b"\0asm"), LoadError::Invalid { .. }));
    assert!(matches!(refused(&core), LoadError::Invalid { .. }));
    let other = text.replace("\"feed\"", "\"food\"");
    let error = refused(&component(Some(&other), None, &core));
    assert!(matches!(error, LoadError::ManifestDiffers), "{error}");
    let newer = text.replace("\"abi\":1", "\"abi\":2");
    let error = refused(&component(Some(&newer), None, &module(&newer, idle)));
    assert!(matches!(error, LoadError::Abi { found: 2, known: 1 }), "{error}");
    let error = refused(&component(Some("{}"), None, &core));
    assert!(matches!(error, LoadError::Manifest { .. }), "{error}");

    let mut table = core.clone();
    table.truncate(core.len() / 2);
    assert!(matches!(refused(&component(Some(&text), None, &table)), LoadError::Invalid { .. }));
}
