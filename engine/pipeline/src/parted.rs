use std::collections::BTreeSet;

use defacto_model::EntityId;
use defacto_ports::{MergeRow, Realm, Transaction};

use crate::catalog::Catalog;
use crate::edges::cluster;
use crate::merges::MergeIndex;
use crate::{Error, Pipeline};

/// What must be made anew in a history that shows merges which have been taken back.
#[derive(Debug, Default)]
pub(crate) struct Parted {
    /// Entities with their types: both sides, and whoever relates to one of them.
    pub(crate) redo: BTreeSet<(u32, EntityId)>,
    /// Both sides and everything merged into them: their edges are folded from the start.
    pub(crate) ids: Vec<EntityId>,
    /// Entities that have ceased into one of the sides.
    pub(crate) losers: Vec<MergeRow>,
}

impl Pipeline {
    /// What unmerges change in a realm.
    pub(crate) async fn parted(
        &mut self,
        tx: &mut dyn Transaction,
        realm: &Realm,
        catalog: &Catalog,
        undone: &[MergeRow],
    ) -> Result<Parted, Error> {
        let mut out = Parted::default();
        let mut index = MergeIndex::default();
        index.load(tx, undone.iter().flat_map(|merge| [merge.from, merge.into]).collect()).await?;
        for merge in undone {
            let Some((entity, _)) = catalog.manifest.find_entity(&merge.entity_type) else {
                continue;
            };
            for id in [merge.from, merge.into] {
                let root = index.root(id);
                out.redo.insert((entity, root));
                out.ids.push(root);
            }
        }
        out.ids.sort_unstable();
        out.ids.dedup();
        cluster(tx, &mut out.ids).await?;
        out.losers = tx.merges_from(&out.ids).await?;
        for pair in &catalog.pairs.pairs {
            for request in tx.edge_requests(realm, &pair.key, &out.ids).await? {
                let entity = if request.forward { pair.source } else { pair.target };
                index.load(tx, vec![request.relater]).await?;
                out.redo.insert((entity, index.root(request.relater)));
            }
        }
        Ok(out)
    }
}
