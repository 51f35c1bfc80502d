use defacto_model::{EntityId, entity_id};
use defacto_ports::{HintRow, MergeRow, Transaction};

use crate::catalog::{BLOCK_EVENT, UNMERGE_EVENT};
use crate::edges::cluster;
use crate::lifecycle::{ALL, known};
use crate::retry::on_the_whole;
use crate::separate::{Side, of_type};
use crate::system::{system_event, type_of};
use crate::{BlockResult, Error, Pipeline, UnmergeResult};

impl Pipeline {
    /// Takes back a merge (decision 40): the entity that ceased has its hints and events again, and the two are never
    /// one from now on. Of the events since the merge, those whose first written hint is one that the entity brought
    /// return to it too. Taking back what has been taken back does nothing.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownEntity`]; [`Error::Identity`] when `loser` was not merged into `winner`.
    pub async fn unmerge(
        &mut self,
        loser: EntityId,
        winner: EntityId,
        reason: &str,
    ) -> Result<UnmergeResult, Error> {
        on_the_whole!(self, self.unmerge_inner(loser, winner, reason))
    }

    async fn unmerge_inner(
        &mut self,
        loser: EntityId,
        winner: EntityId,
        reason: &str,
    ) -> Result<UnmergeResult, Error> {
        self.begin_operation();
        self.bring_up().await?;
        let mut tx = self.begin().await?;
        let (root, hints) = known(&mut *tx, loser, ALL).await?;
        let (other, _) = known(&mut *tx, winner, ALL).await?;
        let mut result = UnmergeResult {
            entity_id: loser,
            from_entity_id: winner,
            events_returned: 0,
            hints_returned: 0,
            entities_rebuilt: 0,
            failures: Vec::new(),
        };
        if root != other {
            let rows = tx.merges(Some(loser)).await?;
            if rows.iter().any(|row| row.from == loser && row.undone_by.is_some()) {
                return Ok(result);
            }
            return Err(Error::Identity("the two are not one: there is no merge to take back"));
        }
        let Some(merge) = tx.merges_from(&[loser]).await?.into_iter().next() else {
            return Err(Error::Identity(
                "the first has not been merged into another: name the entity that ceased first",
            ));
        };
        let entity_type = merge.entity_type.clone();
        let side = self.side_of(&mut *tx, root, &merge, &hints).await?;
        let (from, into): (Vec<HintRow>, Vec<HintRow>) =
            hints.into_iter().partition(|hint| side.contains(&hint.key));
        if from.is_empty() || into.is_empty() {
            return Err(Error::Identity("one of the two has no hint of its own: they stay one"));
        }
        result.hints_returned = crate::build::count(from.len());
        let sides = [(loser, from.as_slice()), (winner, into.as_slice())];
        let new = system_event(UNMERGE_EVENT, sides, reason, self.now());
        if let Some(done) = self.carry_out(tx, new, &mut result.failures).await? {
            result.events_returned = done.moved;
            result.entities_rebuilt = done.rebuilt;
        }
        tracing::debug!(target: "defacto.lifecycle", entity_type, "merge taken back");
        Ok(result)
    }

    /// Keeps two entities apart for good (decision 40): an event whose hints reach both goes to the one that its first
    /// written hint leads to.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownEntity`]; [`Error::Identity`] when they are one, or of different types.
    pub async fn block(
        &mut self,
        a: EntityId,
        b: EntityId,
        reason: &str,
    ) -> Result<BlockResult, Error> {
        on_the_whole!(self, self.block_inner(a, b, reason))
    }

    async fn block_inner(
        &mut self,
        a: EntityId,
        b: EntityId,
        reason: &str,
    ) -> Result<BlockResult, Error> {
        self.begin_operation();
        self.bring_up().await?;
        let mut tx = self.begin().await?;
        let (root_a, hints_a) = known(&mut *tx, a, ALL).await?;
        let (root_b, hints_b) = known(&mut *tx, b, ALL).await?;
        if root_a == root_b {
            return Err(Error::Identity("the two are one: take the merge back with unmerge"));
        }
        if type_of(&hints_a) != type_of(&hints_b) {
            return Err(Error::Identity("entities of different types are never one"));
        }
        let mut result = BlockResult { entity_id: a, other_entity_id: b, newly_blocked: false };
        if self.apart(&mut *tx).await?.forbids(&[root_a, root_b]) {
            return Ok(result);
        }
        let sides = [(root_a, hints_a.as_slice()), (root_b, hints_b.as_slice())];
        let new = system_event(BLOCK_EVENT, sides, reason, self.now());
        let done = self.carry_out(tx, new, &mut Vec::new()).await?;
        result.newly_blocked = done.is_some();
        Ok(result)
    }

    /// Hints of an entity that go back with the loser of a merge: those it had before, and those that events brought
    /// since which are its own.
    async fn side_of(
        &self,
        tx: &mut dyn Transaction,
        root: EntityId,
        merge: &MergeRow,
        hints: &[HintRow],
    ) -> Result<Side, Error> {
        let mut side = vec![merge.from];
        cluster(tx, &mut side).await?;
        let mut all = vec![root];
        cluster(tx, &mut all).await?;
        let (mut back, mut kept) = (Side::new(), Side::new());
        for hint in hints {
            // A hint that gave an entity its id was that entity's, whoever carried it since.
            let generation = if self.any_erased {
                let digest = self.hint_digest(tx, &hint.key).await?;
                tx.erased_generation(&digest).await?
            } else {
                0
            };
            let key = &hint.key;
            let namespace = &self.options.namespace;
            let id = entity_id(namespace, &key.entity_type, &key.space, &key.value, generation);
            if side.contains(&id) {
                back.insert(key.clone());
            } else if all.contains(&id) {
                kept.insert(key.clone());
            }
        }
        let mut events = tx.events_of(&[root], None).await?;
        events.sort_by_key(|(_, event)| event.sequence);
        for (owner, event) in of_type(&events, &merge.entity_type) {
            let keys = self.standing_hints(tx, &merge.entity_type, &event.event.hints).await?;
            let first = keys.iter().find(|key| back.contains(key) || kept.contains(key));
            let returns = side.contains(&owner.origin_id)
                || (event.sequence >= merge.sequence
                    && first.is_some_and(|key| back.contains(key)));
            for key in keys {
                if !back.contains(&key) && !kept.contains(&key) {
                    if returns {
                        back.insert(key)
                    } else {
                        kept.insert(key)
                    };
                }
            }
        }
        Ok(back)
    }
}
