use wit_parser::{Resolve, SourceMap, WorldId};

use crate::Error;

/// What a module can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// Raw records to events: `defacto:engine/normalizer`.
    Normalizer,
    /// Functions for expressions: `defacto:engine/functions`.
    Functions,
}

/// The contract's files.
const WIT: &[(&str, &str)] = &[
    ("types.wit", include_str!("../../../wit/engine@0.1.0/types.wit")),
    ("normalizer.wit", include_str!("../../../wit/engine@0.1.0/normalizer.wit")),
    ("functions.wit", include_str!("../../../wit/engine@0.1.0/functions.wit")),
];

impl World {
    /// What the names of the engine's interfaces start with.
    pub(crate) const PACKAGE: &str = "defacto:engine/";

    /// Every world.
    pub const ALL: &[Self] = &[Self::Normalizer, Self::Functions];

    /// Name in the package `defacto:engine`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normalizer => "normalizer",
            Self::Functions => "functions",
        }
    }

    /// Functions that a module of it exports.
    pub const fn exports(self) -> &'static [&'static str] {
        match self {
            Self::Normalizer => &["describe", "normalize"],
            Self::Functions => &["describe", "call"],
        }
    }

    /// The WIT files that define it, by name: what tools of other languages make bindings from.
    pub const fn files() -> &'static [(&'static str, &'static str)] {
        WIT
    }

    pub(crate) fn resolve(self) -> Result<(Resolve, WorldId), Error> {
        let refused = |reason: String| Error::World { world: self.name(), reason };
        let mut files = SourceMap::default();
        for (name, text) in WIT {
            files.push_str(name, *text);
        }
        let group = files.parse().map_err(|(_, e)| refused(e.to_string()))?;
        let mut resolve = Resolve::default();
        let package = resolve.push_group(group).map_err(|e| refused(e.to_string()))?;
        let world = resolve
            .select_world(&[package], Some(self.name()))
            .map_err(|e| refused(e.to_string()))?;
        Ok((resolve, world))
    }
}
