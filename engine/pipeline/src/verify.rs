use defacto_model::{EntityId, Sequence, Timestamp};
use defacto_ports::{HistoryQuery, HistoryRecord, Reader};
use serde::Serialize;

use crate::merges::MergeIndex;
use crate::{Error, Pipeline};

/// Rows read at once.
const PAGE: usize = 4096;
/// Findings that are listed.
const LISTED: usize = 100;

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which check.
    pub check: &'static str,
    /// Entity type.
    pub entity_type: String,
    /// Entity.
    pub entity_id: Option<EntityId>,
    /// What is wrong.
    pub message: String,
}

/// Outcome of the checks of history shape (engine.md 3.9).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Verification {
    /// Checks made.
    pub checks: Vec<&'static str>,
    /// History rows read.
    pub rows: u64,
    /// How many findings there are.
    pub failed: u64,
    /// The first hundred.
    pub findings: Vec<Finding>,
}

const FILES: &str = "the store's files are whole";
const ONE_OPEN: &str = "at most one open row per entity";
const INTERVALS: &str = "intervals of an entity are disjoint and contiguous";
const MERGED: &str = "rows of merged entities are closed and name a survivor";
const STATE: &str = "the open row agrees with the stored state";
const IDENTITY: &str = "no hint leads to a merged entity";
const APART: &str = "entities that are kept apart are two";

impl Verification {
    fn find(
        &mut self,
        check: &'static str,
        entity_type: &str,
        id: Option<EntityId>,
        message: String,
    ) {
        self.failed += 1;
        if self.findings.len() < LISTED {
            self.findings.push(Finding {
                check,
                entity_type: entity_type.to_owned(),
                entity_id: id,
                message,
            });
        }
    }
}

impl Pipeline {
    /// Checks the files of the store, and the shape of the stored history if they are whole.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn verify(&self) -> Result<Verification, Error> {
        let mut out = Verification {
            checks: vec![FILES, ONE_OPEN, INTERVALS, MERGED, STATE, IDENTITY, APART],
            ..Verification::default()
        };
        for message in self.store.damage().await? {
            out.find(FILES, "store", None, message);
        }
        if out.failed > 0 {
            return Ok(out);
        }
        let mut reader = self.store.read().await?;
        let any_merges =
            !reader.merges_between(Sequence(0), Sequence(i64::MAX), 1).await?.is_empty();
        let realm = self.shown(&mut *reader).await?;
        let cursors = self.cursors(&mut *reader).await?;
        for entity in &self.catalog.manifest.entities {
            let mut query = HistoryQuery { merged: true, limit: PAGE, ..HistoryQuery::default() };
            let mut previous: Option<HistoryRecord> = None;
            loop {
                let page = reader.history(&realm, &entity.name, &query).await?;
                let Some(last) = page.last() else { break };
                query.after = Some((last.entity_id, last.row.valid_from));
                let mut index = MergeIndex::default();
                if any_merges {
                    let ids = page.iter().map(|row| row.entity_id).collect();
                    index.load(&mut *reader, ids).await?;
                }
                let open: Vec<HistoryRecord> = page
                    .iter()
                    .filter(|row| row.valid_to.is_none() && row.merged_into.is_none())
                    .cloned()
                    .collect();
                for row in page {
                    out.rows += 1;
                    row_shape(&mut out, &entity.name, previous.as_ref(), &row);
                    let (id, from) = (row.entity_id, row.row.valid_from);
                    let cursor = cursors.of(id);
                    let root = index.root_until(id, cursor);
                    let mut survivor = (root != id).then_some(root);
                    if row.merged_into != survivor {
                        survivor = survivor_at(&mut *reader, id, cursor).await?;
                    }
                    let find = |out: &mut Verification, what: &str| {
                        let message = format!("row from {from} {what}");
                        out.find(MERGED, &entity.name, Some(id), message);
                    };
                    if row.merged_into != survivor {
                        find(&mut out, "names another survivor");
                    } else if survivor.is_some() && row.valid_to.is_none() {
                        find(&mut out, "is open");
                    }
                    previous = Some(row);
                }
                let ids: Vec<EntityId> = open.iter().map(|row| row.entity_id).collect();
                let states = reader.load_states(&realm, &entity.name, &ids).await?;
                for (row, state) in open.into_iter().zip(states) {
                    let agrees = state.is_some_and(|state| {
                        let name =
                            entity.states.get(state.record.state as usize).map(|s| s.name.as_str());
                        state.record.exists
                            && name == Some(row.row.state.as_str())
                            && state.record.properties == row.row.properties
                            && state.record.entered == row.row.entered
                            && state.record.created == row.row.created
                    });
                    if !agrees {
                        let message = format!("row from {} is not the state", row.row.valid_from);
                        out.find(STATE, &entity.name, Some(row.entity_id), message);
                    }
                }
            }
        }
        for it in crate::apart::separations(reader.as_mut()).await? {
            let mut index = MergeIndex::default();
            index.load(&mut *reader, vec![it.a, it.b]).await?;
            if index.root(it.a) == index.root(it.b) {
                let message = format!("{} and {} are one", it.a, it.b);
                out.find(APART, &it.entity_type, Some(it.a), message);
            }
        }
        let mut after = None;
        loop {
            let page = reader.list_hints(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            let mut index = MergeIndex::default();
            if any_merges {
                index.load(&mut *reader, page.iter().map(|hint| hint.entity_id).collect()).await?;
            }
            for hint in page {
                if index.end_of(hint.entity_id).is_some() {
                    let message = format!("{} '{}'", hint.field, hint.key.value);
                    out.find(IDENTITY, &hint.key.entity_type, Some(hint.entity_id), message);
                }
            }
        }
        Ok(out)
    }
}

fn row_shape(
    out: &mut Verification,
    entity_type: &str,
    previous: Option<&HistoryRecord>,
    row: &HistoryRecord,
) {
    let id = Some(row.entity_id);
    let from: Timestamp = row.row.valid_from;
    if row.valid_to.is_some_and(|to| to <= from) {
        out.find(INTERVALS, entity_type, id, format!("row from {from} ends before it begins"));
    }
    if let Some(previous) = previous.filter(|previous| previous.entity_id == row.entity_id) {
        match previous.valid_to {
            None => out.find(
                ONE_OPEN,
                entity_type,
                id,
                format!("an open row precedes that from {from}"),
            ),
            Some(to) if to != from => {
                out.find(INTERVALS, entity_type, id, format!("{to} and {from} do not meet"));
            }
            Some(_) => {}
        }
    }
}

/// What an entity had been merged into when the ledger ended at a place: what was taken back later counts, which the merge
/// index leaves out.
async fn survivor_at(
    reader: &mut dyn Reader,
    id: EntityId,
    cursor: Sequence,
) -> Result<Option<EntityId>, Error> {
    let mut survivor = None;
    loop {
        let at = survivor.unwrap_or(id);
        let merges = reader.merges(Some(at)).await?;
        let then = merges.into_iter().find(|merge| {
            let taken_back = merge.undone_by.is_some_and(|undone_by| undone_by <= cursor);
            merge.from == at && merge.sequence <= cursor && !taken_back
        });
        match then {
            Some(merge) => survivor = Some(merge.into),
            None => return Ok(survivor),
        }
    }
}
