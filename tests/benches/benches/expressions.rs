//! Typed expressions through the compiled module, all limits on, against the same expressions written in Rust.
//!
//! Both get the events as the engine hands them over, and both say how many conditions held. The rounds take turns, and
//! the medians are compared, by kind and in all: more than [`RATIO_MAX`] times in all ends with exit code 1.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::exit,
    reason = "a benchmark prints, and stops where it cannot go on"
)]

use std::fmt::Write;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use defacto_compiler::{Input, compile};
use defacto_host::{Host, HostOptions};
use defacto_model::{EntityId, FieldOrigin, Timestamp, Value};
use defacto_ports::{EntityInput, EventInput, Machines};

/// Compiled expressions may cost this many times the same ones in Rust.
const RATIO_MAX: f64 = 3.0;
const ROUNDS: usize = 15;
/// Events of a batch, of one entity.
const EVENTS: i64 = 2_048;
/// Microseconds.
const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// Each expression comes with this many constants, so that what surrounds a call counts for little.
const VARIANTS: i64 = 64;

/// Arithmetic, comparison, logic and choice over numbers, text and instants. Each is seldom true, and the constant
/// stands where what is computed first differs from one variant to the next, so that nothing can be shared.
fn expressions(k: i64) -> Vec<String> {
    vec![
        format!("event.load * {k}.25 + event.limit > 9999999.0"),
        format!("event.load - {k}.0 - event.limit < -20100.0 or event.count < 0"),
        format!("event.load / (event.limit + {k}.5) > 40000.0"),
        format!("(event.load + {k}.0) * event.load + event.limit * event.limit > 999999999.0"),
        format!("(event.load + {k}.0) / 2.0 - event.load * 0.5 > 4990.0"),
        format!("(event.count + event.width * {}) % 4093 == 4080", k + 1),
        format!("event.count * {} * event.width - 17 > 4000000000", k + 1),
        format!("event.count - event.width * {} + 5 > 4050", k + 3),
        format!("event.count / {} == event.width and event.width > 560", k + 7),
        format!("to_float(event.count + {k}) / 3.0 > 1400.0"),
        format!("event.load > {k}.0 and event.kind == 'overflow'"),
        format!(
            "event.load > {k}.0 and event.kind != 'probe' and event.kind != 'gauge' and event.count > 4050"
        ),
        format!("event.load > {k}.0 and event.kind == 'gauge' and event.count > 4080"),
        format!("days_between(event.at, event.since + {k}d) > 4090"),
        format!("hours_between(event.since + {k}d, event.at) > 98500"),
        format!("event.at + {}d < event.since", k + 3),
        format!("event.at + {k}d - event.since > 4150d"),
        format!("floor(event.load + {k}.0) % 8192 == 8180"),
        format!("math::abs(event.load - {k}.0 - event.limit) > 9990.0"),
        format!("not (event.load >= {k}.0)"),
        format!(
            "if event.count > {} then event.load > {1}.0 else event.limit > {1}.0",
            2_000 + k,
            9_990 + k
        ),
        format!(
            "event.limit > {}.0 and event.load > event.limit and event.count > {}",
            9_000 + 10 * k,
            4_000 + k
        ),
    ]
}

/// The same expressions, with the checks that the language asks for: null, overflow, zero divisors, what is not
/// finite. `None` is null or a failure.
const BY_HAND: [fn(&Row<'_>, i64) -> Option<bool>; 22] = [
    |r, k| Some(finite(finite(r.load? * (float(k) + 0.25))? + r.limit?)? > 9_999_999.0),
    |r, k| {
        let less = finite(finite(r.load? - float(k))? - r.limit?)?;
        Some(less < -20_100.0 || r.count? < 0)
    },
    |r, k| Some(finite(r.load? / nonzero(finite(r.limit? + (float(k) + 0.5))?)?)? > 40_000.0),
    |r, k| {
        let first = finite(finite(r.load? + float(k))? * r.load?)?;
        Some(finite(first + finite(r.limit? * r.limit?)?)? > 999_999_999.0)
    },
    |r, k| {
        let half = finite(finite(r.load? + float(k))? / 2.0)?;
        Some(finite(half - finite(r.load? * 0.5)?)? > 4_990.0)
    },
    |r, k| Some(r.count?.checked_add(r.width?.checked_mul(k + 1)?)? % 4_093 == 4_080),
    |r, k| {
        let product = r.count?.checked_mul(k + 1)?.checked_mul(r.width?)?;
        Some(product.checked_sub(17)? > 4_000_000_000)
    },
    |r, k| Some(r.count?.checked_sub(r.width?.checked_mul(k + 3)?)?.checked_add(5)? > 4_050),
    |r, k| Some(r.count?.checked_div(k + 7)? == r.width? && r.width? > 560),
    |r, k| Some(finite(float(r.count?.checked_add(k)?) / 3.0)? > 1_400.0),
    |r, k| Some(r.load? > float(k) && r.kind? == "overflow"),
    |r, k| Some(r.load? > float(k) && r.kind? != "probe" && r.kind? != "gauge" && r.count? > 4_050),
    |r, k| Some(r.load? > float(k) && r.kind? == "gauge" && r.count? > 4_080),
    |r, k| Some((instant(r.since?.checked_add(k * DAY)?)?.checked_sub(r.at?)? / DAY).abs() > 4_090),
    |r, k| {
        Some((instant(r.since?.checked_add(k * DAY)?)?.checked_sub(r.at?)? / HOUR).abs() > 98_500)
    },
    |r, k| Some(instant(r.at?.checked_add((k + 3) * DAY)?)? < r.since?),
    |r, k| Some(instant(r.at?.checked_add(k * DAY)?)?.checked_sub(r.since?)? > 4_150 * DAY),
    |r, k| Some(whole(finite(r.load? + float(k))?.floor())? % 8_192 == 8_180),
    |r, k| Some(finite(finite(r.load? - float(k))? - r.limit?)?.abs() > 9_990.0),
    |r, k| Some(r.load? < float(k)),
    |r, k| {
        let value = if r.count? > 2_000 + k { r.load? } else { r.limit? };
        Some(value > float(9_990 + k))
    },
    |r, k| Some(r.limit? > float(9_000 + 10 * k) && r.load? > r.limit? && r.count? > 4_000 + k),
];

fn float(x: i64) -> f64 {
    x as f64
}

fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

fn nonzero(x: f64) -> Option<f64> {
    (x != 0.0).then_some(x)
}

fn whole(x: f64) -> Option<i64> {
    (-9.2e18..9.2e18).contains(&x).then_some(x as i64)
}

fn instant(micros: i64) -> Option<i64> {
    (-62_135_596_800_000_000..=253_402_300_799_999_999).contains(&micros).then_some(micros)
}

fn definitions(kind: usize) -> String {
    let mut text = String::from(
        "entities:
  meter:
    starts: open
    identity: { serial: { match: exact } }
    properties:
      held: { type: integer, default: 0 }
    states:
      open:
        when:
          read:
            effects:
              - create
",
    );
    for expression in (0..VARIANTS).filter_map(|k| expressions(k).into_iter().nth(kind)) {
        let _infallible = writeln!(
            text,
            "              - {{ increment: {{ property: held, condition: \"{expression}\" }} }}"
        );
    }
    text.push_str(
        "sources:
  plant:
    event_type: type
    timestamp: ts
    events:
      read:
        mappings:
          serial: { from: serial, type: string }
          load: { from: load, type: number }
          limit: { from: limit, type: number }
          count: { from: count, type: integer }
          width: { from: width, type: integer }
          kind: { from: kind, type: string }
          at: { from: at, type: datetime }
          since: { from: since, type: datetime }
        hints: { meter: [serial] }
",
    );
    text
}

/// The fields of an event.
#[derive(Debug, Clone, Copy)]
struct Row<'a> {
    load: Option<f64>,
    limit: Option<f64>,
    count: Option<i64>,
    width: Option<i64>,
    kind: Option<&'a str>,
    at: Option<i64>,
    since: Option<i64>,
}

/// Where the fields are among the cells of an event: load, limit, count, width, kind, at, since.
type Places = [usize; 7];

fn row<'a>(cells: &'a [Value], places: &Places) -> Row<'a> {
    let float = |at: usize| match cells.get(at) {
        Some(Value::Float(x)) => Some(*x),
        _ => None,
    };
    let int = |at: usize| match cells.get(at) {
        Some(Value::Int(x)) => Some(*x),
        _ => None,
    };
    let instant = |at: usize| match cells.get(at) {
        Some(Value::DateTime(x)) => Some(x.as_micros()),
        _ => None,
    };
    let [load, limit, count, width, kind, at, since] = *places;
    let kind = match cells.get(kind) {
        Some(Value::String(kind)) => Some(kind.as_str()),
        _ => None,
    };
    Row {
        load: float(load),
        limit: float(limit),
        count: int(count),
        width: int(width),
        kind,
        at: instant(at),
        since: instant(since),
    }
}

fn by_hand(kind: usize, inputs: &[EntityInput], places: &Places) -> i64 {
    let expression = black_box(BY_HAND.get(kind).expect("a kind"));
    let mut held = 0;
    for event in inputs.iter().flat_map(|input| &input.events) {
        let row = row(&event.cells, places);
        for variant in 0..VARIANTS {
            held += i64::from(expression(black_box(&row), variant) == Some(true));
        }
    }
    held
}

fn main() {
    let host = Host::new(HostOptions::default()).expect("a host");
    let (mut native, mut wasm) = (0.0, 0.0);
    println!("by hand  compiled  times  (nanoseconds for one expression)");
    for kind in 0..BY_HAND.len() {
        let (hand, compiled) = measure(&host, kind);
        let text = expressions(0).into_iter().nth(kind).unwrap_or_default();
        println!("{hand:>7.2} {compiled:>9.2} {:>6.2}  {text}", compiled / hand);
        (native, wasm) = (native + hand, wasm + compiled);
    }
    let count = f64::from(u32::try_from(BY_HAND.len()).unwrap_or(u32::MAX));
    let ratio = wasm / native;
    println!("{:>7.2} {:>9.2} {ratio:>6.2}  mean", native / count, wasm / count);
    if ratio > RATIO_MAX {
        println!("compiled expressions cost {ratio:.2} times, more than {RATIO_MAX}");
        std::process::exit(1);
    }
}

/// Nanoseconds for an expression of this kind, by hand and compiled.
fn measure(host: &Arc<Host>, kind: usize) -> (f64, f64) {
    let text = definitions(kind);
    let outcome = compile(&Input::Document { name: "meters.yaml", text: &text });
    let outcome = outcome.expect("the compiler is intact");
    let found = format!("{:?}", outcome.diagnostics);
    let compiled = outcome.compiled.expect(&found);
    let machine = host.load(&compiled.component).expect("the component is valid");
    let (index, entity) = machine.manifest().find_entity("meter").expect("the entity");
    let fields = &entity.events.first().expect("an event").fields;
    let place = |name: &str| {
        fields.iter().position(|f| matches!(&f.origin, FieldOrigin::Data(n) if n == name))
    };
    // Fields that the expressions of this kind do not read have no cell.
    let at = |name: &str| place(name).unwrap_or(usize::MAX);
    let places = ["load", "limit", "count", "width", "kind", "at", "since"].map(at);
    let timestamp = |micros: i64| Timestamp::from_micros(micros).expect("within range");
    let cell = |n: i64, origin: &FieldOrigin| match origin {
        FieldOrigin::Data(name) => match name.as_str() {
            "load" => Value::Float((n * 7_919 % 10_007) as f64 + 0.25),
            "limit" => Value::Float((n * 104_729 % 10_009) as f64 + 0.5),
            "count" => Value::Int(n * 31 % 4_096),
            "width" => Value::Int(n * 17 % 1_021),
            "kind" => Value::String(["probe", "gauge", "meter"][(n % 3) as usize].to_owned()),
            "at" => Value::DateTime(timestamp((n % 4_090) * DAY + DAY / 2)),
            _ => Value::DateTime(timestamp(n % 11 * DAY)),
        },
        _ => Value::Null,
    };
    let events = (0..EVENTS)
        .map(|n| EventInput {
            event: Some(0),
            timestamp: timestamp(n * 1_000),
            cells: fields.iter().map(|field| cell(n, &field.origin)).collect(),
        })
        .collect();
    let inputs = vec![EntityInput { id: EntityId([7; 16]), record: None, events }];
    let interpreted = |inputs: Vec<EntityInput>| {
        let done = machine.interpret(index, inputs, None).expect("the module runs");
        let record = done.entities.first().and_then(|e| e.record.clone()).expect("a record");
        record.properties.first().cloned()
    };
    let expected = by_hand(kind, &inputs, &places);
    assert_eq!(interpreted(inputs.clone()), Some(Value::Int(expected)), "both say the same");

    let (mut native, mut wasm) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let started = Instant::now();
        black_box(by_hand(kind, black_box(&inputs), &places));
        native.push(started.elapsed().as_secs_f64());
        let input = inputs.clone();
        let started = Instant::now();
        black_box(interpreted(input));
        wasm.push(started.elapsed().as_secs_f64());
    }
    let evaluations = (EVENTS * VARIANTS) as f64;
    let each = |seconds: &mut [f64]| median(seconds) * 1e9 / evaluations;
    (each(&mut native), each(&mut wasm))
}

fn median(seconds: &mut [f64]) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or(f64::INFINITY)
}
