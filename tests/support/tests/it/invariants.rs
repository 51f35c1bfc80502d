//! What holds for every interpreter of the specification, shown on the oracle.

use defacto_model::{Micros, Timestamp};
use defacto_ports::{EntityInput, EntityOutput, Item, ItemCause, Machines};
use defacto_test_support::{Oracle, Random, definitions, raw_events};

use crate::feed;

const DAY: i64 = 86_400_000_000;

fn one(oracle: &Oracle, entity: u32, input: EntityInput, until: Option<Timestamp>) -> EntityOutput {
    oracle.interpret(entity, vec![input], until).unwrap().entities.remove(0)
}

/// Items without the number of their event, which depends on the batch.
fn unnumbered(items: Vec<Item>) -> Vec<Item> {
    let cause = |cause: ItemCause| match cause {
        ItemCause::Event(_) => ItemCause::Event(0),
        rule @ ItemCause::Rule { .. } => rule,
    };
    items
        .into_iter()
        .map(|item| match item {
            Item::Snapshot { cause: c, instant, changed, record } => Item::Snapshot {
                cause: cause(c),
                instant,
                changed,
                record: defacto_ports::Record { next_due: None, ..record },
            },
            Item::Relate { cause: c, relate, properties } => {
                Item::Relate { cause: cause(c), relate, properties }
            }
            Item::Failure { cause: c, instant, fault } => {
                Item::Failure { cause: cause(c), instant, fault }
            }
        })
        .collect()
}

#[test]
fn batches_and_ticks_do_not_matter() {
    let (mut entities, mut snapshots) = (0, 0);
    for seed in 0..24 {
        let set = definitions(seed);
        let oracle = Oracle::from_text(&set.text).unwrap();
        let events = feed::normalized(&oracle, &raw_events(&set, seed, 40));
        let mut random = Random::new(seed);
        for (entity, inputs) in feed::inputs(&oracle, "", &events) {
            for input in inputs {
                let end =
                    input.events.last().unwrap().timestamp.checked_add(Micros(400 * DAY)).unwrap();
                let whole = one(&oracle, entity, input.clone(), Some(end));
                let mut record = None;
                let mut items = Vec::new();
                for event in &input.events {
                    if random.chance(50) {
                        // A tick that reaches no further than the event.
                        let until = event
                            .timestamp
                            .checked_add(Micros(-(DAY * i64::from(random.chance(50)))))
                            .unwrap();
                        let tick = EntityInput { id: input.id, record, events: Vec::new() };
                        let output = one(&oracle, entity, tick, Some(until));
                        (record, items) = (output.record, [items, output.items].concat());
                    }
                    let part = EntityInput { id: input.id, record, events: vec![event.clone()] };
                    let output = one(&oracle, entity, part, None);
                    (record, items) = (output.record, [items, output.items].concat());
                }
                let last = EntityInput { id: input.id, record, events: Vec::new() };
                let output = one(&oracle, entity, last, Some(end));
                items.extend(output.items);
                entities += 1;
                snapshots +=
                    items.iter().filter(|item| matches!(item, Item::Snapshot { .. })).count();
                assert_eq!(output.record, whole.record, "seed {seed}");
                assert_eq!(unnumbered(items), unnumbered(whole.items), "seed {seed}");
            }
        }
    }
    assert!(
        entities > 100 && snapshots > 500,
        "too little happened: {entities} entities, {snapshots} snapshots"
    );
}
