//! The sealed adapter's bytes are those of its text.

use std::path::Path;

#[test]
fn bytes_and_text_of_the_adapter_agree() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("adapter");
    let bytes = wat::parse_file(folder.join("sealed_preview1.wat")).unwrap();
    let committed = folder.join("sealed_preview1.wasm");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&committed, &bytes).unwrap();
    }
    assert!(std::fs::read(&committed).unwrap() == bytes, "run this test with BLESS=1");
}
