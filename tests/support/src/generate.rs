//! Random definition sets that pass the checker, and raw events for them. The same seed gives the same set.

mod entity;
mod events;
mod expression;
mod plan;
mod source;
mod tree;

use crate::Random;
use plan::Plan;
use tree::Tree;

pub use events::{RawEvent, raw_events};

/// A random definition set.
#[derive(Debug, Clone)]
pub struct GeneratedSet {
    /// The definitions as JSON.
    pub text: String,
    /// What raw events of each source look like.
    pub(crate) shapes: Vec<events::SourceShape>,
}

/// Makes a definition set.
pub fn definitions(seed: u64) -> GeneratedSet {
    let mut random = Random::new(seed);
    let plan = Plan::new(&mut random);
    let entities = entity::all(&plan, &mut random);
    let (sources, shapes) = source::all(&plan, &mut random);
    let mut sections = vec![("entities", entities), ("sources", sources)];
    if plan.schemas {
        sections.push(("schemas", source::schemas(&plan, &mut random)));
    }
    GeneratedSet { text: Tree::map(sections).to_string(), shapes }
}
