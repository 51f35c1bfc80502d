//! Several pipelines at work on one namespace, each on its shard: whatever each does and whenever, together they end as
//! one clean rebuild.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use defacto_model::{EntityId, Shard, Timestamp};
use defacto_pipeline::{
    AsOf, BuildOptions, Definitions, Error, IngestOptions, Member, Options, Pipeline,
};
use defacto_ports::{
    Claim, ClaimedShard, Clock, Reader, ShardMap, ShardStatus, Shards, Store, Transaction, Worker,
};
use defacto_store_sqlite::SqliteStore;
use defacto_test_support::{Oracle, Random, raw_events};

use crate::faulty::Faulty;
use crate::program::{END, shop, shop_events};
use crate::run::FakeClock;
use crate::scenarios::Scratch;

/// A file that several pipelines of one process share: claims are kept in memory.
#[derive(Debug)]
struct Shared {
    inner: SqliteStore,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    map: Option<ShardMap>,
    holder: Option<Worker>,
    workers: i64,
    claims: Vec<(Option<Worker>, i64)>,
}

type Port<T> = Result<T, defacto_ports::Error>;

#[async_trait]
impl Store for Shared {
    async fn begin(&self) -> Port<Box<dyn Transaction>> {
        self.inner.begin().await
    }

    async fn read(&self) -> Port<Box<dyn Reader>> {
        self.inner.read().await
    }

    async fn purge(&self) -> Port<()> {
        self.inner.purge().await
    }

    async fn damage(&self) -> Port<Vec<String>> {
        self.inner.damage().await
    }

    async fn lock_build(&self, version: &str) -> Port<Box<dyn Send>> {
        self.inner.lock_build(version).await
    }

    fn shards(&self) -> Option<&dyn Shards> {
        Some(self)
    }

    async fn close(&self) -> Port<()> {
        self.inner.close().await
    }
}

#[async_trait]
impl Shards for Shared {
    async fn map(&self) -> Port<Option<ShardMap>> {
        Ok(self.state.lock().unwrap().map)
    }

    async fn divide(&self, total: u32) -> Port<ShardMap> {
        let mut state = self.state.lock().unwrap();
        state.claims.resize(total as usize, (None, 0));
        Ok(*state.map.get_or_insert(ShardMap { epoch: 1, total, held: false }))
    }

    async fn join(&self, _most: u32, _lease: Duration) -> Port<Worker> {
        let mut state = self.state.lock().unwrap();
        state.workers += 1;
        Ok(Worker(state.workers))
    }

    async fn beat(&self, _worker: Worker, _lease: Duration) -> Port<Vec<Claim>> {
        Ok(Vec::new())
    }

    async fn claim(&self, worker: Worker, shard: u32, _lease: Duration) -> Port<Option<Claim>> {
        let mut state = self.state.lock().unwrap();
        let (owner, token) = &mut state.claims[shard as usize];
        match owner {
            Some(owner) if *owner != worker => return Ok(None),
            Some(_) => {}
            None => *token += 1,
        }
        *owner = Some(worker);
        Ok(Some(Claim { shard, token: *token }))
    }

    async fn release(&self, worker: Worker, shard: u32) -> Port<()> {
        if let Some((owner, _)) = self.state.lock().unwrap().claims.get_mut(shard as usize) {
            *owner = owner.filter(|owner| *owner != worker);
        }
        Ok(())
    }

    async fn leave(&self, worker: Worker) -> Port<()> {
        for (owner, _) in &mut self.state.lock().unwrap().claims {
            *owner = owner.filter(|owner| *owner != worker);
        }
        Ok(())
    }

    async fn status(&self) -> Port<ShardStatus> {
        let state = self.state.lock().unwrap();
        let shards = (0..).zip(&state.claims).map(|(shard, (owner, token))| ClaimedShard {
            shard,
            owner: *owner,
            token: *token,
            lease_left: None,
        });
        Ok(ShardStatus { map: state.map.unwrap(), shards: shards.collect(), workers: Vec::new() })
    }

    async fn hold(&self, worker: Worker, _lease: Duration) -> Port<Option<i64>> {
        // After whoever writes now; who begins later finds the namespace held.
        let _writing = self.inner.begin().await?;
        let mut state = self.state.lock().unwrap();
        if state.holder.is_some() {
            return Ok(None);
        }
        state.holder = Some(worker);
        let map = state.map.as_mut().unwrap();
        (map.held, map.epoch) = (true, map.epoch + 1);
        Ok(Some(map.epoch))
    }

    async fn yield_whole(&self, worker: Worker, total: u32) -> Port<()> {
        let mut state = self.state.lock().unwrap();
        if state.holder != Some(worker) {
            return Err(defacto_ports::Error::Stale { what: "the namespace was taken" });
        }
        state.holder = None;
        let map = state.map.as_mut().unwrap();
        let resized = map.total != total;
        (map.held, map.total) = (false, total);
        if resized {
            state.claims = vec![(None, 0); total as usize];
        }
        Ok(())
    }

    async fn changed(&self, timeout: Duration) -> Port<()> {
        tokio::time::sleep(timeout / 20).await;
        Ok(())
    }
}

struct World {
    random: Random,
    definitions: Definitions,
    events: Vec<(String, String)>,
    clock: Arc<FakeClock>,
    store: Arc<Shared>,
    pipelines: Vec<(Arc<Faulty>, Pipeline)>,
    /// How often an operation was not waited for.
    abandoned: usize,
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Ingest(Vec<(String, String)>, bool),
    Build(BuildOptions),
    Tick(Timestamp),
    Merge(EntityId, EntityId),
    Unmerge(EntityId, EntityId),
    Block(EntityId, EntityId),
    Erase(EntityId),
    Nothing,
}

impl World {
    async fn new(seed: u64, path: &Path) -> Self {
        let mut random = Random::new(seed);
        let (definitions, events) = if seed % 3 == 2 {
            let set = defacto_test_support::definitions(seed);
            let machines = Arc::new(Oracle::from_text(&set.text).unwrap());
            let only =
                Definitions { version: "v1".to_owned(), document: set.text.clone(), machines };
            let events = raw_events(&set, seed, 80);
            (only, events.into_iter().map(|event| (event.source, event.text)).collect())
        } else {
            (shop().swap_remove(0), shop_events(&mut random, 80))
        };
        let start = Timestamp::parse_text("2024-02-01T00:00:00Z").unwrap();
        let inner = SqliteStore::open(&path.join("store.db")).await.unwrap();
        let store = Arc::new(Shared { inner, state: Mutex::default() });
        let clock = Arc::new(FakeClock(Mutex::new(start)));
        let pipelines = Vec::new();
        let mut world = Self { random, definitions, events, clock, store, pipelines, abandoned: 0 };
        world.open(1 + u32::try_from(seed % 4).unwrap()).await;
        world
    }

    async fn open(&mut self, total: u32) {
        for (_, pipeline) in &mut self.pipelines {
            pipeline.release().await.unwrap();
        }
        self.pipelines.clear();
        for index in 0..total {
            let options = Options { batch_size: 1 + self.random.below(9), ..Options::default() };
            let faulty = Arc::new(Faulty::new(Arc::clone(&self.store) as Arc<dyn Store>));
            let store = Arc::clone(&faulty) as Arc<dyn Store>;
            let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
            let mut pipeline =
                Pipeline::open(Arc::clone(&store), self.definitions.clone(), clock, options)
                    .await
                    .unwrap();
            if self.store.map().await.unwrap().is_some_and(|map| map.total != total) {
                pipeline.resize(total).await.unwrap();
            }
            let member = Member::join(store, 1, Duration::from_secs(60)).await.unwrap();
            assert!(pipeline.claim(Shard::new(index, total).unwrap(), member).await.unwrap());
            self.pipelines.push((faulty, pipeline));
        }
    }

    async fn entity(&mut self) -> Option<EntityId> {
        let mut reader = self.store.read().await.unwrap();
        let hints = reader.list_hints(None, usize::MAX >> 1).await.unwrap();
        hints.get(self.random.below(hints.len().max(1))).map(|hint| hint.entity_id)
    }

    async fn draw(&mut self) -> Step {
        let now = *self.clock.0.lock().unwrap();
        match self.random.below(18) {
            0..=8 => {
                let from = self.random.below(self.events.len());
                let until = (from + 1 + self.random.below(9)).min(self.events.len());
                let mut batch = self.events[from..until].to_vec();
                if self.random.chance(30) {
                    batch.reverse();
                }
                Step::Ingest(batch, self.random.chance(60))
            }
            9 | 10 => Step::Build(BuildOptions {
                as_of: AsOf::Keep,
                full: self.random.chance(10),
                ..BuildOptions::default()
            }),
            11 => Step::Tick(now),
            12 | 13 => match (self.entity().await, self.entity().await) {
                (Some(from), Some(into)) if from != into => Step::Merge(from, into),
                _ => Step::Nothing,
            },
            15 => {
                let mut reader = self.store.read().await.unwrap();
                let merges = reader.merges(None).await.unwrap();
                drop(reader);
                match merges.get(self.random.below(merges.len().max(1))) {
                    Some(merge) => Step::Unmerge(merge.from, merge.into),
                    None => Step::Nothing,
                }
            }
            16 => match (self.entity().await, self.entity().await) {
                (Some(a), Some(b)) => Step::Block(a, b),
                _ => Step::Nothing,
            },
            14 => self.entity().await.map_or(Step::Nothing, Step::Erase),
            _ => Step::Nothing,
        }
    }

    async fn run(&mut self) -> Result<(), String> {
        for _ in 0..10 {
            {
                let mut now = self.clock.0.lock().unwrap();
                let days = i64::try_from(self.random.below(20)).unwrap();
                *now = now.checked_add(defacto_model::Micros(days * 86_400_000_000 + 1)).unwrap();
            }
            let mut tasks = Vec::new();
            for (faulty, mut pipeline) in std::mem::take(&mut self.pipelines) {
                let steps = [self.draw().await, self.draw().await];
                let hangs = self.random.chance(20).then(|| self.random.below(120));
                tasks.push(tokio::spawn(async move {
                    let mut result = Ok(());
                    if let Some(after) = hangs {
                        faulty.hang_after(i64::try_from(after).unwrap());
                    }
                    let mut abandoned = false;
                    for step in steps {
                        let done = tokio::select! {
                            biased;
                            done = perform(&mut pipeline, &step) => done,
                            // Who waits for an operation may stop waiting anywhere, and goes on with another.
                            () = faulty.hung() => {
                                faulty.cut_off_after(-1);
                                abandoned = true;
                                let keep = AsOf::Keep;
                                perform(&mut pipeline, &Step::Build(BuildOptions { as_of: keep, ..BuildOptions::default() })).await
                            }
                        };
                        result = result.and(done);
                    }
                    faulty.cut_off_after(-1);
                    (faulty, pipeline, abandoned, result)
                }));
            }
            for task in tasks {
                let (faulty, pipeline, abandoned, result) = task.await.unwrap();
                self.pipelines.push((faulty, pipeline));
                self.abandoned += usize::from(abandoned);
                result.map_err(|error| error.to_string())?;
            }
            if self.random.chance(15) {
                let total = 1 + u32::try_from(self.random.below(4)).unwrap();
                self.open(total).await;
            }
        }
        self.finish().await
    }

    /// Every shard at the end of the ledger and of time shows what a rebuild shows.
    async fn finish(&mut self) -> Result<(), String> {
        let end = AsOf::At(Timestamp::parse_text(END).unwrap());
        for (_, pipeline) in &mut self.pipelines {
            let options = BuildOptions { as_of: end, ..BuildOptions::default() };
            pipeline.build(options).await.map_err(|error| error.to_string())?;
        }
        let found = self.pipelines[0].1.verify().await.unwrap().findings;
        if !found.is_empty() {
            return Err(format!("{found:?}"));
        }
        let stored = self.pipelines[0].1.fingerprint().await.unwrap();
        for from_raw in [false, true] {
            let options = BuildOptions { full: true, from_raw, as_of: end, dry_run: false };
            self.pipelines[0].1.build(options).await.map_err(|error| error.to_string())?;
            let rebuilt = self.pipelines[0].1.fingerprint().await.unwrap();
            let tables: Vec<&str> = (stored.tables.iter().zip(&rebuilt.tables))
                .filter(|(a, b)| a != b)
                .map(|(a, _)| a.0.as_str())
                .collect();
            if !tables.is_empty() {
                return Err(format!("from raw {from_raw}: {tables:?} differ"));
            }
        }
        Ok(())
    }
}

pub(crate) async fn perform(pipeline: &mut Pipeline, step: &Step) -> Result<(), Error> {
    let result = match step {
        Step::Ingest(batch, process) => {
            for run in batch.chunk_by(|a, b| a.0 == b.0) {
                let records: Vec<&str> = run.iter().map(|(_, text)| text.as_str()).collect();
                let options = IngestOptions { process: *process, batch_size: None };
                pipeline.ingest(&run[0].0, &records, options).await?;
            }
            Ok(())
        }
        Step::Build(options) => pipeline.build(*options).await.map(drop),
        Step::Tick(now) => pipeline.tick(Some(*now)).await.map(drop),
        Step::Merge(from, into) => pipeline.merge(*from, *into, "asked").await.map(drop),
        Step::Unmerge(a, b) => pipeline.unmerge(*a, *b, "asked").await.map(drop),
        Step::Block(a, b) => pipeline.block(*a, *b, "asked").await.map(drop),
        Step::Erase(id) => pipeline.erase(*id, &[]).await.map(drop),
        Step::Nothing => Ok(()),
    };
    match result {
        // What was to be merged or erased may be gone by now, or be of two types.
        Err(Error::UnknownEntity(_) | Error::Identity(_)) => Ok(()),
        other => other,
    }
}

/// `DEFACTO_SHARD_PROGRAMS` sets how many, `DEFACTO_SHARD_PROGRAM` the first seed.
#[test]
fn shards_end_as_one_clean_rebuild() {
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().unwrap())
    };
    let (first, programs) =
        (number("DEFACTO_SHARD_PROGRAM", 0), number("DEFACTO_SHARD_PROGRAMS", 16));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut failed, mut abandoned) = (Vec::new(), 0);
    for seed in first..first + programs {
        let scratch = Scratch::new();
        let ended = runtime.block_on(async {
            let mut world = World::new(seed, &scratch.0).await;
            let ended = world.run().await;
            world.store.close().await.unwrap();
            abandoned += world.abandoned;
            ended
        });
        failed.extend(ended.err().map(|error| format!("seed {seed}: {error}")));
    }
    assert!(failed.is_empty(), "{} of {programs} differ\n{}", failed.len(), failed.join("\n"));
    assert!(programs < 16 || abandoned > 0, "no operation was abandoned");
}

/// An event of each.
fn of_ten_people(kind: &str) -> Vec<String> {
    let event = |n: u32| {
        let at = format!("2024-01-{:02}T00:00:00Z", n + 1);
        serde_json::json!({"type": kind, "at": at, "mail": format!("s{n}@mail.test")}).to_string()
    };
    (0..10).map(event).collect()
}

/// Each shard interprets its own entities and says how many events were for others.
#[tokio::test]
async fn a_shard_interprets_only_its_own() {
    let scratch = Scratch::new();
    let mut world = World::new(1, &scratch.0).await;
    let signups = of_ten_people("login");
    let (mut foreign, mut processed) = (0, 0);
    for (n, signup) in signups.iter().enumerate() {
        let options = IngestOptions { process: true, batch_size: None };
        let pipeline = &mut world.pipelines[n % 2].1;
        let result = pipeline.ingest("shop", &[signup.as_str()], options).await.unwrap();
        assert_eq!((result.events_ingested, result.events_buffered), (1, 0));
        foreign += result.foreign_events;
        processed += result.build_result.unwrap().events_processed;
    }
    for (_, pipeline) in &mut world.pipelines {
        processed += pipeline.build(BuildOptions::default()).await.unwrap().events_processed;
    }
    assert_eq!(processed, 10, "each event once");
    assert!((1..10).contains(&foreign), "{foreign} of ten");
    assert!(world.finish().await.is_ok());
    world.store.close().await.unwrap();
}

/// An operation on the whole goes on from the shard that is furthest behind, also where that has done nothing yet.
#[tokio::test]
async fn an_operation_on_the_whole_leaves_out_no_shard() {
    let scratch = Scratch::new();
    let mut world = World::new(1, &scratch.0).await;
    let signups = of_ten_people("signup");
    let records: Vec<&str> = signups.iter().map(String::as_str).collect();
    let options = IngestOptions { process: true, batch_size: None };
    let (_, first) = &mut world.pipelines[0];
    first.ingest("shop", &records, options).await.unwrap();
    let hints = first.store().read().await.unwrap().list_hints(None, 10).await.unwrap();
    first.block(hints[0].entity_id, hints[1].entity_id, "two people").await.unwrap();
    assert_eq!(world.finish().await, Ok(()));
    world.store.close().await.unwrap();
}

/// A process that is paused in the middle of a build keeps its locks; who takes its shard over needs none of them.
#[tokio::test]
async fn locks_of_a_paused_owner_stop_nobody() {
    let scratch = Scratch::new();
    let mut world = World::new(1, &scratch.0).await;
    let version = world.pipelines[0].1.version().to_owned();
    let paused = world.store.lock_build(&format!("{version}_s0")).await.unwrap();
    let record = r#"{"type":"login","at":"2024-01-01T00:00:00Z","mail":"s@mail.test"}"#;
    let options = IngestOptions { process: false, batch_size: None };
    world.pipelines[0].1.ingest("shop", &[record], options).await.unwrap();
    world.pipelines[0].1.build(BuildOptions::default()).await.unwrap();
    drop(paused);
    assert!(world.finish().await.is_ok());
    world.store.close().await.unwrap();
}
