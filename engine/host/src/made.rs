use std::sync::Arc;

use defacto_frames::{Cell, NormalizeBuilder, NormalizedFrame};
use defacto_json::Scratch;
use defacto_model::{FailureCode, NormalizerManifest, RawInput, SourceManifest, Value};
use defacto_ports::{Error, Normalized, RawRecord, RecordFailure};

use crate::event_id::IdRaw;
use crate::instance::Export;
use crate::normalize::{Job, Outcome};
use crate::stop::{Blame, Stop};
use crate::{MadeEvent, Normalizer, RawInputRecord, Refused};

/// A record in the form in which its module takes it.
enum Held<'r> {
    Json(&'r str),
    Text(String),
    Row(Vec<(String, String)>),
    Bytes(Vec<u8>),
}

/// An event on its way through the definitions.
struct Row {
    record: usize,
    /// Its place among the events of the record.
    place: usize,
    event: MadeEvent,
}

/// Where a described event type stands in the source, and from where its raw cells come.
struct Shape {
    event: usize,
    cells: Vec<Origin>,
}

#[derive(Clone, Copy)]
enum Origin {
    Timestamp,
    Value(usize),
}

impl Job<'_> {
    /// Lets the source's module make events of records, and the definitions their hints, checks and ids.
    pub(crate) fn make(
        &self,
        normalizer: &NormalizerManifest,
        records: &[RawRecord<'_>],
    ) -> Result<Vec<Normalized>, Error> {
        let module = self.module()?;
        let shapes = self.shapes(normalizer);
        let held: Vec<Result<Held<'_>, RecordFailure>> =
            records.iter().map(|record| self.hold(normalizer.input, record)).collect();
        let sent: Vec<RawInputRecord<'_>> = held.iter().flatten().map(Held::lend).collect();
        let mut made = module.normalize(&normalizer.config, &normalizer.events, &sent)?.into_iter();
        let mut failed: Vec<(usize, RecordFailure)> = Vec::new();
        let mut rows = Vec::with_capacity(records.len());
        for (record, held) in held.into_iter().enumerate() {
            let answer = match held {
                Err(failure) => Err(failure),
                Ok(_) => match made.next() {
                    Some(answer) => answer.map_err(failure),
                    None => return Err(defect("it gave too few results")),
                },
            };
            match answer {
                Ok(events) => {
                    let events = events.into_iter().enumerate();
                    rows.extend(events.map(|(place, event)| Row { record, place, event }));
                }
                Err(failure) => failed.push((record, failure)),
            }
        }
        let mut results = Vec::with_capacity(rows.len());
        let definitions = self.definitions;
        let mut rest = rows.as_slice();
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(definitions.rows().min(rest.len()));
            let attempt = |rows: &[Row]| self.finish(&shapes, rows, records);
            let alone = |row: &Row, blame: &Blame| Err(self.exhausted(&shapes, row, blame));
            definitions.halve(batch, &attempt, &alone, &mut results)?;
            rest = later;
        }
        let results = rows.iter().zip(results);
        let mut out: Vec<Normalized> = results
            .map(|(row, result)| Normalized { record: row.record, result })
            .chain(
                failed
                    .into_iter()
                    .map(|(record, failure)| Normalized { record, result: Err(failure) }),
            )
            .collect();
        // Stable: the events of a record stay in their order.
        out.sort_by_key(|one| one.record);
        Ok(out)
    }

    fn module(&self) -> Result<&Arc<Normalizer>, Error> {
        let module = self.definitions.normalizers.get(self.index as usize).and_then(Option::as_ref);
        module.ok_or_else(|| {
            defect(&format!("source `{}` was loaded without its normalizer", self.source.name))
        })
    }

    fn shapes(&self, normalizer: &NormalizerManifest) -> Vec<Option<Shape>> {
        let shape = |described: &defacto_model::DescribedEvent| {
            let event = self.source.events.iter().position(|e| e.name == described.r#type)?;
            let paths = &self.source.events.get(event)?.paths;
            let origin = |path: &defacto_model::RawPath| {
                if path.path == SourceManifest::MADE_TIMESTAMP {
                    return Some(Origin::Timestamp);
                }
                let value = described.fields.iter().position(|field| field.name == path.path)?;
                Some(Origin::Value(value))
            };
            Some(Shape { event, cells: paths.iter().map(origin).collect::<Option<_>>()? })
        };
        normalizer.events.iter().map(shape).collect()
    }

    /// Reads a record as its input says; N01 when it is something else.
    fn hold<'r>(&self, input: RawInput, record: &RawRecord<'r>) -> Result<Held<'r>, RecordFailure> {
        let fail = |message: String| {
            Err(RecordFailure { code: FailureCode::N01, message, handler: None, field: None })
        };
        if input == RawInput::Json {
            let (mut scratch, mut extracted) = (Scratch::default(), Vec::new());
            return match self.prepared.extractor.extract(record.text, &mut scratch, &mut extracted)
            {
                Ok(true) => Ok(Held::Json(record.text)),
                Ok(false) => fail("record is no JSON object".to_owned()),
                Err(error) => fail(format!("record is no JSON object: {error}")),
            };
        }
        let value = match defacto_json::parse(record.text) {
            Ok(value) => value,
            Err(error) => return fail(format!("record is no JSON: {error}")),
        };
        match (input, value) {
            (RawInput::Text, Value::String(text)) => Ok(Held::Text(text)),
            (RawInput::Bytes, Value::String(text)) => match defacto_json::decode_base64(&text) {
                Some(bytes) => Ok(Held::Bytes(bytes)),
                None => fail("record is a JSON string, but not base64".to_owned()),
            },
            (RawInput::Csv, Value::Object(_)) => match columns(record.text) {
                Some(columns) => Ok(Held::Row(columns)),
                None => fail("record is a JSON object, but not of texts".to_owned()),
            },
            (RawInput::Csv, _) => fail("record is no JSON object of texts".to_owned()),
            _ => {
                fail("record is no JSON string, which a source of texts or bytes needs".to_owned())
            }
        }
    }

    fn finish(
        &self,
        shapes: &[Option<Shape>],
        rows: &[Row],
        records: &[RawRecord<'_>],
    ) -> Result<Vec<Outcome>, Stop> {
        let head = self.definitions.head(self.index, Some(self.ingested_at));
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let mut frame = NormalizeBuilder::new(head, count);
        let mut ids = Vec::with_capacity(rows.len());
        for row in rows {
            let lost = || Stop::Engine("event definition not found".to_owned());
            let shape = shapes.get(row.event.event as usize).and_then(Option::as_ref);
            let shape = shape.ok_or_else(lost)?;
            let event = self.source.events.get(shape.event).ok_or_else(lost)?;
            let prepared = self.prepared.events.get(shape.event).ok_or_else(lost)?;
            let text = records.get(row.record).map_or("", |record| record.text);
            let id = IdRaw::new(prepared, self.source, text, &[], row.place)
                .map_err(|error| Stop::Engine(error.to_string()))?;
            ids.push((event, prepared, id));
            let timestamp = Value::DateTime(row.event.timestamp);
            let cells = shape.cells.iter().map(|origin| match origin {
                Origin::Timestamp => Cell::from(&timestamp),
                Origin::Value(at) => row.event.values.get(*at).map_or(Cell::Null, Cell::from),
            });
            let index = u32::try_from(shape.event).unwrap_or(u32::MAX);
            frame.row(index, Cell::Null, cells);
        }
        let frame = frame.finish()?;
        self.definitions.call(Export::Normalize, &frame, |answer| {
            let answer = NormalizedFrame::new(answer, head, count)?;
            (0..)
                .zip(&ids)
                .map(|(row, (event, prepared, id))| {
                    self.result(&answer, row, (event, prepared), id)
                })
                .collect()
        })
    }

    /// The failure of an event for which the definitions exhaust a limit.
    fn exhausted(&self, shapes: &[Option<Shape>], row: &Row, blame: &Blame) -> RecordFailure {
        let shape = shapes.get(row.event.event as usize).and_then(Option::as_ref);
        let event = shape.and_then(|shape| self.source.events.get(shape.event));
        RecordFailure {
            code: FailureCode::N05,
            message: blame.message(self.definitions.limits()),
            handler: event.map(|event| event.name.clone()),
            field: None,
        }
    }
}

impl Held<'_> {
    fn lend(&self) -> RawInputRecord<'_> {
        match self {
            Self::Json(text) => RawInputRecord::Json(text),
            Self::Text(text) => RawInputRecord::Text(text),
            Self::Row(columns) => RawInputRecord::Row(columns),
            Self::Bytes(bytes) => RawInputRecord::Bytes(bytes),
        }
    }
}

/// Columns in written order, which an object of values would lose.
fn columns(text: &str) -> Option<Vec<(String, String)>> {
    let columns: Columns = serde_json::from_str(text).ok()?;
    Some(columns.0)
}

struct Columns(Vec<(String, String)>);

impl<'de> serde::Deserialize<'de> for Columns {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> serde::de::Visitor<'de> for Entries {
            type Value = Columns;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of texts")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Columns, A::Error> {
                let mut columns = Vec::new();
                while let Some((name, text)) = map.next_entry::<String, String>()? {
                    columns.push((name, text));
                }
                Ok(Columns(columns))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// The failure of a record as its module, or what became of it, gives it.
fn failure(refused: Refused) -> RecordFailure {
    match refused {
        Refused::Module { code, field, message } => RecordFailure {
            code: FailureCode::N11,
            message: format!("{code}: {message}"),
            handler: None,
            field,
        },
        Refused::Broken { message } => {
            RecordFailure { code: FailureCode::N12, message, handler: None, field: None }
        }
    }
}

fn defect(message: &str) -> Error {
    Error::Module { message: message.to_owned() }
}
