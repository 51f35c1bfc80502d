//! States of entities as they were after earlier events.

use defacto_model::EntityId;
use defacto_ports::codec::{decode_state, encode_state};
use defacto_ports::{EntityStateRow, Error, OrderKey, Realm};

use crate::columns::{Args, Columns};
use crate::session::{Parts, Session};

const FORGET: &str = "forgetting earlier states";

/// Definition of the table of an entity type's checkpoints.
pub(crate) fn table(name: &str) -> String {
    format!(
        "CREATE TABLE {name}(entity INTEGER, time INTEGER, sequence INTEGER, \
         content BLOB, PRIMARY KEY(entity, time, sequence)) WITHOUT ROWID"
    )
}

impl Session {
    pub(crate) async fn save_checkpoints(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        rows: &[EntityStateRow],
    ) -> Result<(), Error> {
        let info = self.realm(realm).await?;
        let table = info.table(info.layout.entity(entity_type)?, "past");
        let ids: Vec<EntityId> = rows.iter().map(|row| row.entity_id).collect();
        let keys = self.keys_of(entity_type, &ids).await?;
        let bound: Vec<(i64, OrderKey, &EntityStateRow)> = keys
            .into_iter()
            .zip(rows)
            .filter_map(|(key, row)| Some((key, row.last_key?, row)))
            .collect();
        let before = format!("INSERT OR REPLACE INTO {table}(entity, time, sequence, content) ");
        let parts = Parts { before: &before, columns: 4, after: "" };
        self.run_many("storing earlier states", parts, &bound, |args, (key, last, row)| {
            args.int(*key).time(last.timestamp).int(last.sequence.0).blob(encode_state(row));
            Ok(())
        })
        .await
        .map(drop)
    }

    pub(crate) async fn delete_checkpoints(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        ids: &[(EntityId, OrderKey)],
    ) -> Result<(), Error> {
        let info = self.realm(realm).await?;
        let table = info.table(info.layout.entity(entity_type)?, "past");
        let known: Vec<EntityId> = ids.iter().map(|(id, _)| *id).collect();
        for (key, (_, from)) in self.find_keys(&known).await?.into_iter().zip(ids) {
            let Some(key) = key else { continue };
            let mut args = Args::new();
            args.int(key).time(from.timestamp).int(from.sequence.0);
            let sql =
                format!("DELETE FROM {table} WHERE entity = ? AND (time, sequence) >= (?, ?)");
            self.run(FORGET, sql, args).await?;
        }
        Ok(())
    }

    pub(crate) async fn checkpoint(
        &mut self,
        realm: &Realm,
        entity_type: &str,
        id: EntityId,
        before: OrderKey,
    ) -> Result<Option<EntityStateRow>, Error> {
        let info = self.realm(realm).await?;
        let table = info.table(info.layout.entity(entity_type)?, "past");
        let Some(key) = self.find_keys(&[id]).await?.first().copied().flatten() else {
            return Ok(None);
        };
        let mut args = Args::new();
        args.int(key).time(before.timestamp);
        let sql = format!(
            "SELECT content FROM {table} WHERE entity = ? AND time < ? \
             ORDER BY time DESC, sequence DESC LIMIT 1"
        );
        match self.row("reading an earlier state", sql, args).await? {
            Some(row) => Ok(Some(decode_state(id, row.blob(0)?)?)),
            None => Ok(None),
        }
    }
}
