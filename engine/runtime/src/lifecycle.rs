//! Operations on entities: they are recorded in the ledger, so that every rebuild repeats them.

use defacto_model::EntityId;
use defacto_pipeline::{
    BlockResult, EraseResult, MergeResult, OtherVersion, RedactResult, Separation, UnmergeResult,
};
use defacto_ports::Reader;

use crate::log;
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
        let result = result.map_err(|error| self.failed("merge", error))?;
        log::merged(&result);
        Ok(result)
    }

    /// Takes back the merge in which `loser` ceased into `winner` (decision 40): it has its hints, events and history again,
    /// and the two are never one from now on. Of the events since the merge, those whose first written hint is one of
    /// its own return to it too. Recorded in the ledger, so that a rebuild repeats it.
    ///
    /// # Errors
    ///
    /// An unknown entity; two that are not one by such a merge; what module and store say.
    pub async fn unmerge(
        &self,
        loser: EntityId,
        winner: EntityId,
        reason: &str,
    ) -> Result<UnmergeResult, Error> {
        let result = self.pipeline.lock().await.unmerge(loser, winner, reason).await;
        let result = result.map_err(|error| self.failed("unmerge", error))?;
        log::unmerged(&result);
        Ok(result)
    }

    /// Keeps two entities apart for good (decision 40): an event whose hints reach both goes to the one that its first
    /// written hint leads to, with a warning in the result, and joins nothing. Recorded in the ledger.
    ///
    /// # Errors
    ///
    /// An unknown entity; two that are one, or of different types; what module and store say.
    pub async fn block(
        &self,
        a: EntityId,
        b: EntityId,
        reason: &str,
    ) -> Result<BlockResult, Error> {
        let result = self.pipeline.lock().await.block(a, b, reason).await;
        let result = result.map_err(|error| self.failed("block", error))?;
        log::blocked(&result);
        Ok(result)
    }

    /// What keeps an entity, or one merged into it, apart from others, in order of the ledger.
    ///
    /// # Errors
    ///
    /// An unknown entity; what the store says.
    pub async fn separations_of(&self, id: EntityId) -> Result<Vec<Separation>, Error> {
        let view = self.view(None).await?;
        let (root, _) = self.locate(&view, id).await?;
        let all = self.pipeline.lock().await.separations().await?;
        let mut reader = self.store.read().await?;
        let mut out = Vec::new();
        for it in all {
            let sides = [it.a, it.b];
            let mut concerned = sides.contains(&id);
            for side in sides {
                concerned |= root_of(reader.as_mut(), side).await? == root;
            }
            if concerned {
                out.push(it);
            }
        }
        Ok(out)
    }

    /// Removes an entity for good, with the entities merged into it and every event that is known only through it
    /// (engine.md 1.6). It leaves the histories of all versions; those of versions not at work are made anew by their next
    /// build. Erasing an entity again gives the recorded result. The
    /// database is written anew, so that its files hold no byte of what was removed.
    ///
    /// # Errors
    ///
    /// An unknown entity; [`Error::Unpurged`]; what module and store say.
    pub async fn erase(&self, id: EntityId) -> Result<EraseResult, Error> {
        let others = self.others().await?;
        let result = self.pipeline.lock().await.erase(id, &others).await;
        let result = result.map_err(|error| self.failed("erase", error))?;
        log::erased(&result);
        self.complete_removal().await?;
        Ok(result)
    }

    /// What erasing an entity did, if it has been erased.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn erasure_of(&self, id: EntityId) -> Result<Option<EraseResult>, Error> {
        Ok(self.pipeline.lock().await.erasure_of(id).await?)
    }

    /// Replaces what is sensitive of an entity, as the treatments of its properties say, in ledger, identity map and history
    /// (engine.md 1.5). The entity stays, and later events still find it. The database is written anew, as by
    /// [`Engine::erase`].
    ///
    /// # Errors
    ///
    /// An unknown entity; [`Error::Unpurged`]; what module and store say.
    pub async fn redact(&self, id: EntityId) -> Result<RedactResult, Error> {
        let others = self.others().await?;
        let result = self.pipeline.lock().await.redact(id, &others).await;
        let result = result.map_err(|error| self.failed("redact", error))?;
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
        self.remove_copy().await?;
        let purged = pipeline.purge().await;
        purged.map_err(|source| self.failed("redact", Error::Unpurged(source)))
    }

    /// Versions other than the one at work, with what was compiled from them.
    async fn others(&self) -> Result<Vec<OtherVersion>, Error> {
        let own = self.version().await;
        let mut out = Vec::new();
        for version in self.store.read().await?.versions().await? {
            if version.version != own {
                let manifest = manifest_of(&version, &self.place.state)?;
                out.push(OtherVersion { version: version.version, manifest });
            }
        }
        Ok(out)
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
