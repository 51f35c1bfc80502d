use wasm_encoder::{ComponentSection, CustomSection};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::library::EmitError;
use crate::manifest::MANIFEST_SECTION;

/// The world that every component of definitions implements.
const WIT: &str = include_str!("../../../wit/engine@0.1.0/definitions.wit");

/// Wraps a core module as a component of the world `definitions` and appends the manifest.
pub(crate) fn wrap(mut module: Vec<u8>, manifest: &str) -> Result<Vec<u8>, EmitError> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("definitions.wit", WIT).map_err(failed)?;
    let world = resolve.select_world(&[package], Some("definitions")).map_err(failed)?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).map_err(failed)?;
    let component = ComponentEncoder::default().module(&module).map_err(failed)?.encode().map_err(failed)?;
    let mut bytes = without_producers(&component)?;
    CustomSection { name: MANIFEST_SECTION.into(), data: manifest.as_bytes().into() }
        .append_to_component(&mut bytes);
    Ok(bytes)
}

fn failed(error: impl std::fmt::Display) -> EmitError {
    EmitError::Component(error.to_string())
}

/// The component without the sections that name the tools which wrapped it: its bytes depend on the
/// definitions and the library only.
fn without_producers(component: &[u8]) -> Result<Vec<u8>, EmitError> {
    let mut bytes = component.get(..8).unwrap_or_default().to_vec();
    let mut depth = 0_u32;
    let mut copied = 8;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        match &payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if depth == 0 && section.name() == "producers" => {
                // A custom section starts with its id and size, just before its name.
                let start = section_start(component, copied, section.range().start);
                bytes.extend_from_slice(component.get(copied..start).unwrap_or_default());
                copied = section.range().end;
            }
            _ => {}
        }
    }
    bytes.extend_from_slice(component.get(copied..).unwrap_or_default());
    Ok(bytes)
}

/// Where the section whose content starts at `content` has its id: sections are walked from `from`, which is
/// the start of one.
fn section_start(component: &[u8], from: usize, content: usize) -> usize {
    let mut place = from;
    while place < content {
        let mut size = 0_usize;
        let mut at = place + 1;
        for shift in (0..35).step_by(7) {
            let byte = component.get(at).copied().unwrap_or(0);
            size |= usize::from(byte & 0x7f) << shift;
            at += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        if at == content {
            return place;
        }
        place = at + size;
    }
    content
}
