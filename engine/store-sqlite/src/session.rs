//! One connection with what it remembers, and the few ways in which statements are run.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use defacto_model::{EntityId, Timestamp};
use defacto_ports::{Error, Realm};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Connection};

use crate::columns::Args;
use crate::error::{is_busy, storage};
use crate::keys::Keys;
use crate::realms::RealmInfo;

/// Rows per statement, largest first: few different statements, few trips to the driver's thread.
const CHUNKS: [usize; 4] = [128, 16, 4, 1];

/// A connection.
#[derive(Debug)]
pub(crate) struct Session {
    connection: SqliteConnection,
    path: Arc<PathBuf>,
    /// Names and entities already met. Both only grow, so it outlives transactions that commit.
    pub(crate) keys: Keys,
    /// Realms met in this transaction.
    pub(crate) realms: Vec<(Realm, Arc<RealmInfo>)>,
    /// Keys of a range in event order, for replaying it page by page.
    pub(crate) replay: Option<crate::replay::Replay>,
    /// Entities due, for ticking page by page.
    pub(crate) due: Option<DueList>,
    /// Whether event ids may repeat for the moment.
    pub(crate) ids_may_repeat: bool,
    /// Whether the open transaction may write.
    pub(crate) writing: bool,
    /// Whether a statement failed: what it did half is not kept.
    failed: bool,
}

/// Entities with a rule due, sorted by id.
#[derive(Debug)]
pub(crate) struct DueList {
    /// Which question this answers.
    pub(crate) key: (Realm, String, Timestamp),
    /// The answer, after the id asked for.
    pub(crate) ids: Vec<EntityId>,
    /// Whether the list was cut.
    pub(crate) more: bool,
}

impl Session {
    pub(crate) fn new(connection: SqliteConnection, path: Arc<PathBuf>) -> Session {
        Session {
            connection,
            path,
            keys: Keys::default(),
            realms: Vec::new(),
            replay: None,
            due: None,
            ids_may_repeat: false,
            writing: false,
            failed: false,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Starts a transaction, for writing or for reading one moment.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] when another process keeps writing.
    pub(crate) async fn begin(&mut self, writing: bool) -> Result<(), Error> {
        self.forget_moment();
        self.writing = writing;
        let statement = if writing { "BEGIN IMMEDIATE" } else { "BEGIN" };
        match sqlx::query(statement).execute(&mut self.connection).await {
            Ok(_) if writing => Ok(()),
            // The first read fixes the moment.
            Ok(_) => {
                let moment = "SELECT 1 FROM schema_meta";
                self.row("reading", moment, Args::new()).await.map(drop)
            }
            Err(error) if is_busy(&error) => Err(Error::Locked { what: "the database" }),
            Err(error) => Err(storage("beginning a transaction", &self.path, error)),
        }
    }

    pub(crate) async fn commit(&mut self) -> Result<(), Error> {
        if self.failed {
            return Err(Error::Storage {
                operation: "committing",
                message: "a statement of the transaction failed before".to_owned(),
                retry: false,
                source: None,
            });
        }
        self.forget_moment();
        self.run("committing", "COMMIT", Args::new()).await.map(drop)
    }

    /// Undoes the open transaction without waiting for it; what comes next waits.
    pub(crate) fn abandon(&mut self, writing: bool) {
        {
            // The first poll hands the statement to the connection's thread, which works through
            // statements in order whether or not anybody waits for the answer.
            let rollback = pin!(sqlx::query("ROLLBACK").execute(&mut self.connection));
            drop(rollback.poll(&mut Context::from_waker(Waker::noop())));
        }
        self.forget_moment();
        if writing {
            self.keys = Keys::default();
        }
    }

    pub(crate) async fn close(self) -> Result<(), Error> {
        let path = self.path;
        self.connection.close().await.map_err(|error| storage("closing", &path, error))
    }

    fn forget_moment(&mut self) {
        self.realms.clear();
        self.replay = None;
        self.due = None;
        self.ids_may_repeat = false;
        self.failed = false;
    }

    /// Runs a statement; returns the number of rows changed.
    pub(crate) async fn run(
        &mut self,
        operation: &'static str,
        sql: impl Into<Cow<'static, str>>,
        args: Args,
    ) -> Result<u64, Error> {
        let args = args.finish().ok_or_else(|| crate::error::damaged("a value to store"))?;
        let query = sqlx::query_with(AssertSqlSafe(sql.into()), args);
        let done = query.execute(&mut self.connection).await;
        self.failed |= done.is_err();
        done.map(|done| done.rows_affected()).map_err(|error| storage(operation, &self.path, error))
    }

    /// Runs a query and returns all its rows.
    pub(crate) async fn rows(
        &mut self,
        operation: &'static str,
        sql: impl Into<Cow<'static, str>>,
        args: Args,
    ) -> Result<Vec<SqliteRow>, Error> {
        let args = args.finish().ok_or_else(|| crate::error::damaged("a value to compare"))?;
        sqlx::query_with(AssertSqlSafe(sql.into()), args)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| storage(operation, &self.path, error))
    }

    /// Runs a query for at most one row.
    pub(crate) async fn row(
        &mut self,
        operation: &'static str,
        sql: impl Into<Cow<'static, str>>,
        args: Args,
    ) -> Result<Option<SqliteRow>, Error> {
        let args = args.finish().ok_or_else(|| crate::error::damaged("a value to compare"))?;
        sqlx::query_with(AssertSqlSafe(sql.into()), args)
            .fetch_optional(&mut self.connection)
            .await
            .map_err(|error| storage(operation, &self.path, error))
    }

    /// Runs `before VALUES (?, …), … after` for many rows; returns the number of rows changed.
    pub(crate) async fn run_many<T: Sync>(
        &mut self,
        operation: &'static str,
        parts: Parts<'_>,
        rows: &[T],
        mut bind: impl FnMut(&mut Args, &T) -> Result<(), Error> + Send,
    ) -> Result<u64, Error> {
        let mut changed = 0;
        let mut rest = rows;
        for size in CHUNKS {
            while let Some((chunk, tail)) = rest.split_at_checked(size) {
                let mut args = Args::new();
                for row in chunk {
                    bind(&mut args, row)?;
                }
                changed += self.run(operation, parts.sql(size), args).await?;
                rest = tail;
            }
        }
        Ok(changed)
    }

    /// Runs `before VALUES (?, …), … after` for many rows and collects what it returns.
    pub(crate) async fn rows_many<T: Sync>(
        &mut self,
        operation: &'static str,
        parts: Parts<'_>,
        rows: &[T],
        mut bind: impl FnMut(&mut Args, &T) -> Result<(), Error> + Send,
    ) -> Result<Vec<SqliteRow>, Error> {
        let mut found = Vec::new();
        let mut rest = rows;
        for size in CHUNKS {
            while let Some((chunk, tail)) = rest.split_at_checked(size) {
                let mut args = Args::new();
                for row in chunk {
                    bind(&mut args, row)?;
                }
                found.append(&mut self.rows(operation, parts.sql(size), args).await?);
                rest = tail;
            }
        }
        Ok(found)
    }
}

/// A statement around a list of rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) before: &'a str,
    /// Values per row.
    pub(crate) columns: usize,
    pub(crate) after: &'a str,
}

impl Parts<'_> {
    fn sql(&self, rows: usize) -> String {
        let mut row = String::with_capacity(2 * self.columns + 2);
        for index in 0..self.columns {
            row.push_str(if index == 0 { "(?" } else { ",?" });
        }
        row.push(')');
        let capacity = self.before.len() + self.after.len() + 8 + rows * (row.len() + 1);
        let mut sql = String::with_capacity(capacity);
        sql.push_str(self.before);
        sql.push_str("VALUES ");
        for index in 0..rows {
            if index > 0 {
                sql.push(',');
            }
            sql.push_str(&row);
        }
        sql.push_str(self.after);
        sql
    }
}

/// A JSON list of integers, for `json_each`.
pub(crate) fn json_list(numbers: impl IntoIterator<Item = i64>) -> String {
    let mut text = String::from("[");
    for number in numbers {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&number.to_string());
    }
    text.push(']');
    text
}

/// A JSON object from integers to integers, for `json_each`; keys are distinct.
pub(crate) fn json_map(pairs: impl IntoIterator<Item = (i64, i64)>) -> String {
    let mut text = String::from("{");
    for (key, value) in pairs {
        if text.len() > 1 {
            text.push(',');
        }
        text.push('"');
        text.push_str(&key.to_string());
        text.push_str("\":");
        text.push_str(&value.to_string());
    }
    text.push('}');
    text
}
