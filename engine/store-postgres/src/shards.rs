//! Who works on what part of the namespace: `shard_map` (one row, none while the namespace is undivided), `shard_claims`
//! and `shard_workers`. Leases end by the server's clock.

use std::time::Duration;

use async_trait::async_trait;
use defacto_ports::{Claim, ClaimedShard, Error, Fence, ShardMap, ShardStatus, Shards, Worker};

use crate::bell::channel;
use crate::error::damaged;
use crate::pool::{Begin, READ, WRITE};
use crate::session::{ENTER, Session};
use crate::store::PostgresStore;
use crate::wire::{Args, Columns};

const OPERATION: &str = "dividing the namespace";

impl Session {
    /// Wakes those who wait for others' work, once this is committed.
    fn ring(&mut self) -> Result<(), Error> {
        if self.place().portable {
            return Ok(());
        }
        let mut args = Args::new();
        args.text(&channel(self.place()));
        self.later(OPERATION, "SELECT pg_notify($1, '')", args)
    }

    pub(crate) async fn entered(&mut self) -> Result<u64, Error> {
        let sql = "SELECT position FROM shard_progress WHERE stage = 'enter'";
        let row = self.row(OPERATION, sql, Args::new()).await?;
        unsigned(row.map_or(Ok(0), |row| row.int(0))?)
    }

    pub(crate) async fn enter(&mut self) -> Result<u64, Error> {
        if let Some(entered) = self.entered.take() {
            return Ok(entered);
        }
        let sql = format!("{ENTER} RETURNING position - 1");
        let row = self.row(OPERATION, sql, Args::new()).await?;
        unsigned(row.map_or(Ok(0), |row| row.int(0))?)
    }

    /// Locks the row of a stage, after whoever has it.
    pub(crate) async fn lock_stage(&mut self, stage: &str) -> Result<(), Error> {
        // Who was waited for may have moved on.
        self.resolved = None;
        let mut args = Args::new();
        args.text(stage);
        let sql = "SELECT position FROM shard_progress WHERE stage = $1 FOR UPDATE";
        self.row(OPERATION, sql, args).await.map(drop)
    }

    pub(crate) async fn check_fence(&mut self, fence: &Fence) -> Result<(), Error> {
        match fence {
            Fence::Alone => {
                let sql = "SELECT epoch FROM shard_map";
                match self.ask(OPERATION, sql, Args::new()).await?.first() {
                    Some(_) => Err(stale("the namespace was divided")),
                    None => Ok(()),
                }
            }
            Fence::Shard { epoch, claim } => {
                let mut args = Args::new();
                args.int(i64::from(claim.shard));
                let sql = "SELECT m.epoch, m.owner IS NOT NULL, c.token \
                           FROM shard_map m, shard_claims c WHERE c.shard_id = $1 FOR SHARE";
                match self.ask(OPERATION, sql, args).await?.first() {
                    Some(row) if row.int(0)? != *epoch || row.bool(1)? => {
                        Err(stale("the namespace was changed"))
                    }
                    Some(row) if row.int(2)? == claim.token => Ok(()),
                    _ => Err(stale("the shard was claimed")),
                }
            }
            Fence::Whole { epoch, worker } => {
                let sql = "SELECT epoch, owner FROM shard_map FOR SHARE";
                match self.ask(OPERATION, sql, Args::new()).await?.first() {
                    Some(row) if row.int(0)? == *epoch && row.maybe_int(1)? == Some(worker.0) => {
                        Ok(())
                    }
                    _ => Err(stale("the namespace was taken")),
                }
            }
        }
    }

    async fn shard_map(&mut self) -> Result<Option<(ShardMap, bool)>, Error> {
        let sql = "SELECT epoch, total_shards, owner IS NOT NULL, \
                   coalesce(lease_until < clock_timestamp(), false) FROM shard_map";
        let Some(row) = self.row(OPERATION, sql, Args::new()).await? else { return Ok(None) };
        let map = ShardMap { epoch: row.int(0)?, total: small(row.int(1)?)?, held: row.bool(2)? };
        Ok(Some((map, map.held && row.bool(3)?)))
    }

    /// Rows of claims for so many shards, all free.
    async fn make_claims(&mut self, total: u32) -> Result<(), Error> {
        let mut args = Args::new();
        args.int(i64::from(total));
        let sql = "DELETE FROM shard_claims WHERE shard_id >= $1";
        self.run(OPERATION, sql, args).await?;
        let sql = "UPDATE shard_claims SET owner = NULL, token = token + 1";
        self.run(OPERATION, sql, Args::new()).await?;
        let mut args = Args::new();
        args.int(i64::from(total));
        let sql = "INSERT INTO shard_claims(shard_id, token) SELECT n, 0 \
                   FROM generate_series(0::bigint, $1 - 1) AS n ON CONFLICT (shard_id) DO NOTHING";
        self.run(OPERATION, sql, args).await.map(drop)
    }
}

fn stale(what: &'static str) -> Error {
    Error::Stale { what }
}

fn unsigned(number: i64) -> Result<u64, Error> {
    u64::try_from(number).map_err(|_| damaged("a counter"))
}

fn small(number: i64) -> Result<u32, Error> {
    u32::try_from(number).map_err(|_| damaged("a number of shards"))
}

/// Microseconds of a lease.
fn micros(lease: Duration) -> i64 {
    i64::try_from(lease.as_micros()).unwrap_or(i64::MAX)
}

impl PostgresStore {
    /// The map by one statement on a connection at hand; `None` when there is none, or when it is lost.
    async fn glance(&self) -> Option<Option<(ShardMap, bool)>> {
        let mut session = self.pool().take_idle()?;
        let map = session.shard_map().await.ok()?;
        self.pool().give_back(session);
        Some(map)
    }

    async fn begun(&self, begin: Begin) -> Result<Session, Error> {
        self.pool().start(begin).await
    }

    async fn done(&self, mut session: Session) -> Result<(), Error> {
        session.commit().await?;
        self.pool().give_back(session);
        Ok(())
    }

    /// One statement in a transaction of its own.
    async fn once(&self, sql: &'static str, args: Args) -> Result<(), Error> {
        let mut session = self.begun(WRITE).await?;
        session.run(OPERATION, sql, args).await?;
        self.done(session).await
    }
}

#[async_trait]
impl Shards for PostgresStore {
    async fn map(&self) -> Result<Option<ShardMap>, Error> {
        let map = match self.glance().await {
            Some(map) => map,
            None => {
                let mut session = self.begun(READ).await?;
                let map = session.shard_map().await?;
                self.done(session).await?;
                map
            }
        };
        let Some((map, expired)) = map else { return Ok(None) };
        if !expired {
            return Ok(Some(map));
        }
        let sql = "UPDATE shard_map SET owner = NULL, epoch = epoch + 1 \
                   WHERE owner IS NOT NULL AND lease_until < clock_timestamp()";
        let mut session = self.begun(WRITE).await?;
        session.run(OPERATION, sql, Args::new()).await?;
        let map = session.shard_map().await?;
        self.done(session).await?;
        Ok(map.map(|(map, _)| map))
    }

    async fn divide(&self, total: u32) -> Result<ShardMap, Error> {
        let mut session = self.begun(WRITE).await?;
        // After every transaction of a process that believes the namespace undivided.
        session.enter().await?;
        if session.shard_map().await?.is_none() {
            let mut args = Args::new();
            args.int(i64::from(total));
            let sql = "INSERT INTO shard_map(epoch, total_shards) VALUES (1, $1)";
            session.run(OPERATION, sql, args).await?;
            session.make_claims(total).await?;
        }
        let map = session.shard_map().await?;
        session.ring()?;
        self.done(session).await?;
        map.map(|(map, _)| map).ok_or_else(|| damaged("the shard map"))
    }

    async fn join(&self, most: u32, lease: Duration) -> Result<Worker, Error> {
        let mut session = self.begun(WRITE).await?;
        // Those that may still come back from a pause stay.
        let sql = "DELETE FROM shard_workers \
                   WHERE lease_until < clock_timestamp() - interval '1 day'";
        session.run(OPERATION, sql, Args::new()).await?;
        let mut args = Args::new();
        args.int(i64::from(most)).int(micros(lease));
        let sql = "INSERT INTO shard_workers(most, lease_until) \
                   VALUES ($1, clock_timestamp() + $2 * interval '1 microsecond') RETURNING id";
        let row = session.row(OPERATION, sql, args).await?;
        let worker = row.map(|row| row.int(0)).transpose()?;
        self.done(session).await?;
        worker.map(Worker).ok_or_else(|| damaged("a worker"))
    }

    async fn beat(&self, worker: Worker, lease: Duration) -> Result<Vec<Claim>, Error> {
        let until = || {
            let mut args = Args::new();
            args.int(worker.0).int(micros(lease));
            args
        };
        let sql = "UPDATE shard_workers \
                   SET lease_until = clock_timestamp() + $2 * interval '1 microsecond' WHERE id = $1";
        self.once(sql, until()).await?;
        let sql = "UPDATE shard_map \
                   SET lease_until = clock_timestamp() + $2 * interval '1 microsecond' \
                   WHERE owner = $1";
        self.once(sql, until()).await?;
        let mut session = self.begun(WRITE).await?;
        let sql = "UPDATE shard_claims SET heartbeat_at = clock_timestamp(), \
                   lease_until = clock_timestamp() + $2 * interval '1 microsecond' \
                   WHERE owner = $1 RETURNING shard_id, token";
        let rows = session.rows(OPERATION, sql, until()).await?;
        self.done(session).await?;
        rows.iter()
            .map(|row| Ok(Claim { shard: small(row.int(0)?)?, token: row.int(1)? }))
            .collect()
    }

    async fn claim(
        &self,
        worker: Worker,
        shard: u32,
        lease: Duration,
    ) -> Result<Option<Claim>, Error> {
        let mut session = self.begun(WRITE).await?;
        let mut args = Args::new();
        args.int(i64::from(shard)).int(worker.0).int(micros(lease));
        let sql = "UPDATE shard_claims SET owner = $2, heartbeat_at = clock_timestamp(), \
                   lease_until = clock_timestamp() + $3 * interval '1 microsecond', \
                   token = token + CASE WHEN owner IS NOT DISTINCT FROM $2 THEN 0 ELSE 1 END \
                   WHERE shard_id = $1 AND (owner IS NULL OR owner = $2 \
                   OR lease_until < clock_timestamp()) RETURNING token";
        let row = session.row(OPERATION, sql, args).await?;
        let token = row.map(|row| row.int(0)).transpose()?;
        self.done(session).await?;
        Ok(token.map(|token| Claim { shard, token }))
    }

    async fn release(&self, worker: Worker, shard: u32) -> Result<(), Error> {
        let mut args = Args::new();
        args.int(i64::from(shard)).int(worker.0);
        let mut session = self.begun(WRITE).await?;
        let sql = "UPDATE shard_claims SET owner = NULL WHERE shard_id = $1 AND owner = $2";
        session.run(OPERATION, sql, args).await?;
        session.ring()?;
        self.done(session).await
    }

    async fn leave(&self, worker: Worker) -> Result<(), Error> {
        let mut session = self.begun(WRITE).await?;
        for sql in [
            "UPDATE shard_claims SET owner = NULL WHERE owner = $1",
            "UPDATE shard_map SET owner = NULL, epoch = epoch + 1 WHERE owner = $1",
            "DELETE FROM shard_workers WHERE id = $1",
        ] {
            let mut args = Args::new();
            args.int(worker.0);
            session.run(OPERATION, sql, args).await?;
        }
        session.ring()?;
        self.done(session).await
    }

    async fn status(&self) -> Result<ShardStatus, Error> {
        let mut session = self.begun(READ).await?;
        let map = session.shard_map().await?;
        let sql = "SELECT shard_id, owner, token, CASE WHEN owner IS NOT NULL THEN \
                   (extract(epoch FROM lease_until - clock_timestamp()) * 1000000)::bigint END \
                   FROM shard_claims ORDER BY shard_id";
        let claims = session.rows(OPERATION, sql, Args::new()).await?;
        let sql = "SELECT id, most FROM shard_workers WHERE lease_until >= clock_timestamp() \
                   ORDER BY id";
        let workers = session.rows(OPERATION, sql, Args::new()).await?;
        self.done(session).await?;
        let shards = claims.iter().map(|row| {
            let left = row.maybe_int(3)?.and_then(|micros| u64::try_from(micros).ok());
            Ok(ClaimedShard {
                shard: small(row.int(0)?)?,
                owner: row.maybe_int(1)?.map(Worker),
                token: row.int(2)?,
                lease_left: left.map(Duration::from_micros),
            })
        });
        let workers = workers.iter().map(|row| Ok((Worker(row.int(0)?), small(row.int(1)?)?)));
        Ok(ShardStatus {
            map: map.map_or(ShardMap { epoch: 0, total: 1, held: false }, |(map, _)| map),
            shards: shards.collect::<Result<_, Error>>()?,
            workers: workers.collect::<Result<_, Error>>()?,
        })
    }

    async fn hold(&self, worker: Worker, lease: Duration) -> Result<Option<i64>, Error> {
        let mut session = self.begun(WRITE).await?;
        let mut args = Args::new();
        args.int(worker.0).int(micros(lease));
        let sql = "UPDATE shard_map SET owner = $1, epoch = epoch + 1, \
                   lease_until = clock_timestamp() + $2 * interval '1 microsecond' \
                   WHERE owner IS NULL OR owner = $1 OR lease_until < clock_timestamp() \
                   RETURNING epoch";
        let row = session.row(OPERATION, sql, args).await?;
        let epoch = row.map(|row| row.int(0)).transpose()?;
        self.done(session).await?;
        Ok(epoch)
    }

    async fn yield_whole(&self, worker: Worker, total: u32) -> Result<(), Error> {
        let mut session = self.begun(WRITE).await?;
        let mut args = Args::new();
        args.int(worker.0);
        let sql = "UPDATE shard_map SET owner = NULL WHERE owner = $1 RETURNING total_shards";
        let Some(row) = session.row(OPERATION, sql, args).await? else {
            return Err(stale("the namespace was taken"));
        };
        if row.int(0)? != i64::from(total) {
            let mut args = Args::new();
            args.int(i64::from(total));
            session.run(OPERATION, "UPDATE shard_map SET total_shards = $1", args).await?;
            session.make_claims(total).await?;
        }
        session.ring()?;
        self.done(session).await
    }

    async fn changed(&self, timeout: Duration) -> Result<(), Error> {
        self.bell().wait(timeout).await
    }
}
