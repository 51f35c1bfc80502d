use std::sync::Arc;
use std::time::Duration;

use defacto_ports::{Disposition, Shards, Store, Worker};
use tokio::task::AbortHandle;

use crate::Error;

/// Renewals in the time of a lease.
const BEATS: u32 = 3;
/// Attempts to come and to go, and the pause between them: a process may be paused in the middle of either.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(50);

/// Does something again after what passes.
macro_rules! patiently {
    ($operation:expr) => {{
        let mut attempts = 1;
        loop {
            match $operation.await {
                Err(error) if attempts < ATTEMPTS && error.disposition() == Disposition::Retry => {
                    attempts += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                done => break done,
            }
        }
    }};
}

/// A process's place among those that share a namespace. Its leases are renewed until it leaves or is dropped; without
/// leaving, others wait for the lease to run out.
#[derive(Debug)]
pub struct Member {
    store: Arc<dyn Store>,
    worker: Worker,
    lease: Duration,
    heart: AbortHandle,
}

impl Member {
    /// Registers a process that will take at most so many shards.
    ///
    /// # Errors
    ///
    /// [`Error::Undivided`] when the store serves one process; what the store says.
    pub async fn join(
        store: Arc<dyn Store>,
        most: u32,
        lease: Duration,
    ) -> Result<Arc<Self>, Error> {
        let shards = store.shards().ok_or(Error::Undivided)?;
        // One that joined without being told of it is forgotten when its lease has run out.
        let worker = patiently!(shards.join(most, lease))?;
        let beating = Arc::clone(&store);
        let heart = tokio::spawn(async move {
            loop {
                tokio::time::sleep(lease / BEATS).await;
                // What fails now is tried again; what fails for long costs the leases, as it should.
                if let Some(shards) = beating.shards() {
                    shards.beat(worker, lease).await.ok();
                }
            }
        });
        Ok(Arc::new(Self { store, worker, lease, heart: heart.abort_handle() }))
    }

    /// Gives everything back at once.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn leave(&self) -> Result<(), Error> {
        self.heart.abort();
        let shards = self.shards()?;
        Ok(patiently!(shards.leave(self.worker))?)
    }

    /// The process, as the store knows it.
    pub fn worker(&self) -> Worker {
        self.worker
    }

    /// How long what it has stays its own without a renewal.
    pub fn lease(&self) -> Duration {
        self.lease
    }

    /// The division of the namespace.
    ///
    /// # Errors
    ///
    /// [`Error::Undivided`].
    pub fn shards(&self) -> Result<&dyn Shards, Error> {
        self.store.shards().ok_or(Error::Undivided)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.heart.abort();
    }
}
