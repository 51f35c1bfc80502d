use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::case::{Case, folders};
use crate::compare::differences;
use crate::outcome::outcome;
use crate::run::{Delivery, World};

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A folder of its own for one run, removed afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn run(folder: &std::path::Path) -> Vec<String> {
    let case = Case::load(folder);
    let scratch = Scratch::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let delivery = Delivery { batch_size: 100, process: None };
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

/// Runs every case of a family on a few threads; returns the failing ones with what differs.
fn family(name: &str) {
    let folders = folders(name);
    assert!(!folders.is_empty(), "no cases of {name}");
    let next = AtomicUsize::new(0);
    let failed: Mutex<Vec<(String, Vec<String>)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(folder) = folders.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let label = folder.file_name().unwrap().to_str().unwrap().to_owned();
                    let outcome = std::panic::catch_unwind(|| run(folder));
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
    assert!(failed.is_empty(), "{} of {} cases differ\n{}", failed.len(), folders.len(), report.join("\n"));
}

#[test]
fn pipelines() {
    family("pipelines");
}

#[test]
fn random() {
    family("random");
}
