//! Small data that the cases share.

use defacto_model::{
    Cardinality, EntityId, EntityManifest, EventId, Manifest, PropertyManifest,
    RelationshipManifest, Sequence, StateManifest, Timestamp, ValueType,
};

use crate::{Error, HintText, NewEvent, OrderKey, Realm, Store, Transaction};

/// Two entity types, `account` and `order`, related as `orders` and `buyer`. Some properties are
/// named like words of SQL.
pub fn manifest() -> Manifest {
    let property = |name: &str, declared: ValueType| PropertyManifest {
        name: name.to_owned(),
        r#type: declared,
        computed: false,
        sensitive: None,
        treatment: None,
        fed_by: Vec::new(),
    };
    let relationship = |name: &str, target: &str, inverse: &str| RelationshipManifest {
        name: name.to_owned(),
        target: target.to_owned(),
        cardinality: Cardinality::ManyToMany,
        inverse: inverse.to_owned(),
        inverse_cardinality: Cardinality::ManyToMany,
        properties: vec![
            ("amount".to_owned(), ValueType::Number),
            ("select".to_owned(), ValueType::String),
        ],
    };
    let entity = |name: &str, properties, relationships| EntityManifest {
        name: name.to_owned(),
        start: 0,
        states: ["new", "old"]
            .map(|name| StateManifest { name: name.to_owned(), rules: 1 })
            .to_vec(),
        properties,
        identity: Vec::new(),
        relationships,
        events: Vec::new(),
        reads_id: false,
    };
    Manifest {
        abi: 1,
        layout: 0,
        origin: 0,
        content_hash: String::new(),
        source_hash: String::new(),
        identity_hash: String::new(),
        definition_hash: String::new(),
        label_hash: String::new(),
        entity_hashes: Vec::new(),
        entities: vec![
            entity(
                "account",
                vec![
                    property("order", ValueType::Integer),
                    property("group", ValueType::String),
                    property("value", ValueType::Number),
                    property("flag", ValueType::Boolean),
                    property("at", ValueType::Datetime),
                ],
                vec![relationship("orders", "order", "buyer")],
            ),
            entity(
                "order",
                vec![property("total", ValueType::Number)],
                vec![relationship("buyer", "account", "orders")],
            ),
        ],
        sources: Vec::new(),
        functions: Vec::new(),
    }
}

/// The instant so many seconds after the start of 2024.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::saturating_from_micros(1_704_067_200_000_000 + seconds * 1_000_000)
}

/// An entity id; ids sort as their numbers.
pub(super) fn id(number: u8) -> EntityId {
    let mut bytes = [7; 16];
    bytes[0] = number;
    EntityId(bytes)
}

/// An event id. Those of numbers that are equal modulo 100 share their first sixteen bytes.
pub(super) fn event_id(number: u16) -> EventId {
    let mut bytes = [3; 32];
    [bytes[0], bytes[1]] = (number % 100).to_be_bytes();
    [bytes[30], bytes[31]] = number.to_be_bytes();
    EventId(bytes)
}

/// An event of its own for each number.
pub fn event_of(number: u16) -> NewEvent {
    event(number, i64::from(number))
}

/// An event with a hint.
pub(super) fn event(number: u16, seconds: i64) -> NewEvent {
    NewEvent {
        event_id: event_id(number),
        event_type: if number.is_multiple_of(2) { "even" } else { "odd" }.to_owned(),
        timestamp: at(seconds),
        source: if number.is_multiple_of(3) { "third" } else { "main" }.to_owned(),
        data: format!("{{\"n\":{number},\"zero\":\"\\u0000\"}}"),
        raw: format!("{{ \"n\" : {number} , \"é\": \"☃\" }}"),
        hints: vec![HintText {
            entity_type: "account".to_owned(),
            field: "email".to_owned(),
            value: format!("a\"{number}\0☃"),
            candidate: None,
        }],
        ingested_at: at(100_000),
    }
}

pub(super) fn key(seconds: i64, sequence: i64) -> OrderKey {
    OrderKey { timestamp: at(seconds), sequence: Sequence(sequence) }
}

/// Appends events (number, seconds) and commits.
pub(super) async fn filled(store: &dyn Store, events: &[(u16, i64)]) -> Result<(), Error> {
    let mut transaction = store.begin().await?;
    let events: Vec<NewEvent> =
        events.iter().map(|(number, seconds)| event(*number, *seconds)).collect();
    transaction.append(&events).await?;
    transaction.commit().await
}

/// Generation 1 of version `one`.
pub(super) fn realm() -> Realm {
    Realm { version: "one".to_owned(), generation: 1 }
}

/// A transaction in which [`realm`] exists.
pub(super) async fn with_realm(store: &dyn Store) -> Result<Box<dyn Transaction>, Error> {
    let mut transaction = store.begin().await?;
    transaction.create_realm(&realm(), &manifest()).await?;
    Ok(transaction)
}
