use std::borrow::Cow;

use defacto_frames::{Cell, NormalizeBuilder, NormalizedFrame, NormalizedRow};
use defacto_json::{RawValue, Scratch};
use defacto_model::{FailureCode, SourceEventManifest, SourceManifest, Timestamp, Value};
use defacto_ports::{Error, Normalized, NormalizedEvent, RawRecord, RecordFailure};

use crate::CompiledDefinitions;
use crate::event_id::IdRaw;
use crate::instance::Export;
use crate::messages;
use crate::source::{PreparedEvent, PreparedSource};
use crate::stop::Stop;

/// What a record became.
pub(crate) type Outcome = Result<NormalizedEvent, RecordFailure>;

/// Most bytes of records in a call of more than one.
const BATCH_BYTES_MAX: usize = 4 << 20;

/// A record after the host's part of the work.
enum Pending {
    Failed(RecordFailure),
    Row { event: usize, id: IdRaw },
}

/// A source being normalized.
pub(crate) struct Job<'d> {
    pub(crate) definitions: &'d CompiledDefinitions,
    pub(crate) index: u32,
    pub(crate) source: &'d SourceManifest,
    pub(crate) prepared: &'d PreparedSource,
    pub(crate) ingested_at: Timestamp,
}

impl CompiledDefinitions {
    pub(crate) fn normalize_records(
        &self,
        source: u32,
        records: &[RawRecord<'_>],
        ingested_at: Timestamp,
    ) -> Result<Vec<Normalized>, Error> {
        let place = source as usize;
        let known = self.manifest.sources.get(place).zip(self.sources.get(place));
        let Some((manifest, prepared)) = known else {
            return Err(Error::Module { message: format!("no source has index {source}") });
        };
        let job = Job { definitions: self, index: source, source: manifest, prepared, ingested_at };
        if let Some(normalizer) = &manifest.normalizer {
            return job.make(normalizer, records);
        }
        let mut out = Vec::with_capacity(records.len());
        let mut rest = records;
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(self.batch(rest));
            let alone = |record: &RawRecord<'_>, blame: &crate::stop::Blame| {
                Err(job.guilty(record, blame.message(self.limits())))
            };
            self.halve(batch, &|records| job.attempt(records), &alone, &mut out)?;
            rest = later;
        }
        let results = out.into_iter().enumerate();
        Ok(results.map(|(record, result)| Normalized { record, result }).collect())
    }

    /// Records that go into the next call.
    fn batch(&self, records: &[RawRecord<'_>]) -> usize {
        let mut bytes = 0_usize;
        let fits = records.iter().take(self.rows()).take_while(|record| {
            bytes = bytes.saturating_add(record.text.len());
            bytes <= BATCH_BYTES_MAX
        });
        fits.count().clamp(1, records.len())
    }
}

impl<'d> Job<'d> {
    fn attempt(&self, records: &[RawRecord<'_>]) -> Result<Vec<Outcome>, Stop> {
        let head = self.definitions.head(self.index, Some(self.ingested_at));
        let rows_max = u32::try_from(records.len()).unwrap_or(u32::MAX);
        let mut frame = NormalizeBuilder::new(head, rows_max);
        let (mut scratch, mut extracted) = (Scratch::default(), Vec::new());
        let mut pending = Vec::with_capacity(records.len());
        let mut rows = 0;
        for record in records {
            pending.push(match self.prepare(record, &mut scratch, &mut extracted) {
                Ok((event, prepared, id)) => {
                    self.row(&mut frame, event, prepared, &extracted);
                    rows += 1;
                    Pending::Row { event, id }
                }
                Err(failure) => Pending::Failed(failure),
            });
        }
        if rows == 0 {
            return Ok(pending.into_iter().filter_map(Pending::failure).map(Err).collect());
        }
        let frame = frame.finish()?;
        self.definitions.call(Export::Normalize, &frame, |answer| {
            let answer = NormalizedFrame::new(answer, head, rows)?;
            self.read(&answer, pending)
        })
    }

    /// Reads a record as far as the host does: steps 1 and 2 of language.md 5.1.
    fn prepare<'r>(
        &self,
        record: &RawRecord<'r>,
        scratch: &mut Scratch<'r>,
        extracted: &mut Vec<RawValue<'r>>,
    ) -> Result<(usize, &'d PreparedEvent, IdRaw), RecordFailure> {
        let field = &self.source.event_type.path;
        let fail = |code, message| {
            Err(RecordFailure { code, message, handler: None, field: Some(field.clone()) })
        };
        let no_object = |why: &dyn std::fmt::Display| {
            format!("record is no JSON object with an event type in `{field}`: {why}")
        };
        match self.prepared.extractor.extract(record.text, scratch, extracted) {
            Ok(true) => {}
            Ok(false) => return fail(FailureCode::N01, no_object(&"it is another value")),
            Err(error) => return fail(FailureCode::N01, no_object(&error)),
        }
        let raw_type = match extracted.get(self.prepared.event_type) {
            Some(RawValue::Text(raw_type)) => raw_type,
            Some(RawValue::Absent) | None => {
                return fail(FailureCode::N01, format!("event type field `{field}` is absent"));
            }
            Some(_) => {
                return fail(FailureCode::N01, format!("event type field `{field}` is no text"));
            }
        };
        let event = self.prepared.event(raw_type);
        let Some((event, prepared)) =
            event.and_then(|event| Some((event, self.prepared.events.get(event)?)))
        else {
            let message = messages::unknown_type(raw_type, &self.source.name);
            return fail(FailureCode::N02, message);
        };
        match IdRaw::new(prepared, self.source, record.text, extracted, 0) {
            Ok(id) => Ok((event, prepared, id)),
            Err(error) => fail(FailureCode::N01, no_object(&error)),
        }
    }

    fn row(
        &self,
        frame: &mut NormalizeBuilder,
        event: usize,
        prepared: &PreparedEvent,
        extracted: &[RawValue<'_>],
    ) {
        let at = |slot: usize| extracted.get(slot).unwrap_or(&RawValue::Absent);
        let timestamp = match self.prepared.timestamp.map(at) {
            Some(RawValue::Absent) => Cell::Absent,
            Some(value) => cell(value),
            None => Cell::Null,
        };
        let paths = prepared.slots.iter().map(|&slot| cell(at(slot)));
        frame.row(u32::try_from(event).unwrap_or(u32::MAX), timestamp, paths);
    }

    fn read(
        &self,
        answer: &NormalizedFrame<'_>,
        pending: Vec<Pending>,
    ) -> Result<Vec<Outcome>, Stop> {
        let mut results = Vec::with_capacity(pending.len());
        let mut row = 0;
        for pending in pending {
            results.push(match pending {
                Pending::Failed(failure) => Err(failure),
                Pending::Row { event, id } => {
                    let known = self.source.events.get(event).zip(self.prepared.events.get(event));
                    let Some((manifest, prepared)) = known else {
                        return Err(Stop::Engine("event definition not found".to_owned()));
                    };
                    let result = self.result(answer, row, (manifest, prepared), &id)?;
                    row += 1;
                    result
                }
            });
        }
        Ok(results)
    }

    /// The result of a row of the answer.
    pub(crate) fn result(
        &self,
        answer: &NormalizedFrame<'_>,
        row: u32,
        (event, prepared): (&SourceEventManifest, &PreparedEvent),
        id: &IdRaw,
    ) -> Result<Outcome, Stop> {
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let fields = count(event.fields.len());
        let finish = |fields: &[Value], timestamp| {
            let names = event.fields.iter().map(|field| &field.name);
            id.finish(prepared, &event.name, names, fields, timestamp)
        };
        match answer.row(row, fields, count(event.hints.len()))? {
            Ok(normalized) => Ok(match finish(&normalized.fields, normalized.timestamp) {
                Some(event_id) => {
                    let hints = self.hints(event, &normalized);
                    let names = event.fields.iter().map(|field| field.name.clone());
                    Ok(NormalizedEvent {
                        event_id,
                        event_type: event.name.clone(),
                        timestamp: normalized.timestamp,
                        data: names.zip(normalized.fields).collect(),
                        hints,
                    })
                }
                None => Err(messages::no_id(self.source, event)),
            }),
            // The id comes before the hints: when it cannot be made either, that is the failure.
            Err(fault) if fault.code == Some(FailureCode::N09) => {
                let (timestamp, fields) = answer.fields(row, fields)?;
                Ok(Err(match finish(&fields, timestamp) {
                    Some(_) => messages::record_failure(
                        &self.definitions.manifest,
                        self.source,
                        event,
                        &fault,
                    ),
                    None => messages::no_id(self.source, event),
                }))
            }
            Err(fault) => {
                let manifest = &self.definitions.manifest;
                Ok(Err(messages::record_failure(manifest, self.source, event, &fault)))
            }
        }
    }

    fn hints(
        &self,
        event: &SourceEventManifest,
        normalized: &NormalizedRow<'_>,
    ) -> Vec<(String, String, String)> {
        let entities = &self.definitions.manifest.entities;
        let present = event.hints.iter().zip(&normalized.hints).filter_map(|(hint, text)| {
            let text = text.filter(|text| !text.is_empty())?;
            let entity = entities.get(hint.entity as usize)?;
            let field = entity.identity.get(hint.identity_field as usize)?;
            Some((entity.name.clone(), field.name.clone(), text.to_owned()))
        });
        present.collect()
    }

    /// The failure of a record that alone exhausts a limit or breaks the module.
    fn guilty(&self, record: &RawRecord<'_>, message: String) -> RecordFailure {
        match self.prepare(record, &mut Scratch::default(), &mut Vec::new()) {
            Ok((event, _, _)) => RecordFailure {
                code: FailureCode::N05,
                message,
                handler: self.source.events.get(event).map(|event| event.name.clone()),
                field: None,
            },
            Err(failure) => failure,
        }
    }
}

impl Pending {
    fn failure(self) -> Option<RecordFailure> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Row { .. } => None,
        }
    }
}

/// A raw value on its way into a frame: absent is null, except for the timestamp.
fn cell<'v>(value: &'v RawValue<'_>) -> Cell<'v> {
    match value {
        RawValue::Absent | RawValue::Null => Cell::Null,
        RawValue::Bool(flag) => Cell::Bool(*flag),
        RawValue::Int(int) => Cell::Int(*int),
        RawValue::Float(float) => Cell::Float(*float),
        RawValue::BigInt(digits) => Cell::BigInt(digits),
        RawValue::Text(Cow::Borrowed(text)) => Cell::String(text),
        RawValue::Text(Cow::Owned(text)) => Cell::String(text),
        RawValue::Tree(tree) => Cell::from(tree),
    }
}
