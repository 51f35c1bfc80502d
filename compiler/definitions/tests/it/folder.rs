use defacto_definitions::{Loaded, SourceFile, load_document, load_files};
use defacto_diagnostics::render_text;

use crate::support::findings;

fn load(files: &[(&str, &str)]) -> Loaded {
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| SourceFile { path: (*path).to_owned(), text: (*text).to_owned() })
        .collect();
    load_files(&files)
}

const ENTITY: &str = "{starts: s, identity: {i: }, states: {s: }}";

fn names(loaded: &Loaded) -> Vec<&str> {
    loaded.definitions.entities.iter().map(|it| it.name.value.as_str()).collect()
}

#[test]
fn only_yaml_files_directly_in_the_folders_count() {
    let one = |name: &str| format!("{name}: {ENTITY}");
    let loaded = load(&[
        ("entities/b.yml", &one("b")),
        ("entities/a.yaml", &one("a")),
        ("entities/deep/c.yaml", &one("c")),
        ("entities/d.txt", &one("d")),
        ("entities/e.yaml.bak", &one("e")),
        ("other/f.yaml", &one("f")),
        ("g.yaml", &one("g")),
        ("entities/empty.yaml", "# nothing\n"),
        ("entities/blank.yaml", ""),
    ]);
    assert_eq!(findings(&loaded), Vec::<String>::new());
    assert_eq!(names(&loaded), ["a", "b"]);
    assert!(loaded.complete);
}

#[test]
fn each_document_of_a_stream_counts_as_a_file() {
    let stream = format!("a: {ENTITY}\n---\nb: {ENTITY}\n---\n---\nc: {ENTITY}\n...\n");
    assert_eq!(names(&load(&[("entities/x.yaml", &stream)])), ["a", "b", "c"]);
    let stream = format!("entities: {{a: {ENTITY}}}\n---\nentities: {{b: {ENTITY}}}\n");
    assert_eq!(names(&load_document("x", &stream)), ["a", "b"]);
}

#[test]
fn duplicates_name_both_files() {
    let loaded = load(&[
        ("entities/two.yaml", &format!("a: {ENTITY}")),
        ("entities/one.yaml", &format!("a: {ENTITY}")),
        ("sources/a.yaml", "a: {event_type: t, timestamp: t, events: {e: {hints: {a: [i]}}}}"),
    ]);
    assert_eq!(
        findings(&loaded),
        ["E-01 entities.a: entity `a` is defined in entities/one.yaml and in entities/two.yaml"]
    );
    let text = render_text(&loaded.diagnostics, &loaded.sources, false);
    assert!(
        text.contains("entities/two.yaml:1:1") && text.contains("entities/one.yaml:1:1"),
        "{text}"
    );
    let stream = format!("a: {ENTITY}\n---\na: {ENTITY}\n");
    assert_eq!(
        findings(&load(&[("entities/x.yaml", &stream)])),
        ["E-01 entities.a: entity `a` is defined twice in entities/x.yaml"]
    );
}

#[test]
fn the_old_schema_folder_works_with_a_warning() {
    let loaded = load(&[
        ("events/a.yaml", "a: {fields: {}}"),
        ("schemas/b.yaml", "b: {fields: {}}"),
        ("events/c.yaml", "c: {fields: {}}"),
    ]);
    assert_eq!(findings(&loaded), ["W-14 schemas: the folder `events/` is deprecated"]);
    let schemas: Vec<_> =
        loaded.definitions.schemas.iter().map(|it| it.name.value.as_str()).collect();
    assert_eq!(schemas, ["a", "b", "c"]);
}

#[test]
fn a_broken_file_hides_no_other() {
    let loaded = load(&[
        ("entities/a.yaml", "a: [1"),
        ("entities/b.yaml", "- b"),
        ("entities/c.yaml", &format!("c: {ENTITY}")),
    ]);
    let codes: Vec<_> = findings(&loaded).iter().map(|it| it[..4].to_owned()).collect();
    assert_eq!(codes, ["E-01", "E-01"]);
    assert_eq!(names(&loaded), ["c"]);
    assert!(!loaded.complete);
}

#[test]
fn a_file_may_keep_anchors_under_keys_of_its_own() {
    let text = format!("x-anchors: {{s: &s {ENTITY}}}\na: *s\n");
    let loaded = load(&[
        ("entities/a.yaml", &text),
        (
            "sources/a.yaml",
            "x-anchors: &h {a: [i]}\nx-ray: {event_type: t, timestamp: t, events: {e: {hints: *h}}}",
        ),
    ]);
    assert_eq!(findings(&loaded), Vec::<String>::new());
    assert_eq!(names(&loaded), ["a"]);
    assert_eq!(loaded.definitions.sources[0].name.value, "x-ray");
}

#[test]
fn nothing_at_all_is_sound() {
    for text in ["", "# only a remark\n", "{}", "entities:\nsources: {}\n"] {
        let loaded = load_document("x", text);
        assert!(loaded.diagnostics.is_empty() && loaded.complete, "{text}");
    }
    assert_eq!(
        findings(&load_document("x", "[]")),
        ["E-01 : a mapping is expected here, not a list"]
    );
    assert_eq!(
        findings(&load_document("x", "entites: {}")),
        ["E-02 entites: unknown key `entites` of definitions"]
    );
}
