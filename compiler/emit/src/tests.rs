//! Whole programs against a stand-in library: what is emitted must validate, and be the same every time.

mod program;
mod stand_in;

use wasmparser::{Payload, Validator};

use crate::emit::emit_with;
use crate::library::Library;
use defacto_definitions::Hashes;

use crate::{Compiled, MANIFEST_SECTION};

fn compile(program: &defacto_check::Program) -> Compiled {
    let library = Library::parse(&stand_in::module()).unwrap();
    emit_with(&library, false, program, &Hashes::default()).unwrap()
}

/// Name and content of a custom section.
type Section = (String, Vec<u8>);

/// Core modules of a component, and its own custom sections.
fn parts(component: &[u8]) -> (Vec<Vec<u8>>, Vec<Section>) {
    let mut modules = Vec::new();
    let mut custom = Vec::new();
    let mut depth = 0;
    for payload in wasmparser::Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::ModuleSection { unchecked_range, .. } => {
                modules.push(component[unchecked_range].to_vec());
                depth += 1;
            }
            Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::CustomSection(section) if depth == 0 => {
                custom.push((section.name().to_owned(), section.data().to_vec()));
            }
            _ => {}
        }
    }
    (modules, custom)
}

#[test]
fn every_form_of_expression_validates() {
    let compiled = compile(&program::every_form());
    Validator::new().validate_all(&compiled.component).unwrap();
}

#[test]
fn a_component_implements_the_world() {
    let wit = include_str!("../../../wit/engine@0.1.0/definitions.wit");
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_str("definitions.wit", wit).unwrap();
    let world = resolve.select_world(&[package], Some("definitions")).unwrap();
    let compiled = compile(&program::small());
    wit_component::targets(&resolve, world, &compiled.component).unwrap();
}

#[test]
fn a_component_imports_nothing_and_names_no_tools() {
    let compiled = compile(&program::small());
    let (modules, custom) = parts(&compiled.component);
    for section in modules.iter().flat_map(|m| wasmparser::Parser::new(0).parse_all(m)) {
        match section.unwrap() {
            Payload::ImportSection(_) => panic!("an import"),
            Payload::CustomSection(section) => assert_eq!(section.name(), "name"),
            _ => {}
        }
    }
    assert!(!custom.iter().any(|(name, _)| name == "producers"));
}

#[test]
fn the_manifest_is_a_section_and_the_answer_of_describe() {
    let compiled = compile(&program::small());
    let (modules, custom) = parts(&compiled.component);
    let (_, section) = custom.iter().find(|(name, _)| name == MANIFEST_SECTION).unwrap();
    let read: defacto_model::Manifest = serde_json::from_slice(section).unwrap();
    assert_eq!(read, compiled.manifest);
    assert_eq!(read.origin % 65536, 0);
    assert!(modules[0].windows(section.len()).any(|w| w == section.as_slice()));
}

#[test]
fn the_same_program_gives_the_same_bytes() {
    let program = program::every_form();
    assert_eq!(compile(&program).component, compile(&program).component);
}

#[test]
fn functions_that_nothing_reaches_are_left_out() {
    let compiled = compile(&program::small());
    let (modules, _) = parts(&compiled.component);
    let text = wasmprinter::print_bytes(&modules[0]).unwrap();
    assert!(!text.contains(stand_in::UNUSED_MARK), "an unused function kept its body");
    assert!(
        text.contains(stand_in::INDIRECT_MARK),
        "a function called through the table is missing"
    );
}

#[test]
fn a_handler_reads_as_its_definition() {
    let compiled = compile(&program::small());
    let (modules, _) = parts(&compiled.component);
    let text = wasmprinter::print_bytes(&modules[0]).unwrap();
    let start = text.find("(func $entities.order.states.open.when.paid").unwrap();
    let end = start + text[start..].find("\n  )").unwrap();
    let expected = include_str!("tests/handler.wat").trim_end();
    assert_eq!(&text[start..end], expected);
}

#[test]
fn a_large_program_is_small_and_valid() {
    let compiled = compile(&program::large(10, 10, 10));
    Validator::new().validate_all(&compiled.component).unwrap();
    let s = compiled.statistics;
    let rest =
        compiled.component.len() - s.names - 2 * s.manifest - s.library_code - s.library_data;
    assert!(rest < (1 << 20) / 5, "{rest} bytes for a fifth of the largest program: {s:?}");
}

#[test]
fn an_unusable_library_is_an_error() {
    let library = Library::parse(&stand_in::without("rt_eq")).unwrap();
    let error = emit_with(&library, false, &program::every_form(), &Hashes::default()).unwrap_err();
    assert!(error.to_string().contains("rt_eq"));
    assert!(Library::parse(b"\0asm").is_err());
}

#[test]
fn the_real_library_has_every_function() {
    for program in [program::small(), program::every_form()] {
        let compiled = crate::emit(&program, &Hashes::default()).unwrap();
        Validator::new().validate_all(&compiled.component).unwrap();
    }
}

#[test]
fn the_contract_parses() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit/engine@0.1.0");
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_dir(folder).unwrap();
    let normalizer = resolve.select_world(&[package], Some("normalizer")).unwrap();
    let interfaces: Vec<String> = resolve.worlds[normalizer]
        .imports
        .keys()
        .filter(|key| matches!(key, wit_parser::WorldKey::Interface(_)))
        .map(|key| resolve.name_world_key(key))
        .collect();
    assert_eq!(interfaces, ["defacto:engine/host@0.1.0", "defacto:engine/types@0.1.0"]);
    resolve.select_world(&[package], Some("definitions")).unwrap();
}
