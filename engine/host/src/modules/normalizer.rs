use defacto_model::{DescribedEvent, NormalizerDescription, Timestamp, Value};
use defacto_ports::Error;

use super::ModuleError;
use super::abi::{RawInputRecord, WireResult};
use super::instance::Instance;
use super::module::{Module, Work, shortened};
use super::value;
use super::world::World;
use crate::Limits;
use crate::stop::Stop;

/// An event that a module made of a record, as far as the contract goes.
#[derive(Debug, Clone, PartialEq)]
pub struct MadeEvent {
    /// Index into the described events.
    pub event: u32,
    /// When it happened.
    pub timestamp: Timestamp,
    /// One per field of the described event, of its type or null.
    pub values: Vec<Value>,
}

/// Why a record gave no events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The module refuses the record.
    Module {
        /// Its own code.
        code: String,
        /// Field at fault.
        field: Option<String>,
        /// What is wrong.
        message: String,
    },
    /// The module trapped, exhausted a limit or gave something wrong because of it.
    Broken {
        /// What happened.
        message: String,
    },
}

/// What a record became.
pub(crate) type Made = Result<Vec<MadeEvent>, Refused>;

/// A module of the world `normalizer`, ready to run from any number of threads.
#[derive(Debug)]
pub struct Normalizer {
    pub(crate) module: Module,
}

/// Most bytes of records in a call of more than one.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// Bytes of a failure's own code.
const CODE_BYTES_MAX: usize = 32;

impl std::ops::Deref for Normalizer {
    type Target = Module;

    fn deref(&self) -> &Module {
        &self.module
    }
}

impl Normalizer {
    /// What it says about itself under a configuration, in a fresh instance.
    ///
    /// # Errors
    ///
    /// [`ModuleError::Describe`], [`ModuleError::Description`] or [`ModuleError::Configuration`].
    pub fn describe(&self, config: &str) -> Result<NormalizerDescription, ModuleError> {
        let mut instance = self.module.start()?;
        let text = instance
            .describe_under(config, self.limits())?
            .map_err(|message| ModuleError::Configuration { message: shortened(&message) })?;
        let wrong = |message| ModuleError::Description { message };
        let description: NormalizerDescription =
            serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        description.check().map_err(wrong)?;
        Ok(description)
    }

    /// Normalizes records; one result each, in order. `described` is what [`Self::describe`] gave for the
    /// configuration.
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
        let work = Normalize::new(config, described, self.limits());
        let mut rest = records;
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(self.batch(rest));
            self.module.run(&work, batch, &mut out)?;
            rest = later;
        }
        let made = out.iter().map(|made| made.as_ref().ok().map(Vec::len));
        self.module.counters.results(made);
        Ok(out)
    }

    /// Records that go into the next call.
    fn batch(&self, records: &[RawInputRecord<'_>]) -> usize {
        let mut bytes = 0_usize;
        let fits = records.iter().take(self.module.rows()).take_while(|record| {
            bytes = bytes.saturating_add(record.size());
            bytes <= BATCH_BYTES_MAX
        });
        fits.count().clamp(1, records.len())
    }
}

/// The export `normalize` under a configuration.
#[derive(Debug)]
pub(crate) struct Normalize<'a, 'r> {
    config: &'a str,
    described: &'a [DescribedEvent],
    limits: &'a Limits,
    records: std::marker::PhantomData<RawInputRecord<'r>>,
}

impl<'a> Normalize<'a, '_> {
    pub(crate) fn new(
        config: &'a str,
        described: &'a [DescribedEvent],
        limits: &'a Limits,
    ) -> Self {
        Self { config, described, limits, records: std::marker::PhantomData }
    }
}

impl<'r> Work for Normalize<'_, 'r> {
    type Item = RawInputRecord<'r>;
    type Made = Made;

    fn call(&self, instance: &mut Instance, items: &[Self::Item]) -> Result<Vec<Made>, Stop> {
        let results = instance.normalize(self.config, items, self.limits)?;
        Ok(results.into_iter().map(|result| made(result, self.described)).collect())
    }

    fn is_broken(made: &Made) -> bool {
        matches!(made, Err(Refused::Broken { .. }))
    }

    fn broken(message: String) -> Made {
        Err(Refused::Broken { message })
    }
}

/// The result of a record, checked against what the module described.
fn made(result: WireResult, described: &[DescribedEvent]) -> Made {
    let subject = World::Normalizer.subject();
    let wrong = |wrong: String| Refused::Broken {
        message: format!("{subject} gave a wrong result: {}", shortened(&wrong)),
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
