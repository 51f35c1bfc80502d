//! The merge log.

use defacto_model::{EntityId, Sequence};
use defacto_ports::{Error, MergeRow};

use sqlx::sqlite::SqliteRow;

use crate::columns::{Args, Columns};
use crate::replay::limit_of;
use crate::session::{Parts, Session};

const READ: &str = "reading merges";
const COLUMNS: &str = "m.sequence, m.loser, m.winner, m.type, m.time, m.reason, m.undone_by";

impl Session {
    /// A merge recorded before (same event, same loser) takes the new content.
    pub(crate) async fn add_merges(&mut self, rows: &[MergeRow]) -> Result<(), Error> {
        let mut bound = Vec::with_capacity(rows.len());
        for row in rows {
            let kind = self.name(&row.entity_type).await?;
            let loser = self.key_of(&row.entity_type, row.from).await?;
            let winner = self.key_of(&row.entity_type, row.into).await?;
            bound.push((kind, loser, winner, row));
        }
        let parts = Parts {
            before: "INSERT OR REPLACE INTO merge_log(sequence, loser, winner, type, time, reason, \
                     undone_by) ",
            columns: 7,
            after: "",
        };
        self.run_many("recording merges", parts, &bound, |args, (kind, loser, winner, row)| {
            args.int(row.sequence.0).int(*loser).int(*winner).int(*kind).time(row.timestamp);
            args.maybe_text(row.reason.as_deref()).maybe_int(row.undone_by.map(|at| at.0));
            Ok(())
        })
        .await
        .map(drop)
    }

    pub(crate) async fn clear_merges(&mut self, ids: Option<&[EntityId]>) -> Result<(), Error> {
        let mut args = Args::new();
        let sql = match ids {
            None => "DELETE FROM merge_log",
            Some(ids) => {
                let keys = self.known_keys(ids).await?;
                args.text(&keys).text(&keys);
                "DELETE FROM merge_log WHERE loser IN (SELECT value FROM json_each(?)) \
                 OR winner IN (SELECT value FROM json_each(?))"
            }
        };
        self.run("clearing merges", sql, args).await.map(drop)
    }

    pub(crate) async fn merges(&mut self, id: Option<EntityId>) -> Result<Vec<MergeRow>, Error> {
        let mut args = Args::new();
        let filter = if let Some(id) = id {
            let Some(key) = self.find_keys(&[id]).await?.first().copied().flatten() else {
                return Ok(Vec::new());
            };
            args.int(key).int(key);
            "WHERE m.loser = ? OR m.winner = ? "
        } else {
            ""
        };
        let sql = format!("SELECT {COLUMNS} FROM merge_log m {filter}ORDER BY m.sequence");
        let rows = self.rows(READ, sql, args).await?;
        self.merge_rows(&rows).await
    }

    pub(crate) async fn merges_from(&mut self, ids: &[EntityId]) -> Result<Vec<MergeRow>, Error> {
        self.merges_by("loser", ids).await
    }

    pub(crate) async fn merges_into(&mut self, ids: &[EntityId]) -> Result<Vec<MergeRow>, Error> {
        self.merges_by("winner", ids).await
    }

    async fn merges_by(
        &mut self,
        side: &'static str,
        ids: &[EntityId],
    ) -> Result<Vec<MergeRow>, Error> {
        let mut args = Args::new();
        args.owned_text(self.known_keys(ids).await?);
        let sql = format!(
            "SELECT {COLUMNS} FROM json_each(?) j CROSS JOIN merge_log m \
             INDEXED BY merge_log_{side} ON m.{side} = j.value WHERE m.undone_by IS NULL"
        );
        let rows = self.rows(READ, sql, args).await?;
        self.merge_rows(&rows).await
    }

    pub(crate) async fn merges_between(
        &mut self,
        after: Sequence,
        until: Sequence,
        limit: usize,
    ) -> Result<Vec<MergeRow>, Error> {
        let mut args = Args::new();
        args.int(after.0).int(until.0).int(limit_of(limit));
        let sql = format!(
            "SELECT {COLUMNS} FROM merge_log m CROSS JOIN entities e ON e.key = m.loser \
             WHERE m.sequence > ? AND m.sequence <= ? AND m.undone_by IS NULL \
             ORDER BY m.sequence, e.id LIMIT ?"
        );
        let rows = self.rows(READ, sql, args).await?;
        self.merge_rows(&rows).await
    }

    async fn merge_rows(&mut self, rows: &[SqliteRow]) -> Result<Vec<MergeRow>, Error> {
        let mut keys = Vec::with_capacity(2 * rows.len());
        for row in rows {
            keys.extend([row.int(1)?, row.int(2)?]);
        }
        self.learn_keys(&keys).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let entity_type = self.name_text(row.int(3)?).await?;
            found.push(MergeRow {
                from: self.entity(row.int(1)?)?.id,
                into: self.entity(row.int(2)?)?.id,
                entity_type: entity_type.as_ref().to_owned(),
                timestamp: row.time(4)?,
                sequence: Sequence(row.int(0)?),
                reason: row.maybe_text(5)?.map(str::to_owned),
                undone_by: row.maybe_int(6)?.map(Sequence),
            });
        }
        found.sort_by_key(|row| (row.sequence, row.from));
        Ok(found)
    }
}
