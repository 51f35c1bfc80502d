//! Requests to relate, and the edges that they fold into.

use std::collections::BTreeMap;

use defacto_model::{EntityId, Sequence, Timestamp};
use defacto_ports::{EdgeChange, EdgeKey, EdgeRequest, EdgeRow, Error, OrderKey, Realm};
use sqlx::sqlite::SqliteRow;

use crate::columns::{Args, Columns};
use crate::error::damaged;
use crate::realms::property_column;
use crate::replay::limit_of;
use crate::session::{Parts, Session};
use defacto_ports::codec::{decode_values, encode_values};
use defacto_ports::layout::{Layout, PairLayout, Property};

const WRITE: &str = "writing relationships";
const READ: &str = "reading relationships";
const REQUEST: &str = "r.relater, r.time, r.sequence, r.ordinal, r.type, r.relationship, \
     r.forward, r.other, r.content";

impl Session {
    pub(crate) async fn add_edge_requests(
        &mut self,
        realm: &Realm,
        requests: &[EdgeRequest],
    ) -> Result<(), Error> {
        let info = self.realm(realm).await?;
        let mut bound = Vec::with_capacity(requests.len());
        let mut first = BTreeMap::<i64, OrderKey>::new();
        for run in requests.chunk_by(|a, b| a.pair == b.pair && a.forward == b.forward) {
            let Some(sample) = run.first() else { continue };
            let (near, far) = end_types(&info.layout, &sample.pair)?;
            let (relater, other) = if sample.forward { (near, far) } else { (far, near) };
            let relaters: Vec<EntityId> = run.iter().map(|request| request.relater).collect();
            let others: Vec<EntityId> = run.iter().map(|request| request.other).collect();
            let relaters = self.keys_of(&relater, &relaters).await?;
            let others = self.keys_of(&other, &others).await?;
            let kind = self.name(&sample.pair.source_type).await?;
            let relationship = self.name(&sample.pair.relationship).await?;
            for ((request, relater), other) in run.iter().zip(relaters).zip(others) {
                let least = first.entry(relater).or_insert(request.key);
                *least = request.key.min(*least);
                bound.push((relater, kind, relationship, other, request));
            }
        }
        let table = info.requests();
        let first: Vec<(i64, OrderKey)> = first.into_iter().collect();
        self.delete_requests(&table, &first).await?;
        bound.sort_by_key(|(relater, kind, relationship, _, request)| {
            (*relater, request.key, request.ordinal, *kind, *relationship)
        });
        let before = format!(
            "INSERT OR REPLACE INTO {table}(relater, time, sequence, ordinal, type, \
             relationship, forward, other, content) "
        );
        let parts = Parts { before: &before, columns: 9, after: "" };
        self.run_many(
            WRITE,
            parts,
            &bound,
            |args, (relater, kind, relationship, other, request)| {
                args.int(*relater).time(request.key.timestamp).int(request.key.sequence.0);
                args.int(i64::from(request.ordinal)).int(*kind).int(*relationship);
                args.int(i64::from(request.forward)).int(*other);
                let content = &request.properties;
                args.maybe_blob((!content.is_empty()).then(|| encode_values(content)));
                Ok(())
            },
        )
        .await
        .map(drop)
    }

    /// Deletes the requests of each relater from a key on.
    async fn delete_requests(
        &mut self,
        table: &str,
        from: &[(i64, OrderKey)],
    ) -> Result<(), Error> {
        let after = format!(
            ") DELETE FROM {table} WHERE (relater, time, sequence, ordinal, type, relationship) \
             IN (SELECT r.relater, r.time, r.sequence, r.ordinal, r.type, r.relationship \
             FROM gone CROSS JOIN {table} r ON r.relater = gone.relater \
             AND (r.time, r.sequence) >= (gone.time, gone.sequence))"
        );
        let before = "WITH gone(relater, time, sequence) AS (";
        let parts = Parts { before, columns: 3, after: &after };
        self.run_many(WRITE, parts, from, |args, (relater, key)| {
            args.int(*relater).time(key.timestamp).int(key.sequence.0);
            Ok(())
        })
        .await
        .map(drop)
    }

    pub(crate) async fn delete_edge_requests(
        &mut self,
        realm: &Realm,
        relaters: &[(EntityId, Option<Timestamp>)],
    ) -> Result<(), Error> {
        let info = self.realm(realm).await?;
        let ids: Vec<EntityId> = relaters.iter().map(|(id, _)| *id).collect();
        let keys = self.find_keys(&ids).await?;
        let from: Vec<(i64, OrderKey)> = keys
            .into_iter()
            .zip(relaters)
            .filter_map(|(key, (_, from))| {
                let timestamp = from.unwrap_or(Timestamp::MIN);
                Some((key?, OrderKey { timestamp, sequence: Sequence(i64::MIN) }))
            })
            .collect();
        self.delete_requests(&info.requests(), &from).await
    }

    pub(crate) async fn edge_requests(
        &mut self,
        realm: &Realm,
        pair: &EdgeKey,
        touching: &[EntityId],
    ) -> Result<Vec<EdgeRequest>, Error> {
        let info = self.realm(realm).await?;
        let kind = self.find_name(&pair.source_type).await?;
        let relationship = self.find_name(&pair.relationship).await?;
        let (Some(kind), Some(relationship)) = (kind, relationship) else {
            return Ok(Vec::new());
        };
        let keys = self.known_keys(touching).await?;
        let table = info.requests();
        let mut args = Args::new();
        args.text(&keys).int(kind).int(relationship).text(&keys).int(kind).int(relationship);
        let wanted = "r.type = ? AND r.relationship = ?";
        // A request between two of the entities is found from both ends; UNION keeps it once.
        let sql = format!(
            "SELECT {REQUEST} FROM json_each(?) j CROSS JOIN {table} r ON r.relater = j.value \
             WHERE {wanted} UNION SELECT {REQUEST} FROM json_each(?) j \
             CROSS JOIN {table} r ON r.other = j.value WHERE {wanted}"
        );
        let rows = self.rows(READ, sql, args).await?;
        self.requests_from(&rows).await
    }

    pub(crate) async fn edge_requests_by(
        &mut self,
        realm: &Realm,
        relaters: &[EntityId],
    ) -> Result<Vec<EdgeRequest>, Error> {
        let info = self.realm(realm).await?;
        let mut args = Args::new();
        args.owned_text(self.known_keys(relaters).await?);
        let sql = format!(
            "SELECT {REQUEST} FROM json_each(?) j CROSS JOIN {} r ON r.relater = j.value",
            info.requests()
        );
        let rows = self.rows(READ, sql, args).await?;
        self.requests_from(&rows).await
    }

    async fn requests_from(&mut self, rows: &[SqliteRow]) -> Result<Vec<EdgeRequest>, Error> {
        let mut ends = Vec::with_capacity(2 * rows.len());
        for row in rows {
            ends.extend([row.int(0)?, row.int(7)?]);
        }
        self.learn_keys(&ends).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let source_type = self.name_text(row.int(4)?).await?;
            let relationship = self.name_text(row.int(5)?).await?;
            let properties = match row.maybe_blob(8)? {
                Some(bytes) => decode_values(bytes)?,
                None => Vec::new(),
            };
            found.push(EdgeRequest {
                pair: EdgeKey {
                    source_type: source_type.as_ref().to_owned(),
                    relationship: relationship.as_ref().to_owned(),
                },
                key: OrderKey { timestamp: row.time(1)?, sequence: Sequence(row.int(2)?) },
                ordinal: u32::try_from(row.int(3)?).map_err(|_| damaged("an edge request"))?,
                relater: self.entity(row.int(0)?)?.id,
                forward: row.int(6)? != 0,
                other: self.entity(row.int(7)?)?.id,
                properties,
            });
        }
        found.sort_by(|a, b| {
            (a.key, a.ordinal, a.relater, &a.pair).cmp(&(b.key, b.ordinal, b.relater, &b.pair))
        });
        Ok(found)
    }

    pub(crate) async fn write_edges(
        &mut self,
        realm: &Realm,
        pair: &EdgeKey,
        changes: &[EdgeChange],
    ) -> Result<(), Error> {
        let info = self.realm(realm).await?;
        let layout = info.layout.pair(pair)?;
        let table = info.edges(layout, "edges");
        let ends: Vec<(EntityId, EntityId)> =
            changes.iter().map(|change| (change.source, change.target)).collect();
        let keys = self.end_keys(&info.layout, pair, &ends).await?;
        let from: Vec<((i64, i64), Timestamp)> =
            keys.iter().copied().zip(changes.iter().map(|change| change.from)).collect();
        let before = "WITH new(source, target, start) AS (";
        let joined = format!(
            "SELECT e.source, e.target, e.valid_from FROM new CROSS JOIN {table} e \
             ON e.source = new.source AND e.target = new.target"
        );
        for after in [
            format!(
                ") DELETE FROM {table} WHERE (source, target, valid_from) IN \
                 ({joined} AND e.valid_from >= new.start)"
            ),
            format!(
                ") UPDATE {table} SET valid_to = (SELECT start FROM new \
                 WHERE new.source = {table}.source AND new.target = {table}.target) \
                 WHERE (source, target, valid_from) IN \
                 ({joined} AND (e.valid_to IS NULL OR e.valid_to > new.start))"
            ),
        ] {
            let parts = Parts { before, columns: 3, after: &after };
            self.run_many(WRITE, parts, &from, |args, ((source, target), start)| {
                args.int(*source).int(*target).time(*start);
                Ok(())
            })
            .await?;
        }
        let mut bound: Vec<((i64, i64), &EdgeRow)> = Vec::new();
        for (ends, change) in keys.into_iter().zip(changes) {
            bound.extend(change.rows.iter().map(|row| (ends, row)));
        }
        bound.sort_by_key(|(ends, row)| (*ends, row.valid_from));
        let mut before = format!("INSERT INTO {table}(source, target, valid_from, valid_to");
        for (name, _) in &layout.properties {
            before.push_str(", ");
            before.push_str(&property_column(name));
        }
        before.push_str(") ");
        let parts = Parts { before: &before, columns: 4 + layout.properties.len(), after: "" };
        self.run_many(WRITE, parts, &bound, |args, ((source, target), row)| {
            args.int(*source).int(*target).time(row.valid_from).maybe_time(row.valid_to);
            bind_properties(args, &layout.properties, row)
        })
        .await
        .map(drop)
    }

    pub(crate) async fn delete_edges(
        &mut self,
        realm: &Realm,
        pair: &EdgeKey,
        touching: &[EntityId],
    ) -> Result<(), Error> {
        let info = self.realm(realm).await?;
        let table = info.edges(info.layout.pair(pair)?, "edges");
        let keys = self.known_keys(touching).await?;
        for side in ["source", "target"] {
            let mut args = Args::new();
            args.text(&keys);
            let sql =
                format!("DELETE FROM {table} WHERE {side} IN (SELECT value FROM json_each(?))");
            self.run(WRITE, sql, args).await?;
        }
        Ok(())
    }

    async fn end_keys(
        &mut self,
        layout: &Layout,
        pair: &EdgeKey,
        ends: &[(EntityId, EntityId)],
    ) -> Result<Vec<(i64, i64)>, Error> {
        let (near, far) = end_types(layout, pair)?;
        let (sources, targets): (Vec<EntityId>, Vec<EntityId>) = ends.iter().copied().unzip();
        let sources = self.keys_of(&near, &sources).await?;
        let targets = self.keys_of(&far, &targets).await?;
        Ok(sources.into_iter().zip(targets).collect())
    }

    pub(crate) async fn open_edges(
        &mut self,
        realm: &Realm,
        pair: &EdgeKey,
        touching: &[EntityId],
    ) -> Result<Vec<EdgeRow>, Error> {
        let info = self.realm(realm).await?;
        let layout = info.layout.pair(pair)?;
        let (table, columns) = (info.edges(layout, "edges"), edge_columns(layout));
        let keys = self.known_keys(touching).await?;
        let mut args = Args::new();
        args.text(&keys).text(&keys);
        let sql = format!(
            "SELECT {columns} FROM json_each(?) j CROSS JOIN {table} h INDEXED BY {} \
             ON h.source = j.value AND h.valid_to IS NULL UNION \
             SELECT {columns} FROM json_each(?) j CROSS JOIN {table} h INDEXED BY {} \
             ON h.target = j.value AND h.valid_to IS NULL",
            info.edges(layout, "from"),
            info.edges(layout, "to")
        );
        let rows = self.rows(READ, sql, args).await?;
        let mut found = self.edge_rows(layout, &rows).await?;
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
        let Some(kind) = self.find_name(&pair.source_type).await? else { return Ok(Vec::new()) };
        let mut args = Args::new();
        args.int(kind);
        let filter = if let Some((source, target, from)) = after {
            args.blob(source.0.to_vec()).blob(source.0.to_vec());
            args.blob(target.0.to_vec()).time(from);
            " AND a.id >= ? AND (a.id > ? OR (b.id, h.valid_from) > (?, ?))"
        } else {
            ""
        };
        args.int(limit_of(limit));
        let sql = format!(
            "SELECT {} FROM entities a CROSS JOIN {} h ON h.source = a.key \
             CROSS JOIN entities b ON b.key = h.target WHERE a.type = ?{filter} \
             ORDER BY a.id, b.id, h.valid_from LIMIT ?",
            edge_columns(layout),
            info.edges(layout, "edges")
        );
        let rows = self.rows(READ, sql, args).await?;
        self.edge_rows(layout, &rows).await
    }

    async fn edge_rows(
        &mut self,
        layout: &PairLayout,
        rows: &[SqliteRow],
    ) -> Result<Vec<EdgeRow>, Error> {
        let mut ends = Vec::with_capacity(2 * rows.len());
        for row in rows {
            ends.extend([row.int(0)?, row.int(1)?]);
        }
        self.learn_keys(&ends).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let mut properties = Vec::with_capacity(layout.properties.len());
            for (index, (_, declared)) in (4..).zip(&layout.properties) {
                properties.push(row.property(index, *declared)?);
            }
            found.push(EdgeRow {
                source: self.entity(row.int(0)?)?.id,
                target: self.entity(row.int(1)?)?.id,
                properties,
                valid_from: row.time(2)?,
                valid_to: row.maybe_time(3)?,
            });
        }
        Ok(found)
    }
}

/// Entity types of a pair's canonical source and target.
fn end_types(layout: &Layout, key: &EdgeKey) -> Result<(String, String), Error> {
    let pair = layout.pair(key)?;
    Ok((pair.source_type.clone(), pair.target_type.clone()))
}

fn edge_columns(layout: &PairLayout) -> String {
    let mut sql = String::from("h.source, h.target, h.valid_from, h.valid_to");
    for (name, _) in &layout.properties {
        sql.push_str(", h.");
        sql.push_str(&property_column(name));
    }
    sql
}

fn bind_properties(args: &mut Args, columns: &[Property], row: &EdgeRow) -> Result<(), Error> {
    if row.properties.len() != columns.len() {
        return Err(Error::Inconsistent {
            message: format!(
                "an edge has {} properties where the relationship has {}",
                row.properties.len(),
                columns.len()
            ),
        });
    }
    for ((name, declared), value) in columns.iter().zip(&row.properties) {
        args.property(name, *declared, value)?;
    }
    Ok(())
}
