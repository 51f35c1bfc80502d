use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use defacto_model::Timestamp;
use defacto_pipeline::{AsOf, BuildOptions, Fingerprint};

use crate::case::{Case, folders};
use crate::compare::differences;
use crate::outcome::outcome;
use crate::run::{Delivery, Dialect, World};

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A folder of its own for one run, removed afterwards.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn run(folder: &Path) -> Vec<String> {
    run_with(folder, false)
}

fn run_with(folder: &Path, compiled: bool) -> Vec<String> {
    let case = Case::load(folder);
    let scratch = Scratch::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let delivery = Delivery { batch_size: 100, process: None, compiled, server: None };
        let mut world = World::new(&case, &scratch.0, delivery).await;
        world.run().await;
        let found = outcome(&world.pipeline).await;
        let mut out = differences(&case.expected, &found, &world.steps);
        let verified = world.pipeline.verify().await.unwrap();
        // A case that wipes its history at the end has none to verify.
        let wiped = case.steps().last().is_some_and(|step| step["op"] == "wipe_history");
        if !wiped {
            out.extend(verified.findings.iter().map(|finding| format!("verify: {finding:?}")));
        }
        world.pipeline.store().close().await.unwrap();
        out
    })
}

/// Runs something for every case of a family on a few threads; fails with what it finds.
fn family(name: &str, check: impl Fn(&Path) -> Vec<String> + Sync + std::panic::RefUnwindSafe) {
    let folders = folders(name);
    assert!(!folders.is_empty(), "no cases of {name}");
    let next = AtomicUsize::new(0);
    let failed: Mutex<Vec<(String, Vec<String>)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(folder) = folders.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let label = folder.file_name().unwrap().to_str().unwrap().to_owned();
                    let outcome = std::panic::catch_unwind(|| check(folder));
                    let found = outcome.unwrap_or_else(|_| vec!["panicked".to_owned()]);
                    if !found.is_empty() {
                        failed.lock().unwrap().push((label, found));
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort();
    let report: Vec<String> =
        failed.iter().map(|(name, found)| format!("{name}:\n  {}", found.join("\n  "))).collect();
    assert!(
        failed.is_empty(),
        "{} of {} cases differ\n{}",
        failed.len(),
        folders.len(),
        report.join("\n")
    );
}

/// An instant after everything in the corpus: where fingerprints are compared.
const END: &str = "2040-01-01T00:00:00Z";

/// The fingerprints of a case however it is delivered, rebuilt in the end or not.
fn deliver(folder: &Path) -> Vec<String> {
    let file = Delivery { batch_size: 100, process: None, compiled: false, server: None };
    deliver_as(
        folder,
        &[
            file,
            Delivery { batch_size: 1, process: Some(true), ..file },
            Delivery { batch_size: 3, process: Some(false), ..file },
            Delivery { batch_size: 7, process: Some(true), ..file },
        ],
    )
}

/// The same from a file and from a server.
fn serve(folder: &Path, dialect: Dialect) -> Vec<String> {
    let file = Delivery { batch_size: 100, process: None, compiled: false, server: None };
    deliver_as(folder, &[file, Delivery { batch_size: 7, server: Some(dialect), ..file }])
}

fn deliver_as(folder: &Path, deliveries: &[Delivery]) -> Vec<String> {
    let case = Case::load(folder);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut out = Vec::new();
    let mut first: Option<Fingerprint> = None;
    for delivery in deliveries.iter().copied() {
        let scratch = Scratch::new();
        runtime.block_on(async {
            let mut world = World::new(&case, &scratch.0, delivery).await;
            world.run().await;
            let as_of = AsOf::At(Timestamp::parse_text(END).unwrap());
            for full in [case.wipes(), true] {
                let options = BuildOptions { full, as_of, ..BuildOptions::default() };
                world.pipeline.build(options).await.unwrap();
                let found = world.pipeline.fingerprint().await.unwrap();
                let first = first.get_or_insert_with(|| found.clone());
                if first.fingerprint != found.fingerprint {
                    let tables: Vec<&str> = first
                        .tables
                        .iter()
                        .zip(&found.tables)
                        .filter(|(a, b)| a != b)
                        .map(|(a, _)| a.0.as_str())
                        .collect();
                    out.push(format!("{delivery:?}, full {full}: {tables:?}"));
                }
            }
            world.pipeline.store().close().await.unwrap();
        });
    }
    out
}

#[test]
fn pipelines() {
    family("pipelines", run);
}

#[test]
fn random() {
    family("random", run);
}

#[test]
fn pipelines_however_delivered() {
    family("pipelines", deliver);
}

#[test]
fn random_however_delivered() {
    family("random", deliver);
}

#[test]
fn pipelines_through_compiled_modules() {
    family("pipelines", |folder| run_with(folder, true));
}

#[test]
fn random_through_compiled_modules() {
    family("random", |folder| run_with(folder, true));
}

#[test]
fn pipelines_on_a_server() {
    family("pipelines", |folder| serve(folder, Dialect::Postgres));
}

#[test]
fn random_on_a_server() {
    family("random", |folder| serve(folder, Dialect::Portable));
}
