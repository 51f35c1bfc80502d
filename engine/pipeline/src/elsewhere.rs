use std::collections::BTreeSet;

use defacto_model::{EntityId, Manifest};
use defacto_planner::DEPLETED;
use defacto_ports::{Realm, Transaction};

use crate::pairs::Pairs;
use crate::{Error, Pipeline};

/// A version other than the one at work, whose history an erasure or redaction reaches too.
#[derive(Debug, Clone)]
pub struct OtherVersion {
    /// Its name.
    pub version: String,
    /// What was compiled.
    pub manifest: Manifest,
}

impl Pipeline {
    /// Takes entities out of the histories of other versions, which the next build of these versions makes anew.
    pub(crate) async fn deplete(
        &self,
        tx: &mut dyn Transaction,
        others: &[OtherVersion],
        ids: &BTreeSet<EntityId>,
    ) -> Result<(), Error> {
        let ids: Vec<EntityId> = ids.iter().copied().collect();
        let all: Vec<_> = ids.iter().map(|id| (*id, None)).collect();
        for OtherVersion { version, manifest } in others {
            if *version == self.version {
                continue;
            }
            let Some(mut build) = tx.build(version).await? else { continue };
            let realm = Realm { version: version.clone(), generation: build.generation };
            for entity in &manifest.entities {
                tx.delete_states(&realm, &entity.name, &ids).await?;
                tx.delete_history(&realm, &entity.name, &ids).await?;
            }
            tx.delete_edge_requests(&realm, &all).await?;
            for pair in Pairs::new(manifest).pairs {
                tx.delete_edges(&realm, &pair.key, &ids).await?;
            }
            if let Some((generation, ..)) = build.pending.take() {
                tx.drop_realm(&Realm { generation, ..realm }).await?;
            }
            DEPLETED.clone_into(&mut build.definition_hash);
            tx.save_build(version, &build).await?;
        }
        Ok(())
    }
}
