use std::collections::BTreeMap;

use defacto_model::{EntityId, Sequence, Timestamp, Value};
use defacto_ports::{EdgeRow, HintKey, HistoryQuery, HistoryRecord, MergeRow, Reader, Realm};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::merges::MergeIndex;
use crate::sorted::Sorted;
use crate::{Error, Pipeline};

/// Rows read at once.
const PAGE: usize = 4096;
/// Bytes of lines held while they are brought into order; a table with more is read several times.
const SORT_BYTES: usize = 128 << 20;

/// The one figure that proves two histories equal (decision 41).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fingerprint {
    /// SHA-256 over all tables, hexadecimal.
    pub fingerprint: String,
    /// Rows by table, in name order.
    pub rows: Vec<(String, u64)>,
    /// SHA-256 of each table's part, in the same order.
    pub tables: Vec<(String, String)>,
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.fingerprint)
    }
}

type Row = BTreeMap<String, Value>;

impl Pipeline {
    /// SHA-256 over every public row of history, relationships, identity and merges.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn fingerprint(&self) -> Result<Fingerprint, Error> {
        let mut reader = self.store.read().await?;
        let realm = self.shown(&mut *reader).await?;
        let mut names: BTreeMap<String, Table> = BTreeMap::new();
        for (entity, definition) in (0u32..).zip(&self.catalog.manifest.entities) {
            names.insert(format!("{}_history", definition.name), Table::Entity(entity));
            for (relationship, declared) in (0u32..).zip(&definition.relationships) {
                let name = format!("rel_{}_history", declared.name);
                match names.entry(name).or_insert_with(|| Table::Edges(Vec::new())) {
                    Table::Edges(sides) => sides.push((entity, relationship)),
                    Table::Entity(_) | Table::Identity | Table::Merges => {}
                }
            }
        }
        names.insert("identity".to_owned(), Table::Identity);
        names.insert("merge_log".to_owned(), Table::Merges);
        let mut out =
            Fingerprint { fingerprint: String::new(), rows: Vec::new(), tables: Vec::new() };
        let mut total = Sha256::new();
        for (name, table) in names {
            let mut part = Sha256::new();
            let mut feed = |bytes: &[u8]| {
                total.update(bytes);
                part.update(bytes);
            };
            feed(name.as_bytes());
            feed(b"\n");
            let (mut rows, mut more) = (0, true);
            let mut sorted = Sorted::new(SORT_BYTES);
            while more {
                match &table {
                    Table::Entity(entity) => {
                        self.entity_rows(&mut *reader, &realm, *entity, &mut sorted).await?;
                    }
                    Table::Edges(sides) => {
                        self.edge_rows(&mut *reader, &realm, sides, &mut sorted).await?;
                    }
                    Table::Identity => identity_rows(&mut *reader, &mut sorted).await?,
                    Table::Merges => merge_rows(&mut *reader, &mut sorted).await?,
                }
                let lines;
                (lines, more) = sorted.end();
                rows += crate::build::count(lines.len());
                for line in &lines {
                    feed(line.as_bytes());
                    feed(b"\n");
                }
            }
            out.rows.push((name.clone(), rows));
            out.tables.push((name, hex::encode(part.finalize())));
        }
        out.fingerprint = hex::encode(total.finalize());
        Ok(out)
    }

    async fn entity_rows(
        &self,
        reader: &mut dyn Reader,
        realm: &Realm,
        entity: u32,
        sorted: &mut Sorted,
    ) -> Result<(), Error> {
        let name = self.catalog.entity_name(entity).to_owned();
        let Some(definition) = self.catalog.manifest.entities.get(entity as usize) else {
            return Ok(());
        };
        let mut query = HistoryQuery { merged: true, limit: PAGE, ..HistoryQuery::default() };
        loop {
            let page = reader.history(realm, &name, &query).await?;
            let Some(last) = page.last() else { return Ok(()) };
            query.after = Some((last.entity_id, last.row.valid_from));
            for HistoryRecord { entity_id, row, valid_to, merged_into } in page {
                let mut out = Row::new();
                for (property, value) in definition.properties.iter().zip(row.properties) {
                    out.insert(property.name.clone(), value);
                }
                out.insert(format!("{name}_id"), id(entity_id));
                out.insert(format!("{name}_state"), Value::String(row.state));
                out.insert("valid_from".to_owned(), Value::DateTime(row.valid_from));
                out.insert("valid_to".to_owned(), time(valid_to));
                out.insert("merged_into".to_owned(), merged_into.map_or(Value::Null, id));
                out.insert("last_event_time".to_owned(), time(row.last_event));
                out.insert("state_entered_time".to_owned(), Value::DateTime(row.entered));
                out.insert("created_time".to_owned(), Value::DateTime(row.created));
                sorted.push(line(out));
            }
        }
    }

    async fn edge_rows(
        &self,
        reader: &mut dyn Reader,
        realm: &Realm,
        sides: &[(u32, u32)],
        sorted: &mut Sorted,
    ) -> Result<(), Error> {
        for (entity, relationship) in sides {
            let declared = self
                .catalog
                .manifest
                .entities
                .get(*entity as usize)
                .and_then(|definition| definition.relationships.get(*relationship as usize));
            let (Some(side), Some(declared)) =
                (self.catalog.pairs.side(*entity, *relationship), declared)
            else {
                continue;
            };
            let Some(pair) = self.catalog.pairs.pairs.get(side.pair) else { continue };
            let properties: Vec<String> = self.edge_properties(side.pair);
            let mut after = None;
            loop {
                let page = reader.edges(realm, &pair.key, after, PAGE).await?;
                let Some(last) = page.last() else { break };
                after = Some((last.source, last.target, last.valid_from));
                for edge in page {
                    let mut push = |source, target| {
                        let row = edge_row(&declared.name, &properties, &edge, source, target);
                        sorted.push(line(row));
                    };
                    if side.forward || pair.symmetric {
                        push(edge.source, edge.target);
                    }
                    if !side.forward || (pair.symmetric && edge.source != edge.target) {
                        push(edge.target, edge.source);
                    }
                }
            }
        }
        Ok(())
    }

    /// Names of the properties of a pair's edges.
    pub(crate) fn edge_properties(&self, pair: usize) -> Vec<String> {
        self.catalog.pairs.pairs.get(pair).map_or_else(Vec::new, |pair| pair.properties.clone())
    }
}

#[derive(Debug)]
enum Table {
    Entity(u32),
    Edges(Vec<(u32, u32)>),
    Identity,
    Merges,
}

fn id(id: EntityId) -> Value {
    Value::String(id.to_string())
}

fn time(time: Option<Timestamp>) -> Value {
    time.map_or(Value::Null, Value::DateTime)
}

fn edge_row(
    name: &str,
    properties: &[String],
    edge: &EdgeRow,
    source: EntityId,
    target: EntityId,
) -> Row {
    let mut out: Row = properties.iter().cloned().zip(edge.properties.iter().cloned()).collect();
    out.insert("source_id".to_owned(), id(source));
    out.insert("target_id".to_owned(), id(target));
    out.insert("relationship_type".to_owned(), Value::String(name.to_owned()));
    out.insert("valid_from".to_owned(), Value::DateTime(edge.valid_from));
    out.insert("valid_to".to_owned(), time(edge.valid_to));
    out
}

fn line(row: Row) -> String {
    defacto_json::to_json(&Value::Object(row))
}

async fn identity_rows(reader: &mut dyn Reader, sorted: &mut Sorted) -> Result<(), Error> {
    let mut after: Option<HintKey> = None;
    loop {
        let page = reader.list_hints(after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.key.clone());
        for hint in page {
            sorted.push(line(Row::from([
                ("entity_type".to_owned(), Value::String(hint.key.entity_type)),
                ("field".to_owned(), Value::String(hint.field)),
                ("space".to_owned(), Value::String(hint.key.space)),
                ("value".to_owned(), Value::String(hint.key.value)),
                ("entity_id".to_owned(), id(hint.entity_id)),
            ])));
        }
    }
}

async fn merge_rows(reader: &mut dyn Reader, sorted: &mut Sorted) -> Result<(), Error> {
    let mut after = Sequence(0);
    loop {
        let page = merges_after(reader, after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.sequence;
        let mut index = MergeIndex::default();
        index.load(reader, page.iter().map(|merge| merge.from).collect()).await?;
        for merge in page {
            sorted.push(line(Row::from([
                ("from".to_owned(), id(merge.from)),
                ("into".to_owned(), id(index.root(merge.from))),
                ("entity_type".to_owned(), Value::String(merge.entity_type)),
                ("timestamp".to_owned(), Value::DateTime(merge.timestamp)),
            ])));
        }
    }
}

/// The next merges after a place in the ledger, those of one event together.
async fn merges_after(reader: &mut dyn Reader, after: Sequence) -> Result<Vec<MergeRow>, Error> {
    let mut limit = PAGE;
    loop {
        let mut page = reader.merges_between(after, Sequence(i64::MAX), limit).await?;
        if page.len() < limit {
            return Ok(page);
        }
        let cut = page.last().map(|last| last.sequence);
        page.retain(|merge| Some(merge.sequence) != cut);
        if !page.is_empty() {
            return Ok(page);
        }
        limit *= 2;
    }
}
