//! One connection with what it remembers, and the few ways in which statements are run.

use std::borrow::Cow;
use std::sync::Arc;

use defacto_model::Sequence;
use defacto_ports::Error;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tokio::task::JoinHandle;

use crate::bundle::{Cells, Names, Statement, Trouble};
use crate::error::{damaged, storage};
use crate::place::Place;
use crate::pool::Begin;
use crate::realms::Realms;
use crate::wire::{Args, Columns, Rows};

/// Rows from which on `COPY` is quicker than one statement.
pub(crate) const COPY_MIN: usize = 64;
/// Bytes of parameters from which on a statement is worth a task of its own.
const TASK_MIN: usize = 8 << 10;
/// Statements that wait for the next one at most.
const SMALL_MAX: usize = 64;
/// Counts a transaction that works on an undivided namespace in.
pub(crate) const ENTER: &str =
    "UPDATE shard_progress SET position = position + 1 WHERE stage = 'enter'";
const ENTERED: &str = "SELECT (SELECT position FROM shard_progress WHERE stage = 'enter') - 1, \
     (SELECT position FROM shard_progress WHERE stage = 'resolve')";

/// A connection. Statements whose answer nobody needs are left to it while the caller goes on: large ones at once, small ones
/// in one message with the next that needs an answer ([`crate::bundle`]). Their errors come with the next answer, with
/// the commit at the latest.
#[derive(Debug)]
pub(crate) struct Session {
    line: Line,
    names: Names,
    /// Statements left to the connection that are too small for a task; they go before the next one.
    small: Vec<Work>,
    place: Arc<Place>,
    pub(crate) realms: Realms,
    /// What the transaction found when it entered, before it and with all others kept out: the count, until it is asked for, and
    /// how far events are resolved.
    pub(crate) entered: Option<u64>,
    pub(crate) resolved: Option<Sequence>,
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
    failed: Option<(&'static str, Trouble)>,
}

/// Something to run without an answer.
#[derive(Debug)]
enum Work {
    Statement(Statement),
    Copy(&'static str, String, Vec<u8>),
}

impl Work {
    fn operation(&self) -> &'static str {
        match self {
            Self::Statement(statement) => statement.operation,
            Self::Copy(operation, ..) => operation,
        }
    }

    async fn run(self, connection: &mut PgConnection) -> Result<(), Trouble> {
        match self {
            Self::Statement(statement) => statement.run(connection).await.map(drop),
            Self::Copy(_, sql, bytes) => {
                let mut copy = connection.copy_in_raw(&sql).await?;
                if let Err(error) = copy.send(bytes).await {
                    // The server's own words say more than the broken pipe that follows them.
                    return Err(copy.abort("unfinished").await.err().unwrap_or(error).into());
                }
                copy.finish().await?;
                Ok(())
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
            names: Names::default(),
            small: Vec::new(),
            place: Arc::clone(place),
            realms: Realms::new(place),
            entered: None,
            resolved: None,
            ids_may_repeat: false,
            failed: false,
        })
    }

    pub(crate) fn place(&self) -> &Arc<Place> {
        &self.place
    }

    /// Starts a transaction.
    pub(crate) async fn begin(&mut self, begin: Begin) -> Result<(), sqlx::Error> {
        self.forget_moment();
        let statements = match begin {
            // One moment is read, also of the realms.
            Begin::Reading(statements) => {
                self.realms.forget();
                statements
            }
            Begin::Writing(statements) | Begin::Entering(statements) => statements,
        };
        if !matches!(begin, Begin::Entering(_)) || self.place.portable {
            return self.try_simple(statements).await;
        }
        let Line::Ready(connection) = &mut self.line else { return Err(sqlx::Error::PoolClosed) };
        let plain =
            |sql, args| Statement { operation: "", sql: Cow::Borrowed(sql), args, rows: None };
        let all = [
            plain(statements, None),
            plain(ENTER, Some(Args::new())),
            plain(ENTERED, Some(Args::new())),
        ];
        let rows =
            self.names.run(connection, &all).await.map_err(|(_, trouble)| match trouble {
                Trouble::Driver(error) => error,
                Trouble::Rows | Trouble::Value => sqlx::Error::RowNotFound,
            })?;
        self.note_entered(&rows).ok_or(sqlx::Error::RowNotFound)
    }

    fn note_entered(&mut self, rows: &[Cells]) -> Option<()> {
        let row = rows.first()?;
        self.entered = Some(u64::try_from(row.int(0).ok()?).ok()?);
        self.resolved = Some(Sequence(row.int(1).ok()?));
        Some(())
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
        self.simple("committing", "COMMIT").await?;
        self.realms.committed();
        Ok(())
    }

    /// Undoes what the open transaction did.
    pub(crate) async fn rollback(&mut self) -> Result<(), Error> {
        // What failed is undone like the rest, and what was not begun is left.
        self.small.clear();
        self.settle().await.ok();
        self.forget_moment();
        self.realms.forget();
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

    /// Waits for the statements under way.
    async fn join(&mut self) -> Result<(), Error> {
        let Line::Busy(task) = &mut self.line else { return Ok(()) };
        let done = task.await.unwrap_or(Done { connection: None, failed: None });
        self.line = done.connection.map_or(Line::Lost, Line::Ready);
        let Some((operation, trouble)) = done.failed else { return Ok(()) };
        self.small.clear();
        Err(self.told(operation, trouble))
    }

    /// Waits for the statements under way, and runs those that wait for it.
    async fn settle(&mut self) -> Result<(), Error> {
        self.join().await?;
        self.flush(None).await.map(drop)
    }

    /// Runs the statements that wait, and then one whose rows are returned.
    async fn flush(&mut self, last: Option<Statement>) -> Result<Vec<Cells>, Error> {
        let mut works = std::mem::take(&mut self.small);
        works.extend(last.map(Work::Statement));
        let mut together: Vec<Statement> = Vec::new();
        let mut rows = Vec::new();
        for work in works {
            match work {
                Work::Statement(statement) => together.push(statement),
                copy @ Work::Copy(..) => {
                    self.together(std::mem::take(&mut together)).await?;
                    let Line::Ready(connection) = &mut self.line else { return Err(lost()) };
                    let operation = copy.operation();
                    let done = copy.run(connection).await;
                    done.map_err(|trouble| self.told(operation, trouble))?;
                }
            }
        }
        if !together.is_empty() {
            rows = self.together(together).await?;
        }
        Ok(rows)
    }

    async fn together(&mut self, statements: Vec<Statement>) -> Result<Vec<Cells>, Error> {
        let Line::Ready(connection) = &mut self.line else { return Err(lost()) };
        if statements.len() > 1 && !self.place.portable {
            let done = self.names.run(connection, &statements).await;
            return done.map_err(|(at, trouble)| {
                let operation = statements.get(at).map_or("", |statement| statement.operation);
                self.told(operation, trouble)
            });
        }
        let mut rows = Vec::new();
        for statement in statements {
            let operation = statement.operation;
            let Line::Ready(connection) = &mut self.line else { return Err(lost()) };
            let done = statement.run(connection).await;
            rows = done.map_err(|trouble| self.told(operation, trouble))?;
        }
        Ok(rows)
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
    fn leave(&mut self, work: Work, bytes: usize) {
        self.small.push(work);
        let small = bytes < TASK_MIN && self.small.len() < SMALL_MAX;
        if small && matches!(self.line, Line::Ready(_)) {
            return;
        }
        let works = std::mem::take(&mut self.small);
        let line = std::mem::replace(&mut self.line, Line::Lost);
        self.line = Line::Busy(tokio::spawn(async move {
            let mut done = line.end().await;
            for work in works {
                let operation = work.operation();
                if done.failed.is_none()
                    && let Some(connection) = &mut done.connection
                    && let Err(trouble) = work.run(connection).await
                {
                    done.failed = Some((operation, trouble));
                }
            }
            done
        }));
    }

    fn forget_moment(&mut self) {
        self.small.clear();
        self.entered = None;
        self.resolved = None;
        self.ids_may_repeat = false;
        self.failed = false;
    }

    fn told(&mut self, operation: &'static str, trouble: Trouble) -> Error {
        self.failed = true;
        trouble.told(operation, &self.place)
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

    /// Runs a query for few and short rows without times, in one message with what waits to be run before it.
    pub(crate) async fn ask(
        &mut self,
        operation: &'static str,
        sql: impl Into<Cow<'static, str>>,
        args: Args,
    ) -> Result<Vec<Cells>, Error> {
        self.join().await?;
        if args.len() >= TASK_MIN {
            self.flush(None).await?;
        }
        let statement = Statement { operation, sql: sql.into(), args: Some(args), rows: None };
        self.flush(Some(statement)).await
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
        self.later_rows(operation, sql, args, None)
    }

    /// The same; the statement must change so many rows, where that is known.
    ///
    /// # Errors
    ///
    /// As [`Session::later`].
    pub(crate) fn later_rows(
        &mut self,
        operation: &'static str,
        sql: impl Into<Cow<'static, str>>,
        args: Args,
        rows: Option<u64>,
    ) -> Result<(), Error> {
        let bytes = args.len();
        let statement = Statement { operation, sql: sql.into(), args: Some(args), rows };
        self.leave(Work::Statement(statement), bytes);
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
        self.leave(Work::Copy(operation, sql, bytes), length);
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
