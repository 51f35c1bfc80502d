//! Opening the file, handing out transactions, and the lock of a build.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use async_trait::async_trait;
use defacto_ports::{Error, Reader, Store, Transaction};
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use tokio::sync::Mutex as AsyncMutex;

use crate::error::{file, storage};
use crate::handle::Handle;
use crate::schema::FORMAT;
use crate::session::Session;
use crate::views::schema_name;

/// Bytes of a page.
const PAGE_BYTES: u32 = 4096;
/// Pages that a connection keeps, in KiB (negative in SQLite's own notation).
const CACHE_KIB: u32 = 65_536;
/// Bytes of the file that are read through the page cache of the operating system.
const MAPPED_BYTES: u64 = 128 << 20;
/// Pages in the write-ahead log at which a commit also moves them into the file.
const CHECKPOINT_PAGES: u32 = 16_384;
/// How long a lock held by another process is waited for.
const BUSY: Duration = Duration::from_secs(5);
/// Idle reading connections kept.
const READERS_MAX: usize = 4;

/// Connections for reading that nobody uses.
pub(crate) type Idle = Arc<Mutex<Vec<Session>>>;

/// A store in one SQLite file.
///
/// Dropping it waits until its connections are closed and the log is in the file, unless somebody still uses one.
/// Transactions for writing follow one another; readers see the last commit before they began and
/// block nobody. A process that dies loses what it had not committed and leaves no lock.
#[derive(Debug)]
pub struct SqliteStore {
    path: Arc<PathBuf>,
    writer: Arc<AsyncMutex<Option<Session>>>,
    idle: Idle,
}

impl SqliteStore {
    /// Opens the store in a file, which is made, with its folder, if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] when a newer program wrote the file, [`Error::Locked`] when another
    /// process keeps writing, [`Error::Storage`] when it cannot be read or written.
    pub async fn open(path: &Path) -> Result<SqliteStore, Error> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|error| file("making the store's folder", folder, error))?;
        }
        let path = Arc::new(path.to_owned());
        let mut writer = connect(&path, true).await?;
        let opened = writer.prepare().await;
        if let Err(error) = opened {
            writer.close().await?;
            return Err(error);
        }
        Ok(SqliteStore {
            path,
            writer: Arc::new(AsyncMutex::new(Some(writer))),
            idle: Idle::default(),
        })
    }

    /// Copies what is committed in a store's file to a new file.
    ///
    /// SQLite makes the copy: opening and closing the file by other means would end the locks that this process holds
    /// on it.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] when the one cannot be read or the other not be written.
    pub async fn copy(from: &Path, to: &Path) -> Result<(), Error> {
        let mut session = connect(&Arc::new(from.to_owned()), true).await?;
        let copied = session.copy_to(to).await;
        session.close().await?;
        copied
    }

    fn take_idle(&self) -> Option<Session> {
        self.idle.lock().ok()?.pop()
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        let mut sessions: Vec<Session> = std::iter::from_fn(|| self.take_idle()).collect();
        if let Ok(mut writer) = self.writer.try_lock() {
            sessions.extend(writer.take());
        }
        for session in sessions {
            // What is committed is durable; a log that stays is read by who opens the file next.
            wait(session.close()).ok();
        }
    }
}

/// Wakes a thread that waits.
struct Waiting(Thread);

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future that needs no runtime to its end.
fn wait<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Waiting(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Puts a reading connection back, unless there are enough.
pub(crate) fn give_back(idle: &Idle, session: Session) {
    if let Ok(mut sessions) = idle.lock()
        && sessions.len() < READERS_MAX
    {
        sessions.push(session);
    }
}

async fn connect(path: &Arc<PathBuf>, writing: bool) -> Result<Session, Error> {
    let mut options = SqliteConnectOptions::new()
        .filename(path.as_ref())
        .create_if_missing(writing)
        .page_size(PAGE_BYTES)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(false)
        .busy_timeout(BUSY)
        .statement_cache_capacity(512)
        .row_buffer_size(1024)
        .pragma("cache_size", format!("-{CACHE_KIB}"))
        .pragma("mmap_size", MAPPED_BYTES.to_string())
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES.to_string())
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging();
    if !writing {
        options = options.pragma("query_only", "ON");
    }
    let connection =
        options.connect().await.map_err(|error| storage("opening the store", path, error))?;
    Ok(Session::new(connection, Arc::clone(path)))
}

impl Session {
    /// Gives the file its tables. A file that has them is only read: who writes at the moment is not waited for.
    async fn prepare(&mut self) -> Result<(), Error> {
        if self.format().await? == FORMAT {
            return Ok(());
        }
        self.begin(true).await?;
        match self.ensure_schema().await {
            Ok(()) => self.commit().await,
            Err(error) => {
                self.abandon(true);
                Err(error)
            }
        }
    }
}

fn closed() -> Error {
    Error::Storage {
        operation: "using the store",
        message: "it is closed".to_owned(),
        retry: false,
        source: None,
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn begin(&self) -> Result<Box<dyn Transaction>, Error> {
        let mut lease = Arc::clone(&self.writer).lock_owned().await;
        lease.as_mut().ok_or_else(closed)?.begin(true).await?;
        Ok(Box::new(Handle::writing(lease)))
    }

    async fn read(&self) -> Result<Box<dyn Reader>, Error> {
        let mut session = match self.take_idle() {
            Some(session) => session,
            None => connect(&self.path, false).await?,
        };
        session.begin(false).await?;
        Ok(Box::new(Handle::reading(session, Arc::clone(&self.idle))))
    }

    async fn lock_build(&self, version: &str) -> Result<Box<dyn Send>, Error> {
        let path = self.path.with_file_name(format!("build-{}.lock", schema_name(version)));
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| file("locking a build", &path, error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Box::new(lock)),
            Err(TryLockError::WouldBlock) => {
                Err(Error::Locked { what: "the build of this version" })
            }
            Err(TryLockError::Error(error)) => Err(file("locking a build", &path, error)),
        }
    }

    async fn purge(&self) -> Result<(), Error> {
        let lease = self.writer.lock().await;
        if lease.is_none() {
            return Err(closed());
        }
        // A connection of its own: what it keeps in memory goes with it.
        let mut session = connect(&self.path, true).await?;
        let purged = session.rewrite_file().await;
        session.close().await?;
        purged
    }

    async fn damage(&self) -> Result<Vec<String>, Error> {
        let mut session = connect(&self.path, false).await?;
        let found = session.check_file().await;
        session.close().await?;
        match found {
            // Damage may keep the check itself from going on.
            Err(Error::Damaged { message, .. }) => Ok(vec![message]),
            found => found,
        }
    }

    async fn close(&self) -> Result<(), Error> {
        let mut ended = Ok(());
        while let Some(session) = self.take_idle() {
            ended = ended.and(session.close().await);
        }
        match self.writer.lock().await.take() {
            Some(writer) => ended.and(writer.close().await),
            None => ended,
        }
    }
}
