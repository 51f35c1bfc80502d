//! Operations on entities: they are recorded in the ledger, so that every rebuild repeats them.

use defacto_model::EntityId;
use defacto_pipeline::{EraseResult, MergeResult, RedactResult};
use defacto_ports::Reader;

use crate::log;
use crate::{Engine, Error, View};

impl Engine {
    /// Makes two entities one (engine.md 2.5): everything of `from` belongs to `into` from now on, as if it always had.
    /// Entities that are one already stay as they are.
    ///
    /// # Errors
    ///
    /// An unknown entity, an entity with itself, entities of different types; what module and store say.
    pub async fn merge(
        &self,
        from: EntityId,
        into: EntityId,
        reason: &str,
    ) -> Result<MergeResult, Error> {
        let result = self.pipeline.lock().await.merge(from, into, reason).await;
        let result = result.map_err(|error| log::failed(error.into()))?;
        log::merged(&result);
        Ok(result)
    }

    /// Removes an entity for good, with the entities merged into it and every event that is known only through it
    /// (engine.md 1.6).
    ///
    /// # Errors
    ///
    /// An unknown entity; what module and store say.
    pub async fn erase(&self, id: EntityId) -> Result<EraseResult, Error> {
        let result = self.pipeline.lock().await.erase(id).await;
        let result = result.map_err(|error| log::failed(error.into()))?;
        log::erased(&result);
        Ok(result)
    }

    /// Replaces what is sensitive of an entity, as the treatments of its properties say, in ledger, identity map and history
    /// (engine.md 1.5). The entity stays, and later events still find it.
    ///
    /// # Errors
    ///
    /// An unknown entity; what module and store say.
    pub async fn redact(&self, id: EntityId) -> Result<RedactResult, Error> {
        let result = self.pipeline.lock().await.redact(id).await;
        result.map_err(|error| log::failed(error.into()))
    }

    /// What an id means now, and its entity type.
    pub(crate) async fn locate(
        &self,
        view: &View,
        id: EntityId,
    ) -> Result<(EntityId, String), Error> {
        let mut reader = self.store.read().await?;
        let root = root_of(reader.as_mut(), id).await?;
        if let Some(hint) = reader.hints_of(&[root]).await?.into_iter().next() {
            return Ok((root, hint.key.entity_type));
        }
        drop(reader);
        // An entity without hints still has rows.
        for entity in &view.manifest().entities {
            if !view.rows_of(&entity.name, root).await?.is_empty() {
                return Ok((root, entity.name.clone()));
            }
        }
        Err(defacto_pipeline::Error::UnknownEntity(id).into())
    }
}

/// The entity that an id means in the end.
pub(crate) async fn root_of(reader: &mut dyn Reader, id: EntityId) -> Result<EntityId, Error> {
    let mut id = id;
    while let Some(merge) = reader.merges_from(&[id]).await?.into_iter().next() {
        id = merge.into;
    }
    Ok(id)
}
