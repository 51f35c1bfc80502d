use defacto_model::EntityId;
use defacto_ports::{HintRow, Reader};

use crate::catalog::MERGE_EVENT;
use crate::instead::Instead;
use crate::merges::MergeIndex;
use crate::retry::on_the_whole;
use crate::system::{system_event, type_of};
use crate::{BuildOptions, BuildResult, Definitions, Error, MergeResult, Pipeline};

impl Pipeline {
    /// Merges one entity into another, for good (engine.md 2.5). Merging what is one already does nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Identity`] for an entity with itself or with one of another type, [`Error::UnknownEntity`].
    pub async fn merge(
        &mut self,
        from: EntityId,
        into: EntityId,
        reason: &str,
    ) -> Result<MergeResult, Error> {
        on_the_whole!(self, self.merge_inner(from, into, reason))
    }

    async fn merge_inner(
        &mut self,
        from: EntityId,
        into: EntityId,
        reason: &str,
    ) -> Result<MergeResult, Error> {
        self.begin_operation();
        if from == into {
            return Err(Error::Identity("cannot merge an entity into itself"));
        }
        self.bring_up().await?;
        let mut tx = self.begin().await?;
        let (from_root, from_hints) = known(&mut *tx, from, RECORDED).await?;
        let (into_root, into_hints) = known(&mut *tx, into, RECORDED).await?;
        let mut result = MergeResult {
            from_entity_id: from,
            into_entity_id: into,
            events_reassigned: 0,
            entities_rebuilt: 0,
            tombstones_produced: 0,
            failures: Vec::new(),
        };
        if from_root == into_root {
            return Ok(result);
        }
        if type_of(&from_hints) != type_of(&into_hints) {
            return Err(Error::Identity("cannot merge entities of different types"));
        }
        if self.apart(&mut *tx).await?.forbids(&[from_root, into_root]) {
            return Err(Error::Identity("the two are kept apart by an unmerge or a block"));
        }
        let sides = [(from_root, from_hints.as_slice()), (into_root, into_hints.as_slice())];
        let new = system_event(MERGE_EVENT, sides, reason, self.now());
        if let Some(done) = self.carry_out(tx, new, &mut result.failures).await? {
            result.events_reassigned = done.moved;
            result.tombstones_produced = done.merged;
            result.entities_rebuilt = done.rebuilt;
        }
        Ok(result)
    }

    /// Processes what is outstanding and shows this version to readers, as an operation on entities needs it.
    ///
    /// # Errors
    ///
    /// What module and store say.
    pub async fn bring_up(&mut self) -> Result<(), Error> {
        let plan = self.plan(defacto_planner::Wanted::default()).await?;
        if plan.mode != defacto_planner::Mode::Skip || !self.active {
            let options = BuildOptions { as_of: crate::AsOf::Keep, ..BuildOptions::default() };
            self.build_planned(plan, options).await?;
        }
        Ok(())
    }

    /// Makes other definitions the active ones: registers them if they are new, builds their history beside the
    /// present one, and shows it when it is complete. On failure the present version stays.
    ///
    /// # Errors
    ///
    /// [`Error::VersionTaken`]; what module and store say.
    pub async fn activate(
        &mut self,
        definitions: Definitions,
        options: BuildOptions,
    ) -> Result<BuildResult, Error> {
        let whole = self.start(true).await?;
        let result = self.activate_whole(definitions, options).await;
        self.end(whole, result).await
    }

    async fn activate_whole(
        &mut self,
        definitions: Definitions,
        options: BuildOptions,
    ) -> Result<BuildResult, Error> {
        self.ensure_version(&definitions, false).await?;
        let mut next = Instead::new(self, definitions, false);
        let result = next.build(options).await;
        if result.is_ok() {
            next.keep();
        } else {
            drop(next);
            self.load().await?;
        }
        result
    }

    /// Registers definitions without making them active.
    ///
    /// # Errors
    ///
    /// [`Error::VersionTaken`]; what the store says.
    pub async fn register(&mut self, definitions: &Definitions) -> Result<(), Error> {
        self.ensure_version(definitions, false).await?;
        if definitions.version == self.version {
            self.unregistered = None;
        }
        Ok(())
    }
}

/// Hints of each space by which a merge names an entity: enough to find it again, however many it has.
const RECORDED: usize = 16;
/// All hints of an entity.
pub(crate) const ALL: usize = usize::MAX;

/// What an id means now, with its hints, of each space at most `most`.
pub(crate) async fn known<R>(
    reader: &mut R,
    id: EntityId,
    most: usize,
) -> Result<(EntityId, Vec<HintRow>), Error>
where
    R: Reader + ?Sized,
{
    let mut index = MergeIndex::default();
    index.load(reader, vec![id]).await?;
    let root = index.root(id);
    let hints = reader.some_hints(root, most).await?;
    if hints.is_empty() { Err(Error::UnknownEntity(id)) } else { Ok((root, hints)) }
}
