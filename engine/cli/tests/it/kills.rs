//! The binary killed while it ingests, builds, ticks, erases and merges: whoever starts it again comes to the result of
//! a run that nobody disturbed.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::project::{Project, text};

const AS_OF: &str = "2013-01-09T00:00:00Z";
const END: &str = "2014-01-01T00:00:00Z";
/// Files into which the events are cut.
const SLICES: usize = 10;
/// A command is killed at most so often before it may end.
const KILLS_EACH: u64 = 3;
/// Kills in all, at least.
const KILLS_MIN: u64 = 30;
/// Bytes that a command may write to the write-ahead log before it is killed, at most.
const BYTES_MAX: u64 = 100_000;

struct Random(u64);

impl Random {
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

/// How commands are run.
trait Runner {
    fn step(&mut self, project: &Project, args: &[&str]);
}

struct Undisturbed;

impl Runner for Undisturbed {
    fn step(&mut self, project: &Project, args: &[&str]) {
        project.ok(args);
    }
}

struct Killer {
    random: Random,
    kills: u64,
}

impl Runner for Killer {
    /// Kills the command and runs it again, a few times, then lets it end. What it did before counts: a second
    /// `erase` then finds nobody.
    fn step(&mut self, project: &Project, args: &[&str]) {
        for _ in 0..KILLS_EACH {
            let bytes = self.random.below(BYTES_MAX);
            if !killed(project, args, bytes) {
                return;
            }
            self.kills += 1;
            project.ok(&["verify"]);
        }
        let output = project.run(args);
        let gone = args[0] == "erase" && output.status.code() == Some(2);
        assert!(output.status.success() || gone, "{args:?}: {}", text(&output.stderr));
    }
}

/// Runs a command until it has written more bytes than these, then kills it. Whether it was still running.
fn killed(project: &Project, args: &[&str], bytes: u64) -> bool {
    let log = project.dir.join(".defacto/defacto.db-wal");
    let size = || fs::metadata(&log).map_or(0, |meta| meta.len());
    let before = size();
    let mut child =
        project.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            let gone = args[0] == "erase" && status.code() == Some(2);
            assert!(status.success() || gone, "{args:?}: {status}");
            return false;
        }
        if size().saturating_sub(before) > bytes {
            child.kill().unwrap();
            return !child.wait().unwrap().success();
        }
        std::thread::yield_now();
    }
}

fn cut(project: &Project) -> Vec<String> {
    let all = fs::read_to_string(project.dir.join("data/operations.jsonl")).unwrap();
    let lines: Vec<&str> = all.lines().collect();
    let mut paths = Vec::new();
    for (number, slice) in lines.chunks(lines.len().div_ceil(SLICES)).enumerate() {
        let path = project.write(&format!("slice-{number}.jsonl"), &(slice.join("\n") + "\n"));
        paths.push(path.to_str().unwrap().to_owned());
    }
    paths
}

fn aircraft(project: &Project, place: usize) -> String {
    let rows = project.ok(&["table", "aircraft", "--format", "jsonl"]);
    let row: serde_json::Value = serde_json::from_str(rows.lines().nth(place).unwrap()).unwrap();
    row["aircraft_id"].as_str().unwrap().to_owned()
}

/// What everybody sees, without the instants at which entities were merged on demand.
fn seen(project: &Project) -> Vec<String> {
    [&["history", "aircraft"][..], &["history", "airline"], &["identity", "list"]]
        .iter()
        .map(|args| project.ok(&[args, &["--format", "jsonl"][..]].concat()))
        .collect()
}

/// Ingests, builds, ticks, erases; then merges. The figure before the merges, which record when they were asked for,
/// and all tables after.
fn job(project: &Project, runner: &mut dyn Runner) -> (String, Vec<String>) {
    let registry = project.dir.join("data/registry.jsonl");
    runner.step(project, &["ingest", "registry", registry.to_str().unwrap()]);
    for (number, path) in cut(project).iter().enumerate() {
        let ingest = ["ingest", "operations", path, "--batch-size", "5"];
        if number % 2 == 0 {
            runner.step(project, &ingest);
            runner.step(project, &["build", "--no-tick", "--batch-size", "5"]);
        } else {
            runner.step(project, &[&ingest[..], &["--process"]].concat());
        }
    }
    runner.step(project, &["tick", "--as-of", AS_OF]);
    for place in [3, 5] {
        let id = aircraft(project, place);
        runner.step(project, &["erase", &id, "--yes"]);
    }
    runner.step(project, &["build", "--full", "--as-of", AS_OF, "--batch-size", "50"]);
    runner.step(project, &["tick", "--as-of", END]);
    let figure = project.fingerprint();
    let ids = [0, 1, 2, 3].map(|place| aircraft(project, place));
    runner.step(project, &["merge", &ids[0], &ids[1]]);
    runner.step(project, &["merge", &ids[1], &ids[2]]);
    runner.step(project, &["merge", &ids[3], &ids[2]]);
    runner.step(project, &["build", "--as-of", END]);
    project.ok(&["verify"]);
    let compared = project.ok(&["verify", "--rebuild", "--format", "json"]);
    assert!(compared.contains("\"equal\":true"), "{compared}");
    (figure, seen(project))
}

#[test]
fn killed_commands_end_as_if_undisturbed() {
    let calm = Project::example("flights");
    let want = job(&calm, &mut Undisturbed);
    let project = Project::example("flights");
    let mut killer = Killer { random: Random(0x9e37_79b9_7f4a_7c15), kills: 0 };
    let found = job(&project, &mut killer);
    assert_eq!(found.0, want.0, "the figure before the merges");
    assert!(found.1 == want.1, "the tables after the merges");
    assert!(killer.kills >= KILLS_MIN, "only {} commands were killed", killer.kills);
    assert!(Path::new(&project.dir).join(".defacto/defacto.db").exists());
}

#[test]
fn a_build_that_goes_on_says_so_and_counts_the_whole() {
    let project = Project::example("flights");
    project.ingest(&[]);
    project.ok(&["build", "--as-of", AS_OF]);
    let counts = |result: &serde_json::Value| {
        ["events_processed", "effects_produced", "transitions", "entities_created"]
            .map(|name| result[name].clone())
    };
    let full = ["build", "--full", "--as-of", AS_OF, "--batch-size", "20"];
    let json = |args: &[&str]| -> serde_json::Value {
        serde_json::from_str(&project.ok(&[args, &["--format", "json"]].concat())).unwrap()
    };
    let whole = json(&full);
    assert_eq!(whole.get("resumed"), None, "{whole}");
    let (mut told, mut shown) = (0, 0);
    for round in 0..40 {
        if told > 1 && shown > 0 {
            break;
        }
        if !killed(&project, &full, 150_000 + round * 40_000) {
            break;
        }
        let again = ["build", "--as-of", AS_OF, "--batch-size", "20"];
        if round % 4 == 3 {
            let text = project.ok(&again);
            shown += u32::from(text.contains("  resumed: ") && text.contains("interrupted"));
            continue;
        }
        let result = json(&again);
        let Some(done) = result.get("resumed") else { continue };
        let before = done["events_processed"].as_u64().unwrap();
        assert!(before > 0 && before < whole["events_processed"].as_u64().unwrap(), "{result}");
        assert_eq!(counts(&result), counts(&whole));
        told += 1;
    }
    assert!(told > 1 && shown > 0, "{told} said so in JSON, {shown} in words");
}
