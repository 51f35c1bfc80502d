//! Reading what is stored: pages of rows, never everything at once.

use defacto_model::{EntityId, Sequence, Value};
use defacto_ports::{HintKey, HintRequest, HintRow, HistoryQuery, LedgerRow, Reader};

use crate::{Edges, Engine, Error, HistoryPages};

/// Rows of a page.
pub(crate) const PAGE_ROWS: usize = 5_000;

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

impl Engine {
    /// History of an entity type in the active version.
    ///
    /// # Errors
    ///
    /// An unknown type, or what the store says.
    pub async fn history(
        &self,
        entity_type: &str,
        query: HistoryQuery,
    ) -> Result<HistoryPages, Error> {
        self.view(None).await?.history(entity_type, query).await
    }

    /// Every version of the edges of a relationship, named from either side, in the active version.
    ///
    /// # Errors
    ///
    /// An unknown relationship, or what the store says.
    pub async fn edges(&self, relationship: &str) -> Result<Edges, Error> {
        self.view(None).await?.edges(relationship).await
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

    /// The events of an entity, duplicates apart, in event order (engine.md 9.4); of a merged-away entity those of the survivor.
    ///
    /// # Errors
    ///
    /// An unknown entity; what the store says.
    pub async fn events_of(&self, id: EntityId) -> Result<Vec<LedgerRow>, Error> {
        let view = self.view(None).await?;
        let (root, _) = self.locate(&view, id).await?;
        let mut reader = self.store.read().await?;
        let mut events: Vec<LedgerRow> =
            reader.events_of(&[root], None).await?.into_iter().map(|(_, event)| event).collect();
        let sequences: Vec<Sequence> = events.iter().map(|event| event.sequence).collect();
        for (event, raw) in events.iter_mut().zip(reader.raw_texts(&sequences).await?) {
            event.event.raw = raw;
        }
        Ok(events)
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
                    requests.push(HintRequest {
                        entity,
                        identity_field,
                        value: Value::String(value.to_owned()),
                    });
                    places.push((
                        manifest.name.clone(),
                        identity.space.clone(),
                        identity.name.clone(),
                    ));
                }
            }
        }
        if let Some(name) = field.filter(|_| requests.is_empty()) {
            return Err(self.unknown_field(name));
        }
        let mut keys = Vec::new();
        let mut fields = Vec::new();
        for (text, (entity_type, space, field)) in
            self.machines.hints(&requests)?.into_iter().zip(places)
        {
            if let Ok(Some(value)) = text {
                keys.push(HintKey { entity_type, space, value });
                fields.push(field);
            }
        }
        let mut reader = self.store.read().await?;
        let ids = reader.find_hints(&keys).await?;
        drop(reader);
        let mut rows: Vec<HintRow> = Vec::new();
        for ((key, field), id) in keys.into_iter().zip(fields).zip(ids) {
            if let Some(entity_id) = id {
                rows.push(HintRow { key, field, entity_id });
                continue;
            }
            // A redacted hint is kept in another form.
            let found = self.pipeline.lock().await.find_hints(&key.value).await?;
            let same = |row: &HintRow| {
                row.key.entity_type == key.entity_type && row.key.space == key.space
            };
            rows.extend(found.into_iter().filter(same));
        }
        rows.dedup();
        Ok(rows)
    }

    fn unknown_field(&self, name: &str) -> Error {
        let mut known: Vec<&str> = self
            .manifest()
            .entities
            .iter()
            .flat_map(|e| &e.identity)
            .map(|f| f.name.as_str())
            .collect();
        known.sort_unstable();
        known.dedup();
        Error::UnknownName {
            what: "identity field",
            name: name.to_owned(),
            known: known.join(", "),
        }
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
