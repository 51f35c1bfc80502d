//! The identity map.

use defacto_model::EntityId;
use defacto_ports::{Error, HintKey, HintRow};
use sqlx::postgres::PgRow;

use crate::error::damaged;
use crate::session::Session;
use crate::wire::{Args, Columns, Kind, Rows};

const READ: &str = "reading the identity map";
const COLUMNS: &str = "i.entity_type, i.space, i.value, i.field, i.entity";

impl Session {
    pub(crate) async fn find_hints(
        &mut self,
        keys: &[HintKey],
    ) -> Result<Vec<Option<EntityId>>, Error> {
        let mut asked = Rows::new(&[Kind::Int, Kind::Text, Kind::Text, Kind::Text]);
        for (place, key) in (0_i64..).zip(keys) {
            asked.row().int(place).text(&key.entity_type).text(&key.space).text(&key.value);
        }
        let mut args = Args::new();
        args.rows(&asked);
        let sql = format!(
            "SELECT a.place, i.entity FROM {} AS a(place, entity_type, space, value) \
             JOIN identity i ON i.entity_type = a.entity_type AND i.space = a.space \
             AND i.value = a.value",
            asked.unnest(1)
        );
        let mut found = vec![None; keys.len()];
        for row in self.ask(READ, sql, args).await? {
            let place = usize::try_from(row.int(0)?).unwrap_or(usize::MAX);
            if let Some(slot) = found.get_mut(place) {
                *slot = Some(row.id(1)?);
            }
        }
        Ok(found)
    }

    pub(crate) async fn add_hints(&mut self, rows: &[HintRow]) -> Result<(), Error> {
        // In key order, rows of one page meet, and transactions side by side do not wait for each other in a circle.
        let mut sorted: Vec<&HintRow> = rows.iter().collect();
        sorted.sort_by(|a, b| a.key.cmp(&b.key));
        let mut new = Rows::new(&[Kind::Text, Kind::Text, Kind::Text, Kind::Text, Kind::Uuid]);
        for row in sorted {
            new.row().text(&row.key.entity_type).text(&row.key.space).text(&row.key.value);
            new.text(&row.field).id(row.entity_id);
        }
        let columns = "entity_type, space, value, field, entity";
        self.insert("storing hints", "identity", columns, &new)
    }

    pub(crate) async fn move_hints(
        &mut self,
        from: EntityId,
        into: EntityId,
    ) -> Result<u64, Error> {
        let mut args = Args::new();
        args.id(into).id(from);
        let sql = "UPDATE identity SET entity = $1 WHERE entity = $2";
        self.run("moving hints of a merge", sql, args).await
    }

    pub(crate) async fn clear_hints(&mut self, ids: Option<&[EntityId]>) -> Result<(), Error> {
        let mut args = Args::new();
        let sql = match ids {
            None => "DELETE FROM identity",
            Some(ids) => {
                args.ids(ids);
                "DELETE FROM identity WHERE entity = ANY($1)"
            }
        };
        self.later("clearing hints", sql, args)
    }

    /// Looks into each value space in turn: their number is that of the definitions' fields.
    pub(crate) async fn find_hint_text(&mut self, value: &str) -> Result<Vec<HintRow>, Error> {
        let mut found = Vec::new();
        let mut last = (String::new(), String::new());
        while let Some(next) = self.space_after(&last).await? {
            let mut args = Args::new();
            args.text(&next.0).text(&next.1).text(value);
            let sql = format!(
                "SELECT {COLUMNS} FROM identity i \
                 WHERE i.entity_type = $1 AND i.space = $2 AND i.value = $3"
            );
            for row in self.rows(READ, sql, args).await? {
                found.push(hint(&row)?);
            }
            last = next;
        }
        Ok(found)
    }

    /// The next (type, space) with a hint.
    async fn space_after(
        &mut self,
        last: &(String, String),
    ) -> Result<Option<(String, String)>, Error> {
        let mut args = Args::new();
        args.text(&last.0).text(&last.1);
        let sql = "SELECT entity_type, space FROM identity WHERE (entity_type, space) > ($1, $2) \
                   ORDER BY entity_type, space LIMIT 1";
        let row = self.row(READ, sql, args).await?;
        row.map(|row| Ok((row.text(0)?, row.text(1)?))).transpose()
    }

    pub(crate) async fn hints_of(&mut self, ids: &[EntityId]) -> Result<Vec<HintRow>, Error> {
        let mut args = Args::new();
        args.ids(ids);
        let sql = format!(
            "SELECT {COLUMNS} FROM identity i WHERE i.entity = ANY($1) \
             ORDER BY i.entity_type, i.space, i.value"
        );
        self.rows(READ, sql, args).await?.iter().map(hint).collect()
    }

    pub(crate) async fn some_hints(
        &mut self,
        id: EntityId,
        limit: usize,
    ) -> Result<Vec<HintRow>, Error> {
        let mut args = Args::new();
        args.limit(limit).ids(&[id]);
        let sql = format!(
            "SELECT {COLUMNS} FROM (SELECT *, row_number() OVER (PARTITION BY entity_type, space \
             ORDER BY value) AS place FROM identity WHERE entity = ANY($2)) i \
             WHERE i.place <= $1 ORDER BY i.entity_type, i.space, i.value"
        );
        self.rows(READ, sql, args).await?.iter().map(hint).collect()
    }

    pub(crate) async fn list_hints(
        &mut self,
        after: Option<&HintKey>,
        limit: usize,
    ) -> Result<Vec<HintRow>, Error> {
        let mut args = Args::new();
        args.limit(limit);
        let filter = if let Some(key) = after {
            args.text(&key.entity_type).text(&key.space).text(&key.value);
            "WHERE (i.entity_type, i.space, i.value) > ($2, $3, $4) "
        } else {
            ""
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM identity i {filter}\
             ORDER BY i.entity_type, i.space, i.value LIMIT $1"
        );
        self.rows(READ, sql, args).await?.iter().map(hint).collect()
    }

    pub(crate) async fn erased_generation(&mut self, digest: &str) -> Result<u32, Error> {
        let mut args = Args::new();
        args.text(digest);
        let sql = "SELECT generation FROM erased_hints WHERE digest = $1";
        generation(self.row("reading erased hints", sql, args).await?)
    }

    pub(crate) async fn add_erased_hint(&mut self, digest: &str) -> Result<u32, Error> {
        let mut args = Args::new();
        args.text(digest);
        let sql = "INSERT INTO erased_hints AS e(digest, generation) VALUES ($1, 1) \
                   ON CONFLICT(digest) DO UPDATE SET generation = e.generation + 1 \
                   RETURNING generation";
        generation(self.row("recording an erased hint", sql, args).await?)
    }
}

fn generation(row: Option<PgRow>) -> Result<u32, Error> {
    let generation = row.map_or(Ok(0), |row| row.int(0))?;
    u32::try_from(generation).map_err(|_| damaged("an erased hint"))
}

fn hint(row: &PgRow) -> Result<HintRow, Error> {
    Ok(HintRow {
        key: HintKey { entity_type: row.text(0)?, space: row.text(1)?, value: row.text(2)? },
        field: row.text(3)?,
        entity_id: row.id(4)?,
    })
}
