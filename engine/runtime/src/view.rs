//! One version of the history as readers see it.

use std::sync::Arc;

use defacto_model::{EntityId, EntityManifest, Manifest, Timestamp, Value, ValueType};
use defacto_ports::layout::Layout;
use defacto_ports::{EdgeKey, EdgeRow, HistoryQuery, HistoryRecord, Reader, Realm, Store};

use crate::engine::known;
use crate::read::PAGE_ROWS;
use crate::{Engine, Error};

/// One version of the history: its definitions and its tables. It shows the generation that was complete when the view
/// was made; take a new view after a build.
#[derive(Debug, Clone)]
pub struct View {
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) realm: Realm,
    pub(crate) store: Arc<dyn Store>,
}

/// History rows in (id, valid_from) order.
pub struct HistoryPages {
    reader: Box<dyn Reader>,
    realm: Realm,
    entity_type: String,
    query: HistoryQuery,
    ended: bool,
}

/// Every version of a relationship's edges.
#[derive(Debug, Clone, PartialEq)]
pub struct Edges {
    /// Names and types of the edge properties.
    pub properties: Vec<(String, ValueType)>,
    /// Versions, in the direction of the name asked for, by (source, target, valid_from).
    pub rows: Vec<EdgeRow>,
}

impl Engine {
    /// A version of the history: the one named, or the active one.
    ///
    /// # Errors
    ///
    /// An unknown version; [`Error::NotBuilt`] for one without history; what the store says.
    pub async fn view(&self, version: Option<&str>) -> Result<View, Error> {
        let own = self.version().await;
        let mut reader = self.store.read().await?;
        let versions = reader.versions().await?;
        let wanted = match version {
            Some(name) => name.to_owned(),
            None => versions
                .iter()
                .find(|v| v.active)
                .map_or_else(|| own.clone(), |v| v.version.clone()),
        };
        let Some(found) = versions.iter().find(|v| v.version == wanted) else {
            let new = self.place.own.version == wanted;
            let unknown = defacto_pipeline::Error::UnknownVersion(wanted.clone());
            return Err(if new { Error::NotBuilt(wanted) } else { unknown.into() });
        };
        let Some(build) = reader.build(&wanted).await? else {
            return Err(Error::NotBuilt(wanted));
        };
        if version.is_some() && !found.active && build.last_built_at.is_none() {
            return Err(Error::NotBuilt(wanted));
        }
        let manifest = if wanted == own {
            Arc::clone(&self.manifest)
        } else {
            Arc::new(crate::versions::manifest_of(found, &self.place.state)?)
        };
        let realm = Realm { version: wanted, generation: build.generation };
        Ok(View { manifest, realm, store: Arc::clone(&self.store) })
    }
}

impl View {
    /// Name of the version.
    pub fn version(&self) -> &str {
        &self.realm.version
    }

    /// Its definitions.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// An entity type by name.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownName`] with the names that exist.
    pub fn entity(&self, name: &str) -> Result<&EntityManifest, Error> {
        known(&self.manifest, name)
    }

    /// History of an entity type.
    ///
    /// # Errors
    ///
    /// An unknown type, or what the store says.
    pub async fn history(
        &self,
        entity_type: &str,
        query: HistoryQuery,
    ) -> Result<HistoryPages, Error> {
        self.entity(entity_type)?;
        let query = HistoryQuery { limit: PAGE_ROWS, ..query };
        let reader = self.store.read().await?;
        let realm = self.realm.clone();
        Ok(HistoryPages { reader, realm, entity_type: entity_type.to_owned(), query, ended: false })
    }

    /// Every row of one entity, rows of a merged-away one included.
    pub(crate) async fn rows_of(
        &self,
        entity_type: &str,
        id: EntityId,
    ) -> Result<Vec<HistoryRecord>, Error> {
        let query = HistoryQuery { entity_id: Some(id), merged: true, ..HistoryQuery::default() };
        let mut pages = self.history(entity_type, query).await?;
        let mut rows = Vec::new();
        loop {
            let page = pages.next_page().await?;
            if page.is_empty() {
                return Ok(rows);
            }
            rows.extend(page);
        }
    }

    /// Every version of the edges of a relationship, named from either side.
    ///
    /// # Errors
    ///
    /// An unknown relationship, or what the store says.
    pub async fn edges(&self, relationship: &str) -> Result<Edges, Error> {
        let layout = Layout::of(&self.manifest);
        let (pairs, columns) = layout.relation(relationship);
        if pairs.is_empty() {
            let mut names: Vec<&str> = layout.relations.iter().map(|it| it.name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(Error::UnknownName {
                what: "relationship",
                name: relationship.to_owned(),
                known,
            });
        }
        let mut reader = self.store.read().await?;
        let properties: Vec<(String, ValueType)> = columns.into_iter().cloned().collect();
        let mut edges = Edges { properties, rows: Vec::new() };
        for (pair, forward) in pairs {
            let key = EdgeKey {
                source_type: pair.source_type.clone(),
                relationship: pair.relationship.clone(),
            };
            let place = |(name, _): &(String, ValueType)| {
                pair.properties.iter().position(|(known, _)| known == name)
            };
            let places: Vec<Option<usize>> = edges.properties.iter().map(place).collect();
            let mut rows = Vec::new();
            read_edges(reader.as_mut(), &self.realm, &key, forward, &mut rows).await?;
            for row in &mut rows {
                let value = |at: &Option<usize>| row.properties.get((*at)?).cloned();
                row.properties = places.iter().map(|at| value(at).unwrap_or(Value::Null)).collect();
            }
            edges.rows.extend(rows);
        }
        edges.rows.sort_by_key(|row| (row.source, row.target, row.valid_from));
        edges.rows.dedup();
        Ok(edges)
    }
}

async fn read_edges(
    reader: &mut dyn Reader,
    realm: &Realm,
    pair: &EdgeKey,
    forward: bool,
    rows: &mut Vec<EdgeRow>,
) -> Result<(), Error> {
    let mut after: Option<(EntityId, EntityId, Timestamp)> = None;
    loop {
        let page = reader.edges(realm, pair, after, PAGE_ROWS).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some((last.source, last.target, last.valid_from));
        rows.extend(page.into_iter().map(|row| {
            if forward { row } else { EdgeRow { source: row.target, target: row.source, ..row } }
        }));
    }
}

impl std::fmt::Debug for HistoryPages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HistoryPages").finish_non_exhaustive()
    }
}

impl HistoryPages {
    /// The next rows; empty at the end.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn next_page(&mut self) -> Result<Vec<HistoryRecord>, Error> {
        if self.ended {
            return Ok(Vec::new());
        }
        let page = self.reader.history(&self.realm, &self.entity_type, &self.query).await?;
        self.query.after = page.last().map(|last| (last.entity_id, last.row.valid_from));
        self.ended = page.len() < PAGE_ROWS;
        Ok(page)
    }
}
