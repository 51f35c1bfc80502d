//! What only Postgres itself has, and what serves in its place.
//!
//! Other servers of its protocol (CockroachDB) lack session locks and the settings of its planner. With
//! [`crate::PostgresOptions::portable`] the store does without them: a lock is then a row held by an open transaction.
//! Statements go one by one then, each with an answer. Nothing else differs: sequences are drawn under a row lock everywhere, and nobody listens for notifications.

use std::sync::Arc;

use defacto_ports::Error;
use sha2::{Digest, Sha256};

use crate::error::{code, storage};
use crate::names::literal;
use crate::place::Place;
use crate::pool::Begin;
use crate::session::Session;
use crate::wire::{Args, Columns};

/// How long a transaction may wait for its process.
const IDLE: &str = "30s";

const OPERATION: &str = "locking a build";

/// Settings of a new connection. Every statement of this crate follows an index; a planner that has not counted the
/// rows yet would rather read whole tables, or start processes (20 ms) for what an index finds in a tenth of one.
pub(crate) fn setup(place: &Place) -> String {
    // A process that is paused in a transaction must not block the others for long. What the role, the database or the
    // URL say goes before.
    let common = format!(
        "SET search_path = {}; SET client_min_messages = warning; \
         SELECT set_config('idle_in_transaction_session_timeout', '{IDLE}', false) \
         WHERE current_setting('idle_in_transaction_session_timeout') = '0'",
        place.schema()
    );
    if place.portable {
        return common;
    }
    format!(
        "{common}; SET jit = off; SET plan_cache_mode = force_generic_plan; \
         SET standard_conforming_strings = on; SET bytea_output = hex; \
         SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
         SET enable_material = off; SET max_parallel_workers_per_gather = 0"
    )
}

/// Takes a lock that its connection keeps until [`release`] or its end; `false` when another has it.
pub(crate) async fn acquire(session: &mut Session, name: &str) -> Result<bool, Error> {
    if session.place().portable {
        return acquire_row(session, name).await;
    }
    let mut args = Args::new();
    args.int(key(&session.place().namespace, name));
    let row = session.row(OPERATION, "SELECT pg_try_advisory_lock($1)", args).await?;
    row.map_or(Ok(false), |row| row.bool(0))
}

/// Gives a lock back.
pub(crate) async fn release(session: &mut Session, name: &str) -> Result<(), Error> {
    if session.place().portable {
        return session.rollback().await;
    }
    let mut args = Args::new();
    args.int(key(&session.place().namespace, name));
    session.row(OPERATION, "SELECT pg_advisory_unlock($1)", args).await.map(drop)
}

async fn acquire_row(session: &mut Session, name: &str) -> Result<bool, Error> {
    let mut args = Args::new();
    args.text(name);
    let sql = "INSERT INTO locks(name) VALUES ($1) ON CONFLICT DO NOTHING";
    session.run(OPERATION, sql, args).await?;
    let place = Arc::clone(session.place());
    // This transaction waits for as long as the build takes.
    let begin = Begin::Writing("BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0");
    session.begin(begin).await.map_err(|error| storage(OPERATION, &place, error))?;
    let sql = format!("SELECT 1 FROM locks WHERE name = {} FOR UPDATE NOWAIT", literal(name));
    match session.try_simple(sql).await {
        Ok(()) => Ok(true),
        Err(error) if code(&error).as_deref() == Some("55P03") => {
            session.rollback().await?;
            Ok(false)
        }
        Err(error) => Err(storage(OPERATION, &place, error)),
    }
}

/// The number of an advisory lock: they are the whole database's, so the namespace is part of it.
fn key(namespace: &str, name: &str) -> i64 {
    let mut hash = Sha256::new();
    for part in ["defacto-lock", namespace, name] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().first_chunk::<8>().map_or(0, |bytes| i64::from_be_bytes(*bytes))
}
