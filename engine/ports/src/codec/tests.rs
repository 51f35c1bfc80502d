//! What is written is read again; damaged bytes are an error and nothing worse.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use super::*;

/// The same seed gives the same inputs.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 1
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.bits() % u64::try_from(n.max(1)).unwrap()).unwrap()
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}

fn value(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth == 0 { 9 } else { 11 }) {
        0 => Value::Null,
        1 => Value::Bool(random.chance(50)),
        2 => Value::Int(random.bits().cast_signed()),
        3 => Value::Float(random.pick(&[0.0, -0.0, 1.5, f64::MAX, f64::MIN_POSITIVE])),
        4 => Value::BigInt("18446744073709551616".to_owned()),
        5 | 6 => Value::String(random.pick(&["", "a", "Ünï", "k\0"]).to_owned()),
        7 => Value::DateTime(Timestamp::parse_text("2024-02-29T12:00:00.000001Z").unwrap()),
        8 => Value::Duration(Micros(-1)),
        9 => Value::List(values(random, depth - 1)),
        _ => {
            let fields = values(random, depth - 1).into_iter();
            Value::Object(fields.enumerate().map(|(at, value)| (format!("k{at}"), value)).collect())
        }
    }
}

fn values(random: &mut Random, depth: usize) -> Vec<Value> {
    (0..random.below(4)).map(|_| value(random, depth)).collect()
}

fn time(random: &mut Random) -> Timestamp {
    let day = i64::try_from(random.below(1_000_000)).unwrap();
    Timestamp::EPOCH.checked_add(Micros(day * 86_400_000_000)).unwrap_or(Timestamp::EPOCH)
}

fn state(random: &mut Random) -> EntityStateRow {
    let edges = (0..random.below(3)).map(|_| OpenEdge {
        relationship: 1,
        target: EntityId([7; 16]),
        properties: Vec::new(),
    });
    let mut open_edges: Vec<OpenEdge> = edges.collect();
    for edge in &mut open_edges {
        edge.properties = values(random, 1);
    }
    let before = random.chance(50).then_some([9; 16]);
    EntityStateRow {
        entity_id: EntityId([1; 16]),
        last_row: random.chance(70).then(|| LastRow { valid_from: time(random), before }),
        record: Record {
            exists: random.chance(90),
            state: u32::try_from(random.below(9)).unwrap(),
            created: time(random),
            entered: time(random),
            last_event: random.chance(50).then(|| time(random)),
            latches: random.bits(),
            last_rule: random.chance(50).then(|| time(random)),
            next_due: random.chance(50).then(|| time(random)),
            properties: values(random, 3),
        },
        last_key: random
            .chance(50)
            .then(|| OrderKey { timestamp: time(random), sequence: Sequence(5) }),
        open_edges,
    }
}

/// A few bytes changed, removed, repeated, or cut off.
fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        match random.below(5) {
            0 if at < bytes.len() => bytes.truncate(at),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.extend_from_within(at..),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = random.pick(&[0, 1, 9, 10, 127, 255, *byte ^ 1]);
                }
            }
        }
    }
}

#[test]
fn states_come_back_and_damaged_ones_are_errors() {
    let mut random = Random(2_024);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..60_000 {
        let row = state(&mut random);
        let mut bytes = encode_state(&row);
        let back = decode_state(row.entity_id, &bytes).unwrap();
        assert_eq!(encode_state(&back), bytes);
        assert_eq!(format!("{back:?}"), format!("{row:?}"));
        damage(&mut bytes, &mut random);
        match decode_state(row.entity_id, &bytes) {
            // Whatever it is, it can be written and read again.
            Ok(other) => {
                read += 1;
                let again = encode_state(&other);
                assert_eq!(encode_state(&decode_state(row.entity_id, &again).unwrap()), again);
            }
            Err(_) => refused += 1,
        }
    }
    assert!(read > 1_000 && refused > 10_000, "{read} read, {refused} refused");
}

#[test]
fn values_come_back_and_damaged_ones_are_errors() {
    let mut random = Random(7);
    let mut refused = 0;
    for _ in 0..60_000 {
        let written = values(&mut random, 4);
        let mut bytes = encode_values(&written);
        assert_eq!(format!("{:?}", decode_values(&bytes).unwrap()), format!("{written:?}"));
        damage(&mut bytes, &mut random);
        refused += usize::from(decode_values(&bytes).is_err());
    }
    assert!(refused > 10_000, "{refused} refused");
    let nested = [9_u8, 1, 0, 0, 0].repeat(100_000);
    assert!(decode_values(&[[1_u8, 0, 0, 0].as_slice(), &nested].concat()).is_err());
}
