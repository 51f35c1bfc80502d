//! Sources whose events a module makes, from the file to the history.

use std::fs;

use defacto_componentize::{World, componentize};
use serde_json::Value;

use crate::project::{Project, text};

/// A module for lines of text: each word is an event, in order. A line that begins with `!` is refused, `#` traps, `@`
/// gives an event that the description rules out. `fields` are one or two: the word, and its length.
fn words(fields: usize, description: &str) -> Vec<u8> {
    let length = description.len();
    let bytes: String = description.bytes().map(|b| format!("\\{b:02x}")).collect();
    let values = fields * 16;
    let text = format!(
        r#"(module
  (memory (export "memory") 8)
  (global $heap (mut i32) (i32.const 65536))
  (data (i32.const 4096) "{bytes}")
  (data (i32.const 64) "bad-word")
  (func $alloc (param $n i32) (result i32) (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
    (global.set $heap (i32.add (local.get $at) (local.get $n)))
    (local.get $at))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (call $alloc (local.get 3)))
  (func (export "cabi_post_describe") (param i32) (global.set $heap (i32.const 65536)))
  (func (export "cabi_post_normalize") (param i32) (global.set $heap (i32.const 65536)))
  (func (export "describe") (param i32 i32) (result i32)
    (i32.store (i32.const 32) (i32.const 0))
    (i32.store (i32.const 36) (i32.const 4096))
    (i32.store (i32.const 40) (i32.const {length}))
    (i32.const 32))
  (func (export "normalize") (param i32 i32) (param $b i32) (param $n i32) (result i32)
    (local $i i32) (local $out i32) (local $r i32) (local $p i32) (local $l i32) (local $k i32)
    (local $e i32) (local $v i32) (local $j i32) (local $start i32) (local $count i32)
    (local.set $out (call $alloc (i32.mul (local.get $n) (i32.const 32))))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
      (local.set $r (i32.add (local.get $out) (i32.mul (local.get $i) (i32.const 32))))
      (local.set $k (i32.add (local.get $b) (i32.mul (local.get $i) (i32.const 12))))
      (local.set $p (i32.load offset=4 (local.get $k)))
      (local.set $l (i32.load offset=8 (local.get $k)))
      (local.set $k (if (result i32) (local.get $l) (then (i32.load8_u (local.get $p))) (else (i32.const 0))))
      (if (i32.eq (local.get $k) (i32.const 35)) (then unreachable))
      (local.set $e (call $alloc (i32.mul (i32.const 24) (i32.add (local.get $l) (i32.const 1)))))
      (i32.store (local.get $r) (i32.const 0))
      (i32.store offset=4 (local.get $r) (local.get $e))
      (local.set $j (i32.const 0)) (local.set $start (i32.const 0)) (local.set $count (i32.const 0))
      (block $end (loop $char
        (br_if $end (i32.gt_u (local.get $j) (local.get $l)))
        (if (if (result i32) (i32.eq (local.get $j) (local.get $l)) (then (i32.const 1))
              (else (i32.eq (i32.load8_u (i32.add (local.get $p) (local.get $j))) (i32.const 32))))
          (then
            (if (i32.gt_u (local.get $j) (local.get $start)) (then
              (local.set $v (call $alloc (i32.const {values})))
              (i32.store (local.get $v) (i32.const 4))
              (i32.store offset=8 (local.get $v) (i32.add (local.get $p) (local.get $start)))
              (i32.store offset=12 (local.get $v) (i32.sub (local.get $j) (local.get $start)))
              (if (i32.eq (i32.const {fields}) (i32.const 2)) (then
                (i32.store offset=16 (local.get $v) (i32.const 2))
                (i64.store offset=24 (local.get $v)
                  (i64.extend_i32_u (i32.sub (local.get $j) (local.get $start))))))
              (i32.store (local.get $e) (i32.eq (local.get $k) (i32.const 64)))
              (i64.store offset=8 (local.get $e) (i64.const 1700000000000000))
              (i32.store offset=16 (local.get $e) (local.get $v))
              (i32.store offset=20 (local.get $e) (i32.const {fields}))
              (local.set $e (i32.add (local.get $e) (i32.const 24)))
              (local.set $count (i32.add (local.get $count) (i32.const 1)))))
            (local.set $start (i32.add (local.get $j) (i32.const 1)))))
        (local.set $j (i32.add (local.get $j) (i32.const 1)))
        (br $char)))
      (i32.store offset=8 (local.get $r) (local.get $count))
      (if (i32.eq (local.get $k) (i32.const 33)) (then
        (i32.store (local.get $r) (i32.const 1))
        (i32.store offset=4 (local.get $r) (i32.const 64)) (i32.store offset=8 (local.get $r) (i32.const 8))
        (i32.store offset=12 (local.get $r) (i32.const 0))
        (i32.store offset=24 (local.get $r) (local.get $p)) (i32.store offset=28 (local.get $r) (local.get $l))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (i32.store (i32.const 8) (local.get $out))
    (i32.store (i32.const 12) (local.get $n))
    (i32.const 8)))"#
    );
    componentize(&wat::parse_str(text).unwrap(), World::Normalizer).unwrap()
}

const ONE: &str = r#"{"name":"words","version":"1","events":[{"type":"word.seen","fields":[{"name":"text","type":"string"}]}]}"#;
const TWO: &str = r#"{"name":"words","version":"2","events":[{"type":"word.seen","fields":[{"name":"text","type":"string"},{"name":"size","type":"integer"}]}]}"#;

const DEFINITIONS: &str = "
word:
  starts: known
  identity:
    text: { match: exact }
  properties:
    times: { type: integer, default: 0 }
    size: { type: integer }
  states:
    known:
      when:
        word.seen:
          effects:
            - create
            - increment: { property: times }
            - set: { property: size, from: event.size }
";

const SOURCE: &str = "
book:
  normalizer: words
  input: text
  event_id: [$raw]
  events:
    word.seen:
      hints: { word: [text] }
";

fn project(module: &[u8]) -> Project {
    let project = Project::empty();
    project.write("entities/word.yaml", DEFINITIONS);
    project.write("sources/book.yaml", SOURCE);
    fs::create_dir_all(project.dir.join("normalizers")).unwrap();
    fs::write(project.dir.join("normalizers/words.wasm"), module).unwrap();
    project
}

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Text, times and size of every word, sorted.
fn table(project: &Project) -> Vec<(String, i64, Option<i64>)> {
    let hints = rows(&project.ok(&["identity", "list", "--format", "jsonl"]));
    let states = rows(&project.ok(&["table", "word", "--format", "jsonl"]));
    let mut words: Vec<_> = hints
        .iter()
        .map(|hint| {
            let id = &hint["entity_id"];
            let row = states
                .iter()
                .find(|row| row["word_id"] == *id)
                .unwrap_or_else(|| panic!("{states:?}"));
            (
                hint["value"].as_str().unwrap().to_owned(),
                row["times"].as_i64().unwrap(),
                row["size"].as_i64(),
            )
        })
        .collect();
    words.sort();
    words
}

fn word(text: &str, times: i64, size: Option<i64>) -> (String, i64, Option<i64>) {
    (text.to_owned(), times, size)
}

const LINES: &str =
    "to be or not to be\n!swear\n#crash\n@unknown\n\nthat is  the question\r\n\"quoted\\\"\n";

#[test]
fn lines_of_text_become_history_and_a_new_module_renormalizes_them() {
    let project = project(&words(1, ONE));
    project.write("data/hamlet.txt", LINES);
    assert!(project.ok(&["validate"]).is_empty());

    let shown = project.run(&["normalize", "book", "data/hamlet.txt", "--format", "jsonl"]);
    assert_eq!(shown.status.code(), Some(1));
    let shown = rows(&text(&shown.stdout));
    let codes: Vec<&str> = shown.iter().filter_map(|row| row["code"].as_str()).collect();
    assert_eq!(codes, ["N11", "N12", "N12"]);
    assert_eq!(shown.len(), 6 + 3 + 4 + 1, "{shown:?}");
    let texts: Vec<&str> = shown.iter().filter_map(|row| row["data"]["text"].as_str()).collect();
    assert_eq!(texts[..2], ["to", "be"]);
    assert_eq!(texts[10], "\"quoted\\\"");
    let ids: std::collections::BTreeSet<&str> =
        shown.iter().filter_map(|row| row["event_id"].as_str()).collect();
    assert_eq!(ids.len(), 11, "every event of a record has an id of its own");

    let said = project.fails(1, &["ingest", "book", "data/hamlet.txt"]);
    assert!(said.contains("hamlet.txt:2: N11: bad-word: !swear"), "{said}");
    assert!(said.contains("hamlet.txt:3: N12: the normalizer stopped"), "{said}");
    assert!(said.contains("hamlet.txt:4: N12") && said.contains("lists 1 types"), "{said}");
    // Sent again, the rest is known.
    let again = project.run(&["ingest", "book", "data/hamlet.txt", "--format", "json"]);
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!((&again["events_ingested"], &again["duplicates_skipped"]), (&0.into(), &11.into()));

    let as_of = ["--as-of", "2026-01-01T00:00:00Z"];
    project.ok(&["build", as_of[0], as_of[1]]);
    let one = [
        word("\"quoted\\\"", 1, None),
        word("be", 2, None),
        word("is", 1, None),
        word("not", 1, None),
        word("or", 1, None),
        word("question", 1, None),
        word("that", 1, None),
        word("the", 1, None),
        word("to", 2, None),
    ];
    assert_eq!(table(&project), one);
    let before = project.fingerprint();
    // The ledger keeps lines as they came.
    let ledger = rows(&project.ok(&["ledger", "events", "--format", "jsonl"]));
    assert!(
        ledger.iter().any(|row| row.to_string().contains("that is  the question")),
        "{ledger:?}"
    );

    // From the raw lines again: the same.
    project.ok(&["build", "--from-raw", as_of[0], as_of[1]]);
    assert_eq!(project.fingerprint(), before);

    // Another module is another version, and makes the columns anew.
    fs::write(project.dir.join("normalizers/words.wasm"), words(2, TWO)).unwrap();
    let built = project.ok(&["build", as_of[0], as_of[1], "--format", "json"]);
    let built: Value = serde_json::from_str(&built).unwrap();
    assert_eq!(built["mode"], "FULL_RENORMALIZE");
    let two: Vec<_> = one.iter().map(|(w, n, _)| word(w, *n, Some(w.len() as i64))).collect();
    assert_eq!(table(&project), two);
    project.ok(&["verify", "--rebuild"]);

    // The version before still has its module, though the project has not.
    let versions = rows(&project.ok(&["definitions", "list", "--format", "jsonl"]));
    let old =
        versions.iter().find(|row| row["active"] != true).unwrap_or_else(|| panic!("{versions:?}"));
    project.ok(&["definitions", "activate", old["version"].as_str().unwrap(), as_of[0], as_of[1]]);
    assert_eq!(project.fingerprint(), before);
}

#[test]
fn the_module_and_what_is_said_of_it_are_checked_when_definitions_are_loaded() {
    let project = project(&words(1, ONE));
    let refused = |source: &str| {
        project.write("sources/book.yaml", source);
        project.fails(3, &["validate"])
    };
    let said = refused(&SOURCE.replace("normalizer: words", "normalizer: wods"));
    assert!(said.contains("DF0130") && said.contains("did you mean `words`?"), "{said}");
    assert!(said.contains("sources/book.yaml:3"), "{said}");
    let said = refused(&SOURCE.replace("word.seen", "word.sen"));
    assert!(said.contains("DF0131") && said.contains("did you mean `word.seen`?"), "{said}");
    let said = refused(&SOURCE.replace("word: [text]", "word: [txt]"));
    assert!(said.contains("DF0126"), "{said}");
    let said = refused(&SOURCE.replace("[$raw]", "[number]"));
    assert!(said.contains("DF0131") && said.contains("`number`"), "{said}");
    let said = refused(&SOURCE.replace("hints:", "mappings: [text]\n      hints:"));
    assert!(said.contains("DF0102") && said.contains("`mappings`"), "{said}");
    let said = refused(&SOURCE.replace("input: text", "input: txt"));
    assert!(said.contains("DF0106") && said.contains("`text`"), "{said}");
    let said = refused(&SOURCE.replace("input: text", "timestamp: at"));
    assert!(said.contains("DF0102") && said.contains("`timestamp`"), "{said}");
    let said = refused(&SOURCE.replace("input: text", "limits: { fuel: 1 }"));
    assert!(said.contains("DF0108") && said.contains("10000"), "{said}");
    let said =
        refused(&SOURCE.replace("  normalizer: words\n", "  event_type: a\n  timestamp: b\n"));
    assert!(said.contains("`input` is for sources with a `normalizer`"), "{said}");
    // What the module describes is what expressions are checked against.
    project.write("sources/book.yaml", SOURCE);
    project.write(
        "entities/word.yaml",
        &DEFINITIONS.replace("from: event.size", "compute: event.text * 2"),
    );
    let said = text(&project.run(&["validate"]).stderr);
    assert!(said.contains("does not take String and Int"), "{said}");
    // A module that is none.
    fs::write(project.dir.join("normalizers/words.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let said = project.fails(3, &["validate"]);
    assert!(said.contains("DF0130") && said.contains("core WebAssembly module"), "{said}");
}

#[test]
fn tables_and_limits_are_part_of_the_version() {
    let project = project(&words(1, ONE));
    project.write("data/a.txt", "one two\n");
    project.ok(&["ingest", "book", "data/a.txt"]);
    project.ok(&["build"]);
    let mode = |project: &Project| {
        let plan: Value =
            serde_json::from_str(&project.ok(&["build", "--format", "json"])).unwrap();
        plan["mode"].as_str().unwrap().to_owned()
    };
    assert_eq!(mode(&project), "SKIP");
    project.write("normalizers/words/codes.csv", "code,name\nDE,Germany\n");
    assert_eq!(mode(&project), "FULL_RENORMALIZE");
    project
        .write("sources/book.yaml", &SOURCE.replace("input:", "config: { a: [1, two] }\n  input:"));
    assert_eq!(mode(&project), "FULL_RENORMALIZE");
    project.write("normalizers/words/codes.csv", "code,name\nDE,Germany\nDE,again\n");
    let said = project.fails(3, &["validate"]);
    assert!(said.contains("DF0130") && said.contains("the key `DE` stands twice"), "{said}");
}

#[test]
fn bytes_and_rows_reach_the_module_as_they_came() {
    let project = project(&words(1, ONE));
    project.write("sources/book.yaml", &SOURCE.replace("input: text", "input: bytes"));
    project.write("data/a.bin", "one two\nthree");
    // A line's end is no blank: the module sees the whole file.
    project.ok(&["ingest", "book", "data/a.bin"]);
    project.ok(&["build"]);
    let names: Vec<String> = table(&project).into_iter().map(|(word, _, _)| word).collect();
    assert_eq!(names, ["one", "two\nthree"]);
    let ledger = project.ok(&["ledger", "events", "--format", "jsonl"]);
    assert!(ledger.contains("b25lIHR3bwp0aHJlZQ=="), "{ledger}");
}

#[test]
fn erasing_and_redacting_spare_the_other_events_of_a_record() {
    let definitions = DEFINITIONS
        .replace("    times: {", "    told: { type: string, sensitive: pii }\n    times: {");
    let definitions = definitions.replace(
        "            - increment:",
        "            - set: { property: told, from: event.text }\n            - increment:",
    );
    let project = project(&words(1, ONE));
    project.write("entities/word.yaml", &definitions);
    project.write("data/lines.txt", "alice bob\ncarol bob\ndave\n");
    project.ok(&["ingest", "book", "data/lines.txt"]);
    let as_of = ["--as-of", "2026-01-01T00:00:00Z"];
    project.ok(&["build", as_of[0], as_of[1]]);
    let id = |word: &str| {
        let found = project.ok(&["identity", "list", "--format", "jsonl"]);
        let found = rows(&found).into_iter().find(|row| row["value"] == word);
        found.unwrap_or_else(|| panic!("{word}"))["entity_id"].as_str().unwrap().to_owned()
    };
    let (alice, carol) = (id("alice"), id("carol"));
    let bob = word("bob", 2, None);
    project.ok(&["erase", &alice, "--yes"]);
    assert_eq!(table(&project), [bob.clone(), word("carol", 1, None), word("dave", 1, None)]);
    project.ok(&["redact", &carol]);
    let all = |project: &Project| {
        let ledger = project.ok(&["ledger", "events", "--format", "jsonl"]);
        ledger + &project.ok(&["history", "word", "--format", "jsonl"])
    };
    let stored = all(&project);
    assert!(!stored.contains("alice") && !stored.contains("carol"), "{stored}");
    assert!(stored.contains("bob") && stored.contains("dave"), "{stored}");
    assert_eq!(rows(&project.ok(&["ledger", "events", "--format", "jsonl"])).len(), 4);
    // The records of both are gone with the words in them, so that the events of others stay as they are even from raw.
    let before = project.fingerprint();
    project.ok(&["build", "--from-raw", as_of[0], as_of[1]]);
    assert_eq!(project.fingerprint(), before);
    assert!(table(&project).contains(&bob));
    assert!(!all(&project).contains("carol"));
    project.ok(&["verify", "--rebuild"]);
}

#[test]
fn drafts_and_status_know_the_modules() {
    let project = project(&words(1, ONE));
    project.write("data/lines.txt", "alice bob\n");
    project.ok(&["ingest", "book", "data/lines.txt"]);
    project.ok(&["build", "--as-of", "2026-01-01T00:00:00Z"]);
    let status = project.ok(&["status", "--format", "json"]);
    let status: Value = serde_json::from_str(&status).unwrap();
    let module = &status["modules"][0];
    assert_eq!((&module["world"], &module["module"]), (&"normalizer".into(), &"words".into()));
    assert!(module["instances"].as_u64().unwrap() > 0, "{status}");

    project.ok(&["definitions", "draft", "new", "next"]);
    // What the module describes is what a step is checked against.
    let put = |value: &str| {
        project.run(&["definitions", "draft", "put", "next", "sources.book.event_id", value])
    };
    let refused = put(r#"["number"]"#);
    let said = text(&refused.stderr);
    assert!(!refused.status.success() && said.contains("`number`"), "{said}");
    let good = put(r#"["text", "$raw"]"#);
    assert!(good.status.success(), "{}", text(&good.stderr));
    project.ok(&["definitions", "draft", "validate", "next"]);
}
