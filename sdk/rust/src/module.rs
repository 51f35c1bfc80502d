use serde_json::json;

use crate::bindings::defacto::engine::types::{Event as RawEvent, RawRecord};
use crate::{Config, EventType, Events, Failure, Normalizer, Record};

/// Code of every record of a batch whose configuration is refused. Definitions with it do not load, so that only a
/// host that skips `describe` ever sees it.
const CONFIG: &str = "CONFIG";

/// What a module says of itself. [`normalizer!`](crate::normalizer) writes it.
pub trait Module: Normalizer {
    /// Name.
    const NAME: &'static str;
    /// Version.
    const VERSION: &'static str;
    /// What it makes, in the order of the indices.
    const EVENTS: &'static [EventType];
}

/// A module at work: the configuration that it met last is kept read.
#[derive(Debug)]
pub struct Runner<M> {
    configured: Option<(String, Result<M, String>)>,
}

impl<M: Module> Runner<M> {
    /// One that has met no configuration.
    pub const fn new() -> Self {
        Self { configured: None }
    }

    /// The export `describe`.
    ///
    /// # Errors
    ///
    /// What the module says of the configuration.
    pub fn describe(&mut self, config: &str) -> Result<String, String> {
        self.configured(config).as_ref().map_err(Clone::clone)?;
        let events: Vec<_> = M::EVENTS
            .iter()
            .map(|event| {
                let fields: Vec<_> = event
                    .fields
                    .iter()
                    .map(|field| {
                        let mut said = json!({"name": field.name, "type": field.r#type.name()});
                        describe_it(&mut said, field.description);
                        said
                    })
                    .collect();
                let mut said = json!({"type": event.name});
                describe_it(&mut said, event.description);
                said["fields"] = fields.into();
                said
            })
            .collect();
        Ok(json!({"name": M::NAME, "version": M::VERSION, "events": events}).to_string())
    }

    /// The export `normalize`.
    pub fn normalize(
        &mut self,
        config: &str,
        batch: &[RawRecord],
    ) -> Vec<Result<Vec<RawEvent>, Failure>> {
        let module = match self.configured(config) {
            Ok(module) => module,
            Err(refused) => {
                return batch.iter().map(|_| Err(Failure::new(CONFIG, refused.clone()))).collect();
            }
        };
        batch
            .iter()
            .map(|raw| {
                let mut events = Events::default();
                module.normalize(Record::borrow(raw), &mut events)?;
                Ok(events.finish())
            })
            .collect()
    }

    fn configured(&mut self, config: &str) -> &Result<M, String> {
        let kept = self.configured.take().filter(|(text, _)| text == config);
        let (_, module) = self.configured.insert(
            kept.unwrap_or_else(|| (config.to_owned(), M::configure(&Config::new(config)))),
        );
        module
    }
}

impl<M: Module> Default for Runner<M> {
    fn default() -> Self {
        Self::new()
    }
}

/// Adds the documentation, if there is any.
pub(crate) fn describe_it(said: &mut serde_json::Value, description: &str) {
    let lines: Vec<&str> = description.lines().map(str::trim).collect();
    let text = lines.join(" ");
    if !text.trim().is_empty() {
        said["description"] = text.trim().into();
    }
}
