//! The ledger's data column: typed values → text → the same values; and any text.

use std::collections::BTreeMap;

use defacto_json::{decode_data, encode_data};
use defacto_model::{Micros, Timestamp, Value};
use defacto_test_support::Random;

/// Writes random fields and reads them back.
pub fn round_trip(seed: u64) {
    let mut random = Random::new(seed);
    let fields: BTreeMap<String, Value> =
        (0..random.below(6)).map(|_| (text(&mut random), value(&mut random, 0))).collect();
    let fields: Vec<_> = fields.into_iter().collect();
    let written = encode_data(&fields);
    assert_eq!(decode_data(&written, &[]).as_ref(), Ok(&fields), "{written}");
}

/// Reads any text.
pub fn run(text: &str) {
    if let Ok(fields) = decode_data(text, &[]) {
        assert_eq!(decode_data(&encode_data(&fields), &[]).as_ref(), Ok(&fields));
    }
}

/// Texts that look like the column, for the mutation.
pub fn corpus() -> Vec<String> {
    let mut random = Random::new(1);
    (0..200)
        .map(|_| {
            let fields: Vec<_> = (0..4).map(|n| (format!("f{n}"), value(&mut random, 0))).collect();
            encode_data(&fields)
        })
        .collect()
}

fn text(random: &mut Random) -> String {
    let parts = [
        "a",
        "é",
        "\u{0}",
        "\"",
        "\\",
        "漢",
        "🙂",
        " ",
        "$datetime",
        "$duration_us",
        "$object",
        "\n",
        "\u{7f}",
    ];
    (0..random.below(5)).map(|_| random.pick(&parts)).collect()
}

/// A value of any kind.
pub(crate) fn value(random: &mut Random, depth: usize) -> Value {
    let bits = random.bits();
    match random.below(if depth > 3 { 7 } else { 10 }) {
        0 => Value::Null,
        1 => Value::Bool(bits & 1 == 1),
        2 => Value::Int(bits.cast_signed() >> (bits & 63)),
        3 => Value::Float(Some(f64::from_bits(bits)).filter(|f| f.is_finite()).unwrap_or(0.5)),
        4 => Value::String(text(random)),
        5 => Value::DateTime(Timestamp::saturating_from_micros(bits.cast_signed())),
        6 => Value::Duration(Micros(bits.cast_signed())),
        7 => Value::BigInt(format!("-{}0000000000", bits | 1 << 63)),
        8 => Value::List((0..random.below(4)).map(|_| value(random, depth + 1)).collect()),
        _ => Value::Object(
            (0..random.below(4)).map(|_| (text(random), value(random, depth + 1))).collect(),
        ),
    }
}
