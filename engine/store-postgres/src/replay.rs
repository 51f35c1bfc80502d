//! Reading the ledger in sequence order and in event order.

use std::collections::BTreeMap;

use defacto_model::{Sequence, Timestamp};
use defacto_ports::{EntityEventRow, Error, LedgerRow, OrderKey};

use crate::ledger::{EVENT_COLUMNS, LEDGER_COLUMNS, ledger_rows};
use crate::session::Session;
use crate::wire::Args;

const OPERATION: &str = "replaying the ledger";

/// Ranges up to this many sequences are sorted; larger ones follow the index on time.
const SORTED_MAX: i64 = 65_536;

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
            "SELECT {LEDGER_COLUMNS} FROM ledger l WHERE l.sequence > $1 AND l.sequence <= $2 \
             {filter}ORDER BY l.sequence LIMIT $3"
        );
        let mut args = Args::new();
        args.int(after.0).int(until.0).limit(limit);
        ledger_rows(&self.rows("reading the ledger", sql, args).await?)
    }

    pub(crate) async fn duplicates_of(
        &mut self,
        sequences: &[Sequence],
    ) -> Result<Vec<LedgerRow>, Error> {
        let sql = format!("SELECT {LEDGER_COLUMNS} FROM ledger l WHERE l.duplicate_of = ANY($1)");
        let mut args = Args::new();
        args.ints(sequences.iter().map(|sequence| sequence.0));
        ledger_rows(&self.rows("reading duplicates", sql, args).await?)
    }

    pub(crate) async fn replay_events(
        &mut self,
        from: Sequence,
        until: Sequence,
        after: Option<OrderKey>,
        limit: usize,
    ) -> Result<Vec<(LedgerRow, Vec<EntityEventRow>)>, Error> {
        let (time, sequence) =
            after.map_or((Timestamp::MIN, 0), |key| (key.timestamp, key.sequence.0));
        let mut args = Args::new();
        args.time(time).int(sequence).int(from.0).int(until.0).limit(limit);
        let range = "l.sequence > $3 AND l.sequence <= $4 AND l.duplicate_of IS NULL";
        let later = "(l.\"timestamp\", l.sequence) > ($1, $2)";
        let order = "ORDER BY l.\"timestamp\", l.sequence";
        let end = until.0.min(self.head().await?.0);
        let sql = if end.saturating_sub(from.0) > SORTED_MAX {
            format!(
                "SELECT {EVENT_COLUMNS} FROM ledger l WHERE {later} AND {range} {order} LIMIT $5"
            )
        } else {
            format!(
                "WITH all_keys AS MATERIALIZED \
                 (SELECT l.\"timestamp\", l.sequence FROM ledger l WHERE {range}), \
                 keys AS MATERIALIZED \
                 (SELECT l.sequence FROM all_keys l WHERE {later} {order} LIMIT $5) \
                 SELECT {EVENT_COLUMNS} FROM keys k JOIN ledger l ON l.sequence = k.sequence \
                 {order}"
            )
        };
        let events = ledger_rows(&self.rows(OPERATION, sql, args).await?)?;
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
}
