use std::sync::Arc;

use defacto_model::{EventId, Sequence, Timestamp, Value};
use defacto_ports::{HistoryRow, LastRow, OpenEdge, Record};
use sha2::{Digest, Sha256};

/// What a history row shows, as far as it decides whether there is a new row (language.md 6.9).
#[derive(Debug, Clone)]
pub(crate) struct Content {
    pub(crate) record: Record,
    pub(crate) edges: Arc<Vec<OpenEdge>>,
}

impl Content {
    fn same(&self, other: &Self) -> bool {
        let (a, b) = (&self.record, &other.record);
        a.state == b.state
            && a.entered == b.entered
            && a.created == b.created
            && a.properties == b.properties
            && self.edges == other.edges
    }

    /// A figure that is equal for equal content.
    fn digest(&self) -> [u8; 16] {
        let mut hash = Sha256::new();
        let record = &self.record;
        hash.update(record.state.to_le_bytes());
        hash.update(record.entered.as_micros().to_le_bytes());
        hash.update(record.created.as_micros().to_le_bytes());
        let mut text = String::new();
        for value in &record.properties {
            feed(&mut text, value);
        }
        for edge in self.edges.iter() {
            hash.update(edge.relationship.to_le_bytes());
            hash.update(edge.target.0);
            for value in &edge.properties {
                feed(&mut text, value);
            }
        }
        hash.update(text.as_bytes());
        let mut out = [0; 16];
        for (to, from) in out.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        out
    }
}

fn feed(text: &mut String, value: &Value) {
    text.push_str(value.type_name());
    defacto_json::write_json(text, value);
    text.push('\n');
}

/// What is known of the content before the newest row.
#[derive(Debug, Clone)]
enum Before {
    /// The row is the first.
    Nothing,
    /// Only its digest: it was written in an earlier batch.
    Digest([u8; 16]),
    /// All of it.
    Known(Content),
}

impl Before {
    fn is(&self, content: &Content) -> bool {
        match self {
            Self::Nothing => false,
            Self::Digest(digest) => *digest == content.digest(),
            Self::Known(before) => before.same(content),
        }
    }
}

/// Collects the history rows of one entity: at most one an instant, and none without a change.
#[derive(Debug)]
pub(crate) struct RowBuilder {
    rows: Vec<HistoryRow>,
    replace_from: Option<Timestamp>,
    current: Option<Content>,
    /// Start of the newest row, stored or new.
    newest: Option<(Timestamp, Before)>,
}

impl RowBuilder {
    /// Continues after what is stored.
    pub(crate) fn new(current: Option<Content>, last: Option<LastRow>) -> Self {
        let newest =
            last.map(|row| (row.valid_from, row.before.map_or(Before::Nothing, Before::Digest)));
        Self { rows: Vec::new(), replace_from: None, current, newest }
    }

    /// Continues after a checkpoint: rows that begin after its last event are replaced.
    pub(crate) fn resume(
        current: Option<Content>,
        last: Option<LastRow>,
        after: Timestamp,
    ) -> Self {
        let from = Timestamp::saturating_from_micros(after.as_micros().saturating_add(1));
        Self { replace_from: Some(from), ..Self::new(current, last) }
    }

    /// Replaces all stored rows.
    pub(crate) fn anew() -> Self {
        Self { rows: Vec::new(), replace_from: Some(Timestamp::MIN), current: None, newest: None }
    }

    /// Something changed at an instant.
    pub(crate) fn push(
        &mut self,
        instant: Timestamp,
        content: Content,
        state: &str,
        event: Option<(Sequence, EventId)>,
    ) {
        if self.current.as_ref().is_some_and(|current| current.same(&content)) {
            return;
        }
        let record = &content.record;
        let row = HistoryRow {
            state: state.to_owned(),
            properties: record.properties.clone(),
            valid_from: instant,
            last_event: record.last_event,
            entered: record.entered,
            created: record.created,
            event,
        };
        match &self.newest {
            Some((start, before)) if *start == instant => {
                let returned = before.is(&content);
                if self.rows.pop().is_none() {
                    self.replace_from =
                        Some(self.replace_from.map_or(instant, |from| from.min(instant)));
                }
                if returned {
                    // The row before stays; when it began no longer matters, it began earlier.
                    self.newest = Some((Timestamp::MIN, Before::Nothing));
                } else {
                    self.rows.push(row);
                }
                self.current = Some(content);
            }
            _ => {
                let before = self.current.take().map_or(Before::Nothing, Before::Known);
                self.newest = Some((instant, before));
                self.rows.push(row);
                self.current = Some(content);
            }
        }
    }

    /// What must be kept of the newest row.
    pub(crate) fn last_row(&self) -> Option<LastRow> {
        self.newest.as_ref().map(|(valid_from, before)| LastRow {
            valid_from: *valid_from,
            before: match before {
                Before::Nothing => None,
                Before::Digest(digest) => Some(*digest),
                Before::Known(content) => Some(content.digest()),
            },
        })
    }

    pub(crate) fn finish(self) -> Rows {
        let last_row = self.last_row();
        Rows { rows: self.rows, replace_from: self.replace_from, last_row }
    }
}

/// Rows to write.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) rows: Vec<HistoryRow>,
    pub(crate) replace_from: Option<Timestamp>,
    pub(crate) last_row: Option<LastRow>,
}

impl Rows {
    /// Whether anything of the stored history changes.
    pub(crate) fn changed(&self) -> bool {
        !self.rows.is_empty() || self.replace_from.is_some()
    }
}

/// The record of an id that no event has made exist.
pub(crate) fn ghost(properties: usize, at: Timestamp) -> Record {
    Record {
        exists: false,
        state: 0,
        created: at,
        entered: at,
        last_event: None,
        latches: 0,
        last_rule: None,
        next_due: None,
        properties: vec![Value::Null; properties],
    }
}
