//! Time rules that a single call has no fuel for: the result is that of many short advances (language.md, INV-3).

use defacto_host::{CompiledDefinitions, Host, HostOptions, Limits};
use defacto_model::{EntityId, FailureCode, Timestamp, Value};
use defacto_ports::{EntityInput, EventInput, Item, Machines, Record};

use crate::support::{component, instant};

const CLOCK: &str = r#"
entities:
  clock:
    starts: run
    identity: { no: {} }
    properties:
      ticks: { type: integer, default: 0 }
      text: { type: string }
      parts: { type: integer }
    states:
      run:
        when:
          made: { effects: [create, { set: { property: text, from: event.text } }] }
          seen: { effects: [{ set: { property: parts, value: -1 } }] }
        after:
          - state_duration: 1h
            effects:
              - increment: { property: ticks }
              - set: { property: parts, compute: "len(split(entity.text, ','))", condition: entity.ticks == 3 }
              - transition: run
"#;

fn machine() -> CompiledDefinitions {
    let limits = Limits { fuel_base: 0, fuel_per_row: 2_000_000, ..Limits::default() };
    let host = Host::new(HostOptions { limits, cache: None }).unwrap();
    host.load(&component(CLOCK)).unwrap()
}

fn event(event: u32, at: &str, cells: Vec<Value>) -> EventInput {
    EventInput { event: Some(event), timestamp: instant(at), cells }
}

fn made(text: String) -> EventInput {
    event(0, "2024-01-01T00:00:00Z", vec![Value::String(text)])
}

/// Events, then advances to these instants, each in a call of its own.
fn run(
    machine: &CompiledDefinitions,
    events: Vec<EventInput>,
    advances: &[&str],
) -> (Option<Record>, Vec<Item>) {
    let (mut record, mut items, mut events) = (None, Vec::new(), Some(events));
    for until in advances {
        let events = events.take().unwrap_or_default();
        let input = EntityInput { id: EntityId([1; 16]), record, events };
        let mut done = machine.interpret(0, vec![input], Some(instant(until))).unwrap();
        let output = done.entities.remove(0);
        record = output.record;
        items.extend(output.items);
    }
    (record, items)
}

fn instants(items: &[Item]) -> Vec<(bool, Timestamp)> {
    let place = |item: &Item| match item {
        Item::Snapshot { instant, .. } => (true, *instant),
        Item::Failure { instant, .. } => (false, *instant),
        Item::Relate { .. } => panic!("nothing relates"),
    };
    items.iter().map(place).collect()
}

#[test]
fn rules_of_a_year_are_those_of_its_months() {
    let machine = machine();
    let events = || vec![made("a,b".into()), event(1, "2024-12-01T00:30:00Z", vec![])];
    let (whole, at_once) = run(&machine, events(), &["2025-01-01T00:00:00Z"]);
    let months: Vec<String> =
        (2..13).map(|month| format!("2024-{month:02}-01T00:00:00Z")).collect();
    let mut advances: Vec<&str> = months.iter().map(String::as_str).collect();
    advances.push("2025-01-01T00:00:00Z");
    let (mut parted, mut in_months) = run(&machine, vec![made("a,b".into())], &advances[..11]);
    let input = EntityInput {
        id: EntityId([1; 16]),
        record: parted.take(),
        events: vec![event(1, "2024-12-01T00:30:00Z", vec![])],
    };
    let until = Some(instant("2025-01-01T00:00:00Z"));
    let mut done = machine.interpret(0, vec![input], until).unwrap();
    let output = done.entities.remove(0);
    in_months.extend(output.items);
    assert_eq!(output.record, whole);
    assert_eq!(instants(&in_months), instants(&at_once));
    let record = whole.unwrap();
    // 366 days, less the hour that has not ended.
    assert_eq!(record.properties[0], Value::Int(366 * 24 - 1));
    assert_eq!(record.properties[2], Value::Int(-1));
    assert!(at_once.iter().all(|item| matches!(item, Item::Snapshot { .. })));
}

#[test]
fn a_rule_without_end_fails_once_and_alone() {
    let machine = machine();
    let long = "x,".repeat(200_000);
    let events = || vec![made(long.clone()), event(1, "2024-01-20T00:00:00Z", vec![])];
    let (whole, at_once) = run(&machine, events(), &["2024-02-01T00:00:00Z"]);
    let (parted, in_parts) = run(
        &machine,
        events(),
        &["2024-01-25T00:00:00Z", "2024-01-28T00:00:00Z", "2024-02-01T00:00:00Z"],
    );
    assert_eq!(instants(&at_once), instants(&in_parts));
    assert_eq!(whole, parted);
    let record = whole.unwrap();
    assert_eq!(record.properties[0], Value::Int(2));
    assert_eq!((record.last_rule, record.next_due), (Some(instant("2024-01-01T03:00:00Z")), None));
    let wanted = [
        (true, "2024-01-01T00:00:00Z"),
        (true, "2024-01-01T01:00:00Z"),
        (true, "2024-01-01T02:00:00Z"),
        (false, "2024-01-01T03:00:00Z"),
        (true, "2024-01-20T00:00:00Z"),
    ];
    assert_eq!(instants(&at_once), wanted.map(|(good, at)| (good, instant(at))));
    let Item::Failure { fault, .. } = &at_once[3] else { panic!("{:?}", at_once[3]) };
    assert_eq!(fault.code, FailureCode::T01);
    assert!(fault.message.contains("units of fuel"), "{}", fault.message);
}
