use std::collections::BTreeMap;

use defacto_model::{EntityId, Micros, Value};

use super::sample::{at, id, key, manifest, realm, with_realm};
use crate::layout::CopiedType;
use crate::{EdgeKey, EntityStateRow, Error, LastRow, OpenEdge, Realm, Record, Store};

fn state(entity: u8, due: Option<i64>) -> EntityStateRow {
    EntityStateRow {
        entity_id: id(entity),
        record: Record {
            exists: true,
            state: 1,
            created: at(1),
            entered: at(2),
            last_event: Some(at(3)),
            latches: u64::MAX,
            last_rule: None,
            next_due: due.map(at),
            properties: vec![Value::Null; 5],
        },
        last_key: Some(key(3, 9)),
        open_edges: Vec::new(),
        last_row: None,
    }
}

/// Every kind of value.
pub(super) fn values() -> Vec<Value> {
    let mut fields = BTreeMap::new();
    fields.insert("k\0".to_owned(), Value::List(vec![Value::Int(1), Value::Null]));
    vec![
        Value::Null,
        Value::Bool(true),
        Value::Bool(false),
        Value::Int(i64::MIN),
        Value::Float(-0.0),
        Value::Float(5.0),
        Value::Float(f64::MIN_POSITIVE),
        Value::BigInt("123456789012345678901234567890".to_owned()),
        Value::String("☃\0'\"".to_owned()),
        Value::DateTime(at(-1_000_000_000_000).max(defacto_model::Timestamp::MIN)),
        Value::Duration(Micros(-5)),
        Value::List(vec![Value::String(String::new()), Value::List(Vec::new())]),
        Value::Object(fields),
    ]
}

/// A checkpoint is found by the instant before which its last event was, and goes with what comes after a key.
pub async fn checkpoints(store: &dyn Store) -> Result<(), Error> {
    let realm = realm();
    let past = |entity: u8, time: i64, sequence: i64| {
        let mut row = state(entity, None);
        row.last_key = Some(key(time, sequence));
        row.record.last_event = Some(at(time));
        row
    };
    let rows = [past(1, 10, 3), past(1, 10, 4), past(1, 20, 2), past(2, 5, 1)];
    let mut transaction = with_realm(store).await?;
    transaction.save_checkpoints(&realm, "account", &rows).await?;
    let [_, tenth, twentieth, other] = rows;
    let found = transaction.checkpoint(&realm, "account", id(1), key(20, 9)).await?;
    assert_eq!(found.as_ref(), Some(&tenth));
    assert_eq!(transaction.checkpoint(&realm, "account", id(1), key(10, 4)).await?, None);
    assert_eq!(transaction.checkpoint(&realm, "account", id(9), key(99, 1)).await?, None);
    let found = transaction.checkpoint(&realm, "account", id(1), key(21, 0)).await?;
    assert_eq!(found, Some(twentieth));
    transaction.delete_checkpoints(&realm, "account", &[(id(1), key(10, 5))]).await?;
    let found = transaction.checkpoint(&realm, "account", id(1), key(99, 0)).await?;
    assert_eq!(found, Some(tenth));
    let found = transaction.checkpoint(&realm, "account", id(2), key(99, 0)).await?;
    assert_eq!(found, Some(other));
    transaction.delete_states(&realm, "account", &[id(1)]).await?;
    assert_eq!(transaction.checkpoint(&realm, "account", id(1), key(99, 0)).await?, None);
    transaction.commit().await
}

/// States come back exactly as saved, in the order asked.
pub async fn states(store: &dyn Store) -> Result<(), Error> {
    let mut full = state(3, Some(50));
    full.record.exists = false;
    full.record.last_rule = Some(at(44));
    full.record.properties = values();
    full.open_edges = vec![
        OpenEdge { relationship: 0, target: id(8), properties: values() },
        OpenEdge { relationship: 1, target: id(9), properties: Vec::new() },
    ];
    full.last_row = Some(LastRow { valid_from: at(4), before: Some([9; 16]) });
    let mut bare = state(1, None);
    bare.last_key = None;
    bare.record.last_event = None;
    bare.last_row = Some(LastRow { valid_from: at(4), before: None });

    let mut transaction = with_realm(store).await?;
    transaction.save_states(&realm(), "account", &[full.clone(), bare.clone()]).await?;
    transaction.save_states(&realm(), "order", &[state(5, None)]).await?;
    transaction.commit().await?;
    let mut reader = store.read().await?;
    let asked = [id(1), id(2), id(3), id(1), id(5)];
    let found = reader.load_states(&realm(), "account", &asked).await?;
    let text = format!("{found:?}");
    let expected = [Some(bare.clone()), None, Some(full.clone()), Some(bare), None];
    assert_eq!(text, format!("{expected:?}"), "also the sign of zero");
    assert_eq!(reader.count_entities(&realm(), "account").await?, 1, "ghosts do not count");
    drop(reader);

    let mut transaction = store.begin().await?;
    full.record.exists = true;
    transaction.save_states(&realm(), "account", std::slice::from_ref(&full)).await?;
    assert_eq!(transaction.count_entities(&realm(), "account").await?, 2);
    transaction.delete_states(&realm(), "account", &[id(1), id(77)]).await?;
    let found = transaction.load_states(&realm(), "account", &[id(1), id(3)]).await?;
    assert_eq!(found, [None, Some(full)]);
    transaction.commit().await
}

/// Entities with a rule due strictly before an instant, page by page, while they are being served.
pub async fn due(store: &dyn Store) -> Result<(), Error> {
    let mut transaction = with_realm(store).await?;
    let rows: Vec<EntityStateRow> =
        (0..20).map(|n| state(n, (n % 4 != 0).then_some(100 - i64::from(n)))).collect();
    transaction.save_states(&realm(), "account", &rows).await?;
    let expected: Vec<EntityId> =
        (0..20).filter(|n| n % 4 != 0 && 100 - i64::from(*n) < 95).map(id).collect();
    let mut found: Vec<EntityId> = Vec::new();
    loop {
        let after = found.last().copied();
        let page = transaction.due(&realm(), "account", at(95), after, 3).await?;
        if page.is_empty() {
            break;
        }
        let served: Vec<EntityStateRow> = page.iter().map(|id| state(id.0[0], None)).collect();
        transaction.save_states(&realm(), "account", &served).await?;
        found.extend(page);
    }
    assert_eq!(found, expected);
    assert_eq!(transaction.due(&realm(), "account", at(95), None, 99).await?, []);
    assert_eq!(transaction.due(&realm(), "account", at(1000), None, 99).await?.len(), 4);
    transaction.commit().await
}

/// Generations live beside each other; making one again empties it, dropping one forgets it.
pub async fn realms(store: &dyn Store) -> Result<(), Error> {
    let other = Realm { version: "one".to_owned(), generation: 2 };
    let mut transaction = with_realm(store).await?;
    transaction.create_realm(&other, &manifest()).await?;
    transaction.save_states(&realm(), "account", &[state(1, None)]).await?;
    assert_eq!(transaction.count_entities(&other, "account").await?, 0);
    let copied = Realm { version: "two".to_owned(), generation: 0 };
    transaction.create_realm(&copied, &manifest()).await?;
    let pair = EdgeKey { source_type: "account".to_owned(), relationship: "orders".to_owned() };
    let types = [CopiedType { entity_type: "account".to_owned(), added: Vec::new() }];
    transaction.copy_types(&realm(), &copied, &types, std::slice::from_ref(&pair)).await?;
    let found = transaction.load_states(&copied, "account", &[id(1)]).await?;
    assert_eq!(found, [Some(state(1, None))]);
    transaction.drop_realm(&copied).await?;
    transaction.publish_realm(&realm(), &manifest()).await?;
    transaction.publish_realm(&other, &manifest()).await?;
    transaction.commit().await?;

    let mut transaction = store.begin().await?;
    assert_eq!(transaction.count_entities(&realm(), "account").await?, 1);
    transaction.create_realm(&realm(), &manifest()).await?;
    assert_eq!(transaction.count_entities(&realm(), "account").await?, 0);
    transaction.drop_realm(&realm()).await?;
    assert!(transaction.count_entities(&realm(), "account").await.is_err());
    assert_eq!(transaction.count_entities(&other, "account").await?, 0);
    transaction.drop_realm(&realm()).await?;
    transaction.commit().await
}
