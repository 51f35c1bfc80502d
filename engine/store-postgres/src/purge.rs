//! Rewriting tables, so that nothing deleted is left in them.
//!
//! The server's write-ahead log and its backups are the server's: they forget by its own settings. A server without
//! `VACUUM` drops old rows by itself after its retention time.

use std::time::{Duration, Instant};

use defacto_ports::Error;

use crate::names::quoted;
use crate::session::Session;
use crate::wire::{Args, Columns};

const OPERATION: &str = "removing what was deleted";

/// How long those who read an earlier state are waited for.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

impl Session {
    /// Rewrites every table of the namespace. Ends the open transaction first.
    ///
    /// # Errors
    ///
    /// One to retry while somebody reads an earlier state, for whom the server keeps deleted rows, or uses a table.
    pub(crate) async fn purge(&mut self) -> Result<(), Error> {
        if self.place().portable {
            return self.rollback().await;
        }
        let mut tables = Vec::new();
        for schema in self.own_schemas().await? {
            let mut args = Args::new();
            args.text(&schema);
            let sql = "SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY tablename";
            for row in self.rows(OPERATION, sql, args).await? {
                tables.push(format!("{}.{}", quoted(&schema), quoted(&row.text(0)?)));
            }
        }
        self.no_readers().await?;
        self.commit().await?;
        self.simple(OPERATION, "SET lock_timeout = '5s'").await?;
        for table in tables {
            self.simple(OPERATION, format!("VACUUM (FULL) {table}")).await?;
        }
        self.simple(OPERATION, "SET lock_timeout = 0").await
    }

    /// Waits a little for those who read an earlier state.
    async fn no_readers(&mut self) -> Result<(), Error> {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() \
                   AND datname = current_database() \
                   AND age(backend_xmin) > age(pg_current_xact_id()::xid)";
        let start = Instant::now();
        loop {
            // Within a transaction the server would give the first answer again.
            self.simple(OPERATION, "SELECT pg_stat_clear_snapshot()").await?;
            let readers = self.row(OPERATION, sql, Args::new()).await?;
            let readers = readers.map_or(Ok(0), |row| row.count(0))?;
            if readers == 0 {
                return Ok(());
            }
            if start.elapsed() < PATIENCE {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            return Err(Error::Storage {
                operation: OPERATION,
                message: format!(
                    "{}: {readers} connections still read an earlier state",
                    self.place().label()
                ),
                retry: true,
                source: None,
            });
        }
    }
}
