//! What is erased or redacted is in no byte of no file afterwards, and does not come back.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use defacto_engine::{Engine, HistoryQuery};
use serde_json::{Value, json};

use crate::project::{Project, text};

const AS_OF: [&str; 2] = ["--as-of", "2026-12-01T00:00:00Z"];

const ENTITIES: &str = "
person:
  starts: lead
  identity:
    email: { match: case_insensitive, normalize: 'str::trim(value)' }
    phone: {}
  properties:
    email: { type: string, sensitive: pii, treatment: mask }
    phone: { type: string, sensitive: pii, treatment: mask }
    name: { type: string, sensitive: pii, treatment: hash }
    note: { type: string, sensitive: phi }
    number: { type: integer, sensitive: pii }
    weight: { type: number, sensitive: phi }
    born: { type: datetime, sensitive: pii }
    visits: { type: integer, default: 0 }
  relationships:
    - { type: made, target: visit, cardinality: has_many }
  states:
    lead:
      when:
        joined:
          effects:
            - create
            - { set: { property: email, from: event.email } }
            - { set: { property: phone, from: event.phone } }
            - { set: { property: name, from: event.name } }
            - { set: { property: born, from: event.born } }
            - { transition: { to: active } }
    active:
      after:
        - type: inactivity
          threshold: 30d
          effects:
            - { transition: { to: asleep } }
    asleep:
      when:
        changed:
          effects:
            - { transition: { to: active } }
  always:
    changed:
      effects:
        - { set: { property: note, from: event.note } }
        - { set: { property: number, from: event.number } }
        - { set: { property: weight, from: event.weight } }
    visited:
      effects:
        - { increment: { property: visits } }
        - { relate: { type: made, target: visit, hints: { visit: [visit_no] } } }
visit:
  starts: open
  identity:
    visit_no: {}
  properties:
    guest: { type: string, sensitive: pii }
  states:
    open:
      when:
        visited:
          effects:
            - create
            - { set: { property: guest, from: event.email } }
  relationships:
    - { type: made_by, target: person, cardinality: belongs_to }
";

const SOURCES: &str = "
desk:
  event_type: type
  timestamp: at
  events:
    joined:
      mappings:
        email: { from: who.mail, type: string }
        phone: { from: who.tel, type: string }
        name: { from: who.name, type: string }
        born: { from: who.born, type: datetime }
      hints: { person: [email, phone] }
    changed:
      mappings:
        email: { from: mail, type: string }
        note: { from: remark.text, type: string }
        number: { from: number, type: integer }
        weight: { from: weight, type: number }
      hints: { person: [email] }
    visited:
      mappings:
        email: { from: mail, type: string }
        visit_no: { from: visit, type: string }
      hints: { person: [email], visit: [visit_no] }
";

/// A person whom nothing else resembles.
struct Person {
    word: &'static str,
    number: i64,
    weight: f64,
    /// Microseconds since 1970.
    born: i64,
}

const ERASED: Person = Person {
    word: "quaxx7erna",
    number: 0x5a17_3c99_4251,
    weight: 98.765_432_101_23,
    born: -267_581_726_876_543,
};
const REDACTED: Person = Person {
    word: "zorblim9ko",
    number: 0x4b2e_91d7_6c3f,
    weight: 61.718_281_828_459,
    born: -298_113_846_123_457,
};
const KEPT: Person = Person {
    word: "plumber3vi",
    number: 0x3c6a_f01b_88d5,
    weight: 71.414_213_562_373,
    born: -143_227_951_777_333,
};

impl Person {
    fn mail(&self, number: u32) -> String {
        let (first, rest) = self.word.split_at(1);
        format!("{}{rest}.{number}@Example.org", first.to_uppercase())
    }

    /// Everything that a file must not hold, by the name of the form.
    fn marks(&self) -> Vec<(String, Vec<u8>)> {
        let escaped: String =
            self.word.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
        let born = defacto_model::Timestamp::from_micros(self.born).unwrap().to_string();
        let mut marks = vec![
            ("text", self.word.as_bytes().to_vec()),
            ("escaped text", escaped.into_bytes()),
            ("number as text", self.number.to_string().into_bytes()),
            ("number in a row", self.number.to_be_bytes()[2..].to_vec()),
            ("number in a state", self.number.to_le_bytes().to_vec()),
            ("float as text", self.weight.to_string().into_bytes()),
            ("float in a row", self.weight.to_be_bytes().to_vec()),
            ("float in a state", self.weight.to_le_bytes().to_vec()),
            ("instant as text", born[..26].as_bytes().to_vec()),
            ("instant in a row", self.born.to_be_bytes().to_vec()),
            ("instant in a state", self.born.to_le_bytes().to_vec()),
        ];
        marks
            .drain(..)
            .map(|(name, bytes)| (format!("{}: {name}", self.word), bytes.to_ascii_lowercase()))
            .collect()
    }

    /// Two identities that turn out to be one, many changes, late ones, duplicates.
    fn events(&self) -> Vec<Value> {
        let born = defacto_model::Timestamp::from_micros(self.born).unwrap().to_string();
        let who = |at: &str, mail: u32, tel: &str| {
            json!({"type": "joined", "at": at, "who": {"mail": self.mail(mail), "name": format!("Zü{} \"Ω\"", self.word),
                "born": born, "tel": format!("{}-{tel}", self.word)}})
        };
        let mut events = vec![
            who("2026-01-02T08:00:00Z", 1, "x"),
            who("2026-01-03T08:00:00Z", 2, "y"),
            who("2026-01-04T08:00:00Z", 3, "z"),
        ];
        for day in 5..25 {
            events.push(json!({"type": "changed", "at": format!("2026-01-{day:02}T08:00:00Z"), "mail": self.mail(1),
                "remark": {"text": format!("{} said {day} things", self.word)}, "number": self.number,
                "weight": self.weight}));
            events.push(json!({"type": "visited", "at": format!("2026-01-{day:02}T09:00:00Z"), "mail": self.mail(2),
                "visit": format!("v{}", day % 4)}));
        }
        // Joins the first two, late.
        events.push(who("2026-01-08T12:00:00Z", 1, "y"));
        events.push(json!({"type": "changed", "at": "2026-01-02T09:00:00Z", "mail": self.mail(3),
            "remark": {"text": format!("{} was late", self.word)}, "number": self.number, "weight": 1.5}));
        events
    }
}

/// Many others, so that rows move between pages.
fn others(round: u32) -> Vec<Value> {
    let mut events = Vec::new();
    for n in 0..120_u32 {
        let word = u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mail = format!("{word:016x}@example.org");
        if round == 0 {
            events.push(json!({"type": "joined", "at": "2026-01-01T00:00:00Z",
                "who": {"mail": mail, "name": format!("N{n}"), "born": "1990-01-01T00:00:00Z", "tel": format!("{word:x}")}}));
        }
        events.push(json!({"type": "changed", "at": format!("2026-02-{:02}T00:00:00Z", round + 1), "mail": mail,
            "remark": {"text": "x".repeat(40 + (n % 7 * 30) as usize)}, "number": n, "weight": 0.5}));
    }
    events
}

fn lines(events: &[Value]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

struct World {
    project: Project,
}

impl World {
    /// A project in which all three persons have left traces wherever they can.
    fn new() -> World {
        let project = Project::empty();
        project.write("entities/all.yaml", ENTITIES);
        project.write("sources/all.yaml", SOURCES);
        let world = World { project };
        world.ingest(&others(0));
        for (round, person) in (1..).zip([&ERASED, &REDACTED, &KEPT]) {
            let mut events = person.events();
            let escaped: String =
                person.word.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
            world.ingest(&events);
            world.ingest(&others(round));
            events.truncate(30);
            // The same again, and one record in which the word is nowhere in plain letters.
            let line =
                json!({"type": "changed", "at": "2026-01-09T01:00:00Z", "mail": person.mail(2),
                "remark": {"text": "ESCAPED"}, "number": 1, "weight": 1})
                .to_string();
            let text = lines(&events) + &line.replace("ESCAPED", &escaped) + "\n";
            world.ingest_text(&text);
        }
        // Merged on demand, history made anew, columns made anew, another version beside.
        let id = |person: &Person, number| world.id_of(&person.mail(number));
        // A reason given for a merge is no sensitive property, but goes with the erased.
        for (person, reason) in [(&ERASED, ERASED.word), (&REDACTED, "asked")] {
            world.project.ok(&["merge", &id(person, 3), &id(person, 1), "--reason", reason]);
        }
        world.build(&["--full"]);
        world.build(&["--from-raw"]);
        let other = Project::empty();
        other.write("entities/all.yaml", &ENTITIES.replace("30d", "60d"));
        other.write("sources/all.yaml", SOURCES);
        let other_dir = other.dir.to_str().unwrap();
        world.project.ok(&["definitions", "register", "patient", "--from", other_dir]);
        world.build(&["--version", "patient"]);
        world.project.write("entities/all.yaml", &ENTITIES.replace("30d", "45d"));
        world.build(&[]);
        world
    }

    fn ingest(&self, events: &[Value]) {
        self.ingest_text(&lines(events));
    }

    fn ingest_text(&self, text: &str) {
        let path = self.project.write("events.jsonl", text);
        self.project.ok(&[
            "ingest",
            "desk",
            path.to_str().unwrap(),
            "--process",
            "--batch-size",
            "50",
        ]);
    }

    fn build(&self, more: &[&str]) {
        self.project.ok(&[&["build"][..], &AS_OF, more].concat());
    }

    fn id_of(&self, hint: &str) -> String {
        let found = self.project.ok(&["identity", "lookup", hint, "--format", "json"]);
        let found: Value = serde_json::from_str(&found).unwrap();
        found[0]["entity_id"].as_str().unwrap().to_owned()
    }

    /// Which marks of a person are where.
    fn traces(&self, person: &Person) -> Vec<String> {
        let mut files = Vec::new();
        collect(&self.project.dir.join(".defacto"), &mut files);
        let mut found = Vec::new();
        for path in files {
            let bytes = fs::read(&path).unwrap().to_ascii_lowercase();
            for (name, mark) in person.marks() {
                if bytes.windows(mark.len()).any(|part| part == mark) {
                    found
                        .push(format!("{name} in {}", path.file_name().unwrap().to_string_lossy()));
                }
            }
        }
        found
    }

    /// Neither of the two is left, in whatever way everything is made anew.
    fn stays_clean(&self) {
        let clean = |what: &str| {
            assert_eq!(self.traces(&ERASED), [""; 0], "erased, {what}");
            assert_eq!(self.traces(&REDACTED), [""; 0], "redacted, {what}");
        };
        clean("at once");
        for mode in [&["--full"][..], &["--from-raw"], &[]] {
            self.build(mode);
            clean(&format!("after build {mode:?}"));
        }
        self.build(&["--version", "patient"]);
        clean("after another version was built");
        let folded = ENTITIES.replace("phone: {}", "phone: { match: case_insensitive }");
        assert_ne!(folded, ENTITIES);
        self.project.write("entities/all.yaml", &folded);
        self.build(&[]);
        clean("after identity was made anew");
        let compared = self.project.ok(&["verify", "--rebuild", "--format", "json"]);
        assert!(compared.contains("\"equal\":true"), "{compared}");
        clean("after a comparison with a rebuild");
        self.project.ok(&["verify"]);
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // Machine code of definitions, which hold no data.
        if path.file_name().is_some_and(|name| name == "modules") {
            continue;
        }
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

#[test]
fn no_byte_is_left_and_none_comes_back() {
    let world = World::new();
    for person in [&ERASED, &REDACTED, &KEPT] {
        let before = world.traces(person);
        for (name, _) in person.marks() {
            assert!(
                before.iter().any(|found| found.starts_with(&name)),
                "the scan misses {name}: {before:?}"
            );
        }
    }
    let (erased, redacted) = (world.id_of(&ERASED.mail(2)), world.id_of(&REDACTED.mail(3)));
    world.project.ok(&["erase", &erased, "--yes"]);
    world.project.ok(&["redact", &redacted]);
    world.stays_clean();
    let kept = world.traces(&KEPT);
    assert!(
        kept.iter().any(|found| found.contains(": text in")),
        "the third is still there: {kept:?}"
    );

    // The same person once more: somebody new, with nothing of what was.
    world.ingest(&[
        json!({"type": "joined", "at": "2026-03-01T00:00:00Z", "who": {"mail": "back@example.org", "name": "New", "born": "2000-01-01", "tel": "+1"}}),
        json!({"type": "changed", "at": "2026-03-02T00:00:00Z", "mail": REDACTED.mail(1), "remark": {"text": "known"}, "number": 2, "weight": 2}),
        json!({"type": "joined", "at": "2026-03-03T00:00:00Z", "who": {"mail": ERASED.mail(1), "name": "New", "born": "2000-01-01", "tel": "+2"}}),
    ]);
    assert_eq!(world.id_of(&REDACTED.mail(1)), redacted, "the redacted person is found");
    let again = world.id_of(&ERASED.mail(1));
    assert_ne!(again, erased, "the erased person is somebody new");
    for mode in [&[][..], &["--full"], &["--from-raw"]] {
        world.build(mode);
        let rows = world.project.ok(&["history", "person", "--id", &again, "--format", "jsonl"]);
        assert!(
            !rows.contains(&ERASED.number.to_string()) && rows.contains("2026-03-03"),
            "{rows}"
        );
        assert!(!rows.contains("2026-01"), "{rows}");
        let traces = world.traces(&ERASED);
        let old = traces.iter().filter(|found| !found.contains(": text in")).collect::<Vec<_>>();
        assert!(old.is_empty(), "{old:?}");
    }
}

#[test]
fn a_reader_delays_the_last_step_to_the_next_opening() {
    let world = World::new();
    let (erased, redacted) = (world.id_of(&ERASED.mail(1)), world.id_of(&REDACTED.mail(1)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let engine = runtime.block_on(Engine::project(&world.project.dir).unwrap().open()).unwrap();
    let pages = runtime.block_on(async {
        let view = engine.view(None).await.unwrap();
        view.history("person", HistoryQuery::default()).await.unwrap()
    });
    let message = world.project.fails(4, &["erase", &erased, "--yes"]);
    assert!(
        message.contains("may still hold traces") && message.contains("earlier state"),
        "{message}"
    );
    world.project.fails(2, &["timeline", &erased]);
    assert!(!world.traces(&ERASED).is_empty(), "the reader still sees the person");
    drop(pages);
    drop(engine);
    drop(runtime);
    world.project.ok(&["status"]);
    assert_eq!(world.traces(&ERASED), [""; 0]);
    world.project.ok(&["redact", &redacted]);
    world.stays_clean();
}

#[test]
fn a_killed_erasure_is_completed_by_the_next_opening() {
    let world = World::new();
    let (erased, redacted) = (world.id_of(&ERASED.mail(1)), world.id_of(&REDACTED.mail(1)));
    let mut child = world
        .project
        .command(&["erase", &erased, "--yes", "--log-level", "info"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Logged between the transaction and the rewriting of the file.
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let erasing = lines.map_while(Result::ok).any(|line| line.contains("entity erased"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(erasing, "the erasure was logged");
    // A comparison that was killed has left its copy, in which everybody is.
    let copy = world.project.dir.join(".defacto/rebuild");
    fs::create_dir_all(&copy).unwrap();
    fs::write(copy.join("defacto.db"), ERASED.word.repeat(3) + REDACTED.word).unwrap();
    let output = world.project.run(&["status"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    world.project.ok(&["redact", &redacted]);
    world.stays_clean();
}
