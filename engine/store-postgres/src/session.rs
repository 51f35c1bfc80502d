//! One connection with what it remembers, and the few ways in which statements are run.

use std::borrow::Cow;
use std::sync::Arc;

use defacto_ports::{Error, Realm};
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tokio::task::JoinHandle;

use crate::error::{damaged, storage};
use crate::place::Place;
use crate::realms::RealmInfo;
use crate::wire::{Args, Rows};

/// Rows from which on `COPY` is quicker than one statement.
pub(crate) const COPY_MIN: usize = 64;
/// Bytes of parameters from which on a statement is worth a task of its own.
const TASK_MIN: usize = 8 << 10;

/// A connection. Statements whose answer nobody needs are left to it one after the other while the caller goes on; their
/// errors come with the next answer, with the commit at the latest.
#[derive(Debug)]
pub(crate) struct Session {
    line: Line,
    /// Statements left to the connection that are too small for a task; they go before the next one.
    small: Vec<(&'static str, Work)>,
    place: Arc<Place>,
    /// Realms met in this transaction.
    pub(crate) realms: Vec<(Realm, Arc<RealmInfo>)>,
    /// Whether event ids may repeat for the moment.
    pub(crate) ids_may_repeat: bool,
    /// Whether a statement failed: the server keeps nothing of the transaction, and says so only by ignoring a commit.
    failed: bool,
}

/// Where the connection is.
#[derive(Debug)]
enum Line {
    Ready(PgConnection),
    /// With a task that works through statements.
    Busy(JoinHandle<Done>),
    /// The task did not give it back.
    Lost,
}

/// What a task gives back; the connection, and the first statement that failed. Those after it were not run.
#[derive(Debug)]
struct Done {
    connection: Option<PgConnection>,
    failed: Option<(&'static str, sqlx::Error)>,
}

/// A statement to run without an answer.
#[derive(Debug)]
enum Work {
    Statement(Cow<'static, str>, PgArguments),
    Copy(String, Vec<u8>),
}

impl Work {
    async fn run(self, connection: &mut PgConnection) -> sqlx::Result<()> {
        match self {
            Self::Statement(sql, args) => {
                let query = sqlx::query_with(AssertSqlSafe(sql), args);
                query.execute(connection).await.map(drop)
            }
            Self::Copy(sql, bytes) => {
                let mut copy = connection.copy_in_raw(&sql).await?;
                if let Err(error) = copy.send(bytes).await {
                    // The server's own words say more than the broken pipe that follows them.
                    return Err(copy.abort("unfinished").await.err().unwrap_or(error));
                }
                copy.finish().await.map(drop)
            }
        }
    }
}

impl Line {
    async fn end(self) -> Done {
        match self {
            Self::Ready(connection) => Done { connection: Some(connection), failed: None },
            Self::Busy(task) => task.await.unwrap_or(Done { connection: None, failed: None }),
            Self::Lost => Done { connection: None, failed: None },
        }
    }
}

impl Session {
    pub(crate) async fn connect(place: &Arc<Place>) -> Result<Session, sqlx::Error> {
        let mut connection = place.options.connect().await?;
        let setup = crate::dialect::setup(place);
        sqlx::raw_sql(AssertSqlSafe(setup)).execute(&mut connection).await?;
        Ok(Session {
            line: Line::Ready(connection),
            small: Vec::new(),
            place: Arc::clone(place),
            realms: Vec::new(),
            ids_may_repeat: false,
            failed: false,
        })
    }

    pub(crate) fn place(&self) -> &Arc<Place> {
        &self.place
    }

    /// Starts a transaction by statements that need no answer.
    pub(crate) async fn begin(&mut self, statements: &'static str) -> Result<(), sqlx::Error> {
        self.forget_moment();
        self.try_simple(statements).await
    }

    pub(crate) async fn commit(&mut self) -> Result<(), Error> {
        self.settle().await?;
        if self.failed {
            return Err(Error::Storage {
                operation: "committing",
                message: "a statement of the transaction failed before".to_owned(),
                retry: false,
                source: None,
            });
        }
        self.forget_moment();
        self.simple("committing", "COMMIT").await
    }

    /// Undoes what the open transaction did.
    pub(crate) async fn rollback(&mut self) -> Result<(), Error> {
        // What failed is undone like the rest, and what was not begun is left.
        self.small.clear();
        self.settle().await.ok();
        self.forget_moment();
        self.simple("rolling back", "ROLLBACK").await
    }

    pub(crate) async fn close(self) -> Result<(), Error> {
        let place = self.place;
        match self.line.end().await.connection {
            Some(connection) => {
                connection.close().await.map_err(|error| storage("closing", &place, error))
            }
            None => Ok(()),
        }
    }

    /// Waits for the statements under way, and runs those that wait for it.
    async fn settle(&mut self) -> Result<(), Error> {
        if let Line::Busy(task) = &mut self.line {
            let done = task.await.unwrap_or(Done { connection: None, failed: None });
            self.line = done.connection.map_or(Line::Lost, Line::Ready);
            if let Some((operation, error)) = done.failed {
                self.small.clear();
                return self.checked(operation, Err(error));
            }
        }
        for (operation, work) in std::mem::take(&mut self.small) {
            let Line::Ready(connection) = &mut self.line else { return Err(lost()) };
            let done = work.run(connection).await;
            self.checked(operation, done)?;
        }
        Ok(())
    }

    /// The connection, once it has nothing to do.
    async fn connection(&mut self) -> Result<&mut PgConnection, Error> {
        self.settle().await?;
        match &mut self.line {
            Line::Ready(connection) => Ok(connection),
            Line::Busy(_) | Line::Lost => Err(lost()),
        }
    }

    /// Leaves a statement to the connection.
    fn leave(&mut self, operation: &'static str, work: Work, bytes: usize) {
        self.small.push((operation, work));
        if bytes < TASK_MIN && matches!(self.line, Line::Ready(_)) {
            return;
        }
        let works = std::mem::take(&mut self.small);
        let line = std::mem::replace(&mut self.line, Line::Lost);
        self.line = Line::Busy(tokio::spawn(async move {
            let mut done = line.end().await;
            for (operation, work) in works {
                if done.failed.is_none()
                    && let Some(connection) = &mut done.connection
                    && let Err(error) = work.run(connection).await
                {
                    done.failed = Some((operation, error));
                }
            }
            done
        }));
    }

    fn forget_moment(&mut self) {
        self.small.clear();
        self.realms.clear();
        self.ids_may_repeat = false;
        self.failed = false;
    }

    fn checked<T>(&mut self, operation: &'static str, done: sqlx::Result<T>) -> Result<T, Error> {
        self.failed |= done.is_err();
        done.map_err(|error| storage(operation, &self.place, error))
    }

    /// Runs statements without parameters, in one go.
    pub(crate) async fn simple(
        &mut self,
        operation: &'static str,
        sql: impl Into<Cow<'static, str>>,
    ) -> Result<(), Error> {
        self.settle().await?;
        let done = self.try_simple(sql).await;
        self.checked(operation, done)
    }

    /// The same, with the driver's error for a caller who expects one.
    pub(crate) async fn try_simple(
        &mut self,
        sql: impl Into<Cow<'static, str>>,
    ) -> sqlx::Result<()> {
        match &mut self.line {
            Line::Ready(connection) => {
                sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(connection).await.map(drop)
            }
            Line::Busy(_) | Line::Lost => Err(sqlx::Error::PoolClosed),
        }
    }

    /// Runs a statement; returns the number of rows changed.
    pub(crate) async fn run(
        &mut self,
        operation: &'static str,
        sql: impl Into<Cow<'static, str>>,
        args: Args,
    ) -> Result<u64, Error> {
        let args = args.finish().ok_or_else(|| damaged("a value to store"))?;
        let query = sqlx::query_with(AssertSqlSafe(sql.into()), args);
        let done = query.execute(self.connection().await?).await.map(|done| done.rows_affected());
        self.checked(operation, done)
    }

    /// Runs a query and returns all its rows.
    pub(crate) async fn rows(
        &mut self,
        operation: &'static str,
        sql: impl Into<Cow<'static, str>>,
        args: Args,
    ) -> Result<Vec<PgRow>, Error> {
        let args = args.finish().ok_or_else(|| damaged("a value to compare"))?;
        let query = sqlx::query_with(AssertSqlSafe(sql.into()), args);
        let done = query.fetch_all(self.connection().await?).await;
        self.checked(operation, done)
    }

    /// Runs a query for at most one row.
    pub(crate) async fn row(
        &mut self,
        operation: &'static str,
        sql: impl Into<Cow<'static, str>>,
        args: Args,
    ) -> Result<Option<PgRow>, Error> {
        let args = args.finish().ok_or_else(|| damaged("a value to compare"))?;
        let query = sqlx::query_with(AssertSqlSafe(sql.into()), args);
        let done = query.fetch_optional(self.connection().await?).await;
        self.checked(operation, done)
    }

    /// Leaves a statement to the connection: its error comes with the next answer.
    ///
    /// # Errors
    ///
    /// [`Error::Inconsistent`] for a value that cannot be stored.
    pub(crate) fn later(
        &mut self,
        operation: &'static str,
        sql: impl Into<Cow<'static, str>>,
        args: Args,
    ) -> Result<(), Error> {
        let bytes = args.len();
        let args = args.finish().ok_or_else(|| damaged("a value to store"))?;
        self.leave(operation, Work::Statement(sql.into(), args), bytes);
        Ok(())
    }

    /// Stores rows in columns of a table, both quoted already; as [`Session::later`].
    ///
    /// # Errors
    ///
    /// [`Error::Inconsistent`] for a value that cannot be stored.
    pub(crate) fn insert(
        &mut self,
        operation: &'static str,
        table: &str,
        columns: &str,
        rows: &Rows,
    ) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        if rows.len() < COPY_MIN {
            let sql = format!("INSERT INTO {table}({columns}) SELECT * FROM {}", rows.unnest(1));
            let mut args = Args::new();
            args.rows(rows);
            return self.later(operation, sql, args);
        }
        let sql = format!("COPY {table}({columns}) FROM STDIN WITH (FORMAT binary)");
        let bytes = rows.copy();
        let length = bytes.len();
        self.leave(operation, Work::Copy(sql, bytes), length);
        Ok(())
    }
}

fn lost() -> Error {
    Error::Storage {
        operation: "using the store",
        message: "the connection is lost".to_owned(),
        retry: true,
        source: None,
    }
}
