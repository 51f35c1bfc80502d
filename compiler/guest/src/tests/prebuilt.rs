//! The committed modules: what they export, that they need nothing, that they are the bytes of the digests.

use std::collections::BTreeSet;

use defacto_functions::Function;
use sha2::{Digest, Sha256};
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

use crate::{BASE, FULL};

fn exports(bytes: &[u8]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.unwrap() {
            Payload::ExportSection(section) => {
                names.extend(section.into_iter().map(|export| export.unwrap().name.to_owned()));
            }
            Payload::ImportSection(section) => assert_eq!(section.count(), 0, "imports"),
            Payload::StartSection { .. } => panic!("a start function"),
            _ => {}
        }
    }
    names
}

#[test]
fn every_library_function_is_exported() {
    let (base, full) = (exports(BASE), exports(FULL));
    for function in Function::ALL {
        let name = format!("fn_{}", function.symbol());
        assert!(full.contains(&name), "{name}");
        assert_eq!(base.contains(&name), !name.contains("regex"), "{name}");
    }
    assert!(full.contains("fn_regex_match_literal") && full.contains("fn_regex_extract_literal"));
}

#[test]
fn every_function_of_the_contract_is_exported() {
    let contract = include_str!("../../../../wit/RUNTIME.md");
    let names =
        contract.split('`').filter(|code| code.starts_with("rt_") || code.starts_with("cabi_"));
    let names: BTreeSet<&str> = names.filter_map(|code| code.split('(').next()).collect();
    assert!(names.len() > 30, "{names:?}");
    for bytes in [BASE, FULL] {
        let exported = exports(bytes);
        for name in names.iter().chain(&["memory", "__heap_base", "__indirect_function_table"]) {
            assert!(exported.contains(*name), "{name}");
        }
    }
}

#[test]
fn only_common_features_are_used() {
    let features = WasmFeatures::MVP
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::MUTABLE_GLOBAL;
    for bytes in [BASE, FULL] {
        Validator::new_with_features(features).validate_all(bytes).unwrap();
    }
}

#[test]
fn no_path_of_the_building_machine_is_inside() {
    for bytes in [BASE, FULL] {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains("/home/") && !text.contains("/work/") && !text.contains("/root/"));
    }
}

#[test]
fn digests_are_those_of_the_list() {
    let list = include_str!("../../prebuilt/SHA256SUMS");
    for (name, bytes) in [("base.wasm", BASE), ("full.wasm", FULL)] {
        let digest: String =
            Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(list.contains(&format!("{digest}  {name}")), "{name} is {digest}");
    }
}
