//! Operations on entities: they are recorded in the ledger, so that every rebuild repeats them.

use defacto_model::{EntityId, Sequence};
use defacto_pipeline::{EraseResult, MergeResult, RedactResult};
use defacto_ports::{BuildState, Reader, Realm};

use crate::log;
use crate::rebuild::remove_scratch;
use crate::versions::manifest_of;
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
    /// (engine.md 1.6). Histories of versions that are not active are forgotten with it, until they are built again. The
    /// database is written anew, so that its files hold no byte of what was removed.
    ///
    /// # Errors
    ///
    /// An unknown entity; [`Error::Unpurged`]; what module and store say.
    pub async fn erase(&self, id: EntityId) -> Result<EraseResult, Error> {
        self.empty_other_versions(id).await?;
        let result = self.pipeline.lock().await.erase(id).await;
        let result = result.map_err(|error| log::failed(error.into()))?;
        log::erased(&result);
        self.complete_removal().await?;
        Ok(result)
    }

    /// Replaces what is sensitive of an entity, as the treatments of its properties say, in ledger, identity map and history
    /// (engine.md 1.5). The entity stays, and later events still find it. The database is written anew, as by
    /// [`Engine::erase`].
    ///
    /// # Errors
    ///
    /// An unknown entity; [`Error::Unpurged`]; what module and store say.
    pub async fn redact(&self, id: EntityId) -> Result<RedactResult, Error> {
        self.empty_other_versions(id).await?;
        let result = self.pipeline.lock().await.redact(id).await;
        let result = result.map_err(|error| log::failed(error.into()))?;
        self.complete_removal().await?;
        Ok(result)
    }

    /// Removes the last traces of what was erased or redacted, if there are any: those that the operation left, or one that
    /// was interrupted.
    pub(crate) async fn complete_removal(&self) -> Result<(), Error> {
        let pipeline = self.pipeline.lock().await;
        if !pipeline.unpurged().await? {
            return Ok(());
        }
        remove_scratch(&self.place.state)?;
        let purged = pipeline.purge().await;
        purged.map_err(|source| log::failed(Error::Unpurged(source)))
    }

    /// Forgets the history of all versions but that at work, because they hold the entity too; they are built anew when
    /// they are wanted again. Done before the operation, so that a crash in between leaves nothing behind.
    async fn empty_other_versions(&self, id: EntityId) -> Result<(), Error> {
        let view = self.view(None).await?;
        self.locate(&view, id).await?;
        self.pipeline.lock().await.bring_up().await?;
        let own = self.version().await;
        let mut tx = self.store.begin().await?;
        for version in tx.versions().await? {
            if version.version == own {
                continue;
            }
            let Some(build) = tx.build(&version.version).await? else { continue };
            let untouched = build.last_built_at.is_none() && build.cursor == Sequence(0);
            if untouched && build.pending.is_none() {
                continue;
            }
            let manifest = manifest_of(&version)?;
            let old = Realm { version: version.version.clone(), generation: build.generation };
            let new = Realm { generation: build.generation + 1, ..old.clone() };
            tx.create_realm(&new, &manifest).await?;
            tx.publish_realm(&new, &manifest).await?;
            tx.drop_realm(&old).await?;
            let build = BuildState {
                cursor: Sequence(0),
                watermark: None,
                generation: new.generation,
                pending: None,
                last_mode: String::new(),
                last_built_at: None,
                ..build
            };
            tx.save_build(&version.version, &build).await?;
        }
        tx.commit().await?;
        Ok(())
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
