use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use defacto_model::{EntityId, Value};
use defacto_ports::{Appended, EntityStateRow, HintRow, Reader, Transaction};

use crate::apply::{Block, Target};
use crate::catalog::{Catalog, MERGE_EVENT};
use crate::decode::Event;
use crate::merges::MergeIndex;
use crate::unmerge::system_event;
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
        let whole = self.start(true).await?;
        let result = self.merge_inner(from, into, reason).await;
        self.end(whole, result).await
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
        let (from_root, from_hints) = known(&mut *tx, from).await?;
        let (into_root, into_hints) = known(&mut *tx, into).await?;
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
        let type_of = |hints: &[HintRow]| hints.first().map(|hint| hint.key.entity_type.clone());
        if type_of(&from_hints) != type_of(&into_hints) {
            return Err(Error::Identity("cannot merge entities of different types"));
        }
        if self.apart(&mut *tx).await?.forbids(&[from_root, into_root]) {
            return Err(Error::Identity("the two are kept apart by an unmerge or a block"));
        }
        let data = vec![
            ("from_entity_id".to_owned(), Value::String(from_root.to_string())),
            ("from_hints".to_owned(), hint_value(&from_hints)),
            ("into_entity_id".to_owned(), Value::String(into_root.to_string())),
            ("into_hints".to_owned(), hint_value(&into_hints)),
            ("reason".to_owned(), Value::String(reason.to_owned())),
        ];
        let new = system_event(MERGE_EVENT, [from_root, into_root], &data, self.now());
        let appended = tx.append(std::slice::from_ref(&new)).await?;
        let Some(Appended::Inserted(sequence)) = appended.first().copied() else {
            return Ok(result);
        };
        let event = Event::system(new, sequence)?;
        let (block, moved) = self.resolve_system(&mut *tx, event).await?;
        result.events_reassigned = moved;
        result.tombstones_produced = crate::build::count(block.merges.len());
        let realm = self.realm();
        let mut touched: Vec<EntityStateRow> = Vec::new();
        let target = Target { realm: &realm, replay: false };
        let summary =
            self.apply_block(&mut *tx, target, block, &HashSet::new(), &mut touched).await?;
        result.entities_rebuilt = summary.rebuilt;
        let mut progress = self.build.clone();
        progress.cursor = sequence;
        tx.save_build(&self.progress_key(), &progress).await?;
        self.commit(tx).await?;
        self.build = progress;
        for row in touched {
            self.states.put(row);
        }
        let mut build = BuildResult::default();
        self.report(summary, &mut build).await?;
        self.settle(&mut build).await?;
        result.failures = build.failures;
        Ok(result)
    }

    /// Resolves a row of the engine's own that was just appended, after what others appended before it. Returns what is to be
    /// applied, and how many events changed their entity.
    pub(crate) async fn resolve_system(
        &mut self,
        tx: &mut dyn Transaction,
        event: Event,
    ) -> Result<(Block, u64), Error> {
        let (cursor, sequence) = (self.build.cursor, event.sequence);
        let mut events = self.outstanding(tx, sequence).await?;
        events.push(Arc::new(event));
        let resolved = self.resolve_new(tx, &events, sequence).await?;
        let merges = tx.merges_between(cursor, sequence, usize::MAX).await?;
        let undone = self.undone_between(tx, cursor, sequence).await?;
        let mut rows = resolved.rows;
        let events = events.into_iter().map(|event| {
            let rows = rows.remove(&event.sequence).unwrap_or_default();
            (event, rows)
        });
        Ok((Block { events: events.collect(), merges, undone }, resolved.moved))
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
        let catalog = Catalog::new(definitions.machines.manifest(), definitions.machines.digest());
        let old = (
            std::mem::replace(&mut self.machines, definitions.machines),
            std::mem::replace(&mut self.catalog, Arc::new(catalog)),
            std::mem::replace(&mut self.version, definitions.version),
        );
        let result = match self.load().await {
            Ok(()) => self.build(options).await,
            Err(error) => Err(error),
        };
        if result.is_err() {
            (self.machines, self.catalog, self.version) = old;
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
        self.ensure_version(definitions, false).await
    }
}

/// What an id means now, with its hints.
pub(crate) async fn known<R>(
    reader: &mut R,
    id: EntityId,
) -> Result<(EntityId, Vec<HintRow>), Error>
where
    R: Reader + ?Sized,
{
    let mut index = MergeIndex::default();
    index.load(reader, vec![id]).await?;
    let root = index.root(id);
    let hints = reader.hints_of(&[root]).await?;
    if hints.is_empty() { Err(Error::UnknownEntity(id)) } else { Ok((root, hints)) }
}

/// Hints as `{type: {field: [texts]}}`.
pub(crate) fn hint_value(hints: &[HintRow]) -> Value {
    let mut types: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for hint in hints {
        let fields = types.entry(hint.key.entity_type.clone()).or_default();
        fields.entry(hint.field.clone()).or_default().push(hint.key.value.clone());
    }
    let fields = |fields: BTreeMap<String, Vec<String>>| {
        let lists = fields.into_iter().map(|(name, mut values)| {
            values.sort_unstable();
            (name, Value::List(values.into_iter().map(Value::String).collect()))
        });
        Value::Object(lists.collect())
    };
    Value::Object(types.into_iter().map(|(name, inner)| (name, fields(inner))).collect())
}
