//! Proof that the stored history is what a rebuild gives.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use defacto_pipeline::{AsOf, BuildOptions, Fingerprint, Pipeline};
use defacto_ports::Store;
use defacto_store_sqlite::SqliteStore;
use serde::Serialize;

use crate::{Engine, Error};

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

/// A folder that goes with the value.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // Left behind it wastes room and does no harm.
        fs::remove_dir_all(&self.0).ok();
    }
}

impl Engine {
    /// Copies the database into a temporary one, makes everything there anew from the records as received, and compares
    /// the fingerprints. The database itself stays as it is; as much room again is needed on its disk.
    ///
    /// # Errors
    ///
    /// What the file system, module and store say.
    pub async fn compare_with_rebuild(&self) -> Result<Comparison, Error> {
        let pipeline = self.pipeline.lock().await;
        let folder = self.place.state.join(format!("rebuild-{}", std::process::id()));
        let scratch = Scratch(folder);
        let copy = scratch.0.join("defacto.db");
        // While this transaction is open nobody writes: the file and its log belong together.
        let writing = self.store.begin().await?;
        copy_database(&self.place.database, &copy)?;
        drop(writing);
        let mut definitions = self.place.own.clone();
        pipeline.version().clone_into(&mut definitions.version);
        definitions.machines = Arc::clone(&self.machines);
        drop(pipeline);
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&copy).await?);
        let clock = Arc::clone(&self.place.clock);
        let mut pipeline =
            Pipeline::open(Arc::clone(&store), definitions, clock, self.options.clone()).await?;
        let options = BuildOptions { as_of: AsOf::Keep, ..BuildOptions::default() };
        pipeline.build(options).await?;
        let stored = pipeline.fingerprint().await?;
        pipeline.build(BuildOptions { from_raw: true, ..options }).await?;
        let rebuilt = pipeline.fingerprint().await?;
        store.close().await?;
        Ok(compare(stored, rebuilt))
    }
}

fn copy_database(from: &Path, to: &Path) -> Result<(), Error> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::File { operation: "copy the database to", path, source }
    };
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(failed(folder))?;
    }
    fs::copy(from, to).map_err(failed(to))?;
    let log = |path: &Path| {
        let mut name = path.as_os_str().to_owned();
        name.push("-wal");
        PathBuf::from(name)
    };
    if log(from).exists() {
        fs::copy(log(from), log(to)).map_err(failed(&log(to)))?;
    }
    Ok(())
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
