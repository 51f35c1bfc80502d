//! The ledger: append once, rewrite by re-normalization, redaction and erasure.

use std::collections::HashMap;

use defacto_model::{EventId, Sequence};
use defacto_ports::codec::{decode_hints, encode_hints};
use defacto_ports::{Appended, Error, LedgerRow, NewEvent};
use sqlx::sqlite::SqliteRow;

use crate::columns::{Args, Columns, instant};
use crate::error::damaged;
use crate::packed::Packed;
use crate::session::{Parts, Session, json_list, json_map};

/// Columns of the ledger in the order in which [`Session::ledger_row`] reads them.
pub(crate) const LEDGER_COLUMNS: &str = "l.sequence, l.time, l.event_head, l.event_tail, l.type, \
     l.source, l.ingested_at, l.duplicate_of, l.redacted, l.hints, l.data, l.raw";

/// The same without the record as received, which most readers leave alone.
pub(crate) const EVENT_COLUMNS: &str = "l.sequence, l.time, l.event_head, l.event_tail, l.type, \
     l.source, l.ingested_at, l.duplicate_of, l.redacted, l.hints, l.data, ''";

const APPEND: &str = "appending to the ledger";

/// Start of an event id, as the index has it.
pub(crate) fn head_of(id: &EventId) -> i64 {
    let [a, b, c, d, e, f, g, h, ..] = id.0;
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// The rest of an event id.
pub(crate) fn tail_of(id: &EventId) -> &[u8] {
    id.0.get(8..).unwrap_or(&[])
}

/// An event id from its two parts.
pub(crate) fn event_id(head: i64, tail: &[u8]) -> Result<EventId, Error> {
    let tail: &[u8; 24] = tail.try_into().map_err(|_| damaged("an event id"))?;
    let mut bytes = [0; 32];
    let (start, rest) = bytes.split_at_mut(8);
    start.copy_from_slice(&head.to_be_bytes());
    rest.copy_from_slice(tail);
    Ok(EventId(bytes))
}

impl Session {
    pub(crate) async fn head(&mut self) -> Result<Sequence, Error> {
        self.counter("head").await.map(Sequence)
    }

    pub(crate) async fn append(&mut self, events: &[NewEvent]) -> Result<Vec<Appended>, Error> {
        self.replay = None;
        let mut known = self.find_event_ids(events).await?;
        let first = self.head().await?.0;
        let mut next = first;
        let mut results = Vec::with_capacity(events.len());
        let mut fresh = Vec::with_capacity(events.len());
        for event in events {
            if let Some(sequence) = known.get(&event.event_id) {
                results.push(Appended::Duplicate(*sequence));
                continue;
            }
            next += 1;
            known.insert(event.event_id, Sequence(next));
            results.push(Appended::Inserted(Sequence(next)));
            let kind = self.name(&event.event_type).await?;
            let source = self.name(&event.source).await?;
            fresh.push((next, kind, source, event));
        }
        if fresh.is_empty() {
            return Ok(results);
        }
        let parts = Parts {
            before: "INSERT OR FAIL INTO ledger(sequence, time, event_head, event_tail, type, source, \
                     ingested_at, redacted, hints, data, raw) ",
            columns: 11,
            after: "",
        };
        self.run_many(APPEND, parts, &fresh, |args, (sequence, kind, source, event)| {
            args.int(*sequence).time(event.timestamp).int(head_of(&event.event_id));
            args.blob(tail_of(&event.event_id).to_vec()).int(*kind).int(*source);
            args.time(event.ingested_at).int(0).owned_text(encode_hints(&event.hints));
            args.text(&event.data).text(&event.raw);
            Ok(())
        })
        .await?;
        self.count_sources(fresh.iter().map(|(_, _, source, _)| (*source, 1))).await?;
        self.set_counter("head", next).await?;
        Ok(results)
    }

    /// Sequences of the events whose ids the ledger has.
    async fn find_event_ids(
        &mut self,
        events: &[NewEvent],
    ) -> Result<HashMap<EventId, Sequence>, Error> {
        let mut args = Args::new();
        args.owned_text(json_list(events.iter().map(|event| head_of(&event.event_id))));
        let sql = "SELECT l.event_head, l.event_tail, l.sequence FROM json_each(?) j \
                   CROSS JOIN ledger l ON l.event_head = j.value WHERE l.duplicate_of IS NULL";
        let mut known = HashMap::with_capacity(events.len());
        for row in self.rows(APPEND, sql, args).await? {
            known.insert(event_id(row.int(0)?, row.blob(1)?)?, Sequence(row.int(2)?));
        }
        Ok(known)
    }

    pub(crate) async fn rewrite_events(&mut self, rows: &[LedgerRow]) -> Result<(), Error> {
        const OPERATION: &str = "rewriting events";
        self.replay = None;
        let sequences = json_list(rows.iter().map(|row| row.sequence.0));
        self.count_rows(&sequences, -1).await?;
        let mut named = Vec::with_capacity(rows.len());
        for row in rows {
            named.push((self.name(&row.event.event_type).await?, row));
        }
        let parts = Parts {
            before: "WITH new(sequence, time, event_head, event_tail, type, duplicate_of, \
                     redacted, hints, data, raw) AS (",
            columns: 10,
            after: ") UPDATE ledger SET time = new.time, event_head = new.event_head, \
                    event_tail = new.event_tail, type = new.type, \
                    duplicate_of = new.duplicate_of, redacted = new.redacted, \
                    hints = new.hints, data = new.data, raw = new.raw \
                    FROM new WHERE ledger.sequence = new.sequence",
        };
        let changed = self
            .run_many(OPERATION, parts, &named, |args, (kind, row)| {
                let event = &row.event;
                args.int(row.sequence.0).time(event.timestamp).int(head_of(&event.event_id));
                args.blob(tail_of(&event.event_id).to_vec()).int(*kind);
                args.maybe_int(row.duplicate_of.map(|at| at.0)).int(i64::from(row.redacted));
                args.owned_text(encode_hints(&event.hints)).text(&event.data).text(&event.raw);
                Ok(())
            })
            .await?;
        if usize::try_from(changed) != Ok(rows.len()) {
            return Err(Error::Inconsistent {
                message: "an event to rewrite is not in the ledger".to_owned(),
            });
        }
        let mut args = Args::new();
        args.owned_text(json_map(
            rows.iter().map(|row| (row.sequence.0, row.event.timestamp.as_micros())),
        ));
        let sql = "UPDATE event_entities AS e SET time = j.value FROM json_each(?) j \
                   WHERE e.sequence = CAST(j.key AS INTEGER) AND e.time <> j.value";
        self.run(OPERATION, sql, args).await?;
        self.count_rows(&sequences, 1).await?;
        if self.ids_may_repeat {
            return Ok(());
        }
        let mut args = Args::new();
        args.owned_text(json_list(rows.iter().map(|row| head_of(&row.event.event_id))));
        let sql = "SELECT l.event_head FROM json_each(?) j CROSS JOIN ledger l \
                   ON l.event_head = j.value CROSS JOIN ledger m \
                   ON m.event_head = l.event_head AND m.event_tail = l.event_tail \
                   WHERE l.duplicate_of IS NULL AND m.duplicate_of IS NULL \
                   AND l.sequence <> m.sequence LIMIT 1";
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
        self.replay = None;
        self.ids_may_repeat = false;
        self.count_duplicates(1).await?;
        let sql = "UPDATE ledger SET duplicate_of = NULL WHERE duplicate_of IS NOT NULL";
        self.run(OPERATION, sql, Args::new()).await?;
        // Most starts of ids occur once, which the index alone can tell.
        let sql = "WITH many AS MATERIALIZED (SELECT event_head AS head FROM ledger \
                   GROUP BY event_head HAVING count(*) > 1), \
                   first AS MATERIALIZED (SELECT l.event_head AS head, l.event_tail AS tail, \
                   min(l.sequence) AS sequence FROM many CROSS JOIN ledger l \
                   ON l.event_head = many.head GROUP BY l.event_head, l.event_tail \
                   HAVING count(*) > 1) \
                   UPDATE ledger SET duplicate_of = (SELECT f.sequence FROM first f \
                   WHERE f.head = ledger.event_head AND f.tail = ledger.event_tail) \
                   WHERE sequence IN (SELECT l.sequence FROM first f CROSS JOIN ledger l \
                   ON l.event_head = f.head AND l.event_tail = f.tail \
                   WHERE l.sequence <> f.sequence)";
        let duplicates = self.run(OPERATION, sql, Args::new()).await?;
        self.count_duplicates(-1).await?;
        Ok(duplicates)
    }

    /// Adds or takes all duplicates to or from the counts of canonical events.
    async fn count_duplicates(&mut self, sign: i64) -> Result<(), Error> {
        let sql = "SELECT source, count(*) FROM ledger WHERE duplicate_of IS NOT NULL \
                   GROUP BY source";
        let mut changes = Vec::new();
        for row in self.rows("counting events", sql, Args::new()).await? {
            changes.push((row.int(0)?, sign * row.int(1)?));
        }
        self.count_sources(changes).await
    }

    pub(crate) async fn delete_events(&mut self, sequences: &[Sequence]) -> Result<u64, Error> {
        self.replay = None;
        let list = json_list(sequences.iter().map(|sequence| sequence.0));
        self.count_rows(&list, -1).await?;
        let mut deleted = 0;
        for sql in [
            "DELETE FROM event_entities WHERE sequence IN (SELECT value FROM json_each(?))",
            "DELETE FROM event_entities WHERE sequence IN (SELECT l.sequence \
             FROM json_each(?) j CROSS JOIN ledger l ON l.duplicate_of = j.value)",
            "DELETE FROM ledger WHERE duplicate_of IN (SELECT value FROM json_each(?))",
            "DELETE FROM ledger WHERE sequence IN (SELECT value FROM json_each(?))",
        ] {
            let mut args = Args::new();
            args.text(&list);
            let rows = self.run("deleting events", sql, args).await?;
            if sql.starts_with("DELETE FROM ledger") {
                deleted += rows;
            }
        }
        Ok(deleted)
    }

    pub(crate) async fn raw_texts(&mut self, sequences: &[Sequence]) -> Result<Vec<String>, Error> {
        let mut args = Args::new();
        args.owned_text(json_list(sequences.iter().map(|sequence| sequence.0)));
        let sql = "SELECT l.raw FROM json_each(?) j CROSS JOIN ledger l ON l.sequence = j.value";
        let rows = self.rows("reading the ledger", sql, args).await?;
        if rows.len() != sequences.len() {
            return Err(Error::Inconsistent {
                message: "an event whose record is needed is not in the ledger".to_owned(),
            });
        }
        rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
    }

    pub(crate) async fn count_events(&mut self, source: Option<&str>) -> Result<u64, Error> {
        let mut args = Args::new();
        let sql = match source {
            None => "SELECT coalesce(sum(events), 0) FROM ledger_counts",
            Some(source) => {
                args.maybe_int(self.find_name(source).await?);
                "SELECT coalesce(sum(events), 0) FROM ledger_counts WHERE source = ?"
            }
        };
        let row = self.row("counting events", sql, args).await?;
        let count = row.map_or(Ok(0), |row| row.int(0))?;
        u64::try_from(count).map_err(|_| damaged("the number of events"))
    }

    pub(crate) async fn event_types(&mut self) -> Result<Vec<(String, String)>, Error> {
        let sql = "SELECT s.name, t.name FROM (SELECT DISTINCT source, type FROM ledger) l \
                   CROSS JOIN names s ON s.id = l.source CROSS JOIN names t ON t.id = l.type \
                   ORDER BY 1, 2";
        let rows = self.rows("reading the types of events", sql, Args::new()).await?;
        rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).collect()
    }

    /// Adds or takes the canonical events among these to or from the counts.
    async fn count_rows(&mut self, sequences: &str, sign: i64) -> Result<(), Error> {
        let mut args = Args::new();
        args.text(sequences);
        let sql = "SELECT source, count(*) FROM ledger WHERE duplicate_of IS NULL \
                   AND sequence IN (SELECT value FROM json_each(?)) GROUP BY source";
        let mut changes = Vec::new();
        for row in self.rows("counting events", sql, args).await? {
            changes.push((row.int(0)?, sign * row.int(1)?));
        }
        self.count_sources(changes).await
    }

    async fn count_sources(
        &mut self,
        changes: impl IntoIterator<Item = (i64, i64)>,
    ) -> Result<(), Error> {
        let mut sums = std::collections::BTreeMap::<i64, i64>::new();
        for (source, change) in changes {
            *sums.entry(source).or_default() += change;
        }
        let sums: Vec<(i64, i64)> = sums.into_iter().collect();
        let parts = Parts {
            before: "INSERT INTO ledger_counts(source, events) ",
            columns: 2,
            after: " ON CONFLICT(source) DO UPDATE SET events = events + excluded.events",
        };
        self.run_many("counting events", parts, &sums, |args, (source, change)| {
            args.int(*source).int(*change);
            Ok(())
        })
        .await
        .map(drop)
    }

    /// A ledger row whose columns start at `at` ([`LEDGER_COLUMNS`]).
    pub(crate) async fn ledger_row(
        &mut self,
        row: &SqliteRow,
        at: usize,
    ) -> Result<LedgerRow, Error> {
        let event_type = self.name_text(row.int(at + 4)?).await?;
        let source = self.name_text(row.int(at + 5)?).await?;
        Ok(LedgerRow {
            sequence: Sequence(row.int(at)?),
            event: NewEvent {
                event_id: event_id(row.int(at + 2)?, row.blob(at + 3)?)?,
                event_type: event_type.as_ref().to_owned(),
                timestamp: row.time(at + 1)?,
                source: source.as_ref().to_owned(),
                data: row.text(at + 10)?.to_owned(),
                raw: row.text(at + 11)?.to_owned(),
                hints: decode_hints(row.text(at + 9)?)?,
                ingested_at: instant(row.int(at + 6)?)?,
            },
            duplicate_of: row.maybe_int(at + 7)?.map(Sequence),
            redacted: row.int(at + 8)? != 0,
        })
    }

    /// A canonical event as the replay packs it.
    pub(crate) async fn packed_event(
        &mut self,
        packed: &mut Packed<'_>,
    ) -> Result<LedgerRow, Error> {
        let sequence = Sequence(packed.int()?);
        let timestamp = instant(packed.int()?)?;
        let event_id = event_id(packed.int()?, &packed.bytes()?)?;
        let event_type = self.name_text(packed.int()?).await?;
        let source = self.name_text(packed.int()?).await?;
        let ingested_at = instant(packed.int()?)?;
        let redacted = packed.int()? != 0;
        let (hints, data) = (packed.int()?, packed.int()?);
        Ok(LedgerRow {
            sequence,
            event: NewEvent {
                event_id,
                event_type: event_type.as_ref().to_owned(),
                timestamp,
                source: source.as_ref().to_owned(),
                hints: decode_hints(packed.text(hints)?)?,
                data: packed.text(data)?.to_owned(),
                raw: String::new(),
                ingested_at,
            },
            duplicate_of: None,
            redacted,
        })
    }

    pub(crate) async fn ledger_rows(
        &mut self,
        rows: &[SqliteRow],
    ) -> Result<Vec<LedgerRow>, Error> {
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            events.push(self.ledger_row(row, 0).await?);
        }
        Ok(events)
    }
}
