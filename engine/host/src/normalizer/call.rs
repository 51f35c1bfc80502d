use std::sync::atomic::Ordering;

use defacto_model::DescribedEvent;
use defacto_ports::Error;

use super::abi::{RawInputRecord, WireResult};
use super::instance::{Instance, SUBJECT};
use super::module::{MadeEvent, Normalizer, Refused, shortened};
use super::value;
use crate::stop::{Blame, Stop};

/// What a record became.
type Made = Result<Vec<MadeEvent>, Refused>;

/// Most bytes of records in a call of more than one.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// Bytes of a failure's own code.
const CODE_BYTES_MAX: usize = 32;

impl Normalizer {
    /// Normalizes records; one result each, in order. `described` is what [`Self::describe`] gave for the
    /// configuration.
    ///
    /// A batch that stops the module is halved until the guilty record stands alone; it alone, in a fresh instance,
    /// decides over it.
    ///
    /// # Errors
    ///
    /// [`Error::Module`] when the module cannot run at all, or is stuck twice with one record.
    pub fn normalize(
        &self,
        config: &str,
        described: &[DescribedEvent],
        records: &[RawInputRecord<'_>],
    ) -> Result<Vec<Made>, Error> {
        let mut out = Vec::with_capacity(records.len());
        let mut rest = records;
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(self.batch(rest));
            self.halve(config, described, batch, &mut out)?;
            rest = later;
        }
        for made in &out {
            self.counters.record(made.as_ref().ok().map(Vec::len));
        }
        Ok(out)
    }

    /// Records that go into the next call.
    fn batch(&self, records: &[RawInputRecord<'_>]) -> usize {
        let mut bytes = 0_usize;
        let fits = records.iter().take(self.rows()).take_while(|record| {
            bytes = bytes.saturating_add(record.size());
            bytes <= BATCH_BYTES_MAX
        });
        fits.count().clamp(1, records.len())
    }

    fn halve(
        &self,
        config: &str,
        described: &[DescribedEvent],
        records: &[RawInputRecord<'_>],
        out: &mut Vec<Made>,
    ) -> Result<(), Error> {
        match self.attempt(config, described, records) {
            Ok(mut made) => {
                self.managed(records.len());
                out.append(&mut made);
                return Ok(());
            }
            Err(Stop::Engine(message)) => return Err(self.error(&message)),
            Err(_) => {}
        }
        if let [record] = records {
            out.push(self.alone(config, described, record)?);
            return Ok(());
        }
        self.pace.store((records.len() / 2).max(1), Ordering::Relaxed);
        let (first, second) = records.split_at(records.len() / 2);
        self.halve(config, described, first, out)?;
        self.halve(config, described, second, out)
    }

    /// Notes that a call of so many records went through.
    fn managed(&self, records: usize) {
        let pace = self.pace.load(Ordering::Relaxed);
        if records >= pace && pace < self.limits().rows_max {
            self.pace.store(pace.saturating_add(pace / 4).saturating_add(1), Ordering::Relaxed);
        }
    }

    fn attempt(
        &self,
        config: &str,
        described: &[DescribedEvent],
        records: &[RawInputRecord<'_>],
    ) -> Result<Vec<Made>, Stop> {
        let mut instance = self.take()?;
        let results = self.call(&mut instance, config, records)?;
        Ok(self.finish(instance, results, described))
    }

    /// The verdict on a record that stopped the module: it alone, in a fresh instance.
    fn alone(
        &self,
        config: &str,
        described: &[DescribedEvent],
        record: &RawInputRecord<'_>,
    ) -> Result<Made, Error> {
        let mut instance = self.start().map_err(|error| self.error(&error.to_string()))?;
        match self.call(&mut instance, config, std::slice::from_ref(record)) {
            Ok(results) => {
                let made = self.finish(instance, results, described).pop();
                made.ok_or_else(|| self.error("it gave no result"))
            }
            Err(Stop::Rows(blame)) => Ok(Err(self.broken(&blame))),
            Err(Stop::Engine(message)) => Err(self.error(&message)),
            Err(Stop::Deadline) => {
                let limit = self.limits().deadline_ms;
                Err(self.error(&format!("no answer within {limit} ms, twice")))
            }
        }
    }

    /// Checks results, and keeps the instance if all of them were right.
    fn finish(
        &self,
        instance: Instance,
        results: Vec<WireResult>,
        described: &[DescribedEvent],
    ) -> Vec<Made> {
        let made: Vec<Made> = results.into_iter().map(|result| made(result, described)).collect();
        if !made.iter().any(|made| matches!(made, Err(Refused::Broken { .. }))) {
            self.give_back(instance);
        }
        made
    }

    fn broken(&self, blame: &Blame) -> Refused {
        Refused::Broken { message: blame.message_of(SUBJECT, self.limits()) }
    }

    fn error(&self, message: &str) -> Error {
        Error::Module { message: format!("normalizer `{}`: {message}", self.name()) }
    }
}

/// The result of a record, checked against what the module described.
pub(crate) fn made(result: WireResult, described: &[DescribedEvent]) -> Made {
    let wrong = |wrong: String| Refused::Broken {
        message: format!("{SUBJECT} gave a wrong result: {}", shortened(&wrong)),
    };
    match result {
        Ok(events) => {
            events.into_iter().map(|event| value::event(event, described).map_err(wrong)).collect()
        }
        Err(failure) => {
            let mut chars = failure.code.chars();
            let good = chars.next().is_some_and(|c| c.is_ascii_alphabetic())
                && chars.all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
                && failure.code.len() <= CODE_BYTES_MAX;
            if !good {
                let code = shortened(&failure.code.escape_debug().to_string());
                return Err(wrong(format!("a failure with the code `{code}`")));
            }
            Err(Refused::Module {
                code: failure.code,
                field: failure.field.as_deref().map(shortened),
                message: shortened(&failure.message),
            })
        }
    }
}
