//! Proof that the stored history is what a rebuild gives.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use defacto_pipeline::{AsOf, BuildOptions, Definitions, Fingerprint, Pipeline};
use defacto_ports::Store;
#[cfg(feature = "postgres")]
use defacto_store_postgres::PostgresStore;
use serde::Serialize;

use crate::copy::Copy;
use crate::database::Database;
use crate::{Engine, Error};

/// Held while a server has a copy; no version has this name.
#[cfg(feature = "postgres")]
pub(crate) const COPY_LOCK: &str = "-rebuild";

/// The stored history beside one made anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Whether the two are the same.
    pub equal: bool,
    /// Fingerprint of the stored history, outstanding events applied.
    pub stored: String,
    /// Fingerprint of the history made anew.
    pub rebuilt: String,
    /// Public tables, in name order.
    pub tables: Vec<ComparedTable>,
}

/// One table of a [`Comparison`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComparedTable {
    /// Its name.
    pub table: String,
    /// Whether both hold the same rows.
    pub equal: bool,
    /// Rows stored.
    pub stored_rows: u64,
    /// Rows made anew.
    pub rebuilt_rows: u64,
}

/// The one folder for a copy of the database; it goes with the value.
pub(crate) struct Scratch {
    pub(crate) folder: PathBuf,
    _held: File,
}

impl Scratch {
    /// Takes the place of the copy, and what a comparison that was killed has left there.
    ///
    /// # Errors
    ///
    /// [`defacto_ports::Error::Locked`] while another comparison runs.
    pub(crate) fn take(state: &Path) -> Result<Scratch, Error> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::File { operation: "use", path, source }
        };
        let lock = state.join("rebuild.lock");
        let held = File::options().create(true).truncate(false).write(true).open(&lock);
        let held = held.map_err(failed(&lock))?;
        match held.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let what = "the place for comparing with a rebuild";
                return Err(defacto_ports::Error::Locked { what }.into());
            }
            Err(TryLockError::Error(error)) => return Err(failed(&lock)(error)),
        }
        let folder = state.join("rebuild");
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(failed(&folder))?;
        }
        Ok(Scratch { folder, _held: held })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Left behind it wastes room until the next one.
        fs::remove_dir_all(&self.folder).ok();
    }
}

impl Engine {
    /// Removes a copy of the database that a killed comparison has left.
    pub(crate) async fn remove_copy(&self) -> Result<(), Error> {
        match &self.place.database {
            Database::File(_) if self.place.state.join("rebuild").exists() => {
                Scratch::take(&self.place.state).map(drop)
            }
            Database::File(_) => Ok(()),
            #[cfg(feature = "postgres")]
            Database::Server(options) => {
                let _held = self.store.lock_build(COPY_LOCK).await?;
                Ok(PostgresStore::discard(options, &self.copy_name()).await?)
            }
        }
    }

    /// The namespace of a copy.
    #[cfg(feature = "postgres")]
    pub(crate) fn copy_name(&self) -> String {
        format!("{}_rebuild", self.options.namespace)
    }

    /// Copies the database into a temporary one, makes everything there anew from the records as received, and compares
    /// the fingerprints. The database itself stays as it is; as much room again is needed on its disk.
    ///
    /// # Errors
    ///
    /// What the file system, module and store say.
    pub async fn compare_with_rebuild(&self) -> Result<Comparison, Error> {
        let pipeline = self.pipeline.lock().await;
        let mut definitions = self.place.own.clone();
        pipeline.version().clone_into(&mut definitions.version);
        definitions.machines = Arc::clone(&self.machines);
        let copy = Copy::make(self).await?;
        drop(pipeline);
        let compared = self.rebuilt(Arc::clone(&copy.store), definitions).await;
        copy.discard().await?;
        compared
    }

    /// Compares a store with what a rebuild makes of it.
    async fn rebuilt(
        &self,
        store: Arc<dyn Store>,
        definitions: Definitions,
    ) -> Result<Comparison, Error> {
        let clock = Arc::clone(&self.place.clock);
        let mut pipeline =
            Pipeline::open(Arc::clone(&store), definitions, clock, self.options.clone()).await?;
        let options = BuildOptions { as_of: AsOf::Keep, ..BuildOptions::default() };
        pipeline.build(options).await?;
        let stored = pipeline.fingerprint().await?;
        pipeline.build(BuildOptions { from_raw: true, ..options }).await?;
        let rebuilt = pipeline.fingerprint().await?;
        Ok(compare(stored, rebuilt))
    }
}

fn compare(stored: Fingerprint, rebuilt: Fingerprint) -> Comparison {
    let rows = stored.rows.iter().zip(&rebuilt.rows);
    let digests = stored.tables.iter().zip(&rebuilt.tables);
    let tables = rows.zip(digests).map(|(((name, before), (_, after)), ((_, old), (_, new)))| {
        ComparedTable {
            table: name.clone(),
            equal: old == new,
            stored_rows: *before,
            rebuilt_rows: *after,
        }
    });
    Comparison {
        equal: stored.fingerprint == rebuilt.fingerprint,
        tables: tables.collect(),
        stored: stored.fingerprint,
        rebuilt: rebuilt.fingerprint,
    }
}
