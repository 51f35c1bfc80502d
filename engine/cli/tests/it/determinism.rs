//! One figure, however the work is cut, done by how many, or interrupted when.

use std::process::Stdio;
use std::time::Duration;

use crate::project::Project;

const AS_OF: &str = "2014-01-01T00:00:00Z";

fn reference() -> String {
    let project = Project::example("flights");
    project.ingest(&[]);
    project.ok(&["build", "--as-of", AS_OF]);
    project.fingerprint()
}

#[test]
fn the_fingerprint_does_not_depend_on_batches_workers_or_path() {
    let want = reference();
    let ways: &[&[&str]] = &[
        &["--batch-size", "1"],
        &["--batch-size", "100"],
        &["--batch-size", "10000"],
        &["--batch-size", "100", "--workers", "1"],
        &["--batch-size", "100", "--workers", "2"],
        &["--process"],
        &["--process", "--batch-size", "1"],
        &["--process", "--batch-size", "100", "--workers", "2"],
    ];
    for way in ways {
        let project = Project::example("flights");
        project.ingest(way);
        project.ok(&["build", "--as-of", AS_OF]);
        assert_eq!(project.fingerprint(), want, "{way:?}");
        project.ok(&["verify"]);
    }
    let project = Project::example("flights");
    project.ingest(&[]);
    project.ok(&["build", "--as-of", AS_OF, "--batch-size", "7"]);
    assert_eq!(project.fingerprint(), want, "build in batches of 7");
    project.ok(&["build", "--full", "--as-of", AS_OF]);
    assert_eq!(project.fingerprint(), want, "full build");
}

#[test]
fn a_killed_run_goes_on_to_the_same_figure() {
    let want = reference();
    let project = Project::example("flights");
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let mut killed = 0;
    for round in 0..20_u32 {
        // Small batches make many moments at which to die.
        let path = project.dir.join("data/operations.jsonl");
        let path = path.to_str().unwrap();
        let args: Vec<&str> = match round % 3 {
            0 => vec!["ingest", "operations", path, "--batch-size", "5"],
            1 => vec!["ingest", "operations", path, "--batch-size", "5", "--process"],
            _ => vec!["build", "--as-of", AS_OF, "--batch-size", "5"],
        };
        let mut child =
            project.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let patience = Duration::from_millis(5 + random(150));
        killed += u32::from(!ends_within(&mut child, patience));
        child.kill().ok();
        child.wait().unwrap();
        project.ok(&["verify"]);
    }
    assert!(killed > 0, "no run was killed: the moments are too late");
    project.ingest(&[]);
    project.ok(&["build", "--as-of", AS_OF]);
    assert_eq!(project.fingerprint(), want);
}

/// Waits for the end of a process, at most so long.
fn ends_within(child: &mut std::process::Child, patience: Duration) -> bool {
    let started = std::time::Instant::now();
    while started.elapsed() < patience {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}
