use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;

use crate::host::Level;
use crate::module::{Module, Results, Runner};
use crate::testing::{Made, Outcome};
use crate::{Failure, Record, Row};

pub(super) type Tables = BTreeMap<String, BTreeMap<String, String>>;

thread_local! {
    static TABLES: RefCell<Tables> = const { RefCell::new(BTreeMap::new()) };
    static LOG: RefCell<Vec<(Level, String)>> = const { RefCell::new(Vec::new()) };
}

/// A host with a configuration and tables. Every call runs in a fresh instance.
#[derive(Debug)]
pub struct Host<M> {
    config: String,
    tables: Tables,
    module: PhantomData<fn() -> M>,
}

impl<M: Module> Default for Host<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: Module> Host<M> {
    /// A host without configuration and tables.
    pub fn new() -> Self {
        Self { config: "{}".into(), tables: Tables::new(), module: PhantomData }
    }

    /// The same host with a configuration, as JSON.
    #[must_use]
    pub fn config(mut self, json: &str) -> Self {
        self.config = json.to_owned();
        self
    }

    /// The same host with a table of keys and answers.
    #[must_use]
    pub fn table(mut self, name: &str, rows: &[(&str, &str)]) -> Self {
        let rows = rows.iter().map(|(key, answer)| ((*key).to_owned(), (*answer).to_owned()));
        self.tables.insert(name.to_owned(), rows.collect());
        self
    }

    /// What the module says of itself, as JSON.
    ///
    /// # Errors
    ///
    /// What the module says of the configuration.
    pub fn describe(&self) -> Result<String, String> {
        self.prepare();
        Runner::<M>::new().describe(&self.config)
    }

    /// Lines of a source with `input: text`.
    pub fn text(&self, lines: &[&str]) -> Vec<Outcome> {
        self.run(lines.iter().map(|line| Record::Text(line)))
    }

    /// Objects of a source with `input: json`.
    pub fn json(&self, objects: &[&str]) -> Vec<Outcome> {
        self.run(objects.iter().map(|object| Record::Json(object)))
    }

    /// Documents of a source with `input: bytes`.
    pub fn bytes(&self, documents: &[&[u8]]) -> Vec<Outcome> {
        self.run(documents.iter().map(|document| Record::Bytes(document)))
    }

    /// Rows of a source with `input: csv`.
    pub fn rows(&self, rows: &[&[(&str, &str)]]) -> Vec<Outcome> {
        let owned = |row: &&[(&str, &str)]| {
            row.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
        };
        let rows: Vec<Vec<(String, String)>> = rows.iter().map(owned).collect();
        self.run(rows.iter().map(|columns| Record::Row(Row { columns })))
    }

    /// What the calls of this thread's last batch have logged.
    pub fn logged(&self) -> Vec<(Level, String)> {
        LOG.with_borrow(Clone::clone)
    }

    fn run<'r>(&self, batch: impl Iterator<Item = Record<'r>>) -> Vec<Outcome> {
        self.prepare();
        let (mut runner, mut results) = (Runner::<M>::new(), Results::new());
        let module = runner.configured(&self.config);
        batch.for_each(|record| results.add(module, record));
        let (mut events, mut values) = (results.events().iter(), results.values().iter());
        let outcome = |result: &Result<usize, Failure>| {
            let made = |count: &usize| {
                let own = events.by_ref().take(*count);
                own.map(|event| Made::new(M::EVENTS, *event, &mut values)).collect()
            };
            Outcome { result: result.as_ref().map(made).map_err(Clone::clone) }
        };
        results.outcomes().iter().map(outcome).collect()
    }

    fn prepare(&self) {
        prepare(&self.tables);
    }
}

/// Makes tables and an empty log known to this thread.
pub(super) fn prepare(tables: &Tables) {
    TABLES.set(tables.clone());
    LOG.take();
}

/// Stands in for the engine's functions.
pub(crate) mod engine {
    use super::{LOG, Level, TABLES};

    pub(crate) fn log(level: Level, message: &str) {
        LOG.with_borrow_mut(|log| log.push((level, message.to_owned())));
    }

    #[allow(clippy::panic, reason = "the engine traps here too; this runs in tests only")]
    pub(crate) fn lookup(table: &str, key: &str) -> Option<String> {
        TABLES.with_borrow(|tables| match tables.get(table) {
            Some(rows) => rows.get(key).cloned(),
            None => panic!("there is no table `{table}`: give the host one with `table`"),
        })
    }
}
