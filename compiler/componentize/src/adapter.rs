use std::collections::BTreeSet;

use wasmparser::{Parser, Payload};

use crate::Error;

/// The module that the sealed adapter stands in for.
pub(crate) const PREVIEW1: &str = "wasi_snapshot_preview1";

/// Bytes of `adapter/sealed_preview1.wat`; a test holds the two together.
pub(crate) const SEALED: &[u8] = include_bytes!("../adapter/sealed_preview1.wasm");

/// Functions of WASI that a module may import, because the adapter answers them.
pub(crate) fn functions() -> Result<BTreeSet<String>, Error> {
    let mut names = BTreeSet::new();
    for payload in Parser::new(0).parse_all(SEALED) {
        if let Payload::ExportSection(exports) = payload.map_err(not_wasm)? {
            for export in exports {
                names.insert(export.map_err(not_wasm)?.name.to_owned());
            }
        }
    }
    Ok(names)
}

fn not_wasm(error: wasmparser::BinaryReaderError) -> Error {
    Error::NotWasm(error.to_string())
}
