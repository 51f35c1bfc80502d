//! Opening a namespace, handing out transactions, and the lock of a build.

use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use defacto_ports::{Error, Reader, Shards, Store, Transaction};
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tokio::task::JoinHandle;

use crate::bell::Bell;
use crate::dialect;
use crate::error::{code, storage};
use crate::handle::Handle;
use crate::place::Place;
use crate::pool::{ENTER, Pool, READ, WRITE};
use crate::session::Session;

const OPENING: &str = "opening the store";
/// How long a server that says it is starting is waited for.
const START: Duration = Duration::from_secs(30);
/// Attempts to make the tables while other processes do the same.
const ATTEMPTS: u32 = 5;

/// How to open a store.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    place: Place,
    /// Connections for reading; one more is for writing.
    pub pool_size: usize,
    /// Does without what only Postgres itself has.
    pub portable: bool,
    /// Indexes the data of events (engine.md 1.3), from the next opening on.
    pub index_payload: bool,
}

impl PostgresOptions {
    /// Reads `postgres://user:password@host:port/database?sslmode=…&sslrootcert=…`. What is left out comes from the
    /// standard places (`PGPASSWORD`, `~/.pgpass` and the like). The namespace must be a valid identifier.
    ///
    /// # Errors
    ///
    /// In words, without the URL, when that cannot be read.
    pub fn new(url: &str, namespace: &str) -> Result<Self, String> {
        let connect = PgConnectOptions::from_str(url).map_err(|_| {
            "the database URL cannot be read: its form is \
             postgres://user:password@host:port/database?sslmode=prefer, with special characters \
             of user and password percent-encoded, and sslmode one of disable, allow, prefer, \
             require, verify-ca, verify-full"
                .to_owned()
        })?;
        let options = connect
            .application_name("defacto")
            .statement_cache_capacity(512)
            .disable_statement_logging();
        let place = Place {
            options,
            namespace: namespace.to_owned(),
            portable: false,
            index_payload: false,
            changes: Arc::default(),
        };
        Ok(Self { place, pool_size: 4, portable: false, index_payload: false })
    }

    /// The same with another namespace.
    pub(crate) fn renamed(&self, namespace: &str) -> Self {
        let mut other = self.clone();
        namespace.clone_into(&mut other.place.namespace);
        other.index_payload = false;
        other
    }

    pub(crate) fn place(&self) -> Arc<Place> {
        let (portable, index_payload) = (self.portable, self.index_payload);
        Arc::new(Place { portable, index_payload, ..self.place.clone() })
    }
}

/// A namespace of a Postgres database.
///
/// Transactions of several processes run side by side; readers see the last commit before they began and block nobody.
/// A process that dies loses what it had not committed and leaves no lock. A server that restarts is waited for.
#[derive(Debug)]
pub struct PostgresStore {
    pool: Arc<Pool>,
    bell: Bell,
    /// Locks on their way back.
    releases: Releases,
}

type Releases = Arc<Mutex<Vec<JoinHandle<()>>>>;

impl PostgresStore {
    /// Opens a namespace, which is made if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] when a newer program wrote it, [`Error::Storage`] with a remedy when the server cannot be
    /// reached or refuses.
    pub async fn open(options: &PostgresOptions) -> Result<PostgresStore, Error> {
        let place = options.place();
        let mut attempts = 0;
        loop {
            attempts += 1;
            match make(&place).await {
                Ok(session) => {
                    let bell = Bell::new(Arc::clone(&place));
                    let pool = Arc::new(Pool::new(place, options.pool_size.max(1)));
                    pool.give_back(session);
                    return Ok(PostgresStore { pool, bell, releases: Releases::default() });
                }
                Err(error) if attempts < ATTEMPTS && made_by_another(&error) => {}
                // Paused in the middle, or the server was restarted: nothing was made.
                Err(error) if attempts < ATTEMPTS && lost(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl PostgresStore {
    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Waits for locks that are on their way back.
    async fn released(&self) {
        let pending = self.releases.lock().map(|mut all| std::mem::take(&mut *all));
        for release in pending.unwrap_or_default() {
            drop(release.await);
        }
    }

    pub(crate) fn bell(&self) -> &Bell {
        &self.bell
    }
}

fn driver(error: &Error) -> Option<&sqlx::Error> {
    let Error::Storage { source: Some(source), .. } = error else { return None };
    source.downcast_ref::<sqlx::Error>()
}

/// Whether the server ended a connection that it had taken.
fn lost(error: &Error) -> bool {
    driver(error).is_some_and(|error| {
        code(error).is_some_and(|code| code == "25P03" || code.starts_with("57P"))
    })
}

/// Whether another process made the same tables in the same moment.
fn made_by_another(error: &Error) -> bool {
    let Some(error) = driver(error) else { return false };
    matches!(
        code(error).as_deref(),
        Some("23505" | "42P06" | "42P07" | "40001" | "40P01" | "XX000")
    )
}

async fn make(place: &Arc<Place>) -> Result<Session, Error> {
    let start = Instant::now();
    let mut session = loop {
        match Session::connect(place).await {
            Ok(session) => break session,
            Err(error) if code(&error).as_deref() == Some("57P03") && start.elapsed() < START => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => return Err(storage(OPENING, place, error)),
        }
    };
    session.begin(WRITE).await.map_err(|error| storage(OPENING, place, error))?;
    session.ensure_schema().await?;
    session.ensure_payload_index().await?;
    session.commit().await?;
    Ok(session)
}

/// A lock and the connection that holds it.
#[derive(Debug)]
struct BuildLock {
    session: Option<Session>,
    name: String,
    pool: Arc<Pool>,
    releases: Releases,
}

impl Drop for BuildLock {
    fn drop(&mut self) {
        let Some(mut session) = self.session.take() else { return };
        let (name, pool) = (std::mem::take(&mut self.name), Arc::clone(&self.pool));
        // Without a runtime the connection ends here, and the lock with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let release = runtime.spawn(async move {
                if dialect::release(&mut session, &name).await.is_ok() {
                    pool.give_back(session);
                }
            });
            if let Ok(mut releases) = self.releases.lock() {
                releases.push(release);
            }
        }
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn begin(&self) -> Result<Box<dyn Transaction>, Error> {
        let session = self.pool.start(WRITE).await?;
        Ok(Box::new(Handle::new(session, Arc::clone(&self.pool), None)))
    }

    async fn begin_entered(&self) -> Result<(Box<dyn Transaction>, u64), Error> {
        let session = self.pool.start(ENTER).await?;
        let mut tx = Handle::new(session, Arc::clone(&self.pool), None);
        let entered = tx.enter().await?;
        Ok((Box::new(tx), entered))
    }

    async fn read(&self) -> Result<Box<dyn Reader>, Error> {
        let turn = self.pool.turn().await?;
        let session = self.pool.start(READ).await?;
        Ok(Box::new(Handle::new(session, Arc::clone(&self.pool), Some(turn))))
    }

    async fn lock_build(&self, version: &str) -> Result<Box<dyn Send>, Error> {
        self.released().await;
        let name = format!("build {version}");
        let mut session = self.pool.start(WRITE).await?;
        session.rollback().await?;
        if !dialect::acquire(&mut session, &name).await? {
            self.pool.give_back(session);
            return Err(Error::Locked { what: "the build of this version" });
        }
        Ok(Box::new(BuildLock {
            session: Some(session),
            name,
            pool: Arc::clone(&self.pool),
            releases: Arc::clone(&self.releases),
        }))
    }

    async fn unlock_build(&self, lock: Box<dyn Send>) {
        drop(lock);
        self.released().await;
    }

    fn shards(&self) -> Option<&dyn Shards> {
        Some(self)
    }

    async fn purge(&self) -> Result<(), Error> {
        let mut session = self.pool.start(WRITE).await?;
        session.purge().await?;
        self.pool.give_back(session);
        Ok(())
    }

    async fn damage(&self) -> Result<Vec<String>, Error> {
        self.find_damage().await
    }

    async fn close(&self) -> Result<(), Error> {
        self.bell.close();
        let mut ended = Ok(());
        while let Some(session) = self.pool.take_idle() {
            ended = ended.and(session.close().await);
        }
        ended
    }
}
