use defacto_ports::{HintRequest, Machines};
use defacto_test_support::Oracle;
use serde_json::{Value as Json, json};

use crate::corpus;

fn oracle(normalize: &str) -> Option<Oracle> {
    let definitions = json!({"entities": {"e": {
        "starts": "s",
        "identity": {"k": {"normalize": normalize}},
        "states": {"s": {"when": {"x": {"effects": ["create"]}}}},
    }}});
    Oracle::from_text(&definitions.to_string()).ok()
}

#[test]
fn hints_are_those_of_the_corpus() {
    let mut wrong = Vec::new();
    for case in corpus::lines(&corpus::root().join("expressions/identity_normalize.jsonl")) {
        let outcome = match oracle(case["normalize"].as_str().unwrap()) {
            None => json!({"error": "check"}),
            Some(oracle) => {
                let value = corpus::context(&case["value"]);
                match oracle
                    .hints(&[HintRequest { entity: 0, identity_field: 0, value }])
                    .unwrap()
                    .remove(0)
                {
                    Ok(hint) => json!({"hint": hint}),
                    Err(fault) => json!({"failure": format!("{:?}", fault.code)}),
                }
            }
        };
        let wanted: Json = outcome
            .as_object()
            .unwrap()
            .keys()
            .map(|key| (key.clone(), case[key].clone()))
            .collect();
        if outcome != wanted {
            wrong.push(format!("{case}: {outcome}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
