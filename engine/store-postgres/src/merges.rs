//! The merge log.

use defacto_model::{EntityId, Sequence};
use defacto_ports::{Error, MergeRow};
use sqlx::postgres::PgRow;

use crate::session::Session;
use crate::wire::{Args, Columns, Kind, Rows};

const READ: &str = "reading merges";
const COLUMNS: &str = "m.sequence, m.from_entity_id, m.into_entity_id, m.entity_type, \
     m.\"timestamp\", m.reason, m.undone_by";
const ORDER: &str = "ORDER BY m.sequence, m.from_entity_id";

impl Session {
    /// A merge recorded before (same event, same loser) takes the new content.
    pub(crate) async fn add_merges(&mut self, rows: &[MergeRow]) -> Result<(), Error> {
        let mut new = Rows::new(&[
            Kind::Int,
            Kind::Uuid,
            Kind::Uuid,
            Kind::Text,
            Kind::Time,
            Kind::Text,
            Kind::Int,
        ]);
        for row in rows {
            new.row().int(row.sequence.0).id(row.from).id(row.into).text(&row.entity_type);
            new.time(row.timestamp).maybe_text(row.reason.as_deref());
            new.maybe_int(row.undone_by.map(|at| at.0));
        }
        let mut args = Args::new();
        args.rows(&new);
        let sql = format!(
            "INSERT INTO merge_log(sequence, from_entity_id, into_entity_id, entity_type, \
             \"timestamp\", reason, undone_by) SELECT * FROM {} \
             ON CONFLICT(sequence, from_entity_id) DO UPDATE SET \
             into_entity_id = excluded.into_entity_id, entity_type = excluded.entity_type, \
             \"timestamp\" = excluded.\"timestamp\", reason = excluded.reason, \
             undone_by = excluded.undone_by",
            new.unnest(1)
        );
        self.later("recording merges", sql, args)
    }

    pub(crate) async fn clear_merges(&mut self, ids: Option<&[EntityId]>) -> Result<(), Error> {
        let mut args = Args::new();
        let sql = match ids {
            None => "DELETE FROM merge_log",
            Some(ids) => {
                args.ids(ids);
                "DELETE FROM merge_log \
                 WHERE from_entity_id = ANY($1) OR into_entity_id = ANY($1)"
            }
        };
        self.later("clearing merges", sql, args)
    }

    pub(crate) async fn merges(&mut self, id: Option<EntityId>) -> Result<Vec<MergeRow>, Error> {
        let mut args = Args::new();
        let filter = if let Some(id) = id {
            args.id(id);
            "WHERE m.from_entity_id = $1 OR m.into_entity_id = $1 "
        } else {
            ""
        };
        self.read_merges(filter, "", args).await
    }

    pub(crate) async fn merges_from(&mut self, ids: &[EntityId]) -> Result<Vec<MergeRow>, Error> {
        let mut args = Args::new();
        args.ids(ids);
        let filter = "WHERE m.from_entity_id = ANY($1) AND m.undone_by IS NULL ";
        self.read_merges(filter, "", args).await
    }

    pub(crate) async fn merges_into(&mut self, ids: &[EntityId]) -> Result<Vec<MergeRow>, Error> {
        let mut args = Args::new();
        args.ids(ids);
        let filter = "WHERE m.into_entity_id = ANY($1) AND m.undone_by IS NULL ";
        self.read_merges(filter, "", args).await
    }

    pub(crate) async fn merges_between(
        &mut self,
        after: Sequence,
        until: Sequence,
        limit: usize,
    ) -> Result<Vec<MergeRow>, Error> {
        let mut args = Args::new();
        args.int(after.0).int(until.0).limit(limit);
        let filter = "WHERE m.sequence > $1 AND m.sequence <= $2 AND m.undone_by IS NULL ";
        self.read_merges(filter, " LIMIT $3", args).await
    }

    async fn read_merges(
        &mut self,
        filter: &str,
        limit: &str,
        args: Args,
    ) -> Result<Vec<MergeRow>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM merge_log m {filter}{ORDER}{limit}");
        self.rows(READ, sql, args).await?.iter().map(merge).collect()
    }
}

fn merge(row: &PgRow) -> Result<MergeRow, Error> {
    Ok(MergeRow {
        sequence: Sequence(row.int(0)?),
        from: row.id(1)?,
        into: row.id(2)?,
        entity_type: row.text(3)?,
        timestamp: row.time(4)?,
        reason: row.maybe_text(5)?,
        undone_by: row.maybe_int(6)?.map(Sequence),
    })
}
