use wit_component::{DecodedWasm, decode};
use wit_parser::{WorldItem, WorldKey};

use crate::{Error, World, sections};

/// What a component shows of itself: for people, and for the check of its imports.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// Bytes in all.
    pub bytes: usize,
    /// What it wants from outside, in the component's order.
    pub imports: Vec<Interface>,
    /// What it offers.
    pub exports: Vec<Interface>,
}

/// An imported or exported interface, or a single function.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interface {
    /// Full name: `defacto:engine/host@0.1.0`, or the name of a function.
    pub name: String,
    /// Names of its functions, sorted. Empty for an interface of types only, and for a single function.
    pub functions: Vec<String>,
}

impl Facts {
    /// Reads a component.
    ///
    /// # Errors
    ///
    /// [`Error::NotWasm`] when it is none.
    pub fn read(component: &[u8]) -> Result<Self, Error> {
        if !sections::is_component(component) {
            return Err(Error::NotWasm(
                "it is no component (a core module becomes one by `defacto normalizer build`)"
                    .into(),
            ));
        }
        let decoded = decode(component).map_err(|e| Error::NotWasm(format!("{e:#}")))?;
        let DecodedWasm::Component(resolve, world) = decoded else {
            return Err(Error::NotWasm("it is a package of interfaces".into()));
        };
        let world = resolve.worlds.get(world).ok_or_else(|| Error::NotWasm("no world".into()))?;
        let interface = |(key, item): (&WorldKey, &WorldItem)| {
            let functions = match item {
                // A name for a type: nothing that could be called.
                WorldItem::Type { .. } => return None,
                WorldItem::Function(_) => Vec::new(),
                WorldItem::Interface { id, .. } => {
                    let found = resolve.interfaces.get(*id)?;
                    let mut names: Vec<String> = found.functions.keys().cloned().collect();
                    names.sort();
                    names
                }
            };
            Some(Interface { name: resolve.name_world_key(key), functions })
        };
        Ok(Self {
            bytes: component.len(),
            imports: world.imports.iter().filter_map(interface).collect(),
            exports: world.exports.iter().filter_map(interface).collect(),
        })
    }

    /// The worlds whose functions it exports, by name only.
    pub fn worlds(&self) -> Vec<World> {
        let exports = |name: &&str| self.exports.iter().any(|export| export.name == **name);
        World::ALL
            .iter()
            .copied()
            .filter(|world| world.exports().iter().all(|name| exports(&name)))
            .collect()
    }

    /// Whether everything that it imports is the engine's.
    ///
    /// # Errors
    ///
    /// [`Error::Foreign`] with the first import that is not.
    pub fn check_imports(&self) -> Result<(), Error> {
        for Interface { name, functions } in &self.imports {
            if !name.starts_with(World::PACKAGE) {
                let function = functions.first().cloned().unwrap_or_else(|| name.clone());
                return Err(Error::Foreign { module: name.clone(), name: function });
            }
        }
        Ok(())
    }
}
