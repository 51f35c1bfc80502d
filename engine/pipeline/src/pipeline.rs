use std::sync::Arc;

use defacto_model::{Sequence, Timestamp};
use defacto_planner::{Plan, Wanted};
use defacto_ports::{BuildState, Clock, DefinitionVersion, Machines, Reader, Realm, Store};

use crate::cache::{IdentityCache, StateCache};
use crate::catalog::Catalog;
use crate::shards::{Before, Post};
use crate::{Error, Timing, Warning};

/// Compiled definitions under their version name.
#[derive(Debug, Clone)]
pub struct Definitions {
    /// Name of the version.
    pub version: String,
    /// Canonical definitions as JSON.
    pub document: String,
    /// Compiled.
    pub machines: Arc<dyn Machines>,
}

/// How a pipeline works; nothing here changes a result.
#[derive(Debug, Clone)]
pub struct Options {
    /// Namespace: part of every entity id.
    pub namespace: String,
    /// Events in a transaction of ingest and builds.
    pub batch_size: usize,
    /// Entities whose state is kept in memory.
    pub entity_cache: usize,
    /// Hints kept in memory.
    pub identity_cache: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            namespace: "defacto".to_owned(),
            batch_size: 16_384,
            entity_cache: 50_000,
            identity_cache: 500_000,
        }
    }
}

/// Names of settings of the store.
pub(crate) mod settings {
    /// Hash of the sources under which the ledger's columns were made.
    pub(crate) const NORMALIZED_WITH: &str = "normalized_with";
    /// Hash of the identity blocks under which the identity map was made.
    pub(crate) const RESOLVED_WITH: &str = "resolved_with";
    /// Hash of the relate targets under which the identity map was made.
    pub(crate) const TARGETS_WITH: &str = "targets_with";
    /// Key of the digests of erased hints.
    pub(crate) const ERASURE_KEY: &str = "erasure_key";
    /// Set once a hint was erased.
    pub(crate) const ANY_ERASED: &str = "any_erased";
    /// Key of redacted values and hints.
    pub(crate) const REDACTION_KEY: &str = "redaction_key";
    /// Set once entities were kept apart.
    pub(crate) const ANY_APART: &str = "any_apart";
    /// Set once a hint was redacted.
    pub(crate) const ANY_REDACTED: &str = "any_redacted";
    /// "1" while bytes of something erased or redacted may be left.
    pub(crate) const UNPURGED: &str = "unpurged";
}

/// One namespace of a store together with the definitions by which it is processed. One writer: methods take
/// the pipeline mutably.
#[derive(Debug)]
pub struct Pipeline {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) machines: Arc<dyn Machines>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) version: String,
    /// The definitions at work, while no version holds them: the first operation that writes registers them.
    pub(crate) unregistered: Option<Definitions>,
    pub(crate) options: Options,
    pub(crate) build: BuildState,
    /// Whether readers see this version.
    pub(crate) active: bool,
    /// Whether the build under way leaves the active version as it is.
    pub(crate) beside: bool,
    pub(crate) identity: IdentityCache,
    pub(crate) states: StateCache,
    pub(crate) any_merges: bool,
    pub(crate) any_erased: bool,
    /// Key of redacted hints, once there are any.
    pub(crate) redaction: Option<String>,
    /// Definitions of another version as the present compiler makes them, by their content.
    pub(crate) compiled: std::sync::Mutex<Option<(String, Option<crate::base::Compiled>)>>,
    /// Time spent by the operation under way.
    pub(crate) timing: Timing,
    /// What it has to warn of.
    pub(crate) warnings: Vec<Warning>,
    /// What is worked on, and under which right.
    pub(crate) post: Post,
    /// What it works on when the operation that took the namespace as a whole has ended.
    pub(crate) before: Option<Before>,
    /// Count of the last transaction known that entered; `None` while what is kept in memory is not known to be what that
    /// left.
    pub(crate) entered: Option<u64>,
    /// Whether a transaction was begun that is not known to be committed: it failed, or whoever waited for the operation has
    /// stopped waiting. Memory may hold what it did.
    pub(crate) unended: bool,
    /// Whether the version was at the head of ledger and definitions when the last transaction known entered: nothing
    /// else is to be read before new events are applied.
    pub(crate) caught_up: bool,
    /// Whether rules may be due before the instant of the last tick.
    pub(crate) unsettled: bool,
    /// How far events were resolved when the identity in memory was true.
    pub(crate) resolved: Sequence,
    /// How far events were applied, and rules had run, when it began: what failed up to there has been reported.
    pub(crate) reported: (Sequence, Option<Timestamp>),
}

impl Pipeline {
    /// Opens a store with definitions. In a store without versions they are registered at once and readers see them;
    /// elsewhere, definitions that are new are registered by the first operation that writes, and become what readers see
    /// when their first build ends.
    ///
    /// # Errors
    ///
    /// [`Error::VersionTaken`] when the name is registered with other content; what the store says.
    pub async fn open(
        store: Arc<dyn Store>,
        definitions: Definitions,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Result<Self, Error> {
        let catalog = Catalog::new(definitions.machines.manifest(), definitions.machines.digest());
        let mut pipeline = Self {
            identity: IdentityCache::new(options.identity_cache),
            states: StateCache::new(options.entity_cache),
            store,
            clock,
            machines: Arc::clone(&definitions.machines),
            catalog: Arc::new(catalog),
            version: definitions.version.clone(),
            unregistered: None,
            options,
            build: BuildState::default(),
            active: false,
            beside: false,
            any_merges: false,
            any_erased: false,
            redaction: None,
            compiled: std::sync::Mutex::new(None),
            timing: Timing::default(),
            warnings: Vec::new(),
            post: Post::alone(),
            before: None,
            entered: None,
            unended: false,
            caught_up: false,
            unsettled: true,
            resolved: Sequence(0),
            reported: (Sequence(0), None),
        };
        let versions = pipeline.store.read().await?.versions().await?;
        match versions.iter().find(|known| known.version == definitions.version) {
            None if !versions.is_empty() => pipeline.unregistered = Some(definitions),
            _ => pipeline.ensure_version(&definitions, true).await?,
        }
        pipeline.load().await?;
        Ok(pipeline)
    }

    /// Registers the definitions at work, unless a version holds them.
    pub(crate) async fn enroll(&mut self) -> Result<(), Error> {
        if let Some(definitions) = &self.unregistered {
            self.ensure_version(definitions, true).await?;
            self.unregistered = None;
            self.load().await?;
        }
        Ok(())
    }

    /// Whether a version holds the definitions at work: only then is there a history of theirs.
    pub fn is_registered(&self) -> bool {
        self.unregistered.is_none()
    }

    /// Registers a version if it is new, and makes its tables (engine.md 3.1 `ensure_version_state`).
    pub(crate) async fn ensure_version(
        &self,
        definitions: &Definitions,
        activate_first: bool,
    ) -> Result<(), Error> {
        let manifest = definitions.machines.manifest();
        let digest = definitions.machines.digest();
        let mut reader = self.store.read().await?;
        let versions = reader.versions().await?;
        let same = |known: &DefinitionVersion| {
            known.version == definitions.version && known.content_hash == manifest.content_hash
        };
        if versions.iter().any(same)
            && reader.build(&definitions.version).await?.is_some()
            && reader.setting(settings::TARGETS_WITH).await?.is_some()
        {
            return Ok(());
        }
        drop(reader);
        let mut tx = self.store.begin().await?;
        // Others that open the namespace for the first time wait here, and then find it made.
        tx.enter().await?;
        let versions = tx.versions().await?;
        let known = versions.iter().find(|known| known.version == definitions.version);
        if let Some(known) = known {
            if known.content_hash != manifest.content_hash {
                return Err(Error::VersionTaken(definitions.version.clone()));
            }
        } else {
            tx.add_version(&DefinitionVersion {
                version: definitions.version.clone(),
                definitions: definitions.document.clone(),
                content_hash: manifest.content_hash.clone(),
                active: false,
                created_at: self.clock.now(),
            })
            .await?;
        }
        if tx.build(&definitions.version).await?.is_none() {
            let hashes = Catalog::new(manifest, digest).hashes;
            let state = crate::versions::seed(&mut *tx, &hashes).await?;
            let realm = Realm { version: definitions.version.clone(), generation: 0 };
            tx.create_realm(&realm, manifest).await?;
            tx.save_build(&definitions.version, &state).await?;
            if activate_first && !versions.iter().any(|version| version.active) {
                tx.publish_realm(&realm, manifest).await?;
                tx.activate_version(&definitions.version).await?;
            }
        }
        if tx.setting(settings::NORMALIZED_WITH).await?.is_none() {
            let hashes = Catalog::new(manifest, digest).hashes;
            tx.set_setting(settings::NORMALIZED_WITH, &hashes.source).await?;
            tx.set_setting(settings::RESOLVED_WITH, &hashes.identity).await?;
            tx.set_setting(settings::TARGETS_WITH, &hashes.targets).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Reads what is kept in memory about the store. Until all of it is read, nothing can be written by it.
    pub(crate) async fn load(&mut self) -> Result<(), Error> {
        self.distrust();
        self.unsettled = true;
        let mut reader = self.store.read().await?;
        let entered = reader.entered().await?;
        self.resolved = reader.resolved().await?;
        self.build = self.read_progress(&mut *reader).await?;
        let versions = reader.versions().await?;
        self.active = versions.iter().any(|v| v.active && v.version == self.version);
        let any = reader.merges_between(Sequence(0), Sequence(i64::MAX), 1).await?;
        self.any_merges = !any.is_empty();
        self.any_erased = reader.setting(settings::ANY_ERASED).await?.is_some();
        self.redaction = match reader.setting(settings::ANY_REDACTED).await? {
            Some(_) => reader.setting(settings::REDACTION_KEY).await?,
            None => None,
        };
        (self.entered, self.unended) = (Some(entered), false);
        Ok(())
    }

    /// Drops everything held in memory that a failed transaction may have made wrong.
    pub(crate) fn forget(&mut self) {
        self.identity.clear();
        self.states.clear();
        self.caught_up = false;
    }

    /// Lets nothing be written by what is held in memory, until it is read anew.
    pub(crate) fn distrust(&mut self) {
        self.forget();
        self.entered = None;
    }

    /// Name of the version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The compiled definitions.
    pub fn machines(&self) -> &Arc<dyn Machines> {
        &self.machines
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Progress of the version.
    pub fn progress(&self) -> &BuildState {
        &self.build
    }

    /// The tables of the version's present generation.
    pub fn realm(&self) -> Realm {
        Realm { version: self.version.clone(), generation: self.build.generation }
    }

    /// The tables that readers see now, which another process may have made.
    pub(crate) async fn shown(&self, reader: &mut dyn Reader) -> Result<Realm, Error> {
        let build = reader.build(&self.version).await?;
        let generation = build.map_or(self.build.generation, |build| build.generation);
        Ok(Realm { version: self.version.clone(), generation })
    }

    /// What a build would have to do.
    pub(crate) async fn plan(&self, wanted: Wanted) -> Result<Plan, Error> {
        self.plan_for(self.subject(), wanted).await
    }

    /// Notes where an operation begins.
    pub(crate) fn begin_operation(&mut self) {
        self.timing = Timing::default();
        self.warnings.clear();
        self.reported = (self.build.cursor, self.build.tick_as_of);
    }

    /// The present instant.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
