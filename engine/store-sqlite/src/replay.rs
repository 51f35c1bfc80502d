//! Reading the ledger in sequence order and in event order.

use std::collections::BTreeMap;

use defacto_model::Sequence;
use defacto_ports::{EntityEventRow, Error, LedgerRow, OrderKey};

use crate::columns::{Args, Columns, instant};
use crate::ledger::LEDGER_COLUMNS;
use crate::packed::Packed;
use crate::session::{Session, json_list};

const OPERATION: &str = "replaying the ledger";

/// Ranges up to this many sequences are sorted in memory; larger ones follow the index on time.
const SORTED_MAX: i64 = 65_536;

/// Events per row that the database returns; a text has at most a thousand million bytes.
const BLOCK: usize = 16;

/// What one pass over a range remembers from page to page.
#[derive(Debug)]
pub(crate) struct Replay {
    range: (Sequence, Sequence),
    plan: Plan,
}

#[derive(Debug)]
enum Plan {
    /// The canonical keys of the range, in event order.
    Sorted(Vec<OrderKey>),
    /// The smallest time in the range.
    Indexed(i64),
}

impl Session {
    pub(crate) async fn scan_events(
        &mut self,
        after: Sequence,
        until: Sequence,
        limit: usize,
        duplicates: bool,
    ) -> Result<Vec<LedgerRow>, Error> {
        let filter = if duplicates { "" } else { "AND l.duplicate_of IS NULL " };
        let sql = format!(
            "SELECT {LEDGER_COLUMNS} FROM ledger l WHERE l.sequence > ? AND l.sequence <= ? \
             {filter}ORDER BY l.sequence LIMIT ?"
        );
        let mut args = Args::new();
        args.int(after.0).int(until.0).int(limit_of(limit));
        let rows = self.rows("reading the ledger", sql, args).await?;
        self.ledger_rows(&rows).await
    }

    pub(crate) async fn duplicates_of(
        &mut self,
        sequences: &[Sequence],
    ) -> Result<Vec<LedgerRow>, Error> {
        let sql = format!(
            "SELECT {LEDGER_COLUMNS} FROM json_each(?) j \
             CROSS JOIN ledger l ON l.duplicate_of = j.value"
        );
        let mut args = Args::new();
        args.owned_text(json_list(sequences.iter().map(|sequence| sequence.0)));
        let rows = self.rows("reading duplicates", sql, args).await?;
        self.ledger_rows(&rows).await
    }

    pub(crate) async fn replay_events(
        &mut self,
        from: Sequence,
        until: Sequence,
        after: Option<OrderKey>,
        limit: usize,
    ) -> Result<Vec<(LedgerRow, Vec<EntityEventRow>)>, Error> {
        let range = (from, until);
        if self.replay.as_ref().is_none_or(|replay| replay.range != range) {
            let plan = self.plan_replay(range).await?;
            self.replay = Some(Replay { range, plan });
        }
        let page: Vec<i64> = match self.replay.as_ref().map(|replay| &replay.plan) {
            Some(Plan::Sorted(keys)) => {
                let start = match after {
                    Some(after) => keys.partition_point(|key| *key <= after),
                    None => 0,
                };
                keys.iter().skip(start).take(limit).map(|key| key.sequence.0).collect()
            }
            Some(Plan::Indexed(start)) => {
                let (time, sequence) =
                    after.map_or((*start, 0), |key| (key.timestamp.as_micros(), key.sequence.0));
                let mut args = Args::new();
                args.int(time).int(time).int(sequence).int(from.0).int(until.0);
                args.int(limit_of(limit));
                let sql = "SELECT group_concat(concat(sequence, ' '), '') FROM (\
                           SELECT l.sequence FROM ledger l INDEXED BY ledger_time \
                           WHERE l.time >= ? AND (l.time > ? OR l.sequence > ?) \
                           AND l.sequence > ? AND l.sequence <= ? AND l.duplicate_of IS NULL \
                           ORDER BY l.time, l.sequence LIMIT ?)";
                let mut sequences = Vec::with_capacity(limit.min(65_536));
                for row in self.rows(OPERATION, sql, args).await? {
                    let mut packed = Packed(row.maybe_text(0)?.unwrap_or(""));
                    while !packed.is_empty() {
                        sequences.push(packed.int()?);
                    }
                }
                sequences
            }
            None => Vec::new(),
        };
        let mut events = self.events_at(&page).await?;
        events.sort_by_key(|row| (row.event.timestamp, row.sequence));
        let sequences: Vec<Sequence> = events.iter().map(|event| event.sequence).collect();
        let mut owners = BTreeMap::<Sequence, Vec<EntityEventRow>>::new();
        for row in self.entity_events(&sequences).await? {
            owners.entry(row.sequence).or_default().push(row);
        }
        Ok(events
            .into_iter()
            .map(|event| {
                let rows = owners.remove(&event.sequence).unwrap_or_default();
                (event, rows)
            })
            .collect())
    }

    /// Canonical events, without the records as received.
    async fn events_at(&mut self, sequences: &[i64]) -> Result<Vec<LedgerRow>, Error> {
        let blocks: Vec<String> =
            sequences.chunks(BLOCK).map(|block| json_list(block.iter().copied())).collect();
        let mut args = Args::new();
        args.owned_text(format!("[{}]", blocks.join(",")));
        let sql = "SELECT (SELECT group_concat(concat(l.sequence, ' ', l.time, ' ', \
                   l.event_head, ' ', hex(l.event_tail), ' ', l.type, ' ', l.source, ' ', \
                   l.ingested_at, ' ', l.redacted, ' ', octet_length(l.hints), ' ', \
                   octet_length(l.data), ' ', l.hints, l.data), '') FROM json_each(b.value) j \
                   CROSS JOIN ledger l ON l.sequence = j.value) FROM json_each(?) b";
        let mut events = Vec::with_capacity(sequences.len());
        for row in self.rows(OPERATION, sql, args).await? {
            let mut packed = Packed(row.maybe_text(0)?.unwrap_or(""));
            while !packed.is_empty() {
                events.push(self.packed_event(&mut packed).await?);
            }
        }
        Ok(events)
    }

    async fn plan_replay(&mut self, (from, until): (Sequence, Sequence)) -> Result<Plan, Error> {
        let mut args = Args::new();
        args.int(from.0).int(until.0);
        if until.0.min(self.head().await?.0).saturating_sub(from.0) > SORTED_MAX {
            let start = if from.0 <= 0 {
                i64::MIN
            } else {
                let sql = "SELECT min(time) FROM ledger WHERE sequence > ? AND sequence <= ?";
                let row = self.row(OPERATION, sql, args).await?;
                row.map_or(Ok(None), |row| row.maybe_int(0))?.unwrap_or(i64::MIN)
            };
            return Ok(Plan::Indexed(start));
        }
        let sql = "SELECT group_concat(concat(time, ' ', sequence, ' '), '') FROM ledger \
                   WHERE sequence > ? AND sequence <= ? AND duplicate_of IS NULL";
        let mut keys = Vec::new();
        for row in self.rows(OPERATION, sql, args).await? {
            let mut packed = Packed(row.maybe_text(0)?.unwrap_or(""));
            while !packed.is_empty() {
                let (timestamp, sequence) = (instant(packed.int()?)?, Sequence(packed.int()?));
                keys.push(OrderKey { timestamp, sequence });
            }
        }
        keys.sort_unstable();
        Ok(Plan::Sorted(keys))
    }
}

/// A limit as SQL takes it.
pub(crate) fn limit_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
