use std::sync::Arc;

use defacto_ports::Machines;

use crate::catalog::Catalog;
use crate::{BuildOptions, BuildResult, Definitions, Error, Pipeline};

/// Other definitions at work in place of a pipeline's own, for one operation. Its own come back when this is dropped, and
/// so also when nobody waits for the operation any more.
#[derive(Debug)]
pub(crate) struct Instead<'a> {
    pipeline: &'a mut Pipeline,
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    machines: Arc<dyn Machines>,
    catalog: Arc<Catalog>,
    version: String,
    unregistered: Option<Definitions>,
    beside: bool,
}

impl<'a> Instead<'a> {
    /// `beside`: whether what they build leaves the active version as it is.
    pub(crate) fn new(pipeline: &'a mut Pipeline, definitions: Definitions, beside: bool) -> Self {
        let catalog = Catalog::new(definitions.machines.manifest(), definitions.machines.digest());
        let own = Own {
            machines: std::mem::replace(&mut pipeline.machines, definitions.machines),
            catalog: std::mem::replace(&mut pipeline.catalog, Arc::new(catalog)),
            version: std::mem::replace(&mut pipeline.version, definitions.version),
            unregistered: pipeline.unregistered.take(),
            beside: std::mem::replace(&mut pipeline.beside, beside),
        };
        Self { pipeline, own: Some(own) }
    }

    /// Builds their history.
    pub(crate) async fn build(&mut self, options: BuildOptions) -> Result<BuildResult, Error> {
        self.pipeline.load().await?;
        self.pipeline.build(options).await
    }

    /// The others are the pipeline's own from now on.
    pub(crate) fn keep(mut self) {
        self.own = None;
    }
}

impl Drop for Instead<'_> {
    fn drop(&mut self) {
        let Some(own) = self.own.take() else { return };
        let pipeline = &mut *self.pipeline;
        (pipeline.machines, pipeline.catalog, pipeline.version) =
            (own.machines, own.catalog, own.version);
        (pipeline.unregistered, pipeline.beside) = (own.unregistered, own.beside);
        pipeline.distrust();
    }
}
