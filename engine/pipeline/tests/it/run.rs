//! Runs the steps of a case.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use defacto_compiler::{Input, compile};
use defacto_definitions::{SourceFile, canonical, load_files};
use defacto_host::{Host, HostOptions};
use defacto_model::{EntityId, Timestamp};
use defacto_pipeline::{
    AsOf, BuildOptions, BuildResult, Definitions, EventFailure, IngestOptions, Options, Pipeline,
};
use defacto_ports::{Clock, HistoryQuery, Machines, Store};
use defacto_store_postgres::{PostgresOptions, PostgresStore};
use defacto_store_sqlite::SqliteStore;
use defacto_test_services::Postgres;
use defacto_test_support::Oracle;
use serde_json::{Value, json};

use crate::case::Case;
use crate::outcome::{self, text};

#[derive(Debug)]
pub(crate) struct FakeClock(pub(crate) Mutex<Timestamp>);

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// How a case is delivered; none of it may change the outcome.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delivery {
    pub(crate) batch_size: usize,
    /// Replaces `process` of every ingest.
    pub(crate) process: Option<bool>,
    /// Compiled modules instead of the oracle.
    pub(crate) compiled: bool,
    /// Postgres instead of a file.
    pub(crate) server: Option<Dialect>,
}

/// How to use a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Postgres,
    /// Without what only Postgres has.
    Portable,
}

/// A case under way.
pub(crate) struct World<'a> {
    case: &'a Case,
    path: PathBuf,
    clock: Arc<FakeClock>,
    delivery: Delivery,
    machines: BTreeMap<String, Definitions>,
    version: String,
    pub(crate) pipeline: Pipeline,
    pub(crate) steps: Vec<Value>,
    /// Failures of ticks: the corpus lists them with the next step that delivers events.
    ticked: Vec<Value>,
}

/// One host for all cases: functions that they share are compiled once.
fn compiled(files: &[SourceFile]) -> Arc<dyn Machines> {
    static HOST: LazyLock<Arc<Host>> = LazyLock::new(|| Host::new(HostOptions::default()).unwrap());
    let outcome = compile(&Input::Files(files)).unwrap();
    let component = outcome.compiled.unwrap().component;
    Arc::new(HOST.load(&component).unwrap())
}

fn definitions(case: &Case, modules: bool) -> BTreeMap<String, Definitions> {
    case.definitions
        .iter()
        .map(|(version, files)| {
            let loaded = load_files(files);
            let machines: Arc<dyn Machines> = if modules {
                compiled(files)
            } else {
                Arc::new(Oracle::new(&loaded.definitions).unwrap())
            };
            let document = canonical(&loaded.definitions).stored();
            (version.clone(), Definitions { version: version.clone(), document, machines })
        })
        .collect()
}

pub(crate) async fn open(
    path: &Path,
    definitions: &Definitions,
    clock: &Arc<FakeClock>,
    delivery: Delivery,
) -> Pipeline {
    let store = store_at(path, delivery.server).await;
    let options = Options { batch_size: delivery.batch_size, ..Options::default() };
    let clock: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
    Pipeline::open(store, definitions.clone(), clock, options).await.unwrap()
}

/// A store for a folder: a file in it, or a namespace named after it.
pub(crate) async fn store_at(path: &Path, server: Option<Dialect>) -> Arc<dyn Store> {
    match server {
        None => Arc::new(SqliteStore::open(&path.join("store.db")).await.unwrap()),
        Some(dialect) => Arc::new(on_server(path, dialect).await),
    }
}

/// A namespace of its own for each folder, all in one database.
async fn on_server(path: &Path, dialect: Dialect) -> PostgresStore {
    static DATABASE: LazyLock<String> = LazyLock::new(|| Postgres::shared().database());
    let name = path.file_name().unwrap().to_str().unwrap().replace('-', "_");
    let mut options = PostgresOptions::new(&DATABASE, &format!("case_{name}")).unwrap();
    options.portable = dialect == Dialect::Portable;
    PostgresStore::open(&options).await.unwrap()
}

fn instant(value: &Value) -> Timestamp {
    Timestamp::parse_text(value.as_str().unwrap()).unwrap()
}

impl<'a> World<'a> {
    pub(crate) async fn new(case: &'a Case, path: &Path, delivery: Delivery) -> Self {
        let clock = Arc::new(FakeClock(Mutex::new(instant(&case.description["clock"]))));
        let machines = definitions(case, delivery.compiled);
        let version = case.description["versions"][0].as_str().unwrap().to_owned();
        let pipeline = open(path, &machines[&version], &clock, delivery).await;
        Self {
            case,
            path: path.to_owned(),
            clock,
            delivery,
            machines,
            version,
            pipeline,
            steps: Vec::new(),
            ticked: Vec::new(),
        }
    }

    pub(crate) async fn run(&mut self) {
        for step in self.case.steps() {
            let result = self.step(step).await;
            self.steps.push(result);
        }
    }

    async fn step(&mut self, step: &Value) -> Value {
        match step["op"].as_str().unwrap() {
            "ingest" => self.ingest(step).await,
            "build" => {
                let options = BuildOptions {
                    full: step["full"] == true,
                    from_raw: step["from_raw"] == true,
                    ..BuildOptions::default()
                };
                built(&self.pipeline.build(options).await.unwrap())
            }
            "tick" => {
                let result = self.pipeline.tick(Some(instant(&step["as_of"]))).await.unwrap();
                self.ticked.extend(failures(&result.failures));
                json!({"entities_affected": result.entities_affected})
            }
            "clock" => {
                *self.clock.0.lock().unwrap() = instant(&step["now"]);
                json!({})
            }
            "reopen" => {
                if let Some(version) = step["version"].as_str() {
                    version.clone_into(&mut self.version);
                }
                self.pipeline.store().close().await.unwrap();
                self.pipeline =
                    open(&self.path, &self.machines[&self.version], &self.clock, self.delivery)
                        .await;
                json!({})
            }
            "activate" => {
                step["version"].as_str().unwrap().clone_into(&mut self.version);
                let definitions = self.machines[&self.version].clone();
                built(&self.pipeline.activate(definitions, BuildOptions::default()).await.unwrap())
            }
            "wipe_history" => {
                outcome::wipe(&self.pipeline).await;
                json!({})
            }
            "as_of" => {
                let query = HistoryQuery {
                    as_of: Some(instant(&step["timestamp"])),
                    limit: usize::MAX >> 1,
                    ..HistoryQuery::default()
                };
                let entity_type = step["entity_type"].as_str().unwrap();
                let mut rows = outcome::history(&self.pipeline, entity_type, query).await;
                for row in &mut rows {
                    row.as_object_mut().unwrap().remove("valid_to");
                    row.as_object_mut().unwrap().remove("merged_into");
                }
                json!({"rows": rows})
            }
            "merge" => {
                let from = self.find(&step["from"]).await.unwrap();
                let into = self.find(&step["into"]).await.unwrap();
                let reason = step["reason"].as_str().unwrap();
                let result = self.pipeline.merge(from, into, reason).await.unwrap();
                json!({"entities_rebuilt": result.entities_rebuilt})
            }
            "erase" => match self.find(step).await {
                None => json!({"found": false}),
                Some(id) => {
                    let result = self.pipeline.erase(id, &[]).await.unwrap();
                    json!({"found": true, "entities_erased": result.entities_erased,
                           "events_deleted": result.events_deleted})
                }
            },
            "redact" => match self.find(step).await {
                None => json!({"events_redacted": 0}),
                Some(id) => {
                    let result = self.pipeline.redact(id, &[]).await.unwrap();
                    json!({"events_redacted": result.events_redacted})
                }
            },
            other => panic!("unknown step {other}"),
        }
    }

    async fn find(&mut self, which: &Value) -> Option<EntityId> {
        if self.delivery.process == Some(false) {
            let options = BuildOptions { as_of: AsOf::Keep, ..BuildOptions::default() };
            self.pipeline.build(options).await.unwrap();
        }
        let mut reader = self.pipeline.store().read().await.unwrap();
        let rows = reader.find_hint_text(which["hint"].as_str().unwrap()).await.unwrap();
        rows.into_iter()
            .find(|row| row.key.entity_type == which["entity_type"].as_str().unwrap())
            .map(|row| row.entity_id)
    }

    /// Events of one batch come from several sources; runs of one source are ingested together.
    async fn ingest(&mut self, step: &Value) -> Value {
        let process = self.delivery.process.unwrap_or(step["process"] == true);
        let options = IngestOptions { process, batch_size: None };
        let mut found = std::mem::take(&mut self.ticked);
        let (mut ingested, mut duplicates, mut failed) = (0, 0, found.len() as u64);
        let empty = Vec::new();
        let events = self.case.batches.get(&step["batch"].as_i64().unwrap()).unwrap_or(&empty);
        for run in events.chunk_by(|a, b| a.0 == b.0) {
            let records: Vec<&str> = run.iter().map(|(_, raw)| raw.as_str()).collect();
            let result = self.pipeline.ingest(&run[0].0, &records, options).await.unwrap();
            ingested += result.events_ingested;
            duplicates += result.duplicates_skipped;
            failed += result.events_failed;
            found.extend(failures(&result.failures));
        }
        json!({"ingested": ingested, "duplicates_skipped": duplicates, "failed": failed, "failures": found})
    }
}

fn built(result: &BuildResult) -> Value {
    json!({"mode": result.mode, "events_failed": result.events_failed, "failures": failures(&result.failures)})
}

fn failures(failures: &[EventFailure]) -> Vec<Value> {
    let shown = failures.iter().map(|failure| {
        json!({"code": text(&failure.code), "handler": failure.handler, "entity_type": failure.entity_type})
    });
    shown.collect()
}
