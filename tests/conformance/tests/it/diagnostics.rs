//! What users read about faulty definitions, byte for byte.
//!
//! `cases/diagnostics/CODE-what.yaml` holds definitions, `CODE-what.txt` beside it what the compiler says. After a
//! wanted change, run the tests with `BLESS=1` and read the difference before committing it.

use std::{collections::BTreeSet, env, fs, path::PathBuf};

use defacto_compiler::{
    DescribeError, Described, Input, NormalizerDef, UserModules, analyze_with,
    diagnostics::{Code, render_text},
};
use defacto_model::FunctionsDescription;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cases/diagnostics")
}

/// The normalizers of the cases: `till`, which knows the configuration `{bank: …}`, and `worn`.
#[derive(Debug)]
struct Modules;

impl UserModules for Modules {
    fn names(&self) -> Vec<String> {
        vec!["till".to_owned(), "worn".to_owned()]
    }

    fn describe(&self, module: &NormalizerDef) -> Result<Described, DescribeError> {
        match module.name.value.as_str() {
            "till" if module.config_text() == "{}" => {
                Err(DescribeError::Configuration("`bank` is missing".to_owned()))
            }
            "till" => {
                let text = r#"{"name": "till", "version": "2", "events": [
                    {"type": "signed_up", "fields": [{"name": "email", "type": "string"}, {"name": "name"}]},
                    {"type": "bought", "fields": [{"name": "email", "type": "string"},
                        {"name": "number", "type": "string"}, {"name": "amount", "type": "number"}]}]}"#;
                let description = serde_json::from_str(text).unwrap();
                Ok(Described { digest: "ab".repeat(32), description })
            }
            "worn" => Err(DescribeError::Broken("it imports `wasi:cli/environment`".to_owned())),
            _ => Err(DescribeError::Unknown),
        }
    }

    fn functions(
        &self,
        name: &str,
        _: Option<&str>,
        _: &[(&'static str, u64)],
    ) -> Result<(String, FunctionsDescription), DescribeError> {
        match name {
            "geo" => {
                let text = r#"{"name": "geo", "version": "1", "functions": [
                    {"name": "country", "parameters": [{"name": "ip", "type": "string"}], "returns": "string"},
                    {"name": "distance", "parameters": [{"name": "from", "type": "number"},
                        {"name": "to", "type": "number"}], "returns": "number"}]}"#;
                Ok(("cd".repeat(32), serde_json::from_str(text).unwrap()))
            }
            "worn" => Err(DescribeError::Broken("it imports `wasi:cli/environment`".to_owned())),
            _ => Err(DescribeError::Unknown),
        }
    }
}

/// Names of the cases, without the suffix of their input.
fn inputs() -> Vec<PathBuf> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|file| file.extension().is_some_and(|it| it == "yaml" || it == "json"))
        .collect();
    files.sort();
    files
}

#[test]
fn rendered_diagnostics_are_as_recorded() {
    let bless = env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    let mut expected = BTreeSet::new();
    for file in inputs() {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        let analysis = analyze_with(&Input::Document { name: &name, text: &text }, &Modules);
        // The name says which code the case is about.
        let code: Code = name.split('-').next().unwrap().parse().expect(&name);
        let about = analysis.diagnostics.iter().any(|it| it.code == code);
        let said = render_text(&analysis.diagnostics, &analysis.source_map, false);
        if !about {
            wrong.push(format!("== {name}: nothing is said under {code}\n{said}"));
        }
        let record = file.with_extension("txt");
        if bless {
            fs::write(&record, &said).unwrap();
        }
        match fs::read_to_string(&record) {
            Ok(recorded) if recorded == said => {}
            Ok(recorded) => wrong.push(format!("== {name}\n-- recorded\n{recorded}-- now\n{said}")),
            Err(error) => wrong.push(format!("== {name}: {error}")),
        }
        expected.insert(record);
    }
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(expected.len() >= 120, "{} cases", expected.len());
    let records = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let stray: Vec<_> = records
        .filter(|file| file.extension().is_some_and(|it| it == "txt") && !expected.contains(file))
        .collect();
    assert!(stray.is_empty(), "records without a case: {stray:?}");
}

/// Every code about definitions has a case.
#[test]
fn every_code_of_definitions_has_a_case() {
    let names: Vec<_> = inputs()
        .iter()
        .map(|file| file.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    let covered: BTreeSet<Code> =
        names.iter().filter_map(|name| name.split('-').next()?.parse().ok()).collect();
    // W-14 is about folders, which have no place in one document.
    let missing: Vec<_> = Code::all()
        .filter(|code| code.0 < 1000 && *code != Code::W14 && !covered.contains(code))
        .map(Code::name)
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
