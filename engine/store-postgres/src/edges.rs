//! Requests to relate, and the edges that they fold into.

use std::collections::{BTreeMap, BTreeSet};

use defacto_model::{EntityId, Sequence, Timestamp};
use defacto_ports::codec::{decode_values, encode_values};
use defacto_ports::layout::PairLayout;
use defacto_ports::{EdgeChange, EdgeKey, EdgeRequest, EdgeRow, Error, OrderKey, Realm};
use sqlx::postgres::PgRow;

use crate::error::damaged;
use crate::realms::property_columns;
use crate::session::Session;
use crate::wire::{Args, Columns, Kind, Rows};

const WRITE: &str = "writing relationships";
const READ: &str = "reading relationships";
const REQUEST: &str = "r.relater, r.\"time\", r.sequence, r.ordinal, r.source_type, \
     r.relationship, r.forward, r.other, r.content";
const REQUEST_COLUMNS: &str = "relater, \"time\", sequence, ordinal, source_type, relationship, \
     forward, other, content";

impl Session {
    pub(crate) async fn add_edge_requests(
        &mut self,
        realm: &Realm,
        requests: &[EdgeRequest],
    ) -> Result<(), Error> {
        let table = self.realm(realm).await?.requests();
        let mut first = BTreeMap::<EntityId, OrderKey>::new();
        for request in requests {
            let least = first.entry(request.relater).or_insert(request.key);
            *least = request.key.min(*least);
        }
        let first: Vec<(EntityId, OrderKey)> = first.into_iter().collect();
        self.delete_requests(&table, &first).await?;
        // The last of several with one key counts.
        let mut sorted = BTreeMap::new();
        for request in requests {
            let pair = (&request.pair.source_type, &request.pair.relationship);
            sorted.insert((request.relater, request.key, request.ordinal, pair), request);
        }
        let mut new = Rows::new(&[
            Kind::Uuid,
            Kind::Time,
            Kind::Int,
            Kind::Int,
            Kind::Text,
            Kind::Text,
            Kind::Bool,
            Kind::Uuid,
            Kind::Bytes,
        ]);
        for request in sorted.into_values() {
            new.row().id(request.relater).time(request.key.timestamp).int(request.key.sequence.0);
            new.int(i64::from(request.ordinal)).text(&request.pair.source_type);
            new.text(&request.pair.relationship).bool(request.forward).id(request.other);
            let content = &request.properties;
            new.maybe_bytes((!content.is_empty()).then(|| encode_values(content)).as_deref());
        }
        self.insert(WRITE, &table, REQUEST_COLUMNS, &new)
    }

    /// Deletes the requests of each relater from a key on.
    async fn delete_requests(
        &mut self,
        table: &str,
        from: &[(EntityId, OrderKey)],
    ) -> Result<(), Error> {
        if from.is_empty() {
            return Ok(());
        }
        let mut rows = Rows::new(&[Kind::Uuid, Kind::Time, Kind::Int]);
        for (relater, key) in from {
            rows.row().id(*relater).time(key.timestamp).int(key.sequence.0);
        }
        let mut args = Args::new();
        args.rows(&rows);
        let sql = format!(
            "DELETE FROM {table} r USING {} AS n(relater, time, sequence) \
             WHERE r.relater = n.relater AND (r.\"time\", r.sequence) >= (n.time, n.sequence)",
            rows.unnest(1)
        );
        self.later(WRITE, sql, args)
    }

    pub(crate) async fn delete_edge_requests(
        &mut self,
        realm: &Realm,
        relaters: &[(EntityId, Option<Timestamp>)],
    ) -> Result<(), Error> {
        let table = self.realm(realm).await?.requests();
        let from: Vec<(EntityId, OrderKey)> = relaters
            .iter()
            .map(|(relater, from)| {
                let timestamp = from.unwrap_or(Timestamp::MIN);
                (*relater, OrderKey { timestamp, sequence: Sequence(i64::MIN) })
            })
            .collect();
        self.delete_requests(&table, &from).await
    }

    pub(crate) async fn edge_requests(
        &mut self,
        realm: &Realm,
        pair: &EdgeKey,
        touching: &[EntityId],
    ) -> Result<Vec<EdgeRequest>, Error> {
        let table = self.realm(realm).await?.requests();
        let mut args = Args::new();
        args.ids(touching).text(&pair.source_type).text(&pair.relationship);
        let wanted = "r.source_type = $2 AND r.relationship = $3";
        // A request between two of the entities is found from both ends once.
        let sql = format!(
            "SELECT {REQUEST} FROM {table} r WHERE r.relater = ANY($1) AND {wanted} \
             UNION ALL SELECT {REQUEST} FROM {table} r WHERE r.other = ANY($1) AND {wanted} \
             AND r.relater <> ALL($1)"
        );
        requests_from(&self.rows(READ, sql, args).await?)
    }

    pub(crate) async fn edge_requests_by(
        &mut self,
        realm: &Realm,
        relaters: &[EntityId],
    ) -> Result<Vec<EdgeRequest>, Error> {
        let table = self.realm(realm).await?.requests();
        let mut args = Args::new();
        args.ids(relaters);
        let sql = format!("SELECT {REQUEST} FROM {table} r WHERE r.relater = ANY($1)");
        requests_from(&self.rows(READ, sql, args).await?)
    }

    pub(crate) async fn write_edges(
        &mut self,
        realm: &Realm,
        pair: &EdgeKey,
        changes: &[EdgeChange],
    ) -> Result<(), Error> {
        let info = self.realm(realm).await?;
        let layout = info.layout.pair(pair)?;
        let table = info.edges(layout);
        let mut from = Rows::new(&[Kind::Uuid, Kind::Uuid, Kind::Time]);
        let mut rows: Vec<&EdgeRow> = Vec::new();
        for change in changes {
            from.row().id(change.source).id(change.target).time(change.from);
            rows.extend(&change.rows);
        }
        let edge = format!(
            "{} AS n(source, target, start) WHERE e.source = n.source AND e.target = n.target",
            from.unnest(1)
        );
        for sql in [
            format!("DELETE FROM {table} e USING {edge} AND e.valid_from >= n.start"),
            format!(
                "UPDATE {table} e SET valid_to = n.start FROM {edge} \
                 AND (e.valid_to IS NULL OR e.valid_to > n.start)"
            ),
        ] {
            let mut args = Args::new();
            args.rows(&from);
            self.later(WRITE, sql, args)?;
        }
        rows.sort_by_key(|row| (row.source, row.target, row.valid_from));
        let kinds = [Kind::Uuid, Kind::Uuid, Kind::Time, Kind::Time].into_iter();
        let kinds: Vec<Kind> =
            kinds.chain(layout.properties.iter().map(|(_, kind)| Kind::of(*kind))).collect();
        let mut new = Rows::new(&kinds);
        for row in rows {
            new.row().id(row.source).id(row.target).time(row.valid_from).maybe_time(row.valid_to);
            put_properties(&mut new, layout, row)?;
        }
        let columns = format!(
            "source, target, valid_from, valid_to{}",
            property_columns("", &layout.properties)
        );
        self.insert(WRITE, &table, &columns, &new)
    }

    pub(crate) async fn delete_edges(
        &mut self,
        realm: &Realm,
        pair: &EdgeKey,
        touching: &[EntityId],
    ) -> Result<(), Error> {
        let info = self.realm(realm).await?;
        let table = info.edges(info.layout.pair(pair)?);
        for side in ["source", "target"] {
            let mut args = Args::new();
            args.ids(touching);
            let sql = format!("DELETE FROM {table} WHERE {side} = ANY($1)");
            self.later(WRITE, sql, args)?;
        }
        Ok(())
    }

    pub(crate) async fn open_edges(
        &mut self,
        realm: &Realm,
        pair: &EdgeKey,
        touching: &[EntityId],
    ) -> Result<Vec<EdgeRow>, Error> {
        let info = self.realm(realm).await?;
        let layout = info.layout.pair(pair)?;
        let (table, columns) = (info.edges(layout), edge_columns(layout));
        let distinct: BTreeSet<EntityId> = touching.iter().copied().collect();
        let mut args = Args::new();
        args.ids(&distinct);
        let sql = format!(
            "SELECT {columns} FROM {table} h WHERE h.source = ANY($1) AND h.valid_to IS NULL \
             UNION ALL SELECT {columns} FROM {table} h WHERE h.target = ANY($1) \
             AND h.valid_to IS NULL AND h.source <> ALL($1)"
        );
        let rows = self.rows(READ, sql, args).await?;
        let mut found = edge_rows(layout, &rows)?;
        found.sort_by_key(|row| (row.source, row.target, row.valid_from));
        Ok(found)
    }

    pub(crate) async fn edges(
        &mut self,
        realm: &Realm,
        pair: &EdgeKey,
        after: Option<(EntityId, EntityId, Timestamp)>,
        limit: usize,
    ) -> Result<Vec<EdgeRow>, Error> {
        let info = self.realm(realm).await?;
        let layout = info.layout.pair(pair)?;
        let mut args = Args::new();
        args.limit(limit);
        let filter = if let Some((source, target, from)) = after {
            args.id(source).id(target).time(from);
            " WHERE (h.source, h.target, h.valid_from) > ($2, $3, $4)"
        } else {
            ""
        };
        let sql = format!(
            "SELECT {} FROM {} h{filter} ORDER BY h.source, h.target, h.valid_from LIMIT $1",
            edge_columns(layout),
            info.edges(layout)
        );
        edge_rows(layout, &self.rows(READ, sql, args).await?)
    }
}

fn requests_from(rows: &[PgRow]) -> Result<Vec<EdgeRequest>, Error> {
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        found.push(EdgeRequest {
            pair: EdgeKey { source_type: row.text(4)?, relationship: row.text(5)? },
            key: OrderKey { timestamp: row.time(1)?, sequence: Sequence(row.int(2)?) },
            ordinal: u32::try_from(row.int(3)?).map_err(|_| damaged("an edge request"))?,
            relater: row.id(0)?,
            forward: row.bool(6)?,
            other: row.id(7)?,
            properties: row.maybe_bytes(8)?.map_or(Ok(Vec::new()), decode_values)?,
        });
    }
    found.sort_by(|a, b| {
        (a.key, a.ordinal, a.relater, &a.pair).cmp(&(b.key, b.ordinal, b.relater, &b.pair))
    });
    Ok(found)
}

fn edge_columns(layout: &PairLayout) -> String {
    let properties = property_columns("h.", &layout.properties);
    format!("h.source, h.target, h.valid_from, h.valid_to{properties}")
}

fn edge_rows(layout: &PairLayout, rows: &[PgRow]) -> Result<Vec<EdgeRow>, Error> {
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let mut properties = Vec::with_capacity(layout.properties.len());
        for (index, (_, declared)) in (4..).zip(&layout.properties) {
            properties.push(row.property(index, *declared)?);
        }
        found.push(EdgeRow {
            source: row.id(0)?,
            target: row.id(1)?,
            properties,
            valid_from: row.time(2)?,
            valid_to: row.maybe_time(3)?,
        });
    }
    Ok(found)
}

fn put_properties(rows: &mut Rows, layout: &PairLayout, row: &EdgeRow) -> Result<(), Error> {
    if row.properties.len() != layout.properties.len() {
        return Err(Error::Inconsistent {
            message: format!(
                "an edge has {} properties where the relationship has {}",
                row.properties.len(),
                layout.properties.len()
            ),
        });
    }
    for ((name, declared), value) in layout.properties.iter().zip(&row.properties) {
        rows.property(name, *declared, value)?;
    }
    Ok(())
}
