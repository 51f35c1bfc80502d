//! A copy of a namespace beside it, for comparing.

use std::sync::Arc;

use defacto_ports::{Error, Realm};

use crate::error::storage;
use crate::names::{quoted, version_schema};
use crate::place::Place;
use crate::pool::{Begin, WRITE};
use crate::progress::small;
use crate::realms::{RealmInfo, tables};
use crate::session::Session;
use crate::store::{PostgresOptions, PostgresStore};
use crate::wire::{Args, Columns};

const OPERATION: &str = "copying the store";
const MOMENT: Begin = Begin::Reading("BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE");

impl PostgresStore {
    /// Copies a namespace, as it is at one moment, to another name in the same database, in place of what an earlier copy
    /// has left there, and opens the copy. As much room again is needed.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`].
    pub async fn copy(options: &PostgresOptions, name: &str) -> Result<PostgresStore, Error> {
        let original = options.place();
        let copy = options.renamed(name);
        let place = copy.place();
        let fail = |error| storage(OPERATION, &place, error);
        let mut session = Session::connect(&place).await.map_err(fail)?;
        session.begin(MOMENT).await.map_err(fail)?;
        session.discard().await?;
        session.ensure_schema().await?;
        session.fill(&original).await?;
        session.commit().await?;
        session.close().await?;
        PostgresStore::open(&copy).await
    }

    /// Drops a copy.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`].
    pub async fn discard(options: &PostgresOptions, name: &str) -> Result<(), Error> {
        let place = options.renamed(name).place();
        let fail = |error| storage(OPERATION, &place, error);
        let mut session = Session::connect(&place).await.map_err(fail)?;
        session.begin(WRITE).await.map_err(fail)?;
        session.discard().await?;
        session.commit().await?;
        session.close().await
    }
}

impl Session {
    /// Drops every schema of the namespace.
    async fn discard(&mut self) -> Result<(), Error> {
        for schema in self.own_schemas().await? {
            self.simple(OPERATION, format!("DROP SCHEMA {} CASCADE", quoted(&schema))).await?;
        }
        Ok(())
    }

    /// Takes the rows of another namespace over.
    async fn fill(&mut self, original: &Arc<Place>) -> Result<(), Error> {
        let mut args = Args::new();
        args.text(&original.namespace);
        let sql = "SELECT tablename FROM pg_tables WHERE schemaname = $1 \
                   AND tablename NOT IN ('schema_meta', 'locks', 'shard_map', 'shard_claims', 'shard_workers') ORDER BY tablename";
        for row in self.rows(OPERATION, sql, args).await? {
            let table = quoted(&row.text(0)?);
            let sql = format!(
                "DELETE FROM {table}; INSERT INTO {table} SELECT * FROM {}.{table}",
                original.schema()
            );
            self.simple(OPERATION, sql).await?;
        }
        for table in ["realms", "definition_versions"] {
            let sql = format!(
                "SELECT setval(pg_get_serial_sequence('{table}', 'id'), \
                 (SELECT coalesce(max(id), 0) + 1 FROM {table}))"
            );
            self.simple(OPERATION, sql).await?;
        }
        let sql = "SELECT id, layout, version, generation, published FROM realms ORDER BY id";
        for row in self.rows(OPERATION, sql, Args::new()).await? {
            let version = row.text(2)?;
            let info = self.realm_info(&row, &version)?;
            let schema = quoted(&version_schema(&original.namespace, &version));
            let old = RealmInfo { id: info.id, layout: info.layout.clone(), schema };
            self.own_version_schema(&version).await?;
            self.simple(OPERATION, tables(&info)).await?;
            for (table, from) in info.all_tables().into_iter().zip(old.all_tables()) {
                self.simple(OPERATION, format!("INSERT INTO {table} SELECT * FROM {from}")).await?;
            }
            if row.bool(4)? {
                self.publish_realm(&Realm { version, generation: small(row.int(3)?)? }).await?;
            }
        }
        Ok(())
    }
}
