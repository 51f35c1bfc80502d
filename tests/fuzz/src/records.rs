//! JSON text of raw records → values: all readers of JSON agree.

use defacto_json::{Extractor, RawValue, Scratch, canonical, parse, to_json};
use defacto_model::{RawPath, Value};

const PATHS: &[&str] = &[
    "at",
    "type",
    "email",
    "v",
    "user.email",
    "items.0",
    "items.-1.sku",
    "a.b.c",
    "a.b",
    "a",
    "",
    "0",
    "machine.serial",
    "user",
    "v.0.0",
    "v.-1",
];

/// Reads the text in every way.
pub fn run(text: &str) {
    let paths: Vec<RawPath> = PATHS
        .iter()
        .enumerate()
        .map(|(number, path)| RawPath { path: (*path).to_owned(), literal_first: number % 2 == 0 })
        .collect();
    let (mut scratch, mut values) = (Scratch::default(), Vec::new());
    let extracted = Extractor::new(&paths).extract(text, &mut scratch, &mut values);
    let parsed = parse(text);
    let written = canonical(text);
    assert_eq!(
        parsed.is_ok(),
        extracted.is_ok(),
        "one reader refuses what the other takes: {parsed:?} {extracted:?}"
    );
    assert_eq!(parsed.is_ok(), written.is_ok(), "{parsed:?} {written:?}");
    let (Ok(parsed), Ok(written)) = (parsed, written) else { return };
    assert_eq!(canonical(&written).as_ref(), Ok(&written), "the canonical form is not its own");
    assert_eq!(parse(&written).as_ref(), Ok(&parsed), "the canonical form means something else");
    assert_eq!(
        parse(&to_json(&parsed)).as_ref(),
        Ok(&parsed),
        "what is printed means something else"
    );
    let Value::Object(entries) = &parsed else { return };
    for (path, found) in PATHS.iter().zip(&values).filter(|(path, _)| !path.contains('.')) {
        match entries.get(*path) {
            Some(value) => assert_eq!(found.to_value(), *value, "{path}"),
            None => assert!(matches!(found, RawValue::Absent), "{path}: {found:?}"),
        }
    }
}
