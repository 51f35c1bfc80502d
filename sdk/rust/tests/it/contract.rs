//! The crate's copy of the contract is the contract.

use std::fs;
use std::path::Path;

#[test]
fn the_copies_of_the_contract_agree() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["types.wit", "normalizer.wit", "functions.wit"] {
        let own = fs::read_to_string(here.join("wit").join(name)).unwrap();
        let contract = fs::read_to_string(here.join("../../wit/engine@0.1.0").join(name)).unwrap();
        assert!(own == contract, "copy wit/engine@0.1.0/{name} to sdk/rust/wit/");
    }
}
