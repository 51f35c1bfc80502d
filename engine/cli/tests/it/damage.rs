//! A database that is damaged, full, held, read-only, cut off or of another program: told with a remedy, and whole
//! afterwards.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use defacto_ports::Store;
use defacto_store_sqlite::SqliteStore;

use crate::errors::as_ordinary_user;
use crate::project::{Project, text};

const AS_OF: &str = "2026-06-01T00:00:00Z";
const PAGE: usize = 4096;

fn good() -> Project {
    let project = Project::example("quickstart");
    project.ingest(&[]);
    project.ok(&["build", "--as-of", AS_OF]);
    project
}

fn database(project: &Project) -> PathBuf {
    project.dir.join(".defacto/defacto.db")
}

fn many(count: usize) -> String {
    let record = |n| {
        let at = 1_700_000_000 + n;
        format!(
            "{{\"event\":\"signup\",\"at\":{at},\"user\":{{\"email\":\"u{n}@example.org\"}}}}\n"
        )
    };
    (0..count).map(record).collect()
}

#[test]
fn verify_finds_every_damaged_page() {
    let project = good();
    project.write("more.jsonl", &many(300));
    project.ok(&["ingest", "app", "more.jsonl", "--process"]);
    let whole = fs::read(database(&project)).unwrap();
    let pages = whole.len() / PAGE;
    assert!(pages > 30, "{pages} pages");
    for page in 0..pages {
        let mut bytes = whole.clone();
        bytes[page * PAGE..(page + 1) * PAGE].fill(0xff);
        fs::write(database(&project), &bytes).unwrap();
        let output = project.run(&["verify"]);
        let told = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "page {page}: {told}");
        assert!(
            told.contains("defacto.db") || told.contains("files are whole"),
            "page {page}: {told}"
        );
        fs::remove_file(database(&project).with_extension("db-wal")).ok();
        fs::remove_file(database(&project).with_extension("db-shm")).ok();
    }
    fs::write(database(&project), &whole[..whole.len() / 2]).unwrap();
    let output = project.run(&["verify"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    fs::write(database(&project), "this is no database. ".repeat(900)).unwrap();
    let message = project.fails(1, &["verify"]);
    assert!(message.contains("backup") && message.contains("defacto.db"), "{message}");
    let message = project.fails(4, &["history", "customer"]);
    assert!(message.contains("backup"), "{message}");
    fs::write(database(&project), &whole).unwrap();
    project.ok(&["verify"]);
}

#[test]
fn database_of_a_newer_program_is_left_alone() {
    let project = good();
    let mut bytes = fs::read(database(&project)).unwrap();
    let stored = |part: &[u8]| part.starts_with(b"format") && part[6].is_ascii_digit();
    let at = bytes.windows(7).position(stored).expect("the format as stored");
    bytes[at + 6] = b'9';
    fs::write(database(&project), &bytes).unwrap();
    for command in [
        &["status"][..],
        &["build"],
        &["verify"],
        &["ingest", "app", "data/app.jsonl"],
        &["erase", "00000000-0000-8000-8000-000000000000", "--yes"],
    ] {
        let message = project.fails(4, command);
        assert!(message.contains("newer") && message.contains("use a newer defacto"), "{message}");
    }
    assert!(fs::read(database(&project)).unwrap() == bytes, "nothing was written");
}

#[test]
fn writers_wait_for_each_other_and_readers_for_nobody() {
    let project = good();
    let before = project.ok(&["history", "customer", "--format", "jsonl"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = runtime.block_on(SqliteStore::open(&database(&project))).unwrap();
    let writing = runtime.block_on(store.begin()).unwrap();
    assert_eq!(project.ok(&["history", "customer", "--format", "jsonl"]), before);
    project.ok(&["verify"]);
    let more = project.write("more.jsonl", &many(1));
    let more = more.to_str().unwrap();
    let message = project.fails(4, &["ingest", "app", more]);
    assert!(message.contains("held by another process"), "{message}");
    drop(writing);
    let version = project.ok(&["definitions", "active"]).trim().to_owned();
    let building = runtime.block_on(store.lock_build(&version)).unwrap();
    let message = project.fails(4, &["build", "--full"]);
    assert!(message.contains("the build of this version is held"), "{message}");
    drop(building);
    project.ok(&["ingest", "app", more]);
    project.ok(&["build", "--full", "--as-of", AS_OF]);
    project.ok(&["verify"]);
    runtime.block_on(store.close()).unwrap();
}

#[test]
fn full_disk_stops_whatever_writes_and_nothing_is_lost() {
    let project = good();
    project.write("big.jsonl", &many(20_000));
    fs::create_dir_all(project.dir.join("disk")).unwrap();
    fs::create_dir_all(project.dir.join("after")).unwrap();
    let id = project.ok(&["identity", "lookup", "ada@example.org", "--format", "json"]);
    let id: serde_json::Value = serde_json::from_str(&id).unwrap();
    let figure = project.fingerprint();
    // A disk of one MiB, seen by nobody else and gone with the shell.
    let script = r#"
        set -eu
        mount -t tmpfs -o size=1m none disk
        cp .defacto/defacto.db disk/
        run() { "$BINARY" --database disk/defacto.db "$@"; }
        set +e
        run ingest app big.jsonl --process; echo "ingest $?"
        run verify --fingerprint; echo "verify $?"
        # Some room is left, but not for another database.
        head -c $(($(df --output=avail -B1 disk | tail -1) - 150000)) /dev/zero > disk/other
        run erase "$ID" --yes; echo "erase $?"
        run verify >&2; echo "verify $?"
        rm disk/other
        run status >&2; echo "status $?"
        run verify >&2; echo "verify $?"
        cp disk/defacto.db after/
    "#;
    let output = Command::new("unshare")
        .args(["-rm", "bash", "-c", script])
        .current_dir(&project.dir)
        .env("BINARY", env!("CARGO_BIN_EXE_defacto"))
        .env("ID", id[0]["entity_id"].as_str().unwrap())
        .output()
        .unwrap();
    let (told, message) = (text(&output.stdout), text(&output.stderr));
    let told: Vec<&str> = told.lines().collect();
    assert_eq!(
        told,
        ["ingest 4", &figure, "verify 0", "erase 4", "verify 0", "status 0", "verify 0"],
        "{message}"
    );
    assert!(message.contains("the disk is full; free some space"), "{message}");
}

#[test]
fn read_only_database_is_told() {
    let project = good();
    let state = project.dir.join(".defacto");
    let mode = |mode| {
        for path in [&state, &database(&project)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    mode(0o555);
    let before = fs::read(database(&project)).unwrap();
    for command in [&["ingest", "app", "data/app.jsonl"][..], &["build"]] {
        let output = as_ordinary_user(&project, command);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{message}");
        assert!(message.contains("defacto.db") && message.contains("writable"), "{message}");
    }
    mode(0o755);
    assert!(fs::read(database(&project)).unwrap() == before);
    project.ok(&["verify"]);
}

#[test]
fn torn_log_of_a_killed_process_loses_only_what_it_did_not_commit() {
    let project = good();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = runtime.block_on(SqliteStore::open(&database(&project))).unwrap();
    let reading = runtime.block_on(store.read()).unwrap();
    // While somebody reads, what is written stays in the log.
    let more = project.write("more.jsonl", &many(500));
    project.ok(&["ingest", "app", more.to_str().unwrap(), "--process", "--batch-size", "20"]);
    let log = fs::read(database(&project).with_extension("db-wal")).unwrap();
    let whole = fs::read(database(&project)).unwrap();
    drop(reading);
    runtime.block_on(store.close()).unwrap();
    let all = project.fingerprint();
    let mut seen = std::collections::BTreeSet::new();
    for eighth in 1..=8 {
        let torn = Project::example("quickstart");
        fs::create_dir_all(torn.dir.join(".defacto")).unwrap();
        fs::write(database(&torn), &whole).unwrap();
        let mut left = log[..log.len() * eighth / 8].to_vec();
        // The last frame half written, and then anything.
        let end = left.len() - 2_000;
        left[end..].fill(0x5a);
        fs::write(database(&torn).with_extension("db-wal"), left).unwrap();
        torn.ok(&["verify"]);
        seen.insert(torn.ok(&["status"]));
        torn.ok(&["ingest", "app", more.to_str().unwrap(), "--process"]);
        torn.ok(&["build", "--as-of", AS_OF]);
        project.ok(&["build", "--as-of", AS_OF]);
        assert_eq!(torn.fingerprint(), project.fingerprint(), "{eighth} eighths of the log");
    }
    assert!(seen.len() > 4, "the logs were torn at different moments: {seen:?}");
    assert_eq!(all, project.fingerprint());
}
