use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use defacto_compiler::Canonical;
use defacto_pipeline::{Definitions, Options, Pipeline};
use defacto_ports::{Clock, DefinitionVersion, Store};

use crate::database::{Database, Server};
use crate::engine::Place;
use crate::log;
use crate::versions::Choice;
use crate::{Engine, Error, Modules, Source, SystemClock};

/// Digits of the content hash that name a version.
const VERSION_DIGITS: usize = 8;
/// How often opening is tried when something passing is in its way, and how long it waits in between.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(50);

/// Settings of an [`Engine`] before it opens.
pub struct Builder {
    source: Source,
    database: Option<String>,
    server: Server,
    state: PathBuf,
    options: Options,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Builder {
    /// Without the database: its URL may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Builder {
    pub(crate) fn new(source: Source, state: PathBuf) -> Self {
        Self {
            source,
            database: None,
            server: Server::default(),
            state,
            options: Options::default(),
            clock: Arc::new(SystemClock),
        }
    }

    /// Database: a path, a `sqlite:` URL, or a `postgres:` URL. Default: `defacto.db` in the state folder. Parts that a
    /// `postgres:` URL leaves out come from `PGPASSWORD`, `~/.pgpass` and the other places that its programs share.
    #[must_use]
    pub fn database(mut self, database: impl Into<String>) -> Self {
        self.database = Some(database.into());
        self
    }

    /// Connections to a server for reading, 1 to 1000; one more is for writing. Default: 4.
    #[must_use]
    pub fn pool_size(mut self, connections: usize) -> Self {
        self.server.pool_size = connections;
        self
    }

    /// Indexes the data of events on a server, for queries of one's own: the first opening with it makes the index, and every event
    /// costs more from then on.
    #[must_use]
    pub fn index_payload(mut self) -> Self {
        self.server.index_payload = true;
        self
    }

    /// Does on a server without what only Postgres itself has. For tests.
    #[doc(hidden)]
    #[must_use]
    pub fn portable(mut self) -> Self {
        self.server.portable = true;
        self
    }

    /// Namespace of entity ids and tables: lower-case letters, digits and `_`, at most 48.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.options.namespace = namespace.into();
        self
    }

    /// Events in one transaction, 1 to 100,000.
    #[must_use]
    pub fn batch_size(mut self, events: usize) -> Self {
        self.options.batch_size = events;
        self
    }

    /// Where "now" comes from: ingestion instants, and how far a build runs time rules.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Compiles the definitions and opens the database. Definitions that are new there are registered by the first
    /// operation that writes, and become the active version with their first build. A version chosen with [`Engine::activate`] stays until other definitions
    /// than those present then are opened.
    ///
    /// # Errors
    ///
    /// [`Error::Definitions`] with every finding, [`Error::Config`], or what the store says.
    pub async fn open(self) -> Result<Engine, Error> {
        check_namespace(&self.options.namespace)?;
        if !(1..=100_000).contains(&self.options.batch_size) {
            return Err(Error::Config(format!(
                "batch_size {} is outside 1..=100000",
                self.options.batch_size
            )));
        }
        if !(1..=1000).contains(&self.server.pool_size) {
            return Err(Error::Config(format!(
                "pool_size {} is outside 1..=1000",
                self.server.pool_size
            )));
        }
        let namespace = &self.options.namespace;
        let database = match &self.database {
            Some(text) => Database::parse(text, namespace, &self.server)?,
            None => Database::File(self.state.join("defacto.db")),
        };
        if self.server.index_payload && matches!(database, Database::File(_)) {
            return Err(Error::Config(
                "index_payload is for a postgres: database: leave it out, or name one".to_owned(),
            ));
        }
        let cache = self.state.join("modules");
        let Modules { outcome, machines } = Modules::load(&self.source, Some(&cache))?;
        let content = machines.manifest().content_hash.clone();
        let own = Definitions {
            version: content.chars().take(VERSION_DIGITS).collect(),
            document: outcome.canonical.as_ref().map(Canonical::stored).unwrap_or_default(),
            machines,
        };
        let store: Arc<dyn Store> = database.open().await?;
        let mut attempts = 0;
        let Opened { own, known, pipeline } = loop {
            attempts += 1;
            match self.open_on(&store, own.clone(), &cache).await {
                // Nothing here is done twice when it is done again.
                Err(error) if error.recoverable() && attempts < ATTEMPTS => {
                    log::opened_again(&error, attempts);
                    tokio::time::sleep(PAUSE).await;
                }
                opened => break opened?,
            }
        };
        let machines = Arc::clone(pipeline.machines());
        let place = Place { database, state: self.state, clock: self.clock, own };
        let engine =
            Engine::new(pipeline, machines, store, self.options, outcome.diagnostics, place, known);
        // Who only wants to read is not to be stopped by it.
        engine.complete_removal().await.map_err(log::incomplete).ok();
        Ok(engine)
    }

    /// Finds or registers the definitions in a store, and opens the version at work.
    async fn open_on(
        &self,
        store: &Arc<dyn Store>,
        mut own: Definitions,
        cache: &Path,
    ) -> Result<Opened, Error> {
        let content = own.machines.manifest().content_hash.clone();
        let mut reader = store.read().await?;
        let versions = reader.versions().await?;
        let chosen = Choice::read(reader.as_mut()).await?;
        drop(reader);
        let same = |version: &&DefinitionVersion| version.content_hash == content;
        let known =
            versions.iter().filter(same).max_by_key(|version| (version.active, version.created_at));
        if let Some(version) = known {
            own.version.clone_from(&version.version);
        }
        let chosen = chosen
            .filter(|choice| choice.project == content)
            .and_then(|choice| versions.iter().find(|version| version.version == choice.version));
        let definitions = match chosen {
            Some(version) => crate::versions::load_stored(version, cache)?,
            None => own.clone(),
        };
        let clock = Arc::clone(&self.clock);
        let pipeline =
            Pipeline::open(Arc::clone(store), definitions, clock, self.options.clone()).await?;
        Ok(Opened { own, known: known.is_some(), pipeline })
    }
}

/// What stands in a store when an engine begins.
struct Opened {
    own: Definitions,
    /// Whether the definitions were registered before.
    known: bool,
    pipeline: Pipeline,
}

fn check_namespace(namespace: &str) -> Result<(), Error> {
    let mut chars = namespace.chars();
    let good = chars.next().is_some_and(|c| c.is_ascii_lowercase())
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && namespace.len() <= 48;
    if ["pg_", "information_schema"].iter().any(|taken| namespace.starts_with(taken)) {
        return Err(Error::Config(format!(
            "namespace '{namespace}' is among the names that Postgres keeps for itself; choose another"
        )));
    }
    if good {
        return Ok(());
    }
    Err(Error::Config(format!(
        "namespace '{namespace}' must begin with a lower-case letter and hold only lower-case letters, digits and _, at most 48"
    )))
}

#[cfg(test)]
mod tests {
    use super::check_namespace;

    #[test]
    fn namespace_is_an_identifier() {
        assert!(check_namespace("defacto_2").is_ok());
        for bad in ["", "Upper", "2x", "a-b", "a.b", "pg_x", "information_schema"] {
            assert!(check_namespace(bad).is_err(), "{bad}");
        }
    }
}
