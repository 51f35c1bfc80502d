//! Reading what is stored: pages of rows, never everything at once.

use defacto_model::{EntityId, Sequence, Timestamp, Value, ValueType};
use defacto_ports::{
    EdgeKey, EdgeRow, HintKey, HintRequest, HintRow, HistoryQuery, HistoryRecord, LedgerRow, Reader, Realm,
};

use crate::{Engine, Error};

/// Rows of a page.
const PAGE_ROWS: usize = 5_000;

/// History rows in (id, valid_from) order.
pub struct HistoryPages {
    reader: Box<dyn Reader>,
    realm: Realm,
    entity_type: String,
    query: HistoryQuery,
    ended: bool,
}

/// Hints in key order.
pub struct HintPages {
    reader: Box<dyn Reader>,
    after: Option<HintKey>,
    ended: bool,
}

/// Events in order of arrival.
pub struct LedgerPages {
    reader: Box<dyn Reader>,
    after: Sequence,
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
    /// History of an entity type.
    ///
    /// # Errors
    ///
    /// An unknown type, or what the store says.
    pub async fn history(&self, entity_type: &str, query: HistoryQuery) -> Result<HistoryPages, Error> {
        self.entity(entity_type)?;
        let realm = self.realm().await;
        let query = HistoryQuery { limit: PAGE_ROWS, ..query };
        let reader = self.store.read().await?;
        Ok(HistoryPages { reader, realm, entity_type: entity_type.to_owned(), query, ended: false })
    }

    /// Every hint.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn hints(&self) -> Result<HintPages, Error> {
        Ok(HintPages { reader: self.store.read().await?, after: None, ended: false })
    }

    /// Every event.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn ledger(&self) -> Result<LedgerPages, Error> {
        Ok(LedgerPages { reader: self.store.read().await?, after: Sequence(0) })
    }

    /// Number of stored events, of one source or all.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn count_events(&self, source: Option<&str>) -> Result<u64, Error> {
        Ok(self.store.read().await?.count_events(source).await?)
    }

    /// Entities behind a hint value, which is normalized as the identity fields say.
    ///
    /// # Errors
    ///
    /// An unknown field, or what module and store say.
    pub async fn lookup(
        &self,
        value: &str,
        entity_type: Option<&str>,
        field: Option<&str>,
    ) -> Result<Vec<HintRow>, Error> {
        let mut requests = Vec::new();
        let mut places = Vec::new();
        for (entity, manifest) in (0..).zip(&self.manifest().entities) {
            if entity_type.is_some_and(|name| name != manifest.name) {
                continue;
            }
            for (identity_field, identity) in (0..).zip(&manifest.identity) {
                if field.is_none_or(|name| name == identity.name) {
                    requests.push(HintRequest { entity, identity_field, value: Value::String(value.to_owned()) });
                    places.push((manifest.name.clone(), identity.space.clone(), identity.name.clone()));
                }
            }
        }
        if let Some(name) = field.filter(|_| requests.is_empty()) {
            return Err(self.unknown_field(name));
        }
        let mut keys = Vec::new();
        let mut fields = Vec::new();
        for (text, (entity_type, space, field)) in self.machines.hints(&requests)?.into_iter().zip(places) {
            if let Ok(Some(value)) = text {
                keys.push(HintKey { entity_type, space, value });
                fields.push(field);
            }
        }
        let mut reader = self.store.read().await?;
        let ids = reader.find_hints(&keys).await?;
        let found = keys.into_iter().zip(fields).zip(ids);
        Ok(found
            .filter_map(|((key, field), id)| id.map(|entity_id| HintRow { key, field, entity_id }))
            .collect())
    }

    fn unknown_field(&self, name: &str) -> Error {
        let mut known: Vec<&str> =
            self.manifest().entities.iter().flat_map(|e| &e.identity).map(|f| f.name.as_str()).collect();
        known.sort_unstable();
        known.dedup();
        Error::UnknownName { what: "identity field", name: name.to_owned(), known: known.join(", ") }
    }

    /// Every version of the edges of a relationship, named from either side.
    ///
    /// # Errors
    ///
    /// An unknown relationship, or what the store says.
    pub async fn edges(&self, relationship: &str) -> Result<Edges, Error> {
        let realm = self.realm().await;
        let mut reader = self.store.read().await?;
        let mut edges = Edges { properties: Vec::new(), rows: Vec::new() };
        let mut known = Vec::new();
        for entity in &self.manifest().entities {
            for declared in &entity.relationships {
                known.push(declared.name.as_str());
                if declared.name != relationship {
                    continue;
                }
                if edges.properties.is_empty() {
                    edges.properties.clone_from(&declared.properties);
                }
                let (pair, forward) = defacto_pipeline::canonical_pair(&entity.name, declared);
                read_edges(reader.as_mut(), &realm, &pair, forward, &mut edges.rows).await?;
            }
        }
        if !known.contains(&relationship) {
            known.sort_unstable();
            known.dedup();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(Error::UnknownName { what: "relationship", name: relationship.to_owned(), known });
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

impl std::fmt::Debug for HintPages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HintPages").finish_non_exhaustive()
    }
}

impl HintPages {
    /// The next rows; empty at the end.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn next_page(&mut self) -> Result<Vec<HintRow>, Error> {
        if self.ended {
            return Ok(Vec::new());
        }
        let page = self.reader.list_hints(self.after.as_ref(), PAGE_ROWS).await?;
        self.after = page.last().map(|last| last.key.clone());
        self.ended = page.len() < PAGE_ROWS;
        Ok(page)
    }
}

impl std::fmt::Debug for LedgerPages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LedgerPages").finish_non_exhaustive()
    }
}

impl LedgerPages {
    /// The next events; empty at the end.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn next_page(&mut self) -> Result<Vec<LedgerRow>, Error> {
        let until = Sequence(i64::MAX);
        let page = self.reader.scan_events(self.after, until, PAGE_ROWS, true).await?;
        if let Some(last) = page.last() {
            self.after = last.sequence;
        }
        Ok(page)
    }
}
