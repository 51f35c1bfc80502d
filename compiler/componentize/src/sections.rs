use wasm_encoder::{ComponentSectionId, Encode, SectionId};
use wasmparser::BinaryReader;

use crate::Error;

/// Bytes before the first section: magic and version.
const HEADER: usize = 8;

/// A module or component without custom sections, those of its inner modules and components included.
///
/// They hold names, paths, versions of tools and debugging information, nothing that a call can depend on. Without
/// them the bytes depend on the author's code alone.
pub(crate) fn strip(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let header = bytes.get(..HEADER).ok_or_else(|| Error::NotWasm("it is cut off".into()))?;
    let component = is_component(bytes);
    let mut stripped = header.to_vec();
    let mut reader = BinaryReader::new(bytes.get(HEADER..).unwrap_or_default(), HEADER);
    while !reader.eof() {
        let (id, content) = section(&mut reader).map_err(|e| Error::NotWasm(e.to_string()))?;
        if id == SectionId::Custom as u8 {
            continue;
        }
        let nested = component
            && (id == ComponentSectionId::CoreModule as u8
                || id == ComponentSectionId::Component as u8);
        stripped.push(id);
        if nested {
            strip(content)?.encode(&mut stripped);
        } else {
            content.encode(&mut stripped);
        }
    }
    Ok(stripped)
}

/// Whether a binary is a component, by its header.
pub(crate) fn is_component(bytes: &[u8]) -> bool {
    wasmparser::Parser::is_component(bytes)
}

fn section<'a>(
    reader: &mut BinaryReader<'a>,
) -> Result<(u8, &'a [u8]), wasmparser::BinaryReaderError> {
    let id = reader.read_u8()?;
    let length = reader.read_var_u32()?;
    // A section may be as long as the whole file.
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    Ok((id, reader.read_bytes(length)?))
}
