//! The oracle and the compiled module agree on random definition sets and random events.
//!
//! `DEFACTO_SEEDS=1000..2000` runs other seeds than the usual few.

use std::ops::Range;
use std::sync::Arc;

use defacto_compiler::{Input, compile};
use defacto_host::{Host, HostOptions};
use defacto_model::Micros;
use defacto_ports::{Item, Machines, RawRecord, Record};
use defacto_test_support::{Oracle, definitions, raw_events};

use crate::feed;

fn seeds(usual: Range<u64>) -> Range<u64> {
    let Ok(text) = std::env::var("DEFACTO_SEEDS") else { return usual };
    let (from, to) = text.split_once("..").unwrap();
    from.parse().unwrap()..to.parse().unwrap()
}

/// What must be equal of an item: not the words of a failure, nor when the next rule of a snapshot is due.
fn essence(item: Item) -> Item {
    match item {
        Item::Snapshot { cause, instant, changed, record } => {
            Item::Snapshot { cause, instant, changed, record: Record { next_due: None, ..record } }
        }
        Item::Failure { cause, instant, mut fault } => {
            fault.message.clear();
            Item::Failure { cause, instant, fault }
        }
        relate @ Item::Relate { .. } => relate,
    }
}

fn agree(host: &Arc<Host>, seed: u64, count: usize) {
    let set = definitions(seed);
    let oracle = Oracle::from_text(&set.text).unwrap();
    let outcome = compile(&Input::Document { name: "generated.json", text: &set.text }).unwrap();
    let compiled = host.load(&outcome.compiled.unwrap().component).unwrap();
    let events = raw_events(&set, seed, count);

    for (number, source) in (0..).zip(&oracle.manifest().sources) {
        let own: Vec<&str> =
            events.iter().filter(|e| e.source == source.name).map(|e| e.text.as_str()).collect();
        let records: Vec<RawRecord<'_>> = own.iter().map(|text| RawRecord { text }).collect();
        let ours = oracle.normalize(number, &records, feed::ingested_at()).unwrap();
        let theirs = compiled.normalize(number, &records, feed::ingested_at()).unwrap();
        assert_eq!(ours.len(), theirs.len());
        for ((mut a, mut b), text) in ours.into_iter().zip(theirs).zip(own) {
            for result in [&mut a, &mut b] {
                if let Err(failure) = result {
                    failure.message.clear();
                }
            }
            assert_eq!(b, a, "seed {seed}, compiled and oracle on {text}\n{}", set.text);
        }
    }

    let normalized = feed::normalized(&oracle, &events);
    for (entity, inputs) in (0..).zip(feed::inputs(&oracle, &normalized)) {
        let last = inputs.iter().flat_map(|input| &input.events).map(|event| event.timestamp).max();
        let until = last.and_then(|last| last.checked_add(Micros(40 * 86_400_000_000)));
        let ours = oracle.interpret(entity, inputs.clone(), until).unwrap();
        let theirs = compiled.interpret(entity, inputs.clone(), until).unwrap();
        assert_eq!(ours.entities.len(), theirs.entities.len());
        for ((a, b), input) in ours.entities.into_iter().zip(theirs.entities).zip(&inputs) {
            let a_items: Vec<Item> = a.items.into_iter().map(essence).collect();
            let b_items: Vec<Item> = b.items.into_iter().map(essence).collect();
            for (a, b) in a_items.iter().zip(&b_items) {
                assert_eq!(
                    b, a,
                    "seed {seed}, entity {entity}, compiled and oracle on {input:?}\n{}",
                    set.text
                );
            }
            assert_eq!(b_items.len(), a_items.len(), "seed {seed}, entity {entity}\n{}", set.text);
            assert_eq!(b.record, a.record, "seed {seed}, entity {entity}\n{}", set.text);
        }
        let counts = (theirs.effects, theirs.transitions);
        assert_eq!(counts, (ours.effects, ours.transitions), "seed {seed}, entity {entity}");
    }
}

#[test]
fn compiled_modules_do_what_the_oracle_does() {
    let host = Host::new(HostOptions::default()).unwrap();
    for seed in seeds(0..12) {
        agree(&host, seed, 40);
    }
}
