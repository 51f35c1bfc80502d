//! A copy of the database, in which something is tried and the result looked at.

use std::fs;
use std::sync::Arc;

use defacto_ports::Store;
#[cfg(feature = "postgres")]
use defacto_store_postgres::{PostgresOptions, PostgresStore};
use defacto_store_sqlite::SqliteStore;

use crate::database::Database;
#[cfg(feature = "postgres")]
use crate::rebuild::COPY_LOCK;
use crate::rebuild::Scratch;
use crate::{Engine, Error};

/// A copy, and its place.
pub(crate) struct Copy {
    pub(crate) store: Arc<dyn Store>,
    held: Held,
}

enum Held {
    /// A folder that goes with the value.
    File { _scratch: Scratch },
    /// A namespace beside the copied one.
    #[cfg(feature = "postgres")]
    Server { _lock: Box<dyn Send>, options: PostgresOptions, name: String },
}

impl Copy {
    /// Copies what is committed. Nobody must write to an SQLite database meanwhile: hold the pipeline.
    ///
    /// # Errors
    ///
    /// [`defacto_ports::Error::Locked`] while there is another copy; what file system and store say.
    pub(crate) async fn make(engine: &Engine) -> Result<Self, Error> {
        match &engine.place.database {
            Database::File(database) => {
                let scratch = Scratch::take(&engine.place.state)?;
                let copy = scratch.folder.join("defacto.db");
                let failed = |source| Error::File {
                    operation: "make",
                    path: scratch.folder.clone(),
                    source,
                };
                fs::create_dir_all(&scratch.folder).map_err(failed)?;
                SqliteStore::copy(database, &copy).await?;
                let store = Arc::new(SqliteStore::open(&copy).await?);
                Ok(Self { store, held: Held::File { _scratch: scratch } })
            }
            #[cfg(feature = "postgres")]
            Database::Server(options) => {
                let name = engine.copy_name();
                let lock = engine.store.lock_build(COPY_LOCK).await?;
                let store = Arc::new(PostgresStore::copy(options, &name).await?);
                let options = options.clone();
                Ok(Self { store, held: Held::Server { _lock: lock, options, name } })
            }
        }
    }

    /// Closes and removes it.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub(crate) async fn discard(self) -> Result<(), Error> {
        self.store.close().await?;
        match self.held {
            Held::File { .. } => Ok(()),
            #[cfg(feature = "postgres")]
            Held::Server { options, name, .. } => {
                Ok(PostgresStore::discard(&options, &name).await?)
            }
        }
    }
}
