//! Which rows a build or another version would change: it is done in a copy of the database and the two are compared.

use std::cmp::Ordering;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use defacto_model::{EntityId, Manifest, Timestamp, Value};
use defacto_pipeline::{AsOf, BuildOptions, Definitions, Pipeline};
use defacto_ports::{EdgeRow, HistoryQuery, HistoryRecord};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::copy::Copy;
use crate::view::HistoryPages;
use crate::{Engine, Error, View};

/// Rows that are listed; all are counted.
const LISTED: usize = 100;

/// Rows of the history that differ before and after.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct RowChanges {
    /// Rows that only the history after has.
    pub added: u64,
    /// Rows that only the history before has.
    pub removed: u64,
    /// Rows of one entity, or edge, and one start that differ otherwise.
    pub changed: u64,
    /// The first hundred of all these, in order of tables and keys.
    pub rows: Vec<RowChange>,
}

/// One row that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowChange {
    /// Public table.
    pub table: String,
    /// The row before; null where there was none.
    pub before: Json,
    /// The row after; null where there is none.
    pub after: Json,
}

/// Entities whose state differs under another version (`replay --check`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayCheck {
    /// The version that readers see.
    pub from_version: String,
    /// The version by which events were replayed.
    pub to_version: String,
    /// How many entities differ.
    pub differing: u64,
    /// The first hundred of them.
    pub entities: Vec<DifferingEntity>,
}

/// An entity whose state differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DifferingEntity {
    /// Its type.
    pub entity_type: String,
    /// Its id.
    pub entity_id: EntityId,
    /// State and properties now; null where it does not exist.
    pub before: Json,
    /// State and properties under the other version; null where it does not exist.
    pub after: Json,
}

impl Engine {
    /// Rows that [`Engine::build`] with these options would change. The build is done in a copy of the database: that
    /// costs as much time as the build, and as much room as the database.
    ///
    /// # Errors
    ///
    /// What the file system, module and store say.
    pub async fn preview_rows(&self, options: BuildOptions) -> Result<RowChanges, Error> {
        let before = self.view(None).await?;
        let copy = self.copy().await?;
        let changes = self.changed_rows(&copy, &before, options).await;
        copy.discard().await?;
        changes
    }

    async fn changed_rows(
        &self,
        copy: &Copy,
        before: &View,
        options: BuildOptions,
    ) -> Result<RowChanges, Error> {
        let mut pipeline = self.pipeline_of(copy).await?;
        pipeline.build(BuildOptions { dry_run: false, ..options }).await?;
        compare_rows(before, &view_of(&pipeline)).await
    }

    /// A copy of the database, made while this engine does not write.
    async fn copy(&self) -> Result<Copy, Error> {
        let _held = self.pipeline.lock().await;
        Copy::make(self).await
    }

    /// A pipeline on a copy, by the definitions at work.
    async fn pipeline_of(&self, copy: &Copy) -> Result<Pipeline, Error> {
        let mut definitions = self.place.own.clone();
        definitions.version = self.version().await;
        definitions.machines = Arc::clone(&self.machines);
        let (store, clock) = (Arc::clone(&copy.store), Arc::clone(&self.place.clock));
        Ok(Pipeline::open(store, definitions, clock, self.options.clone()).await?)
    }

    /// Replays the ledger by a registered version in a copy of the database, and tells which entities have another state
    /// there than readers see now. Time rules run up to the same instant on both sides.
    ///
    /// # Errors
    ///
    /// An unknown version; what the file system, module and store say.
    pub async fn check_replay(&self, version: &str) -> Result<ReplayCheck, Error> {
        let definitions = self.load(version).await?;
        let copy = self.copy().await?;
        let found = self.differing(&copy, definitions).await;
        copy.discard().await?;
        found
    }

    async fn differing(&self, copy: &Copy, definitions: Definitions) -> Result<ReplayCheck, Error> {
        let keep = BuildOptions { as_of: AsOf::Keep, ..BuildOptions::default() };
        let mut pipeline = self.pipeline_of(copy).await?;
        pipeline.build(keep).await?;
        let mut out = ReplayCheck {
            from_version: pipeline.version().to_owned(),
            to_version: definitions.version.clone(),
            differing: 0,
            entities: Vec::new(),
        };
        // What readers see now is read before the other version takes its place.
        let old = current(&view_of(&pipeline)).await?;
        let as_of = pipeline.progress().tick_as_of.map_or(AsOf::Keep, AsOf::At);
        pipeline.activate(definitions, BuildOptions { as_of, ..keep }).await?;
        let new = current(&view_of(&pipeline)).await?;
        let (mut old, mut new) = (VecDeque::from(old), VecDeque::from(new));
        loop {
            let order = match (old.front(), new.front()) {
                (None, None) => return Ok(out),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => (&a.0, a.1).cmp(&(&b.0, b.1)),
            };
            let a = if order.is_le() { old.pop_front() } else { None };
            let b = if order.is_ge() { new.pop_front() } else { None };
            let Some((entity_type, entity_id)) =
                a.as_ref().or(b.as_ref()).map(|row| (row.0.clone(), row.1))
            else {
                return Ok(out);
            };
            let (before, after) = (a.map(|row| row.2), b.map(|row| row.2));
            if before != after {
                out.differing += 1;
                if out.entities.len() < LISTED {
                    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
                    out.entities.push(DifferingEntity { entity_type, entity_id, before, after });
                }
            }
        }
    }
}

/// A pipeline of a copy as readers see it.
fn view_of(pipeline: &Pipeline) -> View {
    View {
        manifest: Arc::new(pipeline.machines().manifest().clone()),
        realm: pipeline.realm(),
        store: Arc::clone(pipeline.store()),
    }
}

/// Entity type, id, and state with properties, of every entity that is now; sorted.
async fn current(view: &View) -> Result<Vec<(String, EntityId, Json)>, Error> {
    let mut out = Vec::new();
    for entity in &view.manifest().entities {
        let query = HistoryQuery { current: true, ..HistoryQuery::default() };
        let mut pages = view.history(&entity.name, query).await?;
        loop {
            let page = pages.next_page().await?;
            if page.is_empty() {
                break;
            }
            for record in page {
                let mut row = Map::new();
                row.insert("state".to_owned(), record.row.state.into());
                for (property, value) in entity.properties.iter().zip(&record.row.properties) {
                    row.insert(property.name.clone(), json(value));
                }
                out.push((entity.name.clone(), record.entity_id, Json::Object(row)));
            }
        }
    }
    out.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    Ok(out)
}

fn json(value: &Value) -> Json {
    serde_json::from_str(&defacto_json::to_json(value)).unwrap_or_default()
}

fn instant(at: Option<Timestamp>) -> Json {
    at.map_or(Json::Null, |at| at.to_string().into())
}

/// Names of a manifest's entity types and relationships.
fn names(manifest: &Manifest) -> (BTreeSet<String>, BTreeSet<String>) {
    let entities = manifest.entities.iter().map(|entity| entity.name.clone()).collect();
    let declared = manifest.entities.iter().flat_map(|entity| &entity.relationships);
    (entities, declared.map(|relationship| relationship.name.clone()).collect())
}

async fn compare_rows(before: &View, after: &View) -> Result<RowChanges, Error> {
    let mut out = RowChanges::default();
    let (old, new) = (names(before.manifest()), names(after.manifest()));
    for entity_type in old.0.union(&new.0) {
        let (mut a, mut b) =
            (Side::open(before, entity_type).await?, Side::open(after, entity_type).await?);
        let table = format!("{entity_type}_history");
        loop {
            a.fill().await?;
            b.fill().await?;
            let order = match (a.key(), b.key()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => a.cmp(&b),
            };
            let left = if order.is_le() { a.take() } else { None };
            let right = if order.is_ge() { b.take() } else { None };
            out.note(&table, left, right);
        }
    }
    for relationship in old.1.union(&new.1) {
        let table = format!("rel_{relationship}_history");
        let mut a = edges(before, &old.1, relationship).await?;
        let mut b = edges(after, &new.1, relationship).await?;
        loop {
            let order = match (a.front(), b.front()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => a.0.cmp(&b.0),
            };
            let left = if order.is_le() { a.pop_front().map(|row| row.1) } else { None };
            let right = if order.is_ge() { b.pop_front().map(|row| row.1) } else { None };
            out.note(&table, left, right);
        }
    }
    Ok(out)
}

impl RowChanges {
    fn note(&mut self, table: &str, before: Option<Json>, after: Option<Json>) {
        if before == after {
            return;
        }
        match (&before, &after) {
            (None, _) => self.added += 1,
            (_, None) => self.removed += 1,
            _ => self.changed += 1,
        }
        if self.rows.len() < LISTED {
            let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
            self.rows.push(RowChange { table: table.to_owned(), before, after });
        }
    }
}

/// The history of one type on one side of the comparison.
struct Side {
    entity_type: String,
    properties: Vec<String>,
    /// `None` where the definitions do not have the type.
    pages: Option<HistoryPages>,
    page: VecDeque<HistoryRecord>,
}

impl Side {
    async fn open(view: &View, entity_type: &str) -> Result<Self, Error> {
        let found = view.manifest().find_entity(entity_type);
        let query = HistoryQuery { merged: true, ..HistoryQuery::default() };
        let pages = match found {
            Some(_) => Some(view.history(entity_type, query).await?),
            None => None,
        };
        let properties = found.map(|(_, entity)| &entity.properties).into_iter().flatten();
        Ok(Self {
            entity_type: entity_type.to_owned(),
            properties: properties.map(|property| property.name.clone()).collect(),
            pages,
            page: VecDeque::new(),
        })
    }

    async fn fill(&mut self) -> Result<(), Error> {
        if self.page.is_empty()
            && let Some(pages) = &mut self.pages
        {
            self.page = pages.next_page().await?.into();
        }
        Ok(())
    }

    fn key(&self) -> Option<(EntityId, Timestamp)> {
        self.page.front().map(|record| (record.entity_id, record.row.valid_from))
    }

    /// The next row, as its public columns.
    fn take(&mut self) -> Option<Json> {
        let HistoryRecord { entity_id, row, valid_to, merged_into } = self.page.pop_front()?;
        let mut out = Map::new();
        out.insert(format!("{}_id", self.entity_type), entity_id.to_string().into());
        out.insert(format!("{}_state", self.entity_type), row.state.into());
        for (name, value) in self.properties.iter().zip(&row.properties) {
            out.insert(name.clone(), json(value));
        }
        out.insert("valid_from".to_owned(), instant(Some(row.valid_from)));
        out.insert("valid_to".to_owned(), instant(valid_to));
        out.insert(
            "merged_into".to_owned(),
            merged_into.map_or(Json::Null, |id| id.to_string().into()),
        );
        out.insert("last_event_time".to_owned(), instant(row.last_event));
        out.insert("state_entered_time".to_owned(), instant(Some(row.entered)));
        out.insert("created_time".to_owned(), instant(Some(row.created)));
        Some(Json::Object(out))
    }
}

type EdgePlace = (EntityId, EntityId, Timestamp);

/// Versions of a relationship's edges, as their public columns; none where the definitions do not have it.
async fn edges(
    view: &View,
    known: &BTreeSet<String>,
    relationship: &str,
) -> Result<VecDeque<(EdgePlace, Json)>, Error> {
    if !known.contains(relationship) {
        return Ok(VecDeque::new());
    }
    let edges = view.edges(relationship).await?;
    let row = |row: EdgeRow| {
        let mut out = Map::new();
        out.insert("source_id".to_owned(), row.source.to_string().into());
        out.insert("target_id".to_owned(), row.target.to_string().into());
        for ((name, _), value) in edges.properties.iter().zip(&row.properties) {
            out.insert(name.clone(), json(value));
        }
        out.insert("valid_from".to_owned(), instant(Some(row.valid_from)));
        out.insert("valid_to".to_owned(), instant(row.valid_to));
        ((row.source, row.target, row.valid_from), Json::Object(out))
    };
    Ok(edges.rows.clone().into_iter().map(row).collect())
}
