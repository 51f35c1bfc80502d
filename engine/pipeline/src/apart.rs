use defacto_identity::Apart;
use defacto_model::{EntityId, Sequence};
use defacto_ports::{Reader, Transaction};
use serde::{Deserialize, Serialize};

use crate::merges::MergeIndex;
use crate::{Error, Pipeline};

/// Setting that holds every [`Separation`] as JSON.
const APART: &str = "apart";

/// Two entities that are never one: by an unmerge or a block (decision 40).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Separation {
    /// Ledger place of the row that asked for it.
    pub sequence: Sequence,
    /// Entity type of both.
    pub entity_type: String,
    /// One of them; of an unmerge the one that came back.
    pub a: EntityId,
    /// The other.
    pub b: EntityId,
    /// Ledger place of the merge taken back; `None` for a block.
    pub unmerged: Option<Sequence>,
}

/// Every separation, in order of the ledger.
pub(crate) async fn separations<R>(reader: &mut R) -> Result<Vec<Separation>, Error>
where
    R: Reader + ?Sized,
{
    let text = reader.setting(APART).await?.unwrap_or_default();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_str(&text).map_err(|error| {
        let message = format!("the list of entities kept apart: {error}");
        Error::Port(defacto_ports::Error::Inconsistent { message })
    })
}

pub(crate) async fn set_separations(
    tx: &mut dyn Transaction,
    list: &[Separation],
) -> Result<(), Error> {
    let text = if list.is_empty() {
        String::new()
    } else {
        serde_json::to_string(list).unwrap_or_default()
    };
    Ok(tx.set_setting(APART, &text).await?)
}

impl Pipeline {
    /// Entities that are never one, in the order in which that was asked for.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn separations(&self) -> Result<Vec<Separation>, Error> {
        separations(self.store.read().await?.as_mut()).await
    }

    /// What must be kept apart, by the ids that entities mean now.
    pub(crate) async fn apart(&mut self, tx: &mut dyn Transaction) -> Result<Apart, Error> {
        if let Some(known) = &self.identity.apart {
            return Ok(known.clone());
        }
        let list = separations(tx).await?;
        let mut index = MergeIndex::default();
        index.load(tx, list.iter().flat_map(|it| [it.a, it.b]).collect()).await?;
        let apart = Apart::new(list.iter().map(|it| (index.root(it.a), index.root(it.b))));
        self.identity.apart = Some(apart.clone());
        Ok(apart)
    }
}
