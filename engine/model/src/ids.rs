use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

/// Place of an event in the ledger: 1, 2, 3… in order of arrival.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Sequence(pub i64);

/// Identity of an event: SHA-256 of its canonical form, shown as `e_` and 64 hexadecimal digits
/// (language.md 5.6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub [u8; 32]);

/// Identity of an entity: a version 8 UUID derived from its first hint (engine.md 2.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityId(pub [u8; 16]);

/// A text that is no id of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// An event id is `e_` and 64 lower-case hexadecimal digits.
    #[error("an event id is `e_` followed by 64 hexadecimal digits")]
    Event,
    /// An entity id is a UUID with hyphens.
    #[error("an entity id is a UUID of 32 hexadecimal digits with hyphens")]
    Entity,
}

/// The id that a new entity gets from the smallest unresolved hint of the event that creates it
/// (engine.md 2.3). `generation` counts the erasures of that hint.
pub fn entity_id(
    namespace: &str,
    entity_type: &str,
    space: &str,
    hint_value: &str,
    generation: u32,
) -> EntityId {
    let mut hasher = Sha256::new();
    for part in ["defacto-entity-v1", namespace, entity_type, space, hint_value] {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    if generation == 0 {
        hasher.update(b"0");
    } else {
        hasher.update(generation.to_string().as_bytes());
    }
    let [a, b, c, d, e, f, version, g, variant, h, i, j, k, l, m, n, ..] =
        <[u8; 32]>::from(hasher.finalize());
    let version = (version & 0x0f) | 0x80;
    let variant = (variant & 0x3f) | 0x80;
    EntityId([a, b, c, d, e, f, version, g, variant, h, i, j, k, l, m, n])
}

/// Owner hash of an entity: the first four bytes, big-endian, of SHA-256 over the id's text
/// (engine.md 7.1).
pub fn shard_hash(id: &EntityId) -> u32 {
    shard_hash_of(&id.text())
}

fn shard_hash_of(text: &[u8]) -> u32 {
    let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(text));
    u32::from_be_bytes([a, b, c, d])
}

/// One of the parts into which the entities of a namespace are divided (engine.md 7.1): each entity belongs to
/// exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shard {
    index: u32,
    total: u32,
}

impl Shard {
    /// Shard `index`, from 0, of `total`; none unless `index < total`.
    pub fn new(index: u32, total: u32) -> Option<Self> {
        (index < total).then_some(Self { index, total })
    }

    /// Its number, from 0.
    pub fn index(self) -> u32 {
        self.index
    }

    /// How many there are.
    pub fn total(self) -> u32 {
        self.total
    }

    /// Whether an entity belongs to it.
    pub fn owns(self, id: &EntityId) -> bool {
        self.total == 1 || shard_hash(id).checked_rem(self.total) == Some(self.index)
    }
}

impl EntityId {
    /// The 36 ASCII bytes of its text.
    pub fn text(&self) -> [u8; 36] {
        let mut text = [b'-'; 36];
        let places = (0..36).filter(|place| !matches!(place, 8 | 13 | 18 | 23));
        let digits = self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        for (place, digit) in places.zip(digits) {
            if let Some(slot) = text.get_mut(place) {
                *slot = hex_digit(digit);
            }
        }
        text
    }
}

fn hex_digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + (value - 10) }
}

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Fills `bytes` from exactly as many hexadecimal digits.
fn read_hex(digits: impl Iterator<Item = u8>, bytes: &mut [u8]) -> Option<()> {
    let mut digits = digits.map(hex_value);
    for byte in bytes {
        *byte = (digits.next()?? << 4) | digits.next()??;
    }
    digits.next().is_none().then_some(())
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text();
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EntityId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let hyphens = text.bytes().enumerate().filter(|(_, byte)| *byte == b'-');
        if text.len() != 36 || !hyphens.map(|(place, _)| place).eq([8, 13, 18, 23]) {
            return Err(IdError::Entity);
        }
        let mut bytes = [0; 16];
        read_hex(text.bytes().filter(|byte| *byte != b'-'), &mut bytes).ok_or(IdError::Entity)?;
        Ok(EntityId(bytes))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(hex_digit);
        let text: String = "e_".chars().chain(digits.map(char::from)).collect();
        f.write_str(&text)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EventId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let digits = text.strip_prefix("e_").ok_or(IdError::Event)?;
        let mut bytes = [0; 32];
        read_hex(digits.bytes(), &mut bytes).ok_or(IdError::Event)?;
        Ok(EventId(bytes))
    }
}

/// Both kinds of ids are text in JSON.
macro_rules! serde_as_text {
    ($id:ty) => {
        impl Serialize for $id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $id {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}

serde_as_text!(EntityId);
serde_as_text!(EventId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_ids_are_those_of_the_specification() {
        let id = |space, hint, generation| {
            entity_id("defacto", "customer", space, hint, generation).to_string()
        };
        assert_eq!(id("email", "a@x", 0), "1d1cdb27-dde9-8f44-ac60-5454ffa54ef9");
        assert_eq!(id("phone", "1", 0), "ea267084-b742-88c2-8158-30ababa5f8af");
        assert_eq!(id("email", "b@x", 0), "cf17697a-9a1c-8d4f-a394-7c7a11331c7d");
        assert_eq!(id("email", "a@x", 1), "2f022bf7-b36a-8ff2-9d51-4e07dc988857");
    }

    #[test]
    fn shard_hashes_are_those_of_the_specification() {
        assert_eq!(shard_hash_of(b"customer_001"), 670_421_278);
        assert_eq!(shard_hash_of(b"entity_0"), 1_021_348_486);
        assert_eq!(shard_hash_of(b"a"), 3_398_926_610);
        let id = entity_id("defacto", "customer", "email", "a@x", 0);
        assert_eq!(shard_hash(&id), shard_hash_of(id.to_string().as_bytes()));
    }

    #[test]
    fn each_entity_belongs_to_one_shard() {
        assert_eq!((Shard::new(2, 2), Shard::new(0, 0)), (None, None));
        for total in 1..5 {
            for n in 0..20 {
                let id = entity_id("n", "t", "s", &n.to_string(), 0);
                let owners: Vec<u32> =
                    (0..total).filter(|i| Shard::new(*i, total).unwrap().owns(&id)).collect();
                assert_eq!(owners, [shard_hash(&id) % total]);
            }
        }
    }

    #[test]
    fn ids_survive_their_text_and_nothing_else_parses() {
        let entity = entity_id("n", "t", "s", "v", 3);
        assert_eq!(entity.to_string().parse(), Ok(entity));
        let event = EventId([0xa7; 32]);
        assert_eq!(event.to_string().parse(), Ok(event));
        for bad in ["", "1d1cdb27dde98f44ac605454ffa54ef9", "1d1cdb27-dde9-8f44-ac60-5454ffa54efg"]
        {
            assert_eq!(bad.parse::<EntityId>(), Err(IdError::Entity));
        }
        for bad in ["", "e_", "a7", &format!("e_{}", "a".repeat(63)), &"a".repeat(66)] {
            assert_eq!(bad.parse::<EventId>(), Err(IdError::Event));
        }
    }
}
