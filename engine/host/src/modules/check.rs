use defacto_model::DescribedEvent;

use super::ModuleError;
use super::abi::RawInputRecord;
use super::instance::Instance;
use super::normalizer::{Normalize, Normalizer};

/// A record whose result is not always the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its place in the batch.
    pub record: usize,
    /// The way in which it was run when it differed from the first run.
    pub way: &'static str,
    /// Result of the first run.
    pub first: String,
    /// The other one.
    pub other: String,
}

impl Normalizer {
    /// Runs records in several ways that must not matter, and gives the first record for which one did: the same batch
    /// twice in one instance, in a fresh instance, backwards in single calls, and in halves.
    ///
    /// # Errors
    ///
    /// [`ModuleError::Start`] when the module does not start.
    pub fn check(
        &self,
        config: &str,
        described: &[DescribedEvent],
        records: &[RawInputRecord<'_>],
    ) -> Result<Option<Difference>, ModuleError> {
        // Whatever `describe` leaves behind must not matter either.
        let mut reused = self.module.start()?;
        let _kept = reused.describe_under(config, self.limits())?.ok();
        let first = self.texts(&mut reused, config, described, records);
        let again = self.texts(&mut reused, config, described, records);
        if let Some(found) = differ("again in the same instance", &first, &again) {
            return Ok(Some(found));
        }
        let mut fresh = self.module.start()?;
        let other = self.texts(&mut fresh, config, described, records);
        if let Some(found) = differ("in a fresh instance", &first, &other) {
            return Ok(Some(found));
        }
        let mut fresh = self.module.start()?;
        let mut backwards = Vec::with_capacity(records.len());
        for record in records.iter().rev() {
            let one = std::slice::from_ref(record);
            backwards.extend(self.texts(&mut fresh, config, described, one));
        }
        backwards.reverse();
        if let Some(found) = differ("alone, after the records behind it", &first, &backwards) {
            return Ok(Some(found));
        }
        let (half, rest) = records.split_at(records.len() / 2);
        let mut fresh = self.module.start()?;
        let mut halves = self.texts(&mut fresh, config, described, rest);
        halves.splice(0..0, self.texts(&mut fresh, config, described, half));
        Ok(differ("in half a batch", &first, &halves))
    }

    /// Results as text; a batch that stops is one text for all of its records, told apart by halving.
    fn texts(
        &self,
        instance: &mut Instance,
        config: &str,
        described: &[DescribedEvent],
        records: &[RawInputRecord<'_>],
    ) -> Vec<String> {
        let work = Normalize::new(config, described, self.limits());
        match self.module.call(&work, instance, records) {
            Ok(made) => made.iter().map(|made| format!("{made:?}")).collect(),
            Err(_) => match self.normalize(config, described, records) {
                Ok(made) => made.iter().map(|made| format!("{made:?}")).collect(),
                Err(error) => vec![error.to_string(); records.len()],
            },
        }
    }
}

fn differ(way: &'static str, first: &[String], other: &[String]) -> Option<Difference> {
    let at = first.iter().zip(other).position(|(first, other)| first != other)?;
    let (first, other) = (first.get(at)?.clone(), other.get(at)?.clone());
    Some(Difference { record: at, way, first, other })
}
