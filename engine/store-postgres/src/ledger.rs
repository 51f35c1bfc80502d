//! The ledger: append once, rewrite by re-normalization, redaction and erasure.
//!
//! Sequences are drawn from a row that the appending transaction locks until it ends: they become visible in order,
//! nothing below a visible one can still appear, and `head` is a safe head (engine.md 3.5).

use std::collections::{BTreeMap, HashMap};

use defacto_model::{EventId, Sequence};
use defacto_ports::codec::{decode_hints, encode_hints};
use defacto_ports::{Appended, Error, LedgerRow, NewEvent};
use sqlx::postgres::PgRow;

use crate::bell::channel;
use crate::error::damaged;
use crate::session::Session;
use crate::wire::{Args, Columns, Kind, Rows};

/// Columns of the ledger in the order in which [`ledger_row`] reads them.
pub(crate) const LEDGER_COLUMNS: &str = "l.sequence, l.event_id, l.event_type, l.\"timestamp\", \
     l.source, l.resolution_hints, l.ingested_at, l.duplicate_of, l.redacted, l.data, l.raw";

/// The same without the record as received, which most readers leave alone.
pub(crate) const EVENT_COLUMNS: &str = "l.sequence, l.event_id, l.event_type, l.\"timestamp\", \
     l.source, l.resolution_hints, l.ingested_at, l.duplicate_of, l.redacted, l.data, ''";

const APPEND: &str = "appending to the ledger";
const STORED: &str = "sequence, event_id, event_type, \"timestamp\", source, resolution_hints, \
     ingested_at, redacted, data, raw";
const COUNT: &str = "INSERT INTO ledger_counts AS c(source, events) \
     SELECT * FROM unnest($1::TEXT[], $2::BIGINT[]) \
     ON CONFLICT(source) DO UPDATE SET events = c.events + excluded.events";

/// A ledger row whose columns start at `at` ([`LEDGER_COLUMNS`]).
pub(crate) fn ledger_row(row: &PgRow, at: usize) -> Result<LedgerRow, Error> {
    Ok(LedgerRow {
        sequence: Sequence(row.int(at)?),
        event: NewEvent {
            event_id: EventId(row.array(at + 1)?),
            event_type: row.text(at + 2)?,
            timestamp: row.time(at + 3)?,
            source: row.text(at + 4)?,
            hints: decode_hints(&row.text(at + 5)?)?,
            ingested_at: row.time(at + 6)?,
            data: row.text(at + 9)?,
            raw: row.text(at + 10)?,
        },
        duplicate_of: row.maybe_int(at + 7)?.map(Sequence),
        redacted: row.bool(at + 8)?,
    })
}

pub(crate) fn ledger_rows(rows: &[PgRow]) -> Result<Vec<LedgerRow>, Error> {
    rows.iter().map(|row| ledger_row(row, 0)).collect()
}

impl Session {
    pub(crate) async fn append(&mut self, events: &[NewEvent]) -> Result<Vec<Appended>, Error> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        // Everybody who appends waits here, and only then looks at what is there.
        let sql = "SELECT position FROM shard_progress WHERE stage = 'append' FOR UPDATE";
        self.later_rows(APPEND, sql, Args::new(), Some(1))?;
        let (head, mut known) = self.find_event_ids(events).await?;
        let mut next = head;
        let mut results = Vec::with_capacity(events.len());
        let mut fresh = Rows::new(&[
            Kind::Int,
            Kind::Bytes,
            Kind::Text,
            Kind::Time,
            Kind::Text,
            Kind::Text,
            Kind::Time,
            Kind::Bool,
            Kind::Text,
            Kind::Text,
        ]);
        let mut counts = BTreeMap::<&str, i64>::new();
        for event in events {
            if let Some(sequence) = known.get(&event.event_id) {
                results.push(Appended::Duplicate(*sequence));
                continue;
            }
            next += 1;
            known.insert(event.event_id, Sequence(next));
            results.push(Appended::Inserted(Sequence(next)));
            *counts.entry(&event.source).or_default() += 1;
            fresh.row().int(next).bytes(&event.event_id.0).text(&event.event_type);
            fresh.time(event.timestamp).text(&event.source).text(&encode_hints(&event.hints));
            fresh.time(event.ingested_at).bool(false).text(&event.data).text(&event.raw);
        }
        if fresh.is_empty() {
            return Ok(results);
        }
        self.insert(APPEND, "ledger", STORED, &fresh)?;
        let mut counted = Rows::new(&[Kind::Text, Kind::Int]);
        for (source, events) in counts {
            counted.row().text(source).int(events);
        }
        let mut args = Args::new();
        args.rows(&counted).int(next);
        let mut sql = format!(
            "WITH counted AS ({COUNT}) \
             UPDATE shard_progress SET position = $3 WHERE stage = 'append'"
        );
        if !self.place().portable {
            args.text(&channel(self.place()));
            sql.push_str(" RETURNING pg_notify($4, '')");
        }
        self.later(APPEND, sql, args)?;
        Ok(results)
    }

    /// The head of the ledger, and sequences of the events whose ids it has.
    async fn find_event_ids(
        &mut self,
        events: &[NewEvent],
    ) -> Result<(i64, HashMap<EventId, Sequence>), Error> {
        let mut args = Args::new();
        args.event_ids(events.iter().map(|event| &event.event_id));
        let sql = "SELECT NULL::BYTEA, position FROM shard_progress WHERE stage = 'append' \
                   UNION ALL SELECT l.event_id, l.sequence FROM ledger l \
                   WHERE l.event_id = ANY($1) AND l.duplicate_of IS NULL";
        let (mut head, mut known) = (None, HashMap::with_capacity(events.len()));
        for row in self.ask(APPEND, sql, args).await? {
            match row.maybe_bytes(0)? {
                None => head = Some(row.int(1)?),
                Some(_) => drop(known.insert(EventId(row.array(0)?), Sequence(row.int(1)?))),
            }
        }
        Ok((head.ok_or_else(|| damaged("the head of the ledger"))?, known))
    }

    pub(crate) async fn rewrite_events(&mut self, rows: &[LedgerRow]) -> Result<(), Error> {
        const OPERATION: &str = "rewriting events";
        self.count_rows(rows.iter().map(|row| row.sequence), -1).await?;
        let mut new = Rows::new(&[
            Kind::Int,
            Kind::Bytes,
            Kind::Text,
            Kind::Time,
            Kind::Int,
            Kind::Bool,
            Kind::Text,
            Kind::Text,
            Kind::Text,
        ]);
        for row in rows {
            let event = &row.event;
            new.row().int(row.sequence.0).bytes(&event.event_id.0).text(&event.event_type);
            new.time(event.timestamp).maybe_int(row.duplicate_of.map(|at| at.0));
            new.bool(row.redacted).text(&encode_hints(&event.hints)).text(&event.data);
            new.text(&event.raw);
        }
        let table = new.unnest(1);
        let mut args = Args::new();
        args.rows(&new);
        let sql = format!(
            "UPDATE ledger l SET event_id = n.event_id, event_type = n.event_type, \
             \"timestamp\" = n.time, duplicate_of = n.duplicate_of, redacted = n.redacted, \
             resolution_hints = n.hints, data = n.data, raw = n.raw \
             FROM {table} AS n(sequence, event_id, event_type, time, duplicate_of, redacted, \
             hints, data, raw) WHERE l.sequence = n.sequence"
        );
        if usize::try_from(self.run(OPERATION, sql, args).await?) != Ok(rows.len()) {
            return Err(Error::Inconsistent {
                message: "an event to rewrite is not in the ledger".to_owned(),
            });
        }
        let mut times = Rows::new(&[Kind::Int, Kind::Time]);
        for row in rows {
            times.row().int(row.sequence.0).time(row.event.timestamp);
        }
        let mut args = Args::new();
        args.rows(&times);
        let sql = format!(
            "UPDATE event_entities e SET \"time\" = n.time FROM {} AS n(sequence, time) \
             WHERE e.sequence = n.sequence AND e.\"time\" <> n.time",
            times.unnest(1)
        );
        self.run(OPERATION, sql, args).await?;
        self.count_rows(rows.iter().map(|row| row.sequence), 1).await?;
        if self.ids_may_repeat {
            return Ok(());
        }
        let mut args = Args::new();
        args.event_ids(rows.iter().map(|row| &row.event.event_id));
        let sql = "SELECT l.sequence FROM ledger l JOIN ledger m ON m.event_id = l.event_id \
                   WHERE l.event_id = ANY($1) AND l.duplicate_of IS NULL \
                   AND m.duplicate_of IS NULL AND l.sequence <> m.sequence LIMIT 1";
        match self.row(OPERATION, sql, args).await? {
            None => Ok(()),
            Some(_) => Err(Error::Inconsistent {
                message: "rewritten events would share one id".to_owned(),
            }),
        }
    }

    /// The index on ids does not insist, so nothing needs to be taken away.
    pub(crate) fn suspend_event_ids(&mut self) {
        self.ids_may_repeat = true;
    }

    pub(crate) async fn restore_event_ids(&mut self) -> Result<u64, Error> {
        const OPERATION: &str = "finding repeated events";
        self.ids_may_repeat = false;
        let sql = "UPDATE ledger SET duplicate_of = NULL WHERE duplicate_of IS NOT NULL";
        self.run(OPERATION, sql, Args::new()).await?;
        let sql = "WITH first AS MATERIALIZED (SELECT event_id, min(sequence) AS sequence \
                   FROM ledger GROUP BY event_id HAVING count(*) > 1) \
                   UPDATE ledger l SET duplicate_of = f.sequence FROM first f \
                   WHERE l.event_id = f.event_id AND l.sequence <> f.sequence";
        let duplicates = self.run(OPERATION, sql, Args::new()).await?;
        self.run(OPERATION, "DELETE FROM ledger_counts", Args::new()).await?;
        let sql = "INSERT INTO ledger_counts SELECT source, count(*) FROM ledger \
                   WHERE duplicate_of IS NULL GROUP BY source";
        self.run(OPERATION, sql, Args::new()).await?;
        Ok(duplicates)
    }

    pub(crate) async fn delete_events(&mut self, sequences: &[Sequence]) -> Result<u64, Error> {
        self.count_rows(sequences.iter().copied(), -1).await?;
        let mut deleted = 0;
        for sql in [
            "DELETE FROM event_entities WHERE sequence = ANY($1)",
            "DELETE FROM event_entities e USING ledger l \
             WHERE l.duplicate_of = ANY($1) AND e.sequence = l.sequence",
            "DELETE FROM ledger WHERE duplicate_of = ANY($1)",
            "DELETE FROM ledger WHERE sequence = ANY($1)",
        ] {
            let mut args = Args::new();
            args.ints(sequences.iter().map(|sequence| sequence.0));
            let rows = self.run("deleting events", sql, args).await?;
            if sql.starts_with("DELETE FROM ledger") {
                deleted += rows;
            }
        }
        Ok(deleted)
    }

    pub(crate) async fn raw_texts(&mut self, sequences: &[Sequence]) -> Result<Vec<String>, Error> {
        let mut args = Args::new();
        args.ints(sequences.iter().map(|sequence| sequence.0));
        let sql = "SELECT l.raw FROM unnest($1::BIGINT[]) WITH ORDINALITY AS n(sequence, place) \
                   JOIN ledger l ON l.sequence = n.sequence ORDER BY n.place";
        let rows = self.rows("reading the ledger", sql, args).await?;
        if rows.len() != sequences.len() {
            return Err(Error::Inconsistent {
                message: "an event whose record is needed is not in the ledger".to_owned(),
            });
        }
        rows.iter().map(|row| row.text(0)).collect()
    }

    pub(crate) async fn count_events(&mut self, source: Option<&str>) -> Result<u64, Error> {
        let mut args = Args::new();
        let sql = match source {
            None => "SELECT coalesce(sum(events), 0)::BIGINT FROM ledger_counts",
            Some(source) => {
                args.text(source);
                "SELECT coalesce(sum(events), 0)::BIGINT FROM ledger_counts WHERE source = $1"
            }
        };
        let row = self.row("counting events", sql, args).await?;
        row.map_or(Ok(0), |row| row.count(0))
    }

    pub(crate) async fn event_types(&mut self) -> Result<Vec<(String, String)>, Error> {
        let sql = "SELECT source, event_type FROM ledger GROUP BY source, event_type \
                   ORDER BY source COLLATE \"C\", event_type COLLATE \"C\"";
        let rows = self.rows("reading the types of events", sql, Args::new()).await?;
        rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect()
    }

    /// Adds or takes the canonical events among these to or from the counts.
    async fn count_rows(
        &mut self,
        sequences: impl Iterator<Item = Sequence> + Send,
        sign: i64,
    ) -> Result<(), Error> {
        let mut args = Args::new();
        args.ints(sequences.map(|sequence| sequence.0)).int(sign);
        let sql = "INSERT INTO ledger_counts AS c(source, events) \
                   SELECT source, $2 * count(*) FROM ledger \
                   WHERE duplicate_of IS NULL AND sequence = ANY($1) GROUP BY source \
                   ON CONFLICT(source) DO UPDATE SET events = c.events + excluded.events";
        self.later("counting events", sql, args)
    }
}
