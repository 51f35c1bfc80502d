use defacto_planner::Wanted;
use defacto_ports::Realm;

use crate::{Error, Pipeline, Status};

impl Pipeline {
    /// Where the version stands and what a build would do.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn status(&self) -> Result<Status, Error> {
        let plan = self.plan(Wanted::default()).await?;
        let mut reader = self.store.read().await?;
        let build = self.read_progress(&mut *reader).await?;
        let realm = Realm { version: self.version.clone(), generation: build.generation };
        let head = reader.head().await?;
        let mut entities = Vec::new();
        for entity in &self.catalog.manifest.entities {
            let live = match self.is_registered() {
                true => reader.count_entities(&realm, &entity.name).await?,
                false => 0,
            };
            entities.push((entity.name.clone(), live));
        }
        let hashes = &self.catalog.hashes;
        Ok(Status {
            version: self.version.clone(),
            cursor: build.cursor,
            total_events: reader.count_events(None).await?,
            pending_events: u64::try_from(head.0.saturating_sub(build.cursor.0)).unwrap_or(0),
            head,
            watermark: build.watermark,
            tick_as_of: build.tick_as_of,
            last_build_time: build.last_built_at,
            last_build_mode: build.last_mode,
            next_build_mode: plan.mode.name().to_owned(),
            next_build_reason: plan.reason.to_owned(),
            definition_hash: hashes.definition.clone(),
            source_hash: hashes.source.clone(),
            identity_hash: hashes.identity.clone(),
            dirty: build.pending.is_some(),
            entities,
            modules: self.machines.module_metrics(),
        })
    }
}
