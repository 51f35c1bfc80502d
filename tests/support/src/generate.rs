//! Random definition sets that pass the checker, and raw events for them. The same seed gives the same set.

mod entity;
mod events;
mod expression;
mod plan;
mod profile;
mod source;
mod tree;

use crate::Random;
use plan::Plan;
use profile::Profile;
use tree::Tree;

pub use events::{RawEvent, raw_events};

/// A random definition set.
#[derive(Debug, Clone)]
pub struct GeneratedSet {
    /// The definitions as JSON.
    pub text: String,
    /// Its parts, to be packed together with those of other sets.
    sections: Vec<(&'static str, Tree)>,
    /// What raw events of each source look like.
    pub(crate) shapes: Vec<events::SourceShape>,
}

/// Makes a definition set of a few entity types.
pub fn definitions(seed: u64) -> GeneratedSet {
    generate(Profile::alone(), seed)
}

/// Seeds whose sets can be packed together: 0 to 99, 100 to 199, …
pub const PACK: u64 = 100;

/// Makes a definition set for [`pack`]: mostly small, all names end in the seed. Of a hundred packs three use
/// the heavy parts of the runtime library (regular expressions, Unicode case, numbers in words, times by
/// format), in the others no expression does; one of four has schemas.
pub fn packed_definitions(seed: u64) -> GeneratedSet {
    generate(Profile::packed(seed), seed)
}

/// One definitions document of many sets.
pub fn pack<'a>(sets: impl IntoIterator<Item = &'a GeneratedSet>) -> String {
    let mut packed =
        ["entities", "sources", "schemas"].map(|section| (section, Vec::<(String, Tree)>::new()));
    for (name, tree) in sets.into_iter().flat_map(|set| &set.sections) {
        if let Tree::Map(entries) = tree
            && let Some((_, all)) = packed.iter_mut().find(|(section, _)| section == name)
        {
            all.extend(entries.iter().cloned());
        }
    }
    Tree::map(packed.map(|(section, entries)| (section, Tree::Map(entries)))).to_string()
}

impl GeneratedSet {
    /// The set without its n-th entry of a map or item of a list, counted from the front, what contains before
    /// what is contained; `None` when there are fewer. Mostly the checker refuses what is left.
    pub fn without(&self, part: usize) -> Option<Self> {
        let mut sections = self.sections.clone();
        let mut left = part;
        let removed = sections.iter_mut().any(|(_, tree)| tree.remove(&mut left));
        removed.then(|| Self::new(sections, self.shapes.clone()))
    }

    fn new(sections: Vec<(&'static str, Tree)>, shapes: Vec<events::SourceShape>) -> Self {
        Self { text: Tree::map(sections.clone()).to_string(), sections, shapes }
    }
}

fn generate(profile: Profile, seed: u64) -> GeneratedSet {
    let mut random = Random::new(seed);
    let plan = Plan::new(profile, &mut random);
    let entities = entity::all(&plan, &mut random);
    let (sources, shapes) = source::all(&plan, &mut random);
    let mut sections = vec![("entities", entities), ("sources", sources)];
    if plan.schemas {
        sections.push(("schemas", source::schemas(&plan, &mut random)));
    }
    GeneratedSet::new(sections, shapes)
}
