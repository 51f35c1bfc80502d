//! The file as a whole: checked, copied, and rewritten, so that nothing is left of deleted and replaced rows.
//!
//! SQLite leaves such bytes in free pages, in the free space of pages and in the write-ahead log. Its
//! `secure_delete` overwrites rows where they were deleted, but not the copies that moving rows between
//! pages has left before; only a file made anew has none. The log is emptied into that file and cut to
//! nothing, for which no reader may be left in an earlier state.

use std::path::Path;

use defacto_ports::Error;

use crate::columns::{Args, Columns};
use crate::session::Session;

impl Session {
    /// Makes the file anew and empties the log.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] to retry while another connection writes, or reads an earlier state.
    pub(crate) async fn rewrite_file(&mut self) -> Result<(), Error> {
        const OPERATION: &str = "rewriting the database";
        // The copy on the way may be as large as the database.
        self.run(OPERATION, "PRAGMA temp_store = FILE", Args::new()).await?;
        self.run(OPERATION, "VACUUM", Args::new()).await?;
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        let row = self.row(OPERATION, sql, Args::new()).await?;
        match row.map_or(Ok(1), |row| row.int(0))? {
            0 => Ok(()),
            _ => Err(Error::Storage {
                operation: OPERATION,
                message: format!(
                    "somebody still reads an earlier state of {}: end that, and try again",
                    self.path().display()
                ),
                retry: true,
                source: None,
            }),
        }
    }

    /// What SQLite finds wrong with the file; nothing when it is whole.
    pub(crate) async fn check_file(&mut self) -> Result<Vec<String>, Error> {
        let rows =
            self.rows("checking the database", "PRAGMA integrity_check", Args::new()).await?;
        let mut found = Vec::new();
        for row in rows {
            // One row may hold several findings.
            found.extend(row.text(0)?.lines().map(str::to_owned));
        }
        found.retain(|line| line != "ok" && !line.starts_with("*** in database"));
        Ok(found)
    }

    /// Writes what is committed to a file that does not exist.
    pub(crate) async fn copy_to(&mut self, to: &Path) -> Result<(), Error> {
        const OPERATION: &str = "copying the database";
        let Some(to) = to.to_str() else {
            return Err(Error::Storage {
                operation: OPERATION,
                message: format!("the path {} is not UTF-8", to.display()),
                retry: false,
                source: None,
            });
        };
        let mut args = Args::new();
        args.text(to);
        self.run(OPERATION, "VACUUM INTO ?", args).await.map(drop)
    }
}
