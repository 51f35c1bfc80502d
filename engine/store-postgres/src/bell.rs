//! Being told that another process has committed something, on a connection of its own.
//!
//! What rings is only a hint: whoever is woken looks for himself, and looks anyway when nothing has rung for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use defacto_ports::Error;
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::{Notify, OnceCell};
use tokio::task::AbortHandle;

use crate::error::storage;
use crate::place::Place;

/// Longest time after which others' work is looked for where nothing rings.
const POLL: Duration = Duration::from_millis(50);
/// Pause before the server is asked again for a connection that listens.
const PAUSE: Duration = Duration::from_secs(1);

/// Name of the channel of a namespace.
pub(crate) fn channel(place: &Place) -> String {
    format!("defacto_{}", place.namespace)
}

/// Wakes who waits for others' work. Listening begins with the first who waits.
#[derive(Debug)]
pub(crate) struct Bell {
    place: Arc<Place>,
    ear: OnceCell<Ear>,
}

#[derive(Debug)]
struct Ear {
    rung: Arc<Notify>,
    listening: Arc<AtomicBool>,
    task: AbortHandle,
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Bell {
    pub(crate) fn new(place: Arc<Place>) -> Self {
        Self { place, ear: OnceCell::new() }
    }

    /// Returns when something was committed since the last call, or after the time.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] when the server refuses to let anybody listen.
    pub(crate) async fn wait(&self, timeout: Duration) -> Result<(), Error> {
        if self.place.portable {
            tokio::time::sleep(timeout.min(POLL)).await;
            return Ok(());
        }
        let ear = self.ear.get_or_try_init(|| Ear::open(&self.place)).await?;
        let timeout = match ear.listening.load(Ordering::Relaxed) {
            true => timeout,
            false => timeout.min(POLL),
        };
        tokio::time::timeout(timeout, ear.rung.notified()).await.ok();
        Ok(())
    }

    pub(crate) fn close(&self) {
        if let Some(ear) = self.ear.get() {
            ear.task.abort();
        }
    }
}

impl Ear {
    async fn open(place: &Arc<Place>) -> Result<Self, Error> {
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(place.options.clone());
        let channel = channel(place);
        let fail = |error| storage("listening for others' work", place, error);
        let mut listener = PgListener::connect_with(&pool).await.map_err(fail)?;
        listener.listen(&channel).await.map_err(fail)?;
        let (rung, listening) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(true)));
        let (ring, heard) = (Arc::clone(&rung), Arc::clone(&listening));
        let task = tokio::spawn(async move {
            loop {
                // After a loss the listener connects again by itself; what was committed meanwhile has rung nowhere.
                let told = listener.try_recv().await;
                heard.store(matches!(told, Ok(Some(_))), Ordering::Relaxed);
                ring.notify_one();
                if told.is_err() {
                    tokio::time::sleep(PAUSE).await;
                }
            }
        });
        Ok(Self { rung, listening, task: task.abort_handle() })
    }
}
