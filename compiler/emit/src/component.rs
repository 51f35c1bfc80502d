use std::borrow::Cow;

use wasm_encoder::{
    CanonicalOption, ComponentBuilder, ComponentExportKind, ComponentSection, ComponentTypeRef,
    ComponentValType, ConstExpr, CustomSection, ElementSection, Elements, Encode, EntityType,
    ExportKind, ImportSection, Module, ModuleArg, PrimitiveValType, RefType, TableType,
    TypeSection, ValType,
};

use crate::manifest::MANIFEST_SECTION;

/// Functions of the world `definitions` (`wit/engine@0.1.0/definitions.wit`) that take and give frames.
pub(crate) const FRAME_FUNCTIONS: [&str; 4] = ["normalize", "interpret", "hints", "evaluate"];

/// Wraps a core module as a component of the world `definitions` and appends the manifest.
///
/// Component tooling would do the same but write its own name and version into the component, whose bytes
/// must depend on definitions and library only. Tests hold the result against the world.
///
/// `foreign` is the place in the module's table where it expects the import `call`; without one, nothing is imported.
pub(crate) fn wrap(module: &[u8], manifest: &str, foreign: Option<u32>) -> Vec<u8> {
    let mut component = ComponentBuilder::default();
    let call = foreign.map(|slot| (slot, import_call(&mut component)));
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
    if let Some((slot, call)) = call {
        // The module takes no imports, so that its functions keep their numbers: another one enters the import into
        // its table.
        let call = component.lower_func(None, call, options);
        let table = component.core_alias_export(None, instance, "table", ExportKind::Table);
        let given = [("call", ExportKind::Func, call), ("table", ExportKind::Table, table)];
        let given = component.core_instantiate_exports(None, given);
        let enter = component.core_module(None, &enter_call(slot));
        component.core_instantiate(None, enter, [("", ModuleArg::Instance(given))]);
    }
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

/// Adds the import `call` of the world; returns the function.
fn import_call(component: &mut ComponentBuilder) -> u32 {
    let value = [PrimitiveValType::U8, PrimitiveValType::S64, PrimitiveValType::String];
    let (value_type, defined) = component.type_defined(None);
    defined.tuple(value.map(ComponentValType::Primitive));
    let value = ComponentValType::Type(value_type);
    let (list, defined) = component.type_defined(None);
    defined.list(value);
    let (result, defined) = component.type_defined(None);
    defined.result(Some(value), Some(ComponentValType::Primitive(PrimitiveValType::String)));
    let (call, mut function) = component.type_function(None);
    function
        .params([
            ("function", ComponentValType::Primitive(PrimitiveValType::U32)),
            ("arguments", ComponentValType::Type(list)),
        ])
        .result(Some(ComponentValType::Type(result)));
    component.import("call", ComponentTypeRef::Func(call))
}

/// A module that writes its import `call` into the imported table.
fn enter_call(slot: u32) -> Module {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32; 4], []);
    let mut imports = ImportSection::new();
    imports.import("", "call", EntityType::Function(0));
    let table = TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: u64::from(slot) + 1,
        maximum: None,
        shared: false,
    };
    imports.import("", "table", table);
    let mut elements = ElementSection::new();
    let at = ConstExpr::i32_const(slot.cast_signed());
    elements.active(None, &at, Elements::Functions([0][..].into()));
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&elements);
    module
}
