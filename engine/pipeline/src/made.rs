//! Normalizing again what modules made: one record may have any number of rows, and a new version of its module, or
//! another configuration, may make more or fewer events of it.

use std::collections::BTreeSet;

use defacto_model::{FailureCode, Timestamp};
use defacto_ports::{LedgerRow, NewEvent, Normalized, NormalizedEvent, RecordFailure};

use crate::ingest::new_event;

/// Results of a record that no row has taken yet.
#[derive(Debug)]
struct Record {
    source: String,
    raw: String,
    ingested_at: Timestamp,
    /// Events in the module's order; `None` once a row has taken one.
    events: Vec<Option<NormalizedEvent>>,
    failure: Option<RecordFailure>,
}

/// Records whose rows are being matched, in ledger order. Rows of one record stand next to each other; the last
/// record is kept, because its rows may go on in the next block.
#[derive(Debug, Default)]
pub(crate) struct Made {
    last: Option<Record>,
    /// Sources and instants of ingestion of rows that were redacted or erased.
    sealed: BTreeSet<(String, Timestamp)>,
    more: Vec<(String, Timestamp, NewEvent)>,
}

impl Made {
    /// Notes a row that must not come back: nothing is added to what was ingested together with it.
    pub(crate) fn seal(&mut self, row: &LedgerRow) {
        self.sealed.insert((row.event.source.clone(), row.event.ingested_at));
    }

    /// Ends the record before, unless the rows go on with it.
    pub(crate) fn open(&mut self, rows: &[LedgerRow]) {
        let goes_on = match (&self.last, rows.first()) {
            (Some(last), Some(row)) => last.is_of(row),
            _ => false,
        };
        if !goes_on {
            self.close();
        }
    }

    /// The records to normalize for rows: one for each run of equal ones, without that which goes on.
    pub(crate) fn wanted<'r>(&self, rows: &'r [LedgerRow]) -> Vec<&'r str> {
        let mut wanted: Vec<&str> = Vec::new();
        let mut before = self.last.as_ref().map(|last| last.raw.as_str());
        for row in rows {
            let raw = row.event.raw.as_str();
            if before != Some(raw) {
                wanted.push(raw);
            }
            before = Some(raw);
        }
        wanted
    }

    /// Gives each row an event of its record: the one with its id, else the next of its type, else the next.
    pub(crate) fn assign(
        &mut self,
        rows: &[LedgerRow],
        answers: Vec<Normalized>,
    ) -> Vec<Result<NormalizedEvent, RecordFailure>> {
        let mut answers = answers.into_iter().peekable();
        let mut out = Vec::with_capacity(rows.len());
        let mut record = 0;
        for group in rows.chunk_by(|a, b| a.event.raw == b.event.raw) {
            let Some(first) = group.first() else { continue };
            if !self.last.as_ref().is_some_and(|last| last.is_of(first)) {
                self.close();
                let mut own = Vec::new();
                while let Some(one) = answers.next_if(|one| one.record == record) {
                    own.push(one.result);
                }
                record += 1;
                self.last = Some(Record::new(first, own));
            }
            if let Some(last) = &mut self.last {
                out.extend(last.assign(group));
            }
        }
        out
    }

    /// Events that records give beyond their rows.
    pub(crate) fn finish(mut self) -> Vec<NewEvent> {
        self.close();
        let sealed = &self.sealed;
        let more = self.more.into_iter();
        more.filter(|(source, at, _)| !sealed.contains(&(source.clone(), *at)))
            .map(|(_, _, event)| event)
            .collect()
    }

    fn close(&mut self) {
        let Some(last) = self.last.take() else { return };
        for event in last.events.into_iter().flatten() {
            let new = new_event(&last.source, &last.raw, &event, last.ingested_at);
            self.more.push((last.source.clone(), last.ingested_at, new));
        }
    }
}

impl Record {
    fn new(row: &LedgerRow, results: Vec<Result<NormalizedEvent, RecordFailure>>) -> Self {
        let mut ids = BTreeSet::new();
        let mut failure = None;
        let mut events = Vec::with_capacity(results.len());
        for result in results {
            match result {
                Ok(event) if ids.insert(event.event_id) => events.push(Some(event)),
                Ok(_) => {}
                Err(found) => failure = failure.or(Some(found)),
            }
        }
        let event = &row.event;
        Self {
            source: event.source.clone(),
            raw: event.raw.clone(),
            ingested_at: event.ingested_at,
            events,
            failure,
        }
    }

    fn is_of(&self, row: &LedgerRow) -> bool {
        let event = &row.event;
        self.raw == event.raw
            && self.source == event.source
            && self.ingested_at == event.ingested_at
    }

    fn assign(&mut self, rows: &[LedgerRow]) -> Vec<Result<NormalizedEvent, RecordFailure>> {
        let mut found: Vec<Option<NormalizedEvent>> = vec![None; rows.len()];
        let rules: [fn(&NormalizedEvent, &LedgerRow) -> bool; 3] = [
            |event, row| event.event_id == row.event.event_id,
            |event, row| event.event_type == row.event.event_type,
            |_, _| true,
        ];
        for fits in rules {
            for (found, row) in found.iter_mut().zip(rows).filter(|(found, _)| found.is_none()) {
                let fitting = |event: &&mut Option<NormalizedEvent>| {
                    event.as_ref().is_some_and(|event| fits(event, row))
                };
                *found = self.events.iter_mut().find(fitting).and_then(Option::take);
            }
        }
        let failed = || {
            self.failure.clone().unwrap_or_else(|| RecordFailure {
                code: FailureCode::N11,
                message: "no-event: the normalizer makes no such event of the record any more"
                    .to_owned(),
                handler: None,
                field: None,
            })
        };
        found.into_iter().map(|event| event.ok_or_else(failed)).collect()
    }
}
