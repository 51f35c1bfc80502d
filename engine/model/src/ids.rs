use std::fmt;

/// Place of an event in the ledger: 1, 2, 3… in order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence(pub i64);

/// Identity of an event: SHA-256 of its canonical form, shown as `e_` and 64 hexadecimal digits
/// (language.md 5.6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub [u8; 32]);

/// Identity of an entity: a version 8 UUID derived from its first hint (engine.md 2.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityId(pub [u8; 16]);

/// The id that a new entity gets from the smallest unresolved hint of the event that creates it
/// (engine.md 2.3). `generation` counts the erasures of that hint.
pub fn entity_id(
    namespace: &str,
    entity_type: &str,
    space: &str,
    hint_value: &str,
    generation: u32,
) -> EntityId {
    todo!()
}

/// Owner hash of an entity: the first four bytes, big-endian, of SHA-256 over the id's text
/// (engine.md 7.1).
pub fn shard_hash(id: &EntityId) -> u32 {
    todo!()
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
