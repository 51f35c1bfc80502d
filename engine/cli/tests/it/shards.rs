//! Several processes on one namespace in Postgres: however many, whoever does what, and whatever is done to them, the
//! history is the one of a clean rebuild.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use defacto_test_services::Postgres;

use crate::project::{Project, text};

const AS_OF: &str = "2026-01-01T00:00:00Z";
/// A server that ends transactions which wait for a paused process soon.
const IDLE: &str = "?options=-c%20idle_in_transaction_session_timeout%3D4000";
/// Lease of the workers: short, so that a paused one is followed soon, and a slow machine loses claims besides.
const LEASE: &str = "900ms";
/// How long something that must come is waited for.
const PATIENCE: Duration = Duration::from_secs(600);
const WRITERS: usize = 4;

struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (below as u64)).unwrap()
    }
}

/// Definitions with merges, rules, and edges that both sides make and close.
fn shop() -> Project {
    let project = Project::empty();
    project.write("entities/shop.yaml", include_str!("shop/entities.yaml"));
    project.write("sources/shop.yaml", include_str!("shop/sources.yaml"));
    project
}

/// Events of people who have two addresses and a telephone each, now and then that of a neighbour: a few merges for each
/// person, some in chains. Times go up and down a little.
fn events(seed: u64, count: usize) -> Vec<String> {
    let mut random = Random::new(seed);
    let people = (count / 12).max(4);
    let mut out = Vec::with_capacity(count);
    for number in 0..count {
        let person = random.below(people);
        let mail = format!("p{person}.{}@mail.test", random.below(2));
        let tel = if random.below(40) == 0 { person + 1 } else { person };
        let minutes = number * 7 + random.below(500);
        let at = format!(
            "2024-{:02}-{:02}T{:02}:{:02}:00Z",
            1 + minutes / 40_320 % 12,
            1 + minutes / 1_440 % 28,
            minutes / 60 % 24,
            minutes % 60
        );
        let order = format!("o{}", person * 2 + random.below(3));
        let rest = match random.below(9) {
            0 | 1 => format!(
                r#""type":"signup","mail":"{mail}","tel":"T-{tel}","name":"N{number}","birth":"1990-01-02""#
            ),
            2 => format!(r#""type":"signup","mail":"{mail}","name":"Solo""#),
            3 => format!(r#""type":"call","tel":"T-{tel}","n":{number}"#),
            4 => format!(r#""type":"login","mail":"{mail}""#),
            5 | 6 => {
                format!(r#""type":"order","mail":"{mail}","order":"{order}","amount":{number}"#)
            }
            7 => format!(r#""type":"ship","order":"{order}","to":"{mail}""#),
            _ => format!(r#""type":"cancel","mail":"{mail}","tel":"T-{tel}""#),
        };
        out.push(format!(r#"{{{rest},"at":"{at}"}}"#));
    }
    out
}

/// A namespace in a database of its own, and the project that works on it.
struct World {
    project: Project,
    cluster: &'static Postgres,
    /// Of the database, for `psql`.
    plain: String,
    /// The same, for workers.
    url: String,
}

impl World {
    fn new() -> Self {
        let cluster = Postgres::shared();
        let plain = cluster.database();
        let project = shop();
        let url = format!("{plain}{IDLE}");
        let world = Self { project, cluster, plain, url };
        world.ok(&["status"]);
        world
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.project.command(args);
        command.args(["--database", &self.url, "--quiet"]);
        command
    }

    fn ok(&self, args: &[&str]) -> String {
        let output = self.command(args).output().unwrap();
        let told = text(&output.stderr);
        assert!(output.status.success(), "{args:?}: {}\n{told}", output.status);
        text(&output.stdout)
    }

    fn json(&self, args: &[&str]) -> serde_json::Value {
        let mut all = args.to_vec();
        all.extend(["--format", "json"]);
        serde_json::from_str(&self.ok(&all)).unwrap()
    }

    fn number(&self, sql: &str) -> i64 {
        let sql = format!("SET search_path = defacto; {sql}");
        self.cluster.query(&self.plain, &sql).parse().unwrap()
    }

    fn head(&self) -> i64 {
        self.number("SELECT position FROM shard_progress WHERE stage = 'append'")
    }

    /// Waits until a query gives at least a number.
    fn wait(&self, what: &str, sql: &str, least: i64) {
        let start = Instant::now();
        while self.number(sql) < least {
            assert!(
                start.elapsed() < PATIENCE,
                "{what} does not come: {}",
                self.ok(&["shard", "status"])
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn fingerprint(&self) -> String {
        let shown = self.json(&["verify", "--fingerprint"]);
        shown["fingerprint"].as_str().unwrap().to_owned()
    }

    /// The same ledger, applied by one process to a file.
    fn in_a_file(&self) -> String {
        let raw = self.cluster.query(
            &self.plain,
            "SELECT raw FROM defacto.ledger WHERE source = 'shop' ORDER BY sequence",
        );
        let project = shop();
        let file = project.write("shop.jsonl", &(raw + "\n"));
        project.ok(&["ingest", "shop", file.to_str().unwrap(), "--quiet"]);
        project.ok(&["build", "--as-of", AS_OF, "--quiet"]);
        project.fingerprint()
    }

    fn file(&self, name: &str, lines: &[String]) -> String {
        let text = lines.iter().fold(String::new(), |mut text, line| {
            writeln!(text, "{line}").unwrap();
            text
        });
        self.project.write(name, &text).to_str().unwrap().to_owned()
    }
}

/// One figure, whatever the number of shards and the way of processing.
#[test]
fn any_number_of_shards_gives_the_history_of_a_file() {
    let lines = events(1, 1_200);
    for total in 1..=4 {
        for stream in [false, true] {
            let world = World::new();
            world.ok(&["shard", "resize", &total.to_string()]);
            let (mut foreign, mut stored) = (0, 0);
            for (n, part) in lines.chunks(300).enumerate() {
                let file = world.file("part.jsonl", part);
                let shard = format!("{}/{total}", n % total);
                let mut args = vec!["ingest", "shop", &file, "--batch-size", "97"];
                if stream {
                    args.extend(["--process", "--shard", &shard]);
                }
                let result = world.json(&args);
                foreign += result["foreign_events"].as_u64().unwrap();
                stored += result["events_ingested"].as_u64().unwrap();
            }
            assert_eq!(foreign > 0, stream && total > 1, "{total} shards, streaming {stream}");
            for shard in 0..total {
                let shard = format!("{shard}/{total}");
                world.ok(&["build", "--as-of", AS_OF, "--shard", &shard, "--batch-size", "200"]);
            }
            let status = world.json(&["shard", "status"]);
            let head = i64::try_from(stored).unwrap();
            assert_eq!(status["head"], head);
            for shard in status["shards"].as_array().unwrap() {
                assert_eq!(shard["cursor"], head, "{status}");
            }
            world.ok(&["verify"]);
            let found = world.fingerprint();
            assert_eq!(found, world.in_a_file(), "{total} shards, streaming {stream}");
            world.ok(&["build", "--full", "--as-of", AS_OF]);
            assert_eq!(found, world.fingerprint(), "{total} shards made anew");
        }
    }
}

#[test]
fn what_cannot_be_shared_is_refused() {
    let world = World::new();
    world.ok(&["shard", "resize", "2"]);
    let told = |code: i32, args: &[&str]| {
        let output = world.command(args).output().unwrap();
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {told}");
        told
    };
    let other = told(2, &["build", "--shard", "0/3"]);
    assert!(other.contains("shard epoch changed") && other.contains("2 shards, not 3"), "{other}");
    for bad in ["2/2", "0/0", "x", "1"] {
        told(2, &["build", "--shard", bad]);
    }
    let file = shop();
    let refused = file.fails(2, &["shard", "resize", "2"]);
    assert!(refused.contains("Postgres"), "{refused}");
    let refused = file.fails(2, &["build", "--shard", "0/2"]);
    assert!(refused.contains("Postgres"), "{refused}");
    let mut worker = Workers::new(&world);
    worker.start();
    world.wait("a claim", CLAIMED, 2);
    let held = told(4, &["build", "--shard", "0/2"]);
    assert!(held.contains("another process works on this shard"), "{held}");
    let lines = world.file("a.jsonl", &events(3, 50));
    let result = world.json(&["ingest", "shop", &lines, "--process", "--shard", "0/2"]);
    assert_eq!(result["foreign_events"], result["events_ingested"]);
    world.wait("the worker", APPLIED, world.head());
    worker.end();
}

const CLAIMED: &str =
    "SELECT count(*) FROM shard_claims WHERE owner IS NOT NULL AND lease_until > clock_timestamp()";
/// Cursor of the shard furthest behind; the namespace is divided, so that each shard has its own.
const APPLIED: &str = "SELECT coalesce(min(coalesce(b.cursor, 0)), 0) FROM shard_map m \
     CROSS JOIN generate_series(0, m.total_shards - 1) AS n \
     LEFT JOIN build_state b ON b.version LIKE '%\\_s' || n";

/// A claim is a worker's in the store, but no work is done under it, as when the worker lost the answer to its claim: it
/// gives the shard back, instead of renewing the lease for good.
#[test]
fn a_claim_that_nobody_works_under_is_given_back() {
    let world = World::new();
    world.ok(&["shard", "resize", "2"]);
    let mut workers = Workers::new(&world);
    workers.start_with(&["--max-shards", "1"]);
    world.wait("a claim", CLAIMED, 1);
    world.number(
        "WITH c AS (UPDATE shard_claims SET owner = (SELECT max(id) FROM shard_workers), token = token + 1, \
         lease_until = clock_timestamp() + interval '1 hour' WHERE owner IS NULL RETURNING 1) \
         SELECT count(*) FROM c",
    );
    let lines = world.file("a.jsonl", &events(3, 100));
    world.ok(&["ingest", "shop", &lines]);
    workers.start_with(&["--max-shards", "1"]);
    let owners =
        "SELECT count(DISTINCT owner) FROM shard_claims WHERE lease_until > clock_timestamp()";
    world.wait("the other worker", owners, 2);
    world.wait("both shards", APPLIED, world.head());
    workers.end();
}

/// Its owner stands still, and its lease runs on: a worker that needs the shard waits, a command says so at once. When the
/// lease has run out, the worker takes the shard, and the owner gets nothing in any more.
#[test]
fn who_needs_a_paused_owners_shard_waits_for_the_lease() {
    const OWNED: &str = "SELECT owner FROM shard_claims";
    for wanted in [&["--auto-shard"][..], &["--shard", "0/1"]] {
        let world = World::new();
        world.ok(&["shard", "resize", "1"]);
        let mut workers = Workers::new(&world);
        // Longer than any test: only the server's clock, which is set below, can end it.
        workers.start_as(&["--auto-shard", "--lease", "24h"]);
        let lines = events(5, 160);
        let ingest = |part: &[String]| world.ok(&["ingest", "shop", &world.file("a.jsonl", part)]);
        ingest(&lines[..80]);
        world.wait("the owner", APPLIED, world.head());
        let owner = workers.running.pop().unwrap();
        signal(&owner, "-STOP");
        workers.paused.push(owner);
        let (applied, first) = (world.head(), world.number(OWNED));
        ingest(&lines[80..120]);

        let refused = world.command(&["build", "--shard", "0/1"]).output().unwrap();
        let told = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(4), "{told}");
        assert!(told.contains("another process works on this shard"), "{told}");

        let mut looking = world.command(&["run", "--lease", LEASE, "--log-level", "DEBUG"]);
        looking.args(wanted).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut looking = looking.spawn().unwrap();
        let mut told = BufReader::new(looking.stderr.take().unwrap()).lines();
        workers.running.push(looking);
        for _ in 0..5 {
            let look = told.find(|line| line.as_ref().unwrap().contains("shards looked at"));
            assert!(look.is_some(), "the worker ended");
        }
        assert_eq!(world.number(OWNED), first);
        assert_eq!(world.number(APPLIED), applied);
        let drain = std::thread::spawn(move || told.map_while(Result::ok).collect::<Vec<_>>());

        let over = "lease_until = clock_timestamp() - interval '1 second'";
        world.cluster.query(
            &world.plain,
            &format!(
                "UPDATE defacto.shard_claims SET {over}; \
                 UPDATE defacto.shard_workers SET {over} WHERE id = {first}"
            ),
        );
        world.wait("the other worker", APPLIED, world.head());
        let second = world.number(OWNED);
        assert_ne!(second, first);
        workers.resume();
        ingest(&lines[120..]);
        world.wait("the other worker", APPLIED, world.head());
        assert_eq!(world.number(OWNED), second, "its lease is renewed, the other's was lost");
        workers.end();
        let log = drain.join().unwrap();
        assert!(log.iter().any(|line| line.contains("shard claimed")), "{log:?}");
        world.ok(&["build", "--as-of", AS_OF]);
        assert_eq!(world.fingerprint(), world.in_a_file(), "{wanted:?}");
    }
}

/// Processes that share the namespace.
struct Workers<'w> {
    world: &'w World,
    running: Vec<Child>,
    paused: Vec<Child>,
    log: Vec<String>,
}

fn signal(child: &Child, name: &str) {
    let done = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(done.success(), "kill {name}");
}

/// A worker that was told to stop: it ends well, or by the signal if it had not begun yet.
fn ended(mut child: Child) {
    let told = child.stderr.take().map(std::io::read_to_string);
    let status = child.wait().unwrap();
    assert!(
        status.code().is_none_or(|code| code == 0),
        "a worker told to stop: {status}: {told:?}"
    );
}

impl<'w> Workers<'w> {
    fn new(world: &'w World) -> Self {
        Self { world, running: Vec::new(), paused: Vec::new(), log: Vec::new() }
    }

    fn start(&mut self) {
        self.start_with(&[]);
    }

    fn start_with(&mut self, more: &[&str]) {
        self.start_as(&[&["--auto-shard", "--lease", LEASE], more].concat());
    }

    fn start_as(&mut self, args: &[&str]) {
        let mut command = self.world.command(&["run", "--tick-interval", "300ms"]);
        command.args(args);
        command.args(["--log-level", "ERROR"]).stdout(Stdio::null()).stderr(Stdio::piped());
        let joined =
            "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM shard_workers_id_seq";
        let before = self.world.number(joined);
        let child = command.spawn().unwrap();
        self.log.push(format!("start {}", child.id()));
        self.world.wait("a worker", joined, before + 1);
        self.running.push(child);
    }

    fn act(&mut self, random: &mut Random) {
        let one = random.below(self.running.len().max(1));
        match random.below(6) {
            0 | 1 if self.running.len() < 4 => self.start(),
            2 if !self.running.is_empty() => {
                let mut child = self.running.swap_remove(one);
                self.log.push(format!("kill {}", child.id()));
                child.kill().unwrap();
                child.wait().unwrap();
            }
            3 if !self.running.is_empty() => {
                let child = self.running.swap_remove(one);
                self.log.push(format!("pause {}", child.id()));
                signal(&child, "-STOP");
                self.paused.push(child);
            }
            4 if !self.running.is_empty() => {
                let child = self.running.swap_remove(one);
                self.log.push(format!("stop {}", child.id()));
                signal(&child, "-TERM");
                ended(child);
            }
            5 => {
                let total = 1 + random.below(4);
                self.log.push(format!("resize {total}"));
                self.world.ok(&["shard", "resize", &total.to_string()]);
            }
            _ => self.resume(),
        }
    }

    /// Lets a paused process go on, once its lease has run out.
    fn resume(&mut self) {
        let Some(child) = self.paused.pop() else { return };
        self.log.push(format!("resume {}", child.id()));
        signal(&child, "-CONT");
        self.running.push(child);
    }

    fn end(&mut self) {
        while !self.paused.is_empty() {
            self.resume();
        }
        for child in &self.running {
            signal(child, "-TERM");
        }
        self.running.drain(..).for_each(ended);
    }
}

impl Drop for Workers<'_> {
    fn drop(&mut self) {
        for child in self.running.iter_mut().chain(&mut self.paused) {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Workers come and go, die and stand still while writers append; nothing is lost, nothing is doubled.
fn schedule(seed: u64, count: usize) {
    let world = World::new();
    let mut random = Random::new(seed ^ 0x5eed);
    world.ok(&["shard", "resize", &(1 + random.below(4)).to_string()]);
    let lines = events(seed, count);
    let pieces = 6;
    let mut files: Vec<Vec<String>> = vec![Vec::new(); WRITERS];
    for (n, piece) in lines.chunks(count.div_ceil(WRITERS * pieces)).enumerate() {
        files[n % WRITERS].push(world.file(&format!("{n}.jsonl"), piece));
    }
    let mut workers = Workers::new(&world);
    workers.start();
    workers.start();
    std::thread::scope(|scope| {
        let writers: Vec<_> = files
            .iter()
            .map(|files| {
                let world = &world;
                scope.spawn(move || {
                    for file in files {
                        world.ok(&["ingest", "shop", file, "--batch-size", "250"]);
                    }
                })
            })
            .collect();
        let mut step = 0;
        while writers.iter().any(|writer| !writer.is_finished()) {
            workers.act(&mut random);
            step += 1;
            let least = i64::try_from(count * step / 24).unwrap();
            if !writers.iter().all(|writer| writer.is_finished()) {
                let start = Instant::now();
                while world.head() < least && start.elapsed() < PATIENCE {
                    if writers.iter().all(|writer| writer.is_finished()) {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
        }
        for writer in writers {
            writer.join().unwrap();
        }
    });
    for _ in 0..6 {
        workers.act(&mut random);
    }
    // Whoever was paused longer than his lease finds that others went on.
    let alive = "SELECT -count(*) FROM shard_workers WHERE lease_until > clock_timestamp()";
    if !workers.paused.is_empty() {
        let running = i64::try_from(workers.running.len()).unwrap();
        world.wait("the end of a lease", alive, -running);
    }
    if workers.running.is_empty() {
        workers.start();
    }
    while !workers.paused.is_empty() {
        workers.resume();
    }
    let head = world.head();
    let log = workers.log.join(", ");
    println!("seed {seed}: {head} events, {log}");
    world.wait(&format!("the end of the ledger ({log})"), APPLIED, head);
    workers.end();
    let events = world.number("SELECT count(*) FROM ledger");
    assert_eq!(events, head, "sequences without a gap or a double");
    let built = world.json(&["build", "--as-of", AS_OF]);
    assert_eq!(built["mode"], "SKIP", "seed {seed}: {log}");
    world.ok(&["verify"]);
    let found = world.fingerprint();
    assert_eq!(found, world.in_a_file(), "seed {seed}: {log}");
    world.ok(&["build", "--full", "--as-of", AS_OF]);
    assert_eq!(found, world.fingerprint(), "seed {seed} made anew: {log}");
}

/// `DEFACTO_SCHEDULES` sets how many, `DEFACTO_SCHEDULE` the first seed, `DEFACTO_SCHEDULE_EVENTS` the size of each.
#[test]
fn random_schedules_end_as_a_clean_rebuild() {
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().unwrap())
    };
    let count = usize::try_from(number("DEFACTO_SCHEDULE_EVENTS", 6_000)).unwrap();
    let first = number("DEFACTO_SCHEDULE", 0);
    for seed in first..first + number("DEFACTO_SCHEDULES", 5) {
        schedule(seed, count);
    }
}
