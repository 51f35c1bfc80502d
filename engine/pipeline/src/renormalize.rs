use std::sync::Arc;

use defacto_model::{Sequence, Stage, Timestamp};
use defacto_ports::{Appended, BuildState, FaultReport, HintRequest, HintText, LedgerRow};

use crate::apart::set_separations;
use crate::blocking::blocking;
use crate::catalog::SYSTEM_SOURCE;
use crate::decode::Event;
use crate::ingest::new_event;
use crate::made::Made;
use crate::{Error, EventFailure, Pipeline};

impl Pipeline {
    /// Makes the ledger's normalized columns (if asked) or its hints anew, then the identity map: one
    /// transaction, which also marks the version's history as out of date.
    pub(crate) async fn remake_identity(
        &mut self,
        renormalize: bool,
        target: Sequence,
        progress: &BuildState,
    ) -> Result<(Vec<EventFailure>, Sequence), Error> {
        self.identity.clear();
        let mut tx = self.begin().await?;
        let mut failures = Vec::new();
        if renormalize {
            tx.suspend_event_ids().await?;
        }
        let size = self.options.batch_size.max(1);
        let mut made = Made::default();
        let mut after = Sequence(0);
        loop {
            let rows = tx.scan_events(after, target, size, true).await?;
            let Some(last) = rows.last() else { break };
            after = last.sequence;
            let rows = if renormalize {
                self.renormalize(rows, &mut made, &mut failures)?
            } else {
                self.remake_hints(rows, &mut failures)?
            };
            if !rows.is_empty() {
                tx.rewrite_events(&rows).await?;
            }
        }
        if renormalize {
            tx.restore_event_ids().await?;
        }
        let more = made.finish();
        let mut target = target;
        for chunk in more.chunks(size) {
            for appended in tx.append(chunk).await? {
                if let Appended::Inserted(sequence) = appended {
                    target = target.max(sequence);
                }
            }
        }
        tx.clear_entity_events(None).await?;
        tx.clear_hints(None).await?;
        tx.clear_merges(None).await?;
        set_separations(&mut *tx, &[]).await?;
        tx.set_resolved(Sequence(0)).await?;
        self.any_merges = false;
        let mut after = Sequence(0);
        loop {
            let rows = tx.scan_events(after, target, size, false).await?;
            let Some(last) = rows.last() else { break };
            after = last.sequence;
            let events = self.decode(rows).await?;
            self.resolve_block(&mut *tx, &events, after).await?;
        }
        tx.set_resolved(target).await?;
        self.set_data_state(&mut *tx).await?;
        self.note_begun(&mut *tx, progress).await?;
        self.commit(tx).await?;
        Ok((failures, target))
    }

    /// Rows with new normalized columns. Rows that now fail keep their old ones; redacted rows are frozen.
    pub(crate) fn renormalize(
        &self,
        rows: Vec<LedgerRow>,
        made: &mut Made,
        failures: &mut Vec<EventFailure>,
    ) -> Result<Vec<LedgerRow>, Error> {
        let mut out = Vec::with_capacity(rows.len());
        let mut run: Vec<LedgerRow> = Vec::new();
        for row in rows {
            if row.redacted || row.event.source == SYSTEM_SOURCE {
                made.seal(&row);
                continue;
            }
            let same = run.last().is_some_and(|last| {
                last.event.source == row.event.source
                    && last.event.ingested_at == row.event.ingested_at
            });
            if !same {
                self.renormalize_run(std::mem::take(&mut run), made, &mut out, failures)?;
            }
            run.push(row);
        }
        self.renormalize_run(run, made, &mut out, failures)?;
        Ok(out)
    }

    /// Rows of one source and one instant of ingestion.
    fn renormalize_run(
        &self,
        rows: Vec<LedgerRow>,
        made: &mut Made,
        out: &mut Vec<LedgerRow>,
        failures: &mut Vec<EventFailure>,
    ) -> Result<(), Error> {
        let Some(first) = rows.first() else { return Ok(()) };
        let Some((source, manifest)) = self.catalog.manifest.find_source(&first.event.source)
        else {
            return Ok(());
        };
        let ingested_at: Timestamp = first.event.ingested_at;
        let results = if manifest.normalizer.is_some() {
            made.open(&rows);
            let raws: Vec<&str> = made.wanted(&rows);
            let answers = self.normalize(source, &raws, ingested_at)?;
            made.assign(&rows, answers)
        } else {
            let raws: Vec<&str> = rows.iter().map(|row| row.event.raw.as_str()).collect();
            self.normalize(source, &raws, ingested_at)?.into_iter().map(|one| one.result).collect()
        };
        for (mut row, result) in rows.into_iter().zip(results) {
            match result {
                Ok(event) => {
                    let raw = std::mem::take(&mut row.event.raw);
                    row.event = new_event(&row.event.source, &raw, &event, ingested_at);
                    row.event.raw = raw;
                    out.push(row);
                }
                Err(failure) => {
                    let sequence = u64::try_from(row.sequence.0).unwrap_or(0);
                    let mut failure =
                        self.record_failure(&row.event.source, &row.event.raw, sequence, failure);
                    failure.index = None;
                    failure.sequence = Some(row.sequence);
                    failure.event_id = Some(row.event.event_id);
                    failures.push(failure);
                    out.push(row);
                }
            }
        }
        Ok(())
    }

    /// Rows whose hints, recomputed from their normalized fields, differ (language.md 8.5).
    fn remake_hints(
        &self,
        rows: Vec<LedgerRow>,
        failures: &mut Vec<EventFailure>,
    ) -> Result<Vec<LedgerRow>, Error> {
        let catalog = Arc::clone(&self.catalog);
        let mut requests: Vec<HintRequest> = Vec::new();
        let mut places: Vec<(usize, u32, u32)> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            if row.redacted || row.event.source == SYSTEM_SOURCE {
                continue;
            }
            let event = &row.event;
            let Some(mapped) = catalog.source_event(&event.source, &event.event_type) else {
                continue;
            };
            let decoded = Event::from_row(&catalog, row.clone())?;
            for hint in &mapped.hints {
                let name = mapped.fields.get(hint.field as usize).map_or("", |field| &field.name);
                if let Some(value) = decoded.value(name).filter(|value| !value.is_null()) {
                    places.push((at, hint.entity, hint.identity_field));
                    requests.push(HintRequest {
                        entity: hint.entity,
                        identity_field: hint.identity_field,
                        value: value.clone(),
                    });
                }
            }
        }
        let answers: Vec<Result<Option<String>, FaultReport>> = if requests.is_empty() {
            Vec::new()
        } else {
            blocking(|| self.machines.hints(&requests))?
        };
        let mut hints: Vec<Vec<HintText>> = vec![Vec::new(); rows.len()];
        for ((at, entity, field), answer) in places.into_iter().zip(answers) {
            match answer {
                Ok(Some(value)) if !value.is_empty() => {
                    if let Some(hints) = hints.get_mut(at) {
                        hints.push(HintText {
                            entity_type: catalog.entity_name(entity).to_owned(),
                            field: catalog.identity_field_name(entity, field).to_owned(),
                            value,
                            candidate: None,
                        });
                    }
                }
                Ok(_) => {}
                Err(fault) => {
                    if let Some(row) = rows.get(at) {
                        let name = catalog.identity_field_name(entity, field).to_owned();
                        failures.push(self.hint_failure(row, name, fault));
                    }
                }
            }
        }
        let mut out = Vec::new();
        for (mut row, hints) in rows.into_iter().zip(hints) {
            if !row.redacted && row.event.source != SYSTEM_SOURCE && row.event.hints != hints {
                row.event.hints = hints;
                out.push(row);
            }
        }
        Ok(out)
    }

    fn hint_failure(&self, row: &LedgerRow, field: String, fault: FaultReport) -> EventFailure {
        EventFailure {
            code: fault.code,
            stage: Stage::Normalization,
            error: fault.message,
            raw: serde_json::from_str(&row.event.raw).unwrap_or(serde_json::Value::Null),
            source: Some(row.event.source.clone()),
            handler: Some(row.event.event_type.clone()),
            field: Some(field),
            entity_id: None,
            entity_type: None,
            event_id: Some(row.event.event_id),
            sequence: Some(row.sequence),
            event_type: Some(row.event.event_type.clone()),
            version: self.version.clone(),
            namespace: self.options.namespace.clone(),
            occurred_at: Some(row.event.timestamp),
            index: None,
            attempt: 1,
            recoverable: false,
        }
    }
}
