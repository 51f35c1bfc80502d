use std::borrow::Cow;

use wasm_encoder::{
    CanonicalOption, ComponentBuilder, ComponentExportKind, ComponentSection, ComponentValType,
    CustomSection, Encode, ExportKind, ModuleArg, PrimitiveValType,
};

use crate::manifest::MANIFEST_SECTION;

/// Functions of the world `definitions` (`wit/engine@0.1.0/definitions.wit`) that take and give frames.
pub(crate) const FRAME_FUNCTIONS: [&str; 4] = ["normalize", "interpret", "hints", "evaluate"];

/// Wraps a core module as a component of the world `definitions` and appends the manifest.
///
/// Component tooling would do the same but write its own name and version into the component, whose bytes
/// must depend on definitions and library only. Tests hold the result against the world.
pub(crate) fn wrap(module: &[u8], manifest: &str) -> Vec<u8> {
    let mut component = ComponentBuilder::default();
    let module = component.core_module_raw(None, module);
    let instance = component.core_instantiate(None, module, Vec::<(&str, ModuleArg)>::new());
    let memory = component.core_alias_export(None, instance, "memory", ExportKind::Memory);
    let realloc = component.core_alias_export(None, instance, "cabi_realloc", ExportKind::Func);

    let (bytes, list) = component.type_defined(None);
    list.list(PrimitiveValType::U8);
    let (frames, mut function) = component.type_function(None);
    let bytes = ComponentValType::Type(bytes);
    function.params([("frame", bytes)]).result(Some(bytes));
    let (text, mut function) = component.type_function(None);
    let nothing: [(&str, ComponentValType); 0] = [];
    function.params(nothing).result(Some(ComponentValType::Primitive(PrimitiveValType::String)));

    let options =
        [CanonicalOption::UTF8, CanonicalOption::Memory(memory), CanonicalOption::Realloc(realloc)];
    let functions = FRAME_FUNCTIONS.iter().map(|name| (*name, frames)).chain([("describe", text)]);
    for (name, r#type) in functions {
        let core = component.core_alias_export(None, instance, name, ExportKind::Func);
        let lifted = component.lift_func(None, core, r#type, options);
        component.export(name, ComponentExportKind::Func, lifted, None);
    }
    let mut bytes = component.finish();
    let section = CustomSection {
        name: Cow::Borrowed(MANIFEST_SECTION),
        data: Cow::Borrowed(manifest.as_bytes()),
    };
    bytes.push(ComponentSection::id(&section));
    section.encode(&mut bytes);
    bytes
}
