use wasmparser::{Parser, Payload, Validator, WasmFeatures};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

use crate::adapter::{self, PREVIEW1, SEALED};
use crate::{Error, Facts, World, sections};

/// Makes a component of a world from what a toolchain wrote: a core module, or a component already.
///
/// The same bytes give the same component everywhere.
///
/// # Errors
///
/// [`Error`] when the bytes are no valid WebAssembly, import what they may not have, or are no module of the world.
pub fn componentize(bytes: &[u8], world: World) -> Result<Vec<u8>, Error> {
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    validator.validate_all(bytes).map_err(|e| Error::NotWasm(e.to_string()))?;
    let component =
        if sections::is_component(bytes) { bytes.to_vec() } else { encode(bytes, world)? };
    let component = sections::strip(&component)?;
    Facts::read(&component)?.check_imports()?;
    let (resolve, id) = world.resolve()?;
    wit_component::targets(&resolve, id, &component)
        .map_err(|e| Error::World { world: world.name(), reason: format!("{e:#}") })?;
    Ok(component)
}

fn encode(module: &[u8], world: World) -> Result<Vec<u8>, Error> {
    let refused = |reason: String| Error::World { world: world.name(), reason };
    let wasi = look(module)?;
    // Bindings may have described a world themselves; the contract is known better here.
    let mut described = sections::strip(module)?;
    let (resolve, id) = world.resolve()?;
    embed_component_metadata(&mut described, &resolve, id, StringEncoding::UTF8)
        .map_err(|e| refused(format!("{e:#}")))?;
    let mut encoder = ComponentEncoder::default()
        .module(&described)
        .map_err(|e| refused(format!("{e:#}")))?
        .validate(true);
    if wasi {
        encoder = encoder.adapter(PREVIEW1, SEALED).map_err(|e| refused(format!("{e:#}")))?;
    }
    encoder.encode().map_err(|e| refused(format!("{e:#}")))
}

/// Refuses imports that nobody answers; tells whether there are any of WASI.
fn look(module: &[u8]) -> Result<bool, Error> {
    let not_wasm = |e: wasmparser::BinaryReaderError| Error::NotWasm(e.to_string());
    let answered = adapter::functions()?;
    let mut wasi = false;
    for payload in Parser::new(0).parse_all(module) {
        match payload.map_err(not_wasm)? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import.map_err(not_wasm)?;
                    let (module, name) = (import.module.to_owned(), import.name.to_owned());
                    if import.module == PREVIEW1 {
                        if !answered.contains(import.name) {
                            return Err(Error::Unsealed { module, name });
                        }
                        wasi = true;
                    } else if !import.module.starts_with(World::PACKAGE) {
                        return Err(Error::Foreign { module, name });
                    }
                }
            }
            _ => {}
        }
    }
    Ok(wasi)
}
