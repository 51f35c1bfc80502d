use std::collections::BTreeSet;

use defacto_model::Sequence;
use defacto_ports::{LedgerRow, Transaction};

use crate::decode::REDACTED;
use crate::{Error, Pipeline};

/// Rows read at a time around a row.
const AROUND: usize = 256;

impl Pipeline {
    /// Rows that hold the same record as the given ones: a normalizer may make several events of one record, and which
    /// parts of it tell of which event, only the module knows. Their records are replaced, so that they are not
    /// normalized again; the caller writes them.
    pub(crate) async fn siblings(
        &self,
        tx: &mut dyn Transaction,
        sequences: &[Sequence],
    ) -> Result<Vec<LedgerRow>, Error> {
        let any = |source: &&defacto_model::SourceManifest| source.normalizer.is_some();
        if !self.catalog.manifest.sources.iter().any(|source| any(&source)) {
            return Ok(Vec::new());
        }
        let own: BTreeSet<Sequence> = sequences.iter().copied().collect();
        let mut seen = own.clone();
        let mut out = Vec::new();
        for &sequence in sequences {
            let before = Sequence(sequence.0.saturating_sub(1));
            let Some(row) = tx.scan_events(before, sequence, 1, true).await?.pop() else {
                continue;
            };
            if !self.catalog.is_made(&row.event.source) {
                continue;
            }
            let same = |other: &LedgerRow| {
                other.event.source == row.event.source && other.event.raw == row.event.raw
            };
            let mut found = Vec::new();
            let mut until = before;
            loop {
                let around = i64::try_from(AROUND).unwrap_or(i64::MAX);
                let from = Sequence(until.0.saturating_sub(around).max(0));
                let rows = tx.scan_events(from, until, AROUND, true).await?;
                let all = rows.len();
                let fitting: Vec<_> = rows.into_iter().rev().take_while(same).collect();
                let ended = fitting.len() < all || from.0 == 0;
                found.extend(fitting);
                if ended {
                    break;
                }
                until = from;
            }
            let mut after = sequence;
            loop {
                let rows = tx.scan_events(after, Sequence(i64::MAX), AROUND, true).await?;
                let all = rows.len();
                let fitting: Vec<_> = rows.into_iter().take_while(same).collect();
                let ended = fitting.len() < AROUND || fitting.len() < all;
                if let Some(last) = fitting.last() {
                    after = last.sequence;
                }
                found.extend(fitting);
                if ended {
                    break;
                }
            }
            for mut other in found {
                if seen.insert(other.sequence) {
                    other.event.raw = marked();
                    other.redacted = true;
                    out.push(other);
                }
            }
        }
        Ok(out)
    }
}

/// What stands in place of a record.
pub(crate) fn marked() -> String {
    format!("\"{REDACTED}\"")
}
