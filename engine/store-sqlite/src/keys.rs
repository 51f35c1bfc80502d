//! Small integers for names and entity ids.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use defacto_model::EntityId;
use defacto_ports::Error;

use crate::columns::{Args, Columns};
use crate::error::damaged;
use crate::session::{Parts, Session, json_list};

/// Entities remembered; beyond, all are forgotten and met again.
const ENTITIES_MAX: usize = 500_000;

/// In place of the type of an entity that so far is only the target of a relationship.
const UNTYPED: i64 = 0;

/// What a connection has met.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    names: HashMap<Arc<str>, i64>,
    texts: HashMap<i64, Arc<str>>,
    entities: HashMap<EntityId, Met>,
    ids: HashMap<i64, Entity>,
}

/// A key, and whether the entity's type is known yet.
#[derive(Debug, Clone, Copy)]
struct Met {
    key: i64,
    typed: bool,
}

/// An entity behind a key.
#[derive(Debug, Clone)]
pub(crate) struct Entity {
    pub(crate) id: EntityId,
    pub(crate) entity_type: Arc<str>,
}

impl Session {
    /// The integer of a name; a new name is stored.
    pub(crate) async fn name(&mut self, name: &str) -> Result<i64, Error> {
        if let Some(id) = self.find_name(name).await? {
            return Ok(id);
        }
        let mut args = Args::new();
        args.text(name);
        let sql = "INSERT INTO names(name) VALUES (?) RETURNING id";
        let row = self.row("storing a name", sql, args).await?;
        let id = row.ok_or_else(|| damaged("a name"))?.int(0)?;
        self.remember_name(id, name);
        Ok(id)
    }

    /// The integer of a name, `None` when it was never stored.
    pub(crate) async fn find_name(&mut self, name: &str) -> Result<Option<i64>, Error> {
        if let Some(id) = self.keys.names.get(name) {
            return Ok(Some(*id));
        }
        let mut args = Args::new();
        args.text(name);
        let row = self.row("reading names", "SELECT id FROM names WHERE name = ?", args).await?;
        let id = row.map(|row| row.int(0)).transpose()?;
        if let Some(id) = id {
            self.remember_name(id, name);
        }
        Ok(id)
    }

    /// The name behind an integer.
    pub(crate) async fn name_text(&mut self, id: i64) -> Result<Arc<str>, Error> {
        if let Some(name) = self.keys.texts.get(&id) {
            return Ok(Arc::clone(name));
        }
        let rows = self.rows("reading names", "SELECT id, name FROM names", Args::new()).await?;
        for row in rows {
            let (id, name) = (row.int(0)?, row.text(1)?);
            self.remember_name(id, name);
        }
        self.keys.texts.get(&id).map(Arc::clone).ok_or_else(|| damaged("a name"))
    }

    fn remember_name(&mut self, id: i64, name: &str) {
        let name: Arc<str> = name.into();
        self.keys.names.insert(Arc::clone(&name), id);
        self.keys.texts.insert(id, name);
    }

    /// Keys of entities, in the order given; new entities are stored under the type.
    pub(crate) async fn keys_of(
        &mut self,
        entity_type: &str,
        ids: &[EntityId],
    ) -> Result<Vec<i64>, Error> {
        self.learn_entities(ids).await?;
        let mut unknown: BTreeSet<EntityId> = BTreeSet::new();
        unknown
            .extend(ids.iter().filter(|id| !self.keys.entities.get(id).is_some_and(|m| m.typed)));
        if !unknown.is_empty() {
            let kind = self.name(entity_type).await?;
            let unknown: Vec<EntityId> = unknown.into_iter().collect();
            let parts = Parts {
                before: "INSERT INTO entities(type, id) ",
                columns: 2,
                after: " ON CONFLICT(id) DO UPDATE SET type = excluded.type RETURNING key, id",
            };
            let rows = self
                .rows_many("storing entities", parts, &unknown, |args, id| {
                    args.int(kind).blob(id.0.to_vec());
                    Ok(())
                })
                .await?;
            let entity_type: Arc<str> = entity_type.into();
            for row in rows {
                let id = EntityId(row.blob(1)?.try_into().map_err(|_| damaged("an entity id"))?);
                self.remember_entity(row.int(0)?, id, Arc::clone(&entity_type));
            }
        }
        self.met(ids)
    }

    /// Keys of entities whose type the caller does not know; new ones are stored without.
    pub(crate) async fn keys_of_any(&mut self, ids: &[EntityId]) -> Result<Vec<i64>, Error> {
        self.learn_entities(ids).await?;
        let mut unknown: BTreeSet<EntityId> = BTreeSet::new();
        unknown.extend(ids.iter().filter(|id| !self.keys.entities.contains_key(id)));
        if !unknown.is_empty() {
            let unknown: Vec<EntityId> = unknown.into_iter().collect();
            let parts = Parts {
                before: "INSERT INTO entities(type, id) ",
                columns: 2,
                after: " RETURNING key, id",
            };
            let rows = self
                .rows_many("storing entities", parts, &unknown, |args, id| {
                    args.int(UNTYPED).blob(id.0.to_vec());
                    Ok(())
                })
                .await?;
            for row in rows {
                let id = EntityId(row.blob(1)?.try_into().map_err(|_| damaged("an entity id"))?);
                self.remember_entity(row.int(0)?, id, "".into());
            }
        }
        self.met(ids)
    }

    fn met(&self, ids: &[EntityId]) -> Result<Vec<i64>, Error> {
        let keys = ids.iter().map(|id| self.keys.entities.get(id).map(|met| met.key));
        keys.collect::<Option<_>>().ok_or_else(|| damaged("an entity id"))
    }

    /// Key of an entity, stored if new.
    pub(crate) async fn key_of(&mut self, entity_type: &str, id: EntityId) -> Result<i64, Error> {
        let keys = self.keys_of(entity_type, &[id]).await?;
        keys.first().copied().ok_or_else(|| damaged("an entity id"))
    }

    /// Keys of entities, in the order given, `None` for those never stored.
    pub(crate) async fn find_keys(&mut self, ids: &[EntityId]) -> Result<Vec<Option<i64>>, Error> {
        self.learn_entities(ids).await?;
        Ok(ids.iter().map(|id| self.keys.entities.get(id).map(|met| met.key)).collect())
    }

    /// Keys of the entities that were ever stored, each once, as a JSON list.
    pub(crate) async fn known_keys(&mut self, ids: &[EntityId]) -> Result<String, Error> {
        let keys = self.find_keys(ids).await?;
        let mut seen = HashSet::new();
        Ok(json_list(keys.into_iter().flatten().filter(|key| seen.insert(*key))))
    }

    /// Reads the entities among these that are stored and not remembered.
    async fn learn_entities(&mut self, ids: &[EntityId]) -> Result<(), Error> {
        if self.keys.entities.len() + ids.len() > ENTITIES_MAX {
            self.keys.entities = HashMap::new();
            self.keys.ids = HashMap::new();
        }
        let mut missing = String::from("[");
        for id in ids.iter().filter(|id| !self.keys.entities.contains_key(id)) {
            missing.push_str(if missing.len() > 1 { ",\"" } else { "\"" });
            for byte in id.0 {
                for digit in [byte >> 4, byte & 15] {
                    missing.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
                }
            }
            missing.push('"');
        }
        if missing.len() == 1 {
            return Ok(());
        }
        missing.push(']');
        let mut args = Args::new();
        args.owned_text(missing);
        let sql = "SELECT e.key, e.type, e.id FROM json_each(?) j \
                   CROSS JOIN entities e ON e.id = unhex(j.value)";
        self.learn(sql, args).await
    }

    /// The entities behind keys.
    pub(crate) async fn learn_keys(&mut self, keys: &[i64]) -> Result<(), Error> {
        if self.keys.ids.len() + keys.len() > ENTITIES_MAX {
            self.keys.entities = HashMap::new();
            self.keys.ids = HashMap::new();
        }
        let mut missing: Vec<i64> =
            keys.iter().copied().filter(|key| !self.keys.ids.contains_key(key)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        missing.sort_unstable();
        missing.dedup();
        let mut args = Args::new();
        args.owned_text(json_list(missing));
        let sql = "SELECT e.key, e.type, e.id FROM json_each(?) j \
                   CROSS JOIN entities e ON e.key = j.value";
        self.learn(sql, args).await
    }

    async fn learn(&mut self, sql: &'static str, args: Args) -> Result<(), Error> {
        for row in self.rows("reading entities", sql, args).await? {
            let entity_type = match row.int(1)? {
                UNTYPED => "".into(),
                kind => self.name_text(kind).await?,
            };
            let id = EntityId(row.blob(2)?.try_into().map_err(|_| damaged("an entity id"))?);
            self.remember_entity(row.int(0)?, id, entity_type);
        }
        Ok(())
    }

    /// The entity behind a key met before by [`Session::learn_keys`].
    pub(crate) fn entity(&self, key: i64) -> Result<&Entity, Error> {
        self.keys.ids.get(&key).ok_or_else(|| damaged("an entity key"))
    }

    fn remember_entity(&mut self, key: i64, id: EntityId, entity_type: Arc<str>) {
        self.keys.entities.insert(id, Met { key, typed: !entity_type.is_empty() });
        self.keys.ids.insert(key, Entity { id, entity_type });
    }
}

/// Writes keys of entities, `None` as 0, in as few bytes as they need.
pub(crate) fn encode_keys(keys: &[Option<i64>]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(3 * keys.len());
    for key in keys {
        let mut rest = key.unwrap_or(0).cast_unsigned();
        loop {
            let [low, ..] = (rest & 0x7f).to_le_bytes();
            rest >>= 7;
            bytes.push(if rest == 0 { low } else { low | 0x80 });
            if rest == 0 {
                break;
            }
        }
    }
    bytes
}

/// Reads keys of entities.
pub(crate) fn decode_keys(bytes: &[u8]) -> Result<Vec<Option<i64>>, Error> {
    let mut keys = Vec::new();
    let (mut key, mut shift) = (0_u64, 0_u32);
    for byte in bytes {
        let part = u64::from(byte & 0x7f).checked_shl(shift);
        key |= part.ok_or_else(|| damaged("a list of entities"))?;
        shift += 7;
        if byte & 0x80 == 0 {
            keys.push((key != 0).then_some(key.cast_signed()));
            (key, shift) = (0, 0);
        }
    }
    if shift == 0 { Ok(keys) } else { Err(damaged("a list of entities")) }
}

#[cfg(test)]
mod tests {
    use super::{decode_keys, encode_keys};

    #[test]
    fn keys_come_back_and_cut_ones_are_errors() {
        for shift in 0..63 {
            let keys = [Some(1_i64 << shift), None, Some(i64::MAX >> shift)];
            let bytes = encode_keys(&keys);
            assert_eq!(decode_keys(&bytes).unwrap(), keys);
            let cut = bytes.split_last().map(|(_, rest)| decode_keys(rest));
            assert!(cut.is_some_and(|keys| keys.is_err() || keys.is_ok_and(|keys| keys.len() < 3)));
        }
        assert!(decode_keys(&[0xff; 40]).is_err());
    }
}
