use defacto_check::{ExpressionScope, check_expression};
use defacto_model::{Timestamp, Value};
use defacto_test_support::Oracle;
use serde_json::Value as Json;

use crate::corpus;

const fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Float(_) | Value::BigInt(_) => "float",
        Value::String(_) => "string",
        Value::DateTime(_) => "datetime",
        Value::Duration(_) => "duration",
        Value::List(_) => "list",
        Value::Object(_) => "object",
    }
}

#[test]
fn expressions_have_the_values_of_the_corpus() {
    let mut wrong = Vec::new();
    for file in ["deltas", "functions", "operators", "parse", "random", "time_dependent"] {
        for case in corpus::lines(&corpus::root().join(format!("expressions/{file}.jsonl"))) {
            let Ok(expr) = check_expression(
                case["expr"].as_str().unwrap(),
                ExpressionScope::Free { value: false },
                &[],
            ) else {
                continue;
            };
            let of = |key: &str| case.get(key).map_or(Value::Null, corpus::context);
            let now = case.get("now").and_then(Json::as_str).unwrap_or("2024-01-01T00:00:00Z");
            let now = Timestamp::parse_text(now).unwrap();
            let result = Oracle::evaluate(&expr, &of("event"), &of("entity"), &Value::Null, now);
            let right = match (&result, case["error"].as_str()) {
                (Err(_), error) => error == Some("eval"),
                (Ok(_), Some(_)) => false,
                (Ok(value), None) => {
                    type_name(value) == case["type"].as_str().unwrap()
                        && corpus::matches(value, &case["value"])
                }
            };
            if !right {
                wrong.push(format!("{}: {result:?}", case));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
