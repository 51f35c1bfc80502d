//! Random programs of operations: whatever is done to a namespace, and wherever it is killed, its history is that of
//! one clean rebuild.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use defacto_compiler::{Input, analyze};
use defacto_definitions::{SourceFile, canonical, load_files};
use defacto_model::{EntityId, Micros, Timestamp};
use defacto_pipeline::{
    AsOf, BuildOptions, Definitions, Error, IngestOptions, Options, OtherVersion, Pipeline,
};
use defacto_ports::{Clock, Machines, Store};
use defacto_test_support::{Oracle, Random, raw_events};

use crate::faulty::Faulty;
use crate::run::{Dialect, FakeClock, store_at};
use crate::scenarios::Scratch;

/// Where fingerprints are compared.
pub(crate) const END: &str = "2040-01-01T00:00:00Z";
const STEPS: usize = 22;

pub(crate) fn oracle(version: &str, files: &[(&str, String)]) -> Definitions {
    let files: Vec<SourceFile> = files
        .iter()
        .map(|(path, text)| SourceFile { path: (*path).to_owned(), text: text.clone() })
        .collect();
    let checked = analyze(&Input::Files(&files));
    assert!(checked.program.is_some(), "{version}: {:?}", checked.diagnostics);
    let loaded = load_files(&files);
    let machines: Arc<dyn Machines> = Arc::new(Oracle::new(&loaded.definitions).unwrap());
    let document = canonical(&loaded.definitions).stored();
    Definitions { version: version.to_owned(), document, machines }
}

/// The shop of `program/`, and changes of it: of entities, of sources, of identity, of one entity type that no other is
/// related with, of sources that no event has come from, of a mapping alone, and of what makes events one.
pub(crate) fn shop() -> Vec<Definitions> {
    let entities = include_str!("program/entities.yaml");
    let sources = include_str!("program/sources.yaml");
    let version = |name: &str, entities: String, sources: String| {
        oracle(name, &[("entities/shop.yaml", entities), ("sources/shop.yaml", sources)])
    };
    let richer = entities
        .replace("plan: {type: string, default: free}", "plan: {type: string, default: none}");
    let quieter = entities.replace("threshold: 30d", "threshold: 90d");
    let folded = entities.replace("phone: {match: exact}", "phone: {match: case_insensitive}");
    let trimmed =
        sources.replace("name: {from: name}", "name: {compute: 'str::to_uppercase(event.name)'}");
    let swapped = sources.replace("name: {from: name}", "name: {from: birth}");
    let doubled = sources.replace("{from: amount, type: number}", "{from: n, type: number}");
    let told_once = |fields: &str| {
        sources.replace("timestamp: at\n", &format!("timestamp: at\n  event_id: [{fields}]\n"))
    };
    // Of those who are shipped to, all are still told of; or only the first.
    let fewer = told_once("type, mail, tel, order, to");
    let fewest = told_once("type, mail, tel, order");
    let patient = entities.replace("threshold: 20d", "threshold: 25d");
    let wider = format!(
        "{sources}web:\n  event_type: type\n  timestamp: at\n  events:\n    login:\n      mappings: {{email: {{from: mail}}}}\n      hints: {{customer: [email]}}\n"
    );
    // Columns and nothing else: some come, then one goes and another comes.
    let broader = entities
        .replace("    busy: {", "    region: {type: string, default: eu}\n    busy: {")
        .replace("    amount: {", "    note: {type: number}\n    amount: {");
    let slimmer = broader.replace("    region: {type: string, default: eu}\n", "").replace(
        "  states:\n    used:",
        "    vip: {type: boolean, default: false}\n  states:\n    used:",
    );
    assert!(slimmer.len() != broader.len() && broader.len() > entities.len() + 60);
    // Time rules and nothing else: of states that not everything comes to, then of one more.
    let lapsing = "      after:\n      - {type: expiration, threshold: 40d, effects: [{set: {property: plan, value: lapsed}}]}\n";
    let waking = "      after:\n      - {type: state_duration, threshold: 15d, effects: [{transition: {to: used}}]}\n";
    let ruled = entities.replace("  always:\n    call:", &format!("{lapsing}  always:\n    call:"));
    let ruled = format!("{}\n{waking}", ruled.trim_end());
    let leaving =
        "          - set: {property: plan, value: sleepy}\n          - transition: {to: gone}\n";
    let stricter = ruled.replace(
        leaving,
        &format!("{leaving}        - {{type: state_duration, threshold: 12d, guard: 'entity.calls > 0', effects: [{{transition: {{to: gone}}}}]}}\n"),
    );
    assert!(stricter.len() > ruled.len() && ruled.len() > entities.len() + lapsing.len() + 20);
    let both = wider.replace("name: {from: name}", "name: {from: birth}");
    assert!(
        patient != entities
            && richer != entities
            && quieter != entities
            && folded != entities
            && trimmed != sources
            && swapped != sources
            && doubled != sources
            && fewer != sources
    );
    vec![
        version("v1", entities.to_owned(), sources.to_owned()),
        version("v2", richer, sources.to_owned()),
        version("v3", quieter, trimmed),
        version("v4", folded, sources.to_owned()),
        version("v5", patient, sources.to_owned()),
        version("v6", entities.to_owned(), wider),
        version("broader", broader, sources.to_owned()),
        version("slimmer", slimmer, sources.to_owned()),
        version("ruled", ruled, sources.to_owned()),
        version("stricter", stricter, sources.to_owned()),
        version("v7", entities.to_owned(), swapped),
        version("v8", entities.to_owned(), doubled),
        version("v9", entities.to_owned(), fewer),
        version("v10", entities.to_owned(), both),
        version("v11", entities.to_owned(), fewest),
    ]
}

pub(crate) fn shop_events(random: &mut Random, count: usize) -> Vec<(String, String)> {
    let start = Timestamp::parse_text("2024-01-01T00:00:00Z").unwrap().as_micros();
    (0..count)
        .map(|number| {
            let hours = number * 20 + random.below(100);
            let at = Timestamp::saturating_from_micros(start + i64::try_from(hours).unwrap() * 3_600_000_000);
            let email = format!("p{}@mail.test", random.below(9));
            let phone = format!("T-{}", random.below(8));
            let order = format!("o{}", random.below(6));
            let at = at.to_zulu();
            let event = match random.below(8) {
                0 | 1 => serde_json::json!({"type": "signup", "at": at, "mail": email, "tel": phone, "name": format!("N{number}"), "birth": "1990-01-02"}),
                2 => serde_json::json!({"type": "signup", "at": at, "mail": email, "name": "Solo"}),
                3 => serde_json::json!({"type": "call", "at": at, "tel": phone, "n": number}),
                4 => serde_json::json!({"type": "login", "at": at, "mail": email}),
                5 => serde_json::json!({"type": "order", "at": at, "mail": email, "order": order, "amount": number}),
                6 => serde_json::json!({"type": "ship", "at": at, "order": order, "to": email}),
                _ => serde_json::json!({"type": "cancel", "at": at, "mail": email, "tel": phone}),
            };
            ("shop".to_owned(), event.to_string())
        })
        .collect()
}

struct World {
    random: Random,
    versions: Vec<Definitions>,
    version: usize,
    events: Vec<(String, String)>,
    next: usize,
    clock: Arc<FakeClock>,
    store: Arc<Faulty>,
    pipeline: Pipeline,
    log: Vec<String>,
}

/// Where a program's store is: in a folder, or on a server under the folder's name.
type Site<'a> = (&'a Path, Option<Dialect>);

/// In a file.
pub(crate) async fn open(
    path: &Path,
    definitions: &Definitions,
    clock: &Arc<FakeClock>,
    batch_size: usize,
) -> (Arc<Faulty>, Pipeline) {
    open_at((path, None), definitions, clock, batch_size).await
}

async fn open_at(
    (path, server): Site<'_>,
    definitions: &Definitions,
    clock: &Arc<FakeClock>,
    batch_size: usize,
) -> (Arc<Faulty>, Pipeline) {
    let store = Arc::new(Faulty::new(store_at(path, server).await));
    let options = Options { batch_size, ..Options::default() };
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    let pipeline =
        Pipeline::open(Arc::clone(&store) as Arc<dyn Store>, definitions.clone(), clock, options)
            .await
            .unwrap();
    (store, pipeline)
}

impl World {
    async fn new(seed: u64, site: Site<'_>) -> Self {
        let mut random = Random::new(seed);
        let (versions, events) = if seed % 4 == 3 {
            let set = defacto_test_support::definitions(seed);
            let machines: Arc<dyn Machines> = Arc::new(Oracle::from_text(&set.text).unwrap());
            let only =
                Definitions { version: "v1".to_owned(), document: set.text.clone(), machines };
            let events = raw_events(&set, seed, 60);
            (vec![only], events.into_iter().map(|event| (event.source, event.text)).collect())
        } else {
            (shop(), shop_events(&mut random, 60))
        };
        let start = Timestamp::parse_text("2024-02-01T00:00:00Z").unwrap();
        let clock = Arc::new(FakeClock(Mutex::new(start)));
        let batch = 1 + random.below(9);
        let (store, pipeline) = open_at(site, &versions[0], &clock, batch).await;
        Self {
            random,
            versions,
            version: 0,
            events,
            next: 0,
            clock,
            store,
            pipeline,
            log: Vec::new(),
        }
    }

    async fn entity(&mut self) -> Option<(String, EntityId)> {
        let mut reader = self.pipeline.store().read().await.unwrap();
        let hints = reader.list_hints(None, usize::MAX >> 1).await.unwrap();
        let hint = hints.get(self.random.below(hints.len().max(1)))?;
        Some((hint.key.entity_type.clone(), hint.entity_id))
    }

    /// One operation; an error is one of the store.
    async fn step(&mut self) -> Result<(), Error> {
        let days = i64::try_from(self.random.below(20)).unwrap();
        {
            let mut now = self.clock.0.lock().unwrap();
            *now = now.checked_add(Micros(days * 86_400_000_000 + 1)).unwrap();
        }
        let now = *self.clock.0.lock().unwrap();
        let keep = BuildOptions { as_of: AsOf::Keep, ..BuildOptions::default() };
        match self.random.below(25) {
            0..=7 => {
                let from = if self.random.chance(20) {
                    self.random.below(self.next + 1)
                } else {
                    self.next
                };
                let until = (from + 1 + self.random.below(9)).min(self.events.len());
                let mut batch: Vec<_> = self.events.get(from..until).unwrap_or(&[]).to_vec();
                if self.random.chance(30) {
                    batch.reverse();
                }
                let process = self.random.chance(70);
                self.log.push(format!("ingest {from}..{until} process {process}"));
                self.next = self.next.max(until);
                for run in batch.chunk_by(|a, b| a.0 == b.0) {
                    let records: Vec<&str> = run.iter().map(|(_, text)| text.as_str()).collect();
                    let options = IngestOptions { process, batch_size: None };
                    self.pipeline.ingest(&run[0].0, &records, options).await?;
                }
            }
            8 | 9 => {
                self.log.push("build".to_owned());
                let options = if self.random.chance(50) { keep } else { BuildOptions::default() };
                self.pipeline.build(options).await?;
            }
            10 => {
                self.log.push("build full".to_owned());
                self.pipeline.build(BuildOptions { full: true, ..keep }).await?;
            }
            11 | 12 => {
                self.log.push(format!("tick {now}"));
                self.pipeline.tick(Some(now)).await?;
            }
            13 | 14 => {
                if let (Some((a, from)), Some((b, into))) =
                    (self.entity().await, self.entity().await)
                    && a == b
                    && from != into
                {
                    self.log.push(format!("merge {from} into {into}"));
                    merged(self.pipeline.merge(from, into, "asked").await.map(drop))?;
                }
            }
            15 => {
                if let Some((_, id)) = self.entity().await {
                    self.log.push(format!("erase {id}"));
                    let others = self.others();
                    merged(self.pipeline.erase(id, &others).await.map(drop))?;
                }
            }
            16 | 17 => {
                if let Some((kind, id)) = self.entity().await {
                    self.log.push(format!("redact {kind} {id}"));
                    let others = self.others();
                    merged(self.pipeline.redact(id, &others).await.map(drop))?;
                }
            }
            18 | 19 => {
                let next = self.random.below(self.versions.len());
                self.log.push(format!("activate {}", self.versions[next].version));
                let options = if self.random.chance(50) { keep } else { BuildOptions::default() };
                let impact = self.pipeline.impact(&self.versions[next]).await?;
                let result = self.pipeline.activate(self.versions[next].clone(), options).await?;
                if !impact.ruled.is_empty() && result.mode == impact.build_mode {
                    self.log.push("ruled".to_owned());
                }
                if !impact.sources.is_empty() && result.mode == impact.build_mode {
                    self.log.push("renewed".to_owned());
                }
                self.version = next;
            }
            20 | 21 => {
                let mut reader = self.pipeline.store().read().await.unwrap();
                let merges = reader.merges(None).await.unwrap();
                drop(reader);
                if let Some(merge) = merges.get(self.random.below(merges.len().max(1))) {
                    let (loser, winner) = (merge.from, merge.into);
                    self.log.push(format!("unmerge {loser} from {winner}"));
                    let result = self.pipeline.unmerge(loser, winner, "wrong").await;
                    if result.as_ref().is_ok_and(|done| done.hints_returned > 0) {
                        self.log.push("unmerged".to_owned());
                    }
                    merged(result.map(drop))?;
                }
            }
            22 => {
                if let (Some((_, a)), Some((_, b))) = (self.entity().await, self.entity().await) {
                    self.log.push(format!("block {a} and {b}"));
                    merged(self.pipeline.block(a, b, "never one").await.map(drop))?;
                }
            }
            23 => {
                let other = &self.versions[self.random.below(self.versions.len())];
                if other.version == self.pipeline.version() {
                    return Ok(());
                }
                self.log.push(format!("beside {}", other.version));
                match self.pipeline.build_beside(other.clone(), keep).await {
                    // Ledger columns and identity are the active version's.
                    Err(Error::Identity(_)) => {}
                    other => drop(other?),
                }
            }
            _ => self.log.push("nothing".to_owned()),
        }
        Ok(())
    }

    fn others(&self) -> Vec<OtherVersion> {
        let other = |it: &Definitions| OtherVersion {
            version: it.version.clone(),
            manifest: it.machines.manifest().clone(),
        };
        self.versions.iter().map(other).collect()
    }

    async fn reopen(&mut self, site: Site<'_>) {
        self.log.push("reopen".to_owned());
        self.store.cut_off_after(-1);
        self.pipeline.store().close().await.unwrap();
        let batch = 1 + self.random.below(9);
        let (store, pipeline) =
            open_at(site, &self.versions[self.version], &self.clock, batch).await;
        (self.store, self.pipeline) = (store, pipeline);
    }

    async fn verified(&self) -> Vec<String> {
        let found = self.pipeline.verify().await.unwrap();
        found.findings.iter().map(|finding| format!("verify: {finding:?}")).collect()
    }

    async fn run(&mut self, site: Site<'_>) -> Vec<String> {
        let keep = BuildOptions { as_of: AsOf::Keep, ..BuildOptions::default() };
        for _ in 0..STEPS {
            if self.random.chance(25) {
                let most = if self.random.chance(50) { 12 } else { 150 };
                let calls = i64::try_from(self.random.below(most)).unwrap();
                if self.random.chance(30) {
                    self.log.push(format!("abandoned after {calls}"));
                    self.store.hang_after(calls);
                } else {
                    self.log.push(format!("cut off after {calls}"));
                    self.store.cut_off_after(calls);
                }
            }
            let store = Arc::clone(&self.store);
            let result = tokio::select! {
                biased;
                result = self.step() => result.map_err(|error| format!("failed: {error}")),
                // Who waits for an operation may stop waiting anywhere.
                () = store.hung() => Err("abandoned it".to_owned()),
            };
            let failed = result.is_err();
            self.log.extend(result.err());
            self.store.cut_off_after(-1);
            if failed || self.random.chance(10) {
                if failed && self.random.chance(40) {
                    self.log.push("go on without reopening".to_owned());
                } else {
                    self.reopen(site).await;
                }
                self.pipeline.build(keep).await.unwrap();
            }
            let mut found = self.verified().await;
            if found.is_empty() && self.random.chance(8) {
                found = made_anew(&mut self.pipeline).await;
            }
            if !found.is_empty() {
                return found;
            }
        }
        let end = AsOf::At(Timestamp::parse_text(END).unwrap());
        let mut first = None;
        for (full, from_raw) in [(false, false), (true, false), (false, true)] {
            self.pipeline
                .build(BuildOptions { full, from_raw, as_of: end, ..BuildOptions::default() })
                .await
                .unwrap();
            let found = self.pipeline.fingerprint().await.unwrap();
            let first = first.get_or_insert_with(|| found.clone());
            if first.fingerprint != found.fingerprint {
                let tables = first.tables.iter().zip(&found.tables).filter(|(a, b)| a != b);
                let names: Vec<&str> = tables.map(|(a, _)| a.0.as_str()).collect();
                return vec![format!("full {full}, from raw {from_raw}: {names:?} differ")];
            }
        }
        self.verified().await
    }
}

/// What of a history that has caught up differs from a rebuild up to the instant of the last tick, before any other.
pub(crate) async fn made_anew(pipeline: &mut Pipeline) -> Vec<String> {
    if pipeline.behind().await.unwrap() {
        return Vec::new();
    }
    let found = pipeline.fingerprint().await.unwrap();
    let keep = BuildOptions { as_of: AsOf::Keep, full: true, ..BuildOptions::default() };
    pipeline.build(keep).await.unwrap();
    let anew = pipeline.fingerprint().await.unwrap();
    let tables = found.tables.iter().zip(&anew.tables).filter(|(a, b)| a != b);
    tables.map(|(a, _)| format!("made anew up to the last tick: {} differs", a.0)).collect()
}

/// An entity may have gone in a step that was cut off: then the operation on it is refused, not failed.
fn merged(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(Error::UnknownEntity(_) | Error::Identity(_)) => Ok(()),
        other => other,
    }
}

/// One in ten works on Postgres. `DEFACTO_PROGRAMS` sets how many, `DEFACTO_PROGRAM` the first seed.
#[test]
fn programs_end_as_one_clean_rebuild() {
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().unwrap())
    };
    let (first, count) = (number("DEFACTO_PROGRAM", 0), number("DEFACTO_PROGRAMS", 200));
    let (next, failed) = (AtomicU64::new(first), Mutex::new(Vec::new()));
    let done: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        break;
                    }
                    let (found, log) = runtime.block_on(program(seed));
                    for line in &log {
                        let word = line.split_whitespace().next().unwrap_or_default();
                        *done.lock().unwrap().entry(word.to_owned()).or_default() += 1;
                    }
                    if !found.is_empty() {
                        let (found, log) = (found.join("\n  "), log.join("\n    "));
                        failed.lock().unwrap().push(format!("seed {seed}: {found}\n    {log}"));
                    }
                }
            });
        }
    });
    let (failed, done) = (failed.into_inner().unwrap(), done.into_inner().unwrap());
    println!("{done:?}");
    assert!(failed.is_empty(), "{} of {count} differ\n{}", failed.len(), failed.join("\n"));
    for step in [
        "ingest",
        "build",
        "tick",
        "merge",
        "unmerged",
        "block",
        "erase",
        "redact",
        "activate",
        "beside",
        "renewed",
        "ruled",
        "reopen",
        "cut",
        "abandoned",
    ] {
        assert!(count < 100 || done.contains_key(step), "no program did {step}");
    }
}

async fn program(seed: u64) -> (Vec<String>, Vec<String>) {
    let scratch = Scratch::new();
    let server = match seed % 20 {
        4 => Some(Dialect::Postgres),
        13 => Some(Dialect::Portable),
        _ => None,
    };
    let site = (scratch.0.as_path(), server);
    let mut world = World::new(seed, site).await;
    let found = world.run(site).await;
    world.pipeline.store().close().await.unwrap();
    (found, world.log)
}
