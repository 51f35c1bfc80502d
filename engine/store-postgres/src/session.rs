//! One connection with what it remembers, and the few ways in which statements are run.

use std::borrow::Cow;
use std::sync::Arc;

use defacto_ports::{Error, Realm};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use crate::error::{damaged, storage};
use crate::place::Place;
use crate::realms::RealmInfo;
use crate::wire::{Args, Rows};

/// Rows from which on `COPY` is quicker than one statement.
const COPY_MIN: usize = 64;

/// A connection.
#[derive(Debug)]
pub(crate) struct Session {
    connection: PgConnection,
    place: Arc<Place>,
    /// Realms met in this transaction.
    pub(crate) realms: Vec<(Realm, Arc<RealmInfo>)>,
    /// Whether event ids may repeat for the moment.
    pub(crate) ids_may_repeat: bool,
    /// Whether a statement failed: the server keeps nothing of the transaction, and says so only by ignoring a commit.
    failed: bool,
}

impl Session {
    pub(crate) async fn connect(place: &Arc<Place>) -> Result<Session, sqlx::Error> {
        let mut connection = place.options.connect().await?;
        let setup = crate::dialect::setup(place);
        sqlx::raw_sql(AssertSqlSafe(setup)).execute(&mut connection).await?;
        Ok(Session {
            connection,
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
        sqlx::raw_sql(statements).execute(&mut self.connection).await.map(drop)
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
        self.simple("committing", "COMMIT").await
    }

    /// Undoes what the open transaction did.
    pub(crate) async fn rollback(&mut self) -> Result<(), Error> {
        self.forget_moment();
        self.simple("rolling back", "ROLLBACK").await
    }

    pub(crate) async fn close(self) -> Result<(), Error> {
        let place = self.place;
        self.connection.close().await.map_err(|error| storage("closing", &place, error))
    }

    fn forget_moment(&mut self) {
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
        let done = self.try_simple(sql).await;
        self.checked(operation, done)
    }

    /// The same, with the driver's error for a caller who expects one.
    pub(crate) async fn try_simple(
        &mut self,
        sql: impl Into<Cow<'static, str>>,
    ) -> sqlx::Result<()> {
        sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(&mut self.connection).await.map(drop)
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
        let done = query.execute(&mut self.connection).await.map(|done| done.rows_affected());
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
        let done = query.fetch_all(&mut self.connection).await;
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
        let done = query.fetch_optional(&mut self.connection).await;
        self.checked(operation, done)
    }

    /// Stores rows in columns of a table, both quoted already.
    pub(crate) async fn insert(
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
            return self.run(operation, sql, args).await.map(drop);
        }
        let sql = format!("COPY {table}({columns}) FROM STDIN WITH (FORMAT binary)");
        let done = self.copy(&sql, rows.copy()).await;
        self.checked(operation, done)
    }

    async fn copy(&mut self, sql: &str, bytes: Vec<u8>) -> sqlx::Result<()> {
        let mut copy = self.connection.copy_in_raw(sql).await?;
        if let Err(error) = copy.send(bytes).await {
            // The server's own words say more than the broken pipe that follows them.
            return Err(copy.abort("unfinished").await.err().unwrap_or(error));
        }
        copy.finish().await.map(drop)
    }
}
