//! A module with every kind of field, over the host for tests.

use defacto_sdk::host::{Level, log, lookup};
use defacto_sdk::testing::Host;
use defacto_sdk::{Config, Events, Failure, Json, Normalizer, Record, Timestamp, Value};
use serde::Deserialize;

defacto_sdk::normalizer! {
    normalizer Kinds = "kinds", version "2.1.0";

    /// Every kind of field.
    /// In two lines.
    event Every = "every" {
        /// Some text.
        text: String,
        number: f64,
        count: i64,
        flag: bool,
        at: Timestamp,
        list: Json,
        other: Value,
        missing: Option<f64>,
    }

    event Bare = "bare" {}
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kinds {
    #[serde(default)]
    loud: bool,
}

impl Normalizer for Kinds {
    fn configure(config: &Config<'_>) -> Result<Self, String> {
        config.parse()
    }

    fn normalize(&self, record: Record<'_>, events: &mut Events) -> Result<(), Failure> {
        let at = Timestamp::from_seconds(1).ok_or_else(|| Failure::new("TIME", "never"))?;
        if self.loud {
            log(Level::Warn, "loud");
        }
        match record.text()? {
            "every" => events.push(
                at,
                Every {
                    text: "a".into(),
                    number: 0.5,
                    count: -1,
                    flag: true,
                    at,
                    list: Json("[1, 2]".into()),
                    other: Value::Duration(1_500_000),
                    missing: None,
                },
            ),
            "twice" => {
                events.push(at, Bare {});
                events.push(at, Bare {});
            }
            "late" => {
                events.push(at, Bare {});
                return Err(Failure::new("LATE", "an event, then a failure"));
            }
            key => events.push(
                at,
                Every {
                    text: lookup("keys", key).unwrap_or_default(),
                    number: 0.0,
                    count: 0,
                    flag: false,
                    at,
                    list: Json("{}".into()),
                    other: Value::Null,
                    missing: Some(1.0),
                },
            ),
        }
        Ok(())
    }
}

#[test]
fn a_module_says_what_it_makes() {
    let said = Host::<Kinds>::new().describe().unwrap();
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        said,
        serde_json::json!({
            "name": "kinds",
            "version": "2.1.0",
            "events": [
                {
                    "type": "every",
                    "description": "Every kind of field. In two lines.",
                    "fields": [
                        {"name": "text", "type": "string", "description": "Some text."},
                        {"name": "number", "type": "number"},
                        {"name": "count", "type": "integer"},
                        {"name": "flag", "type": "boolean"},
                        {"name": "at", "type": "datetime"},
                        {"name": "list", "type": "any"},
                        {"name": "other", "type": "any"},
                        {"name": "missing", "type": "number"},
                    ],
                },
                {"type": "bare", "fields": []},
            ],
        })
    );
}

#[test]
fn values_keep_their_kinds() {
    let every = &Host::<Kinds>::new().text(&["every"])[0];
    let made = &every.events()[0];
    assert_eq!(made.get("count"), Some(&Value::Integer(-1)));
    assert_eq!(made.get("at"), Some(&Value::Datetime(1_000_000)));
    assert_eq!(made.get("missing"), Some(&Value::Null));
    assert_eq!(made.get("nothing"), None);
    assert_eq!(
        every.to_json(),
        concat!(
            r#"{"events":[{"type":"every","timestamp":"1970-01-01T00:00:01+00:00","fields":{"text":"a","number":0.5,"#,
            r#""count":-1,"flag":true,"at":"1970-01-01T00:00:01+00:00","list":[1,2],"other":1.5,"missing":null}}]}"#
        )
    );
}

#[test]
fn a_failure_drops_what_was_pushed_before_it() {
    let results = Host::<Kinds>::new().text(&["twice", "late", "twice"]);
    assert_eq!(results.iter().map(|r| r.events().len()).collect::<Vec<_>>(), [2, 0, 2]);
    assert_eq!(
        results[1].to_json(),
        r#"{"failure":{"code":"LATE","field":null,"message":"an event, then a failure"}}"#
    );
}

#[test]
fn another_input_is_a_failure_of_the_record() {
    for results in [
        Host::<Kinds>::new().json(&["{}"]),
        Host::<Kinds>::new().bytes(&[b"every"]),
        Host::<Kinds>::new().rows(&[&[("a", "b")]]),
    ] {
        assert_eq!(results[0].failure().unwrap().code, "INPUT");
    }
}

#[test]
fn configuration_tables_and_log_reach_the_module() {
    let host = Host::<Kinds>::new().config(r#"{"loud": true}"#).table("keys", &[("k", "found")]);
    let results = host.text(&["k", "unknown"]);
    assert_eq!(results[0].events()[0].get("text"), Some(&Value::Text("found".into())));
    assert_eq!(results[1].events()[0].get("text"), Some(&Value::Text(String::new())));
    assert_eq!(host.logged(), [(Level::Warn, "loud".to_owned()), (Level::Warn, "loud".to_owned())]);
}

#[test]
fn a_refused_configuration_fails_every_record() {
    let host = Host::<Kinds>::new().config(r#"{"lout": true}"#);
    assert!(host.describe().unwrap_err().contains("unknown field `lout`"));
    assert!(host.text(&["every", "twice"]).iter().all(|r| r.failure().unwrap().code == "CONFIG"));
}
