//! What a module may answer: frames with any bytes changed are read or refused.

use defacto_compiler::{Input, compile};
use defacto_frames::abi::{NEVER, NONE, header, item};
use defacto_frames::{
    Cell, EvaluateBuilder, EvaluateRow, EventRow, Head, HintsBuilder, InterpretBuilder,
    NormalizeBuilder, NormalizedFrame, RecordState, ValuesFrame,
};
use defacto_model::{EntityManifest, Manifest, Timestamp, Value};
use defacto_test_support::Random;

const ROWS: u32 = 3;
const HEAD: Head = Head { origin: 65_536, layout: 7, index: 0, instant: NEVER };
const DEFINITIONS: &str = "
entities:
  order:
    starts: open
    identity: { number: { match: exact } }
    properties:
      total: { type: number, default: 0 }
      note: { type: string }
      count: { type: integer, default: 1 }
      paid: { type: boolean }
      due: { type: datetime }
    relationships: [{ type: placed_by, target: client, cardinality: belongs_to, properties: { since: { type: datetime } } }]
    states:
      open:
        when:
          ordered: { effects: [create, { relate: { type: placed_by, target: client, hints: { client: [client] } } }] }
          paid: { effects: [{ set: { property: total, compute: event.amount } }, { transition: { to: done } }] }
        after: [{ type: inactivity, threshold: 1d, effects: [{ transition: { to: done } }] }]
      done: { terminal: true }
  client:
    starts: new
    identity: { client: { match: exact } }
    relationships: [{ type: placed, target: order, cardinality: has_many, inverse: placed_by }]
    states: { new: { when: { ordered: { effects: [create] } } } }
sources:
  shop:
    event_type: kind
    timestamp: at
    events:
      ordered: { mappings: { number: number, client: client, amount: { from: amount, type: number } }, hints: { order: [number], client: [client] } }
      paid: { mappings: { number: number, amount: { from: amount, type: number } }, hints: { order: [number] } }
";

/// The manifest that the frames belong to.
///
/// # Panics
///
/// When its definitions do not compile.
pub fn manifest() -> Manifest {
    let outcome = compile(&Input::Document { name: "orders.yaml", text: DEFINITIONS })
        .expect("the compiler is intact");
    outcome.compiled.unwrap_or_else(|| panic!("{:?}", outcome.diagnostics)).manifest
}

/// Sends frames of each kind and reads changed answers.
///
/// # Panics
///
/// When a reader does.
pub fn run(manifest: &Manifest, seed: u64) {
    let mut random = Random::new(seed);
    let values: Vec<Value> = (0..8).map(|_| crate::data::value(&mut random, 2)).collect();
    let mut sent = NormalizeBuilder::new(HEAD, ROWS);
    let mut hints = HintsBuilder::new(HEAD, ROWS);
    let mut evaluate = EvaluateBuilder::new(HEAD, ROWS);
    for row in 0..ROWS {
        sent.row(row % 2, Cell::from(&values[0]), values.iter().map(Cell::from));
        hints.row(0, 0, &values[1]);
        evaluate.row(EvaluateRow {
            expression: 0,
            now: 5,
            event: &values[2],
            entity: &values[3],
            value: &values[4],
        });
    }
    let answer = change(sent.finish().expect("a small frame"), &mut random);
    if let Ok(frame) = NormalizedFrame::new(&answer, HEAD, ROWS) {
        for row in 0..=ROWS {
            drop(frame.row(row, 3, 2));
            drop(frame.fields(row, 3));
        }
    }
    let answer = change(hints.finish().expect("a small frame"), &mut random);
    if let Ok(frame) = ValuesFrame::hints(&answer, HEAD, ROWS) {
        (0..=ROWS).for_each(|row| drop(frame.row(row)));
    }
    let answer = change(evaluate.finish().expect("a small frame"), &mut random);
    if let Ok(frame) = ValuesFrame::evaluate(&answer, HEAD, ROWS) {
        (0..=ROWS).for_each(|row| drop(frame.row(row)));
    }
    for entity in &manifest.entities {
        interpret(entity, &values, &mut random);
    }
}

fn interpret(entity: &EntityManifest, values: &[Value], random: &mut Random) {
    let state = RecordState {
        state: u32::from(entity.states.len() > 1),
        created: Timestamp::saturating_from_micros(0),
        entered: Timestamp::saturating_from_micros(0),
        last_event: None,
        latches: 0,
        last_rule: None,
        next_due: None,
        properties: vec![Value::Null; entity.properties.len()],
    };
    let mut sent = InterpretBuilder::new(HEAD, entity, ROWS, 4);
    for row in 0..ROWS {
        let events = [Some(0), None].map(|event| EventRow {
            event,
            timestamp: Timestamp::saturating_from_micros(0),
            cells: values,
        });
        sent.entity(Some(&state).filter(|_| row > 0), "0123456789abcdef", events.into_iter());
    }
    let sent = sent.finish(HEAD).expect("a small frame");
    let answer = change(sent.bytes().to_vec(), random);
    if let Ok(frame) = sent.returned(&answer) {
        let _ = frame.counts();
        drop(frame.records());
        drop(frame.items());
    }
}

/// An answer: the frame with results behind it, then a few words changed.
fn change(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    let end = bytes.len().next_multiple_of(8);
    for _ in 0..40 + random.below(400) {
        let word = word(bytes.len(), random);
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    let results = HEAD.origin + u32::try_from(end).expect("a small frame");
    put(&mut bytes, header::RESULTS, if random.chance(95) { results } else { word(end, random) });
    // An item that mostly is one.
    if random.chance(60) {
        let at = u32::try_from(end).expect("a small frame");
        put(
            &mut bytes,
            at + item::KIND,
            [item::SNAPSHOT, item::RELATE, item::FAILURE, 9][random.below(4)],
        );
        put(&mut bytes, at + item::ENTITY, u32::try_from(random.below(4)).unwrap_or(0));
        put(&mut bytes, at + item::EVENT, [0, 1, NONE, 7][random.below(4)]);
        put(&mut bytes, at + item::NEXT, [0, results, results + 64, results + 8][random.below(4)]);
    }
    for _ in 0..random.below(6) {
        let at = u32::try_from(random.below(bytes.len())).unwrap_or(0) & !3;
        let word = word(bytes.len(), random);
        put(&mut bytes, at, word);
    }
    if random.chance(5) {
        bytes.truncate(random.below(bytes.len()));
    }
    bytes
}

fn put(bytes: &mut [u8], at: u32, word: u32) {
    let at = usize::try_from(at).unwrap_or(usize::MAX);
    if let Some(place) = bytes.get_mut(at..).and_then(|b| b.get_mut(..4)) {
        place.copy_from_slice(&word.to_le_bytes());
    }
}

/// A number that may mean something: a tag, a count, an address inside, at the edge or outside.
fn word(length: usize, random: &mut Random) -> u32 {
    let inside = HEAD.origin + u32::try_from(random.below(length)).unwrap_or(0);
    match random.below(8) {
        0 => 0,
        1 | 2 => u32::try_from(random.below(12)).unwrap_or(0),
        3 | 4 => inside & !7,
        5 => inside,
        6 => [u32::MAX, 1 << 31, HEAD.origin - 8, 1 << 28, 255][random.below(5)],
        _ => u32::try_from(random.bits() >> 32).unwrap_or(0),
    }
}
