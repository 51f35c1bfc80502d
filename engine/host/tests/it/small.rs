//! A small definition from YAML to results.

use defacto_host::{Evaluation, Host, HostOptions, Limits};
use defacto_model::{EntityId, FailureCode, FieldOrigin, Value, event_id};
use defacto_ports::{EntityInput, EventInput, HintRequest, Item, ItemCause, Machines};

use crate::support::{component, instant, load, normalize};

const ACCOUNTS: &str = r#"
entities:
  account:
    starts: open
    identity:
      mail: { match: case_insensitive, normalize: "str::trim(value)" }
    properties:
      logins: { type: integer, default: 0 }
      parts: { type: integer }
    states:
      open:
        when:
          login:
            effects: [create, { increment: { property: logins } }]
          note:
            guard: "len(split(event.text, ',')) > 1"
            effects: [{ set: { property: parts, compute: "len(split(event.text, ','))" } }]
sources:
  app:
    event_type: kind
    timestamp: at
    event_id: [key, $source]
    events:
      login:
        mappings: { mail: { from: user.mail }, n: { from: n, type: integer } }
        hints: { account: [mail] }
      note:
        mappings: { mail: { from: user.mail }, text: { from: text }, parts: { compute: "len(split(event.text, ','))" } }
        hints: { account: [mail] }
"#;

#[test]
fn records_become_events_with_ids_and_hints() {
    let machine = load(ACCOUNTS);
    let record =
        r#"{"kind":"login","at":"2024-01-01T00:00:00Z","key":7,"user":{"mail":" A@X "},"n":"5"}"#;
    let event = normalize(&machine, &[record]).remove(0).unwrap();
    assert_eq!(event.event_type, "login");
    assert_eq!(event.timestamp, instant("2024-01-01T00:00:00Z"));
    let mail = Value::String(" A@X ".to_owned());
    assert_eq!(event.data, [("mail".to_owned(), mail), ("n".to_owned(), Value::Int(5))]);
    assert_eq!(event.hints, [("account".to_owned(), "mail".to_owned(), "a@x".to_owned())]);
    let source = Value::String("app".to_owned());
    let expected = event_id("login", &[("key", &Value::Int(7)), ("$source", &source)]);
    assert_eq!(event.event_id, expected);
}

#[test]
fn each_failure_has_its_code_and_names_what_it_must() {
    let machine = load(ACCOUNTS);
    let cases = [
        ("[1]", FailureCode::N01, "kind", "`kind`"),
        (r#"{"kind":"login","kind":"note"}"#, FailureCode::N01, "kind", "occurs twice"),
        (r#"{"at":1}"#, FailureCode::N01, "kind", "absent"),
        (r#"{"kind":3}"#, FailureCode::N01, "kind", "no text"),
        (r#"{"kind":"logout"}"#, FailureCode::N02, "kind", "`app`"),
        (r#"{"kind":"login"}"#, FailureCode::N03, "at", "`at`"),
        (r#"{"kind":"login","at":null}"#, FailureCode::N04, "at", "`at`"),
        (r#"{"kind":"login","at":"soon"}"#, FailureCode::N04, "at", "soon"),
        (r#"{"kind":"note","at":0,"text":1}"#, FailureCode::N05, "parts", "split"),
        (r#"{"kind":"login","at":0,"n":"x"}"#, FailureCode::N06, "n", "integer"),
    ];
    let records: Vec<_> = cases.iter().map(|(record, ..)| *record).collect();
    for (result, (record, code, field, word)) in
        normalize(&machine, &records).into_iter().zip(cases)
    {
        let failure = result.unwrap_err();
        assert_eq!((failure.code, failure.field.as_deref()), (code, Some(field)), "{record}");
        assert!(failure.message.contains(word), "{record}: {}", failure.message);
    }
}

#[test]
fn all_null_ids_are_failures_and_come_before_hints() {
    let text = ACCOUNTS
        .replace("[key, $source]", "[key, other]")
        .replace("str::trim(value)", "len(value) > 0");
    let machine = load(&text);
    let results = normalize(
        &machine,
        &[
            r#"{"kind":"login","at":0,"user":{"mail":"a"}}"#,
            r#"{"kind":"login","at":0,"user":{"mail":"a"},"other":1}"#,
        ],
    );
    let failures: Vec<_> = results.into_iter().map(Result::unwrap_err).collect();
    assert_eq!(failures[0].code, FailureCode::N08);
    assert_eq!(failures[0].field.as_deref(), Some("key"));
    assert!(failures[0].message.contains("`key`, `other`"));
    assert_eq!(failures[1].code, FailureCode::N09);
    assert!(failures[1].message.contains("`account`"), "{}", failures[1].message);
}

/// A host whose rows may use so little fuel that a long text is too much.
fn stingy() -> std::sync::Arc<Host> {
    let limits = Limits { fuel_base: 0, fuel_per_row: 2_000_000, ..Limits::default() };
    Host::new(HostOptions { limits, cache: None }).unwrap()
}

fn long_text() -> String {
    "x,".repeat(200_000)
}

#[test]
fn one_event_without_end_fails_alone_whatever_the_batch() {
    let machine = stingy().load(&component(ACCOUNTS)).unwrap();
    let good = r#"{"kind":"note","at":0,"key":1,"user":{"mail":"a"},"text":"a,b"}"#;
    let bad = format!(
        r#"{{"kind":"note","at":0,"key":2,"user":{{"mail":"a"}},"text":"{}"}}"#,
        long_text()
    );
    for place in [0, 3, 9] {
        let mut records = vec![good; 10];
        records[place] = &bad;
        for (index, result) in normalize(&machine, &records).into_iter().enumerate() {
            match result {
                Ok(event) => assert_ne!(index, place, "{event:?}"),
                Err(failure) => {
                    assert_eq!((index, failure.code), (place, FailureCode::N05));
                    assert_eq!(failure.handler.as_deref(), Some("note"));
                    assert!(failure.message.contains("2000000 units of fuel"));
                }
            }
        }
    }
}

fn event(index: u32, second: i64, cells: Vec<Value>) -> EventInput {
    let timestamp = defacto_model::Timestamp::from_micros(second * 1_000_000).unwrap();
    EventInput { event: Some(index), timestamp, cells }
}

fn input(events: Vec<EventInput>) -> EntityInput {
    EntityInput { id: EntityId([1; 16]), record: None, events }
}

#[test]
fn one_event_that_exhausts_interpretation_leaves_the_others() {
    let machine = stingy().load(&component(ACCOUNTS)).unwrap();
    let note = |text: &str| vec![Value::String(text.to_owned())];
    let events = vec![
        event(0, 1, vec![]),
        event(1, 2, note("a,b,c")),
        event(1, 3, note(&long_text())),
        event(0, 4, vec![]),
    ];
    let inputs = vec![input(vec![event(0, 1, vec![])]), input(events)];
    let done = machine.interpret(0, inputs, Some(instant("2024-01-01T00:00:00Z"))).unwrap();
    let record = done.entities[1].record.as_ref().unwrap();
    assert_eq!(record.properties, [Value::Int(2), Value::Int(3)]);
    assert_eq!(done.entities[0].record.as_ref().unwrap().properties[0], Value::Int(1));
    let causes: Vec<_> = done.entities[1]
        .items
        .iter()
        .map(|item| match item {
            Item::Snapshot { cause: ItemCause::Event(event), .. } => (*event, false),
            Item::Failure { cause: ItemCause::Event(event), fault, .. } => {
                assert_eq!(fault.code, FailureCode::I01);
                assert!(fault.message.contains("units of fuel"), "{}", fault.message);
                assert!(fault.message.contains("`account` in state `open` at event `note`"));
                (*event, true)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(causes, [(0, false), (1, false), (2, true), (3, false)]);
}

#[test]
fn a_failed_guard_names_state_and_event_and_counts_as_received() {
    let machine = load(ACCOUNTS);
    let events = vec![event(0, 1, vec![]), event(1, 2, vec![Value::Int(5)])];
    let done = machine.interpret(0, vec![input(events)], None).unwrap();
    let Item::Failure { fault, cause, .. } = &done.entities[0].items[1] else {
        panic!("{done:?}");
    };
    assert_eq!((fault.code, *cause), (FailureCode::I01, ItemCause::Event(1)));
    assert!(fault.message.contains("entity `account` in state `open` at event `note`"));
    let record = done.entities[0].record.as_ref().unwrap();
    assert_eq!(record.last_event, Some(instant("1970-01-01T00:00:02Z")));
}

const VISITS: &str = r#"
entities:
  host:
    starts: open
    identity: { name: { match: exact } }
    states:
      open:
        when: { came: { effects: [create] } }
    relationships:
      - { type: received, target: guest, cardinality: has_many, inverse: stays_with }
      - { type: earns_from, target: guest, cardinality: has_many, inverse: pays }
  guest:
    starts: new
    identity: { mail: { match: exact } }
    properties: { stars: { type: integer }, nights: { type: number } }
    states:
      new:
        when:
          came:
            effects:
              - create
              - { set: { property: stars, from: event.stars } }
              - relate: { type: stays_with, target: host, properties: { since: { from: event.since } } }
              - relate:
                  type: pays
                  target: host
                  properties: { first: { from: event.since }, second: { compute: "1 / event.share" } }
        after:
          - type: state_duration
            threshold: 1d
            effects: [{ set: { property: nights, value: 1, condition: "1 / entity.stars > 1" } }]
    relationships:
      - { type: stays_with, target: host, cardinality: belongs_to, properties: { since: { type: integer } } }
      - type: pays
        target: host
        cardinality: belongs_to
        properties: { first: { type: integer }, second: { type: number } }
sources:
  app:
    event_type: kind
    timestamp: at
    events:
      came:
        mappings:
          mail: { from: mail }
          name: { from: name }
          since: { from: since }
          share: { from: share }
          stars: { from: stars }
        hints: { guest: [mail], host: [name] }
"#;

#[test]
fn failures_name_properties_of_edges_and_no_property_for_a_condition() {
    let machine = load(VISITS);
    let (index, entity) = machine.manifest().find_entity("guest").unwrap();
    let fault = |since: Value, share: i64, stars: i64| {
        let cells = entity.events[0].fields.iter().map(|field| match &field.origin {
            FieldOrigin::Data(name) if name == "since" => since.clone(),
            FieldOrigin::Data(name) if name == "share" => Value::Int(share),
            FieldOrigin::Data(name) if name == "stars" => Value::Int(stars),
            other => panic!("{other:?}"),
        });
        let events = vec![event(0, 1, cells.collect())];
        let until = Some(instant("1970-01-09T00:00:00Z"));
        let done = machine.interpret(index, vec![input(events)], until).unwrap();
        let faults = done.entities[0].items.iter().filter_map(|item| match item {
            Item::Failure { fault, .. } => Some((fault.code, fault.field.clone())),
            _ => None,
        });
        faults.collect::<Vec<_>>()
    };
    let named = |name: &str| Some(name.to_owned());
    let text = Value::String("x".to_owned());
    assert_eq!(fault(text, 1, 1), [(FailureCode::I04, named("since"))]);
    assert_eq!(fault(Value::Int(1), 0, 1), [(FailureCode::I03, named("second"))]);
    assert_eq!(fault(Value::Int(1), 1, 0), [(FailureCode::T01, None)]);
    assert_eq!(fault(Value::Null, 1, 1), []);
}

#[test]
fn any_split_of_an_entity_gives_the_same() {
    let events: Vec<_> = (0..3_000).map(|n| event(0, n, vec![])).collect();
    let run = |rows_max| {
        let limits = Limits { rows_max, ..Limits::default() };
        let host = Host::new(HostOptions { limits, cache: None }).unwrap();
        let machine = host.load(&component(ACCOUNTS)).unwrap();
        machine.interpret(0, vec![input(events.clone()), input(vec![])], None).unwrap()
    };
    let whole = run(4_096);
    assert_eq!(whole.entities[0].items.len(), 3_000);
    assert_eq!(whole, run(7));
    assert_eq!(whole.effects, 6_000);
}

#[test]
fn hints_are_built_by_the_module() {
    let machine = load(ACCOUNTS);
    let hint = |value| HintRequest { entity: 0, identity_field: 0, value };
    let results = machine
        .hints(&[
            hint(Value::String(" B@Y ".to_owned())),
            hint(Value::Null),
            hint(Value::Int(42)),
            hint(Value::String("  ".to_owned())),
        ])
        .unwrap();
    let texts: Vec<_> = results.into_iter().map(Result::unwrap).collect();
    assert_eq!(texts, [Some("b@y".to_owned()), None, Some("42".to_owned()), None]);
}

#[test]
fn expressions_are_evaluated_with_their_contexts() {
    use defacto_compiler::{ExpressionCase, ExpressionScope, compile_expressions};
    let scope = ExpressionScope::Free { value: true };
    let cases = ["event.a + value", "1 / event.zero"].map(|text| ExpressionCase { text, scope });
    let expressions = compile_expressions(&cases).unwrap();
    let host = Host::new(HostOptions::default()).unwrap();
    let machine = host.load(&expressions.compiled.component).unwrap();
    let object = defacto_json::parse(r#"{"a":2,"zero":0}"#).unwrap();
    let evaluate = |expression| Evaluation {
        expression,
        event: object.clone(),
        entity: Value::Null,
        value: Value::Int(40),
        now: instant("2024-01-01T00:00:00Z"),
    };
    let results = machine.evaluate(&[evaluate(0), evaluate(1)]).unwrap();
    assert_eq!(results[0], Ok(Value::Int(42)));
    assert!(results[1].as_ref().unwrap_err().contains("zero"), "{results:?}");
}
