use serde_json::json;

use crate::event::Made;
use crate::{Config, EventType, Events, Failure, Normalizer, Record, Value};

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
pub(crate) struct Runner<M> {
    configured: Option<(String, Result<M, String>)>,
}

impl<M: Module> Runner<M> {
    /// One that has met no configuration.
    pub(crate) const fn new() -> Self {
        Self { configured: None }
    }

    /// The export `describe`.
    ///
    /// # Errors
    ///
    /// What the module says of the configuration.
    pub(crate) fn describe(&mut self, config: &str) -> Result<String, String> {
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

    /// The module under a configuration, or what it says of it.
    pub(crate) fn configured(&mut self, config: &str) -> &Result<M, String> {
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

/// What a batch became: all events in one list, all values in another.
#[derive(Debug)]
pub(crate) struct Results {
    /// How many events a record gave, or why none.
    outcomes: Vec<Result<usize, Failure>>,
    events: Events,
}

impl Results {
    pub(crate) const fn new() -> Self {
        let events = Events { made: Vec::new(), values: Vec::new() };
        Self { outcomes: Vec::new(), events }
    }

    /// Normalizes the next record.
    #[inline]
    pub(crate) fn add<M: Module>(&mut self, module: &Result<M, String>, record: Record<'_>) {
        let (events, values) = (self.events.made.len(), self.events.values.len());
        let result = match module {
            Ok(module) => module.normalize(record, &mut self.events),
            Err(refused) => Err(Failure::new(CONFIG, refused.clone())),
        };
        self.outcomes.push(match result {
            Ok(()) => Ok(self.events.made.len() - events),
            Err(failure) => {
                self.events.made.truncate(events);
                self.events.values.truncate(values);
                Err(failure)
            }
        });
    }

    pub(crate) fn outcomes(&self) -> &[Result<usize, Failure>] {
        &self.outcomes
    }

    pub(crate) fn events(&self) -> &[Made] {
        &self.events.made
    }

    pub(crate) fn values(&self) -> &[Value] {
        &self.events.values
    }

    /// Forgets everything, and keeps the room.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn clear(&mut self) {
        self.outcomes.clear();
        self.events.made.clear();
        self.events.values.clear();
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
