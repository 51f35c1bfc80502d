//! Measures the store on the shape of the flights job, and prints rows per second.
//!
//! `cargo run --release -p defacto-store-sqlite --example throughput -- FOLDER [EVENTS] [BATCH]`
//!
//! With 0 events it only reads what an earlier run left in the folder.

#![expect(clippy::print_stdout, reason = "its purpose is to print")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use defacto_model::{EntityId, EventId, Sequence, Timestamp, Value};
use defacto_ports::{
    EntityEventRow, EntityStateRow, HintKey, HintRow, HintText, HistoryChange, HistoryQuery,
    HistoryRow, NewEvent, OrderKey, Realm, Record, Store, conformance,
};
use defacto_store_sqlite::SqliteStore;

type Outcome<T> = Result<T, Box<dyn Error>>;

const ENTITIES: u64 = 4_000;

/// A reproducible spread of bits.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn wide(number: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (index, part) in (0_u64..).zip(bytes.chunks_exact_mut(8)) {
        part.copy_from_slice(&mix(number * 4 + index).to_be_bytes());
    }
    bytes
}

fn entity(number: u64) -> EntityId {
    let mut id = [0; 16];
    id.copy_from_slice(wide(number).get(..16).unwrap_or(&[0; 16]));
    EntityId(id)
}

fn at(number: u64) -> Timestamp {
    let micros = 1_700_000_000_000_000 + i64::try_from(number).unwrap_or(0) * 1_000_000;
    Timestamp::saturating_from_micros(micros)
}

fn event(number: u64) -> NewEvent {
    let mut raw =
        format!("{{\"flight\":\"AA{number}\",\"tail\":\"N{}\",\"pad\":\"", mix(number) % ENTITIES);
    while raw.len() < 278 {
        raw.push_str("departed ");
    }
    raw.truncate(278);
    raw.push_str("\"}");
    NewEvent {
        event_id: EventId(wide(number)),
        event_type: "flight_departed".to_owned(),
        timestamp: at(number),
        source: "flights".to_owned(),
        data: raw.get(..150).unwrap_or("").to_owned(),
        raw,
        hints: vec![HintText {
            entity_type: "account".to_owned(),
            field: "tail_number".to_owned(),
            value: format!("N{}", mix(number) % ENTITIES),
            candidate: None,
        }],
        ingested_at: at(number),
    }
}

fn history_row(number: u64) -> HistoryRow {
    let count = i64::try_from(number).unwrap_or(0);
    HistoryRow {
        state: "new".to_owned(),
        properties: vec![
            Value::Int(count % 1000),
            Value::String(format!("AP{}", number % 300)),
            Value::Float(0.1 * f64::from(u32::try_from(number % 1000).unwrap_or(0))),
            Value::Bool(number.is_multiple_of(2)),
            Value::DateTime(at(number)),
        ],
        valid_from: at(number),
        last_event: Some(at(number)),
        entered: at(number),
        created: at(0),
        event: Some((Sequence(count + 1), EventId(wide(number)))),
    }
}

fn state(number: u64, id: EntityId) -> EntityStateRow {
    EntityStateRow {
        entity_id: id,
        record: Record {
            exists: true,
            state: 0,
            created: at(0),
            entered: at(number),
            last_event: Some(at(number)),
            latches: 0,
            last_rule: None,
            next_due: Some(at(number + 86_400)),
            properties: history_row(number).properties,
        },
        last_key: Some(OrderKey { timestamp: at(number), sequence: Sequence(1) }),
        open_edges: Vec::new(),
        last_row: None,
    }
}

/// Processor seconds of this process so far, where the system tells (Linux), else 0.
fn processor() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

struct Lap {
    what: &'static str,
    wall: f64,
    processor: f64,
    rows: u64,
}

struct Clock {
    started: Instant,
    processor: f64,
    laps: Vec<Lap>,
}

impl Clock {
    fn start() -> Clock {
        Clock { started: Instant::now(), processor: processor(), laps: Vec::new() }
    }

    fn again(&mut self) {
        self.started = Instant::now();
        self.processor = processor();
    }

    fn lap(&mut self, what: &'static str, rows: u64) {
        let wall = self.started.elapsed().as_secs_f64();
        let spent = processor() - self.processor;
        self.again();
        match self.laps.iter_mut().find(|lap| lap.what == what) {
            Some(lap) => {
                lap.wall += wall;
                lap.processor += spent;
                lap.rows += rows;
            }
            None => self.laps.push(Lap { what, wall, processor: spent, rows }),
        }
    }

    fn print(&self) {
        println!("{:24} {:>8} {:>8} {:>9} {:>8}", "", "wall s", "cpu s", "rows", "cpu us/row");
        for Lap { what, wall, processor, rows } in &self.laps {
            let micros = processor * 1e6 / f64::from(u32::try_from(*rows).unwrap_or(1).max(1));
            println!("{what:24} {wall:8.2} {processor:8.2} {rows:9} {micros:8.2}");
        }
    }
}

async fn fill(store: &SqliteStore, realm: &Realm, count: u64, batch: u64) -> Outcome<Clock> {
    let mut clock = Clock::start();
    let mut transaction = store.begin().await?;
    transaction.create_realm(realm, &conformance::manifest()).await?;
    transaction.commit().await?;
    let mut next = 0;
    while next < count {
        let numbers: Vec<u64> = (next..count.min(next + batch)).collect();
        let rows = u64::try_from(numbers.len())?;
        let events: Vec<NewEvent> = numbers.iter().map(|n| event(*n)).collect();
        let mut owners = Vec::new();
        let mut changes: std::collections::BTreeMap<EntityId, HistoryChange> =
            std::collections::BTreeMap::new();
        let mut states = std::collections::BTreeMap::new();
        for number in &numbers {
            let id = entity(mix(*number) % ENTITIES);
            let sequence = Sequence(i64::try_from(number + 1)?);
            owners.push(EntityEventRow {
                sequence,
                entity_type: "account".to_owned(),
                origin_id: id,
                entity_id: id,
                targets: Vec::new(),
            });
            if number.is_multiple_of(2) {
                let id = entity(1_000_000 + mix(*number) % 300);
                owners.push(EntityEventRow {
                    sequence,
                    entity_type: "order".to_owned(),
                    origin_id: id,
                    entity_id: id,
                    targets: Vec::new(),
                });
            }
            let change = changes.entry(id).or_insert_with(|| HistoryChange {
                entity_id: id,
                replace_from: None,
                rows: Vec::new(),
                ended: None,
            });
            // Two rows for an event: one of its own, one of a rule half a second later.
            let mut rule = history_row(*number);
            rule.valid_from = Timestamp::saturating_from_micros(at(*number).as_micros() + 500_000);
            rule.event = None;
            change.rows.extend([history_row(*number), rule]);
            states.insert(id, state(*number, id));
        }
        let owned = u64::try_from(owners.len())?;
        let changes: Vec<HistoryChange> = changes.into_values().collect();
        let states: Vec<EntityStateRow> = states.into_values().collect();
        clock.lap("(making the data)", rows);
        let mut transaction = store.begin().await?;
        transaction.append(&events).await?;
        clock.lap("append", rows);
        transaction.add_entity_events(&owners).await?;
        clock.lap("event_entities", owned);
        transaction.write_history(realm, "account", &changes).await?;
        clock.lap("history", 2 * rows);
        transaction.save_states(realm, "account", &states).await?;
        clock.lap("states", u64::try_from(states.len())?);
        transaction.commit().await?;
        clock.lap("commit", rows);
        next += batch;
    }
    let mut transaction = store.begin().await?;
    transaction.publish_realm(realm, &conformance::manifest()).await?;
    transaction.commit().await?;
    clock.lap("publish (index)", 2 * count);
    Ok(clock)
}

async fn read(store: &SqliteStore, realm: &Realm, clock: &mut Clock) -> Outcome<()> {
    let mut reader = store.read().await?;
    let head = reader.head().await?;
    let mut after = None;
    loop {
        let page = reader.replay_events(Sequence(0), head, after, 5_000).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some(OrderKey { timestamp: last.event.timestamp, sequence: last.sequence });
        clock.lap("replay", u64::try_from(page.len())?);
    }
    let mut after = None;
    loop {
        let query = HistoryQuery { after, limit: 10_000, ..HistoryQuery::default() };
        let page = reader.history(realm, "account", &query).await?;
        let Some(last) = page.last() else { break };
        after = Some((last.entity_id, last.row.valid_from));
        clock.lap("read history", u64::try_from(page.len())?);
    }
    Ok(())
}

async fn hints(store: &SqliteStore, clock: &mut Clock) -> Outcome<()> {
    let key = |number: u64| HintKey {
        entity_type: "account".to_owned(),
        space: "email".to_owned(),
        value: format!("{:016x}@example.org", mix(number)),
    };
    clock.again();
    for start in (0..200_000_u64).step_by(5_000) {
        let mut transaction = store.begin().await?;
        let keys: Vec<HintKey> = (start..start + 5_000).map(key).collect();
        transaction.find_hints(&keys).await?;
        clock.lap("find hints", 5_000);
        let rows: Vec<HintRow> = (start..start + 5_000)
            .zip(keys)
            .map(|(number, key)| HintRow {
                key,
                field: "email".to_owned(),
                entity_id: entity(5_000_000 + number),
            })
            .collect();
        transaction.add_hints(&rows).await?;
        clock.lap("add hints, new entities", 5_000);
        transaction.commit().await?;
        clock.lap("commit of hints", 5_000);
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("give a folder")?;
    let count = arguments.next().map_or(Ok(200_000), |text| text.parse())?;
    let batch = arguments.next().map_or(Ok(5_000), |text| text.parse())?;
    let file = Path::new(&folder).join("throughput.db");
    let store = SqliteStore::open(&file).await?;
    let realm = Realm { version: "one".to_owned(), generation: 1 };
    println!("{ENTITIES} entities, batch {batch}");
    let mut clock = Clock::start();
    if count > 0 {
        clock = fill(&store, &realm, count, batch).await?;
        hints(&store, &mut clock).await?;
    }
    read(&store, &realm, &mut clock).await?;
    clock.print();
    store.close().await?;
    println!(
        "{:24} {:8.1} MB",
        "file",
        f64::from(u32::try_from(std::fs::metadata(&file)?.len() >> 10)?) / 1024.0
    );
    Ok(())
}
