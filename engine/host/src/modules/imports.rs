use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use super::ModuleError;

pub(crate) const HOST: &str = "defacto:engine/host@0.1.0";
const TYPES: &str = "defacto:engine/types@0.1.0";
/// Functions of the host's interface.
const FUNCTIONS: [&str; 2] = ["log", "lookup"];

/// Refuses a component that imports a function, resource, module or component which modules may not have.
/// Interfaces that only bring types are harmless whatever their name.
pub(crate) fn check(engine: &Engine, component: &Component) -> Result<(), ModuleError> {
    let refuse = |name: String| Err(ModuleError::Import { name });
    for (name, import) in component.component_type().imports(engine) {
        match import.ty {
            ComponentItem::ComponentInstance(instance) => {
                for (member, export) in instance.exports(engine) {
                    let allowed = match export.ty {
                        ComponentItem::Type(_) => name == HOST || name == TYPES,
                        ComponentItem::ComponentFunc(_) => {
                            name == HOST && FUNCTIONS.contains(&member)
                        }
                        _ => false,
                    };
                    if !allowed {
                        return refuse(format!("{name}#{member}"));
                    }
                }
                if name != HOST && name != TYPES {
                    return refuse(name.to_owned());
                }
            }
            ComponentItem::Type(_) => {}
            _ => return refuse(name.to_owned()),
        }
    }
    Ok(())
}

/// Everything that a component imports, for people: interfaces with the functions that it uses.
pub(crate) fn names(engine: &Engine, component: &Component) -> Vec<String> {
    let mut names = Vec::new();
    for (name, import) in component.component_type().imports(engine) {
        let before = names.len();
        if let ComponentItem::ComponentInstance(instance) = import.ty {
            for (member, export) in instance.exports(engine) {
                if !matches!(export.ty, ComponentItem::Type(_)) {
                    names.push(format!("{name}#{member}"));
                }
            }
        }
        if names.len() == before {
            names.push(name.to_owned());
        }
    }
    names
}
