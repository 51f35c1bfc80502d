//! Several statements in one message, so that they cost one answer together.
//!
//! The driver waits for the server after every statement. A message of the simple protocol may hold many: each is prepared
//! under a name the first time and then executed, with its parameters written out as literals ([`crate::literal`]).

use std::borrow::Cow;
use std::collections::HashMap;
use std::future::poll_fn;

use defacto_ports::Error;
use sqlx::postgres::{PgConnection, PgQueryResult, PgRow};
use sqlx::{AssertSqlSafe, Column, Either, Row, TypeInfo, ValueRef};

use crate::error::{damaged, storage};
use crate::literal::unhex;
use crate::place::Place;
use crate::wire::{Args, Columns};

/// Names that a connection keeps.
const NAMES_MAX: usize = 256;

/// A statement to run.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) operation: &'static str,
    pub(crate) sql: Cow<'static, str>,
    /// `None` for one that is not worth preparing.
    pub(crate) args: Option<Args>,
    /// Rows that it must change, where that is known.
    pub(crate) rows: Option<u64>,
}

/// Why a statement failed.
#[derive(Debug)]
pub(crate) enum Trouble {
    Driver(sqlx::Error),
    /// It found other rows than it must change.
    Rows,
    /// A value of its parameters cannot be stored.
    Value,
}

impl Trouble {
    pub(crate) fn told(self, operation: &'static str, place: &Place) -> Error {
        match self {
            Self::Driver(error) => storage(operation, place, error),
            Self::Rows => Error::Inconsistent {
                message: format!("{operation}: a row that must be there is not"),
            },
            Self::Value => damaged("a value to store"),
        }
    }
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Driver(error)
    }
}

impl Statement {
    /// Whether it changed as many rows as it must.
    pub(crate) fn check(&self, done: &PgQueryResult) -> Result<(), Trouble> {
        match self.rows {
            Some(rows) if rows != done.rows_affected() => Err(Trouble::Rows),
            _ => Ok(()),
        }
    }

    /// Runs it alone.
    pub(crate) async fn run(self, connection: &mut PgConnection) -> Result<Vec<Cells>, Trouble> {
        let Self { sql, args, rows, .. } = self;
        let Some(args) = args else {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await?;
            return Ok(Vec::new());
        };
        let args = args.finish().ok_or(Trouble::Value)?;
        let query = sqlx::query_with(AssertSqlSafe(sql), args);
        if let Some(rows) = rows {
            let changed = query.execute(connection).await?.rows_affected();
            return if changed == rows { Ok(Vec::new()) } else { Err(Trouble::Rows) };
        }
        query.fetch_all(connection).await?.iter().map(Cells::of_binary).collect()
    }
}

/// Statements that are prepared on a connection, by their text.
#[derive(Debug, Default)]
pub(crate) struct Names {
    known: HashMap<Cow<'static, str>, u64>,
    last: u64,
}

/// What the parts of a message are to [`Names`].
enum Part {
    Other,
    /// Makes a name of the statement's text.
    Prepare(usize, u64),
    Run(usize),
}

impl Names {
    /// Runs statements in order, until one fails; returns the rows of the last. A failure comes with the place of the
    /// statement.
    pub(crate) async fn run(
        &mut self,
        connection: &mut PgConnection,
        statements: &[Statement],
    ) -> Result<Vec<Cells>, (usize, Trouble)> {
        let (text, parts) = self.message(statements)?;
        let mut answers = sqlx::raw_sql(AssertSqlSafe(text)).fetch_many(connection);
        let mut parts = parts.into_iter();
        let mut part = parts.next();
        let mut rows: Vec<PgRow> = Vec::new();
        while let Some(answer) = poll_fn(|cx| answers.as_mut().poll_next(cx)).await {
            match answer {
                Ok(Either::Right(row)) => rows.push(row),
                Ok(Either::Left(done)) => {
                    match part {
                        Some(Part::Prepare(at, number)) => {
                            if let Some(statement) = statements.get(at) {
                                self.known.insert(statement.sql.clone(), number);
                            }
                        }
                        Some(Part::Run(at)) => {
                            let checked = statements.get(at).map_or(Ok(()), |it| it.check(&done));
                            checked.map_err(|trouble| (at, trouble))?;
                        }
                        Some(Part::Other) | None => {}
                    }
                    part = parts.next();
                    if part.is_some() {
                        rows.clear();
                    }
                }
                Err(error) => {
                    let at = match part {
                        Some(Part::Prepare(at, _) | Part::Run(at)) => at,
                        Some(Part::Other) | None => 0,
                    };
                    return Err((at, error.into()));
                }
            }
        }
        rows.iter()
            .map(Cells::of_text)
            .collect::<Result<_, _>>()
            .map_err(|trouble| (statements.len().saturating_sub(1), trouble))
    }

    fn message(
        &mut self,
        statements: &[Statement],
    ) -> Result<(String, Vec<Part>), (usize, Trouble)> {
        let (mut text, mut parts) = (String::new(), Vec::new());
        if self.known.len() > NAMES_MAX {
            for number in std::mem::take(&mut self.known).into_values() {
                text.push_str(&format!("DEALLOCATE defacto_{number}; "));
                parts.push(Part::Other);
            }
        }
        let mut fresh: HashMap<&str, u64> = HashMap::new();
        for (at, statement) in statements.iter().enumerate() {
            let sql = &*statement.sql;
            let Some(args) = &statement.args else {
                text.push_str(sql);
                text.push_str("; ");
                parts.push(Part::Run(at));
                continue;
            };
            let number = match self.known.get(sql).or_else(|| fresh.get(sql)) {
                Some(number) => *number,
                None => {
                    // Names are never used twice: whether one that was cut off exists, nobody knows.
                    self.last += 1;
                    let types = args.types();
                    text.push_str(&format!("PREPARE defacto_{}{types} AS {sql}; ", self.last));
                    parts.push(Part::Prepare(at, self.last));
                    fresh.insert(sql, self.last);
                    self.last
                }
            };
            text.push_str(&format!("EXECUTE defacto_{number}"));
            args.literals(&mut text).ok_or((at, Trouble::Value))?;
            text.push_str("; ");
            parts.push(Part::Run(at));
        }
        Ok((text, parts))
    }
}

/// A row, whichever way it came: its columns in binary form.
#[derive(Debug)]
pub(crate) struct Cells(Vec<Option<Vec<u8>>>);

impl Cells {
    pub(crate) fn of_binary(row: &PgRow) -> Result<Self, Trouble> {
        let cells = (0..row.len()).map(|at| {
            let value = row.try_get_raw(at)?;
            if value.is_null() {
                return Ok(None);
            }
            value.as_bytes().map(|bytes| Some(bytes.to_vec())).map_err(|_| Trouble::Value)
        });
        cells.collect::<Result<_, _>>().map(Self)
    }

    fn of_text(row: &PgRow) -> Result<Self, Trouble> {
        let cells = row.columns().iter().enumerate().map(|(at, column)| {
            let value = row.try_get_raw(at)?;
            if value.is_null() {
                return Ok(None);
            }
            let text = value.as_str().map_err(|_| Trouble::Value)?;
            let bytes = match column.type_info().name() {
                "INT8" => text.parse().ok().map(|number: i64| number.to_be_bytes().to_vec()),
                "BOOL" => Some(vec![u8::from(text == "t")]),
                "UUID" => unhex(&text.replace('-', "")),
                "BYTEA" => text.strip_prefix("\\x").and_then(unhex),
                "TEXT" => Some(text.as_bytes().to_vec()),
                // What tells others that something was committed.
                "VOID" => Some(Vec::new()),
                _ => None,
            };
            bytes.map(Some).ok_or(Trouble::Value)
        });
        cells.collect::<Result<_, _>>().map(Self)
    }
}

impl Columns for Cells {
    fn maybe_bytes(&self, index: usize) -> Result<Option<&[u8]>, Error> {
        self.0.get(index).map(Option::as_deref).ok_or_else(|| damaged("a column"))
    }
}
