//! Connections that nobody uses, and new ones when a server comes back.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use defacto_ports::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{code, is_lost, storage};
use crate::place::Place;
use crate::session::Session;

/// How long a server that was there before is waited for: a restart, with recovery, takes its time.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a free connection is waited for.
const TURN: Duration = Duration::from_secs(30);
/// First and longest pause between two attempts.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// How a transaction begins, with the statements for it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Begin {
    Reading(&'static str),
    Writing(&'static str),
    /// For writing, and enters ([`defacto_ports::Transaction::enter`]) in the same message.
    Entering(&'static str),
}

/// A transaction in which one moment is read; the first statement fixes it.
pub(crate) const READ: Begin =
    Begin::Reading("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1");
const COMMITTED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// A transaction for writing: each statement sees what others have committed.
pub(crate) const WRITE: Begin = Begin::Writing(COMMITTED);
/// The same, entering.
pub(crate) const ENTER: Begin = Begin::Entering(COMMITTED);

/// Connections.
#[derive(Debug)]
pub(crate) struct Pool {
    place: Arc<Place>,
    idle: Mutex<Vec<Session>>,
    idle_max: usize,
    readers: Arc<Semaphore>,
}

impl Pool {
    pub(crate) fn new(place: Arc<Place>, readers: usize) -> Pool {
        Pool {
            place,
            idle: Mutex::default(),
            idle_max: readers + 1,
            readers: Arc::new(Semaphore::new(readers)),
        }
    }

    /// The right to read.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] when all readers stay busy.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, Error> {
        let turn = tokio::time::timeout(TURN, Arc::clone(&self.readers).acquire_owned()).await;
        match turn {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Error::Storage {
                operation: "reading",
                message: "all connections for reading are in use: raise pool_size".to_owned(),
                retry: true,
                source: None,
            }),
        }
    }

    /// A connection in an open transaction. One that was lost meanwhile is replaced.
    pub(crate) async fn start(&self, begin: Begin) -> Result<Session, Error> {
        let start = Instant::now();
        let mut pause = PAUSES.0;
        loop {
            let attempt = match self.take_idle() {
                Some(mut session) => session.begin(begin).await.map(|()| session),
                None => match Session::connect(&self.place).await {
                    Ok(mut session) => session.begin(begin).await.map(|()| session),
                    Err(error) => Err(error),
                },
            };
            let error = match attempt {
                Ok(session) => return Ok(session),
                Err(error) => error,
            };
            let full = code(&error).as_deref() == Some("53300");
            if !(is_lost(&error) || full) || start.elapsed() > PATIENCE {
                return Err(storage("beginning a transaction", &self.place, error));
            }
            tracing::debug!(%error, "the connection is lost; connecting again");
            // What was opened before the server went down is lost as well.
            self.forget();
            tokio::time::sleep(pause).await;
            pause = PAUSES.1.min(pause * 2);
        }
    }

    pub(crate) fn take_idle(&self) -> Option<Session> {
        self.idle.lock().ok()?.pop()
    }

    fn forget(&self) {
        while self.take_idle().is_some() {}
    }

    /// Puts a connection back, unless there are enough.
    pub(crate) fn give_back(&self, session: Session) {
        if let Ok(mut idle) = self.idle.lock()
            && idle.len() < self.idle_max
        {
            idle.push(session);
        }
    }

    /// Undoes the open transaction of a connection and puts it back, without waiting for it. The server undoes it too
    /// when the connection ends instead.
    pub(crate) fn abandon(
        self: &Arc<Self>,
        mut session: Session,
        turn: Option<OwnedSemaphorePermit>,
    ) {
        let pool = Arc::clone(self);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            drop(runtime.spawn(async move {
                if session.rollback().await.is_ok() {
                    pool.give_back(session);
                }
                drop(turn);
            }));
        }
    }
}
