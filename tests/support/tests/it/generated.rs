use defacto_check::check;
use defacto_definitions::load_document;
use defacto_diagnostics::Severity;
use defacto_test_support::{definitions, packed_definitions};

#[test]
fn generated_definitions_are_accepted() {
    let alone = (0..400).map(|seed| (seed, definitions(seed)));
    for (seed, set) in alone.chain((0..10_000).map(|seed| (seed, packed_definitions(seed)))) {
        let loaded = load_document("generated.json", &set.text);
        let (_, found) = check(&loaded.definitions);
        let errors: Vec<String> = loaded
            .diagnostics
            .iter()
            .chain(&found)
            .filter(|d| d.severity() == Severity::Error)
            .map(|d| format!("{} {}: {}", d.code.name(), d.path, d.message))
            .collect();
        assert!(errors.is_empty(), "seed {seed}: {errors:#?}\n{}", set.text);
    }
}

#[test]
fn a_seed_always_gives_the_same_set() {
    assert_eq!(definitions(7).text, definitions(7).text);
    assert_ne!(definitions(7).text, definitions(8).text);
}
