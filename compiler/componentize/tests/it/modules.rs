//! What becomes a component, and what is refused by which words.

use defacto_componentize::{Error, Facts, World, componentize};

/// A normalizer that answers nothing useful but has every export; `more` is added to the module.
fn module(imports: &str, more: &str) -> Vec<u8> {
    let text = format!(
        r#"(module {imports}
             (memory (export "memory") 1)
             (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 64)
             (func (export "describe") (param i32 i32) (result i32) i32.const 8)
             (func (export "normalize") (param i32 i32 i32 i32) (result i32) i32.const 8)
             {more})"#
    );
    wat::parse_str(text).unwrap()
}

fn refusal(module: &[u8]) -> String {
    componentize(module, World::Normalizer).unwrap_err().to_string()
}

#[test]
fn a_plain_module_becomes_a_component_of_the_world() {
    let component = componentize(&module("", ""), World::Normalizer).unwrap();
    let facts = Facts::read(&component).unwrap();
    assert_eq!(facts.worlds(), [World::Normalizer]);
    assert!(facts.imports.iter().all(|import| import.functions.is_empty()), "{facts:?}");
    assert_eq!(componentize(&module("", ""), World::Normalizer).unwrap(), component);
}

#[test]
fn a_component_stays_what_it_is() {
    let component = componentize(&module("", ""), World::Normalizer).unwrap();
    assert_eq!(componentize(&component, World::Normalizer).unwrap(), component);
}

#[test]
fn the_host_may_be_asked() {
    let log = r#"(import "defacto:engine/host@0.1.0" "log" (func (param i32 i32 i32)))"#;
    let component = componentize(&module(log, ""), World::Normalizer).unwrap();
    let facts = Facts::read(&component).unwrap();
    let host = facts.imports.iter().find(|i| i.name == "defacto:engine/host@0.1.0").unwrap();
    assert_eq!(host.functions, ["log"]);
}

#[test]
fn wasi_is_sealed() {
    let wasi = r#"(import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
                  (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#;
    let call = "(func (export \"_initialize\") (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 0))))";
    let component = componentize(&module(wasi, call), World::Normalizer).unwrap();
    let facts = Facts::read(&component).unwrap();
    assert!(!facts.imports.iter().any(|import| import.name.contains("wasi")), "{facts:?}");
}

#[test]
fn foreign_imports_are_refused_by_name() {
    let socket = r#"(import "wasi_snapshot_preview1" "sock_accept" (func (param i32 i32 i32) (result i32)))"#;
    assert_eq!(
        refusal(&module(socket, "")),
        "the module imports `sock_accept` of wasi_snapshot_preview1, which a sealed module may not have"
    );
    let own = r#"(import "env" "seed" (func (result i32)))"#;
    assert_eq!(
        refusal(&module(own, "")),
        "the module imports `seed` of `env`; only interfaces of defacto:engine may be imported"
    );
    let component = wat::parse_str(
        r#"(component (import "wasi:clocks/wall-clock@0.2.0" (instance (export "now" (func (result u64))))))"#,
    );
    assert_eq!(
        refusal(&component.unwrap()),
        "the module imports `now` of `wasi:clocks/wall-clock@0.2.0`; only interfaces of defacto:engine may be imported"
    );
}

#[test]
fn what_differs_from_the_world_is_said() {
    let missing = wat::parse_str("(module (memory (export \"memory\") 1))").unwrap();
    let said = refusal(&missing);
    assert!(said.starts_with("this is no normalizer: ") && said.contains("describe"), "{said}");

    let other = r#"(import "defacto:engine/host@0.1.0" "files" (func))"#;
    let said = refusal(&module(other, ""));
    assert!(said.starts_with("this is no normalizer: ") && said.contains("files"), "{said}");

    let component = wat::parse_str("(component)").unwrap();
    let said = refusal(&component);
    assert!(said.starts_with("this is no normalizer: "), "{said}");
}

#[test]
fn damaged_bytes_are_no_modules() {
    for bytes in [&b""[..], b"\0asm", b"hello, world", b"\0asm\x01\0\0\0\x01\xff"] {
        assert!(matches!(componentize(bytes, World::Normalizer), Err(Error::NotWasm(_))));
        assert!(matches!(Facts::read(bytes), Err(Error::NotWasm(_))));
    }
    let whole = module("", "");
    for end in 8..whole.len() {
        componentize(&whole[..end], World::Normalizer).unwrap_err();
    }
}

#[test]
fn no_tool_leaves_its_mark() {
    let marked = module(
        "",
        r#"(@custom "producers" "\00") (@custom "name" "") (@custom "build-id" "/home/ada/x")"#,
    );
    let component = componentize(&marked, World::Normalizer).unwrap();
    assert_eq!(component, componentize(&module("", ""), World::Normalizer).unwrap());
    for payload in wasmparser::Parser::new(0).parse_all(&component) {
        if let wasmparser::Payload::CustomSection(section) = payload.unwrap() {
            panic!("section {}", section.name());
        }
    }
}
